//! Kills: a process that changes a tree is killed at random moments, and then the tree is checked.
//!
//! Each thread of the child has keys of its own, and writes to stdout how many of its changes are
//! durable. So its keys must be as they were after that many changes, or after some later one.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use spanlock_page_cache::{FileStore, Options, PageCache};

use crate::node::{Key, Value};
use crate::tree::Tree;

const THREADS: u64 = 3;

/// How many keys a thread has.
const KEYS: u64 = 3000;

/// The change with a number of a thread: it puts a value under a key, or removes the key.
fn change(seed: u64, thread: u64, number: u64) -> (Key, Option<Value>) {
    let mut random = fastrand::Rng::with_seed(seed ^ thread << 32 ^ number << 40);
    let key = thread << 32 | random.u64(..KEYS);
    let value = (random.u32(..6) > 0).then(|| {
        let mut value = [0; 24];
        value[..8].copy_from_slice(&seed.to_le_bytes());
        value[8..16].copy_from_slice(&number.to_le_bytes());
        value
    });
    (key, value)
}

fn open(folder: &Path) -> io::Result<(Tree, u64)> {
    let options = Options::new(32).flush_interval(Duration::from_millis(1));
    let cache = PageCache::with_options(options);
    let store = |name| -> io::Result<FileStore> {
        let path = folder.join(name);
        if path.exists() { FileStore::open(path) } else { FileStore::create(path) }
    };
    Tree::open(&cache, store("data")?, store("log")?)
}

/// Changes a tree until it is killed.
pub fn child(folder: &Path, seed: u64) -> io::Result<()> {
    let (tree, _) = open(folder)?;
    println!("open");
    std::thread::scope(|scope| {
        let checkpoints = scope.spawn(|| -> io::Result<()> {
            loop {
                std::thread::sleep(Duration::from_millis(20));
                tree.checkpoint()?;
            }
        });
        for thread in 0..THREADS {
            let tree = &tree;
            scope.spawn(move || {
                for number in 0.. {
                    let (key, value) = change(seed, thread, number);
                    let position = match value {
                        Some(value) => Some(tree.put(key, &value)?),
                        None => tree.remove(key)?,
                    };
                    // Every 32 changes are made durable together, like a transaction of several changes.
                    if let Some(position) = position.filter(|_| number % 32 == 31) {
                        tree.sync_to(position)?;
                        let mut out = io::stdout().lock();
                        writeln!(out, "{thread} {}", number + 1)?;
                        out.flush()?;
                    }
                }
                io::Result::Ok(())
            });
        }
        checkpoints.join().expect("it does not panic")
    })
}

/// After how many of its changes the keys of a thread are as they were found; `None` if they never were. At least
/// `durable` of them must be there.
fn expected(
    before: &HashMap<Key, Value>,
    seed: u64,
    thread: u64,
    durable: u64,
    found: &HashMap<Key, Value>,
) -> Option<u64> {
    let mut state: HashMap<Key, Value> =
        before.iter().filter(|(key, _)| *key >> 32 == thread).map(|(&k, &v)| (k, v)).collect();
    let found: HashMap<Key, Value> =
        found.iter().filter(|(key, _)| *key >> 32 == thread).map(|(&k, &v)| (k, v)).collect();
    // A thread reports after each 32nd change, unless that one changed nothing.
    for number in 0..durable + 400 {
        if number >= durable && state == found {
            return Some(number);
        }
        match change(seed, thread, number) {
            (key, Some(value)) => drop(state.insert(key, value)),
            (key, None) => drop(state.remove(&key)),
        }
    }
    None
}

fn contents(tree: &Tree) -> io::Result<HashMap<Key, Value>> {
    let mut found = HashMap::new();
    tree.scan(0, |key, value| {
        assert!(found.insert(key, value).is_none(), "key {key} twice");
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// Starts and kills a child `rounds` times.
pub fn run(rounds: u64, seed: u64) -> io::Result<ExitCode> {
    let folder = tempfile::tempdir()?;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut before = HashMap::new();
    let (mut committed, mut replayed_in_all) = (0, 0);
    for round in 0..rounds {
        let round_seed = seed.wrapping_mul(1000) + round;
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--child")
            .arg(folder.path())
            .args(["--seed", &round_seed.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let opened = lines.next().transpose()?;
        if opened.as_deref() != Some("open") {
            return Err(io::Error::other(format!(
                "round {round}: the child did not open the tree"
            )));
        }
        let reader = std::thread::spawn(move || {
            let mut durable = [0; THREADS as usize];
            for line in lines.map_while(Result::ok) {
                let mut numbers = line.split(' ').map(str::parse::<u64>);
                if let (Some(Ok(thread)), Some(Ok(number))) = (numbers.next(), numbers.next()) {
                    durable[thread as usize] = number;
                }
            }
            durable
        });
        std::thread::sleep(Duration::from_micros(random.u64(..80_000)));
        child.kill()?;
        child.wait()?;
        let durable = reader.join().expect("it does not panic");
        let (tree, replayed) = open(folder.path())?;
        tree.check()?;
        let found = contents(&tree)?;
        for thread in 0..THREADS {
            let durable = durable[thread as usize];
            if expected(&before, round_seed, thread, durable, &found).is_none() {
                println!(
                    "round {round}, thread {thread}: {durable} changes were committed, and are not there"
                );
                return Ok(ExitCode::FAILURE);
            }
            committed += durable;
        }
        replayed_in_all += replayed;
        before = found;
    }
    println!(
        "{rounds} kills, {committed} changes committed, {replayed_in_all} records replayed, {} keys at last: nothing was lost",
        before.len()
    );
    Ok(ExitCode::SUCCESS)
}
