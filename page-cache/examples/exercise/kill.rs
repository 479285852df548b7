//! Processes that are killed: a child caches a file and performs the operations that its parent requests, until
//! it is killed at a random moment. Then all bytes that it had synced must be in the file, and the file must
//! have a length that it had at some time since the last sync.
//!
//! The parent requests one operation after the other over a pipe, as if the file were its own. The oracle
//! records each operation before the child gets it, and its end after the child has reported it. An operation
//! that was running when the child was killed may have taken effect or not.
//!
//! In two thirds of the rounds the child kills itself instead, between two requests to its store. The state of
//! the file there lasts only some microseconds, so a kill at a random moment would rarely meet it.

mod child;
mod remote;
mod wire;

use std::fmt;
use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use spanlock_page_cache::{FileStore, PageCache, Store};
use tempfile::NamedTempFile;

pub use child::{Serving, serve};

use crate::options::StoreAccess;
use crate::oracle::after_crash::Floor;
use crate::oracle::knowledge::{Knowledge, Reliability, WriteMode};
use crate::page_size::cache_of;
use crate::report::finding::{Finding, What};
use crate::report::grouped;
use crate::report::journal::Journal;
use crate::worker::{Post, Worker};
use crate::workload::{Mix, Workload};
use remote::Remote;

const LONGEST_LIFE_IN_MICROS: u64 = 30_000;
/// The largest number of requests to the store before a child kills itself.
const MOST_REQUESTS: u64 = 64;
/// How long a child may take for these.
const TIME_FOR_REQUESTS: Duration = Duration::from_secs(2);
const POST: Post = Post { thread: 0, file: 0, files: 1 };

/// How often a child is killed, and what it caches.
#[derive(Clone, Debug, PartialEq)]
pub struct Killing {
    pub rounds: u64,
    /// The directory of the file.
    pub folder: Option<PathBuf>,
    pub access: StoreAccess,
    pub size: u64,
    /// The capacity of the cache, in pages.
    pub cache: usize,
    pub seed: u64,
}

/// The result of all rounds.
pub struct Outcome {
    access: StoreAccess,
    /// Why the file is not accessed in the requested way.
    refusal: Option<String>,
    rounds: u64,
    operations: u64,
    syncs: u64,
    findings: u64,
    first: Option<String>,
    elapsed: Duration,
}

/// Kills one child after the other.
pub fn kill(killing: &Killing) -> io::Result<Outcome> {
    let start = Instant::now();
    let folder = killing.folder.clone().unwrap_or_else(std::env::temp_dir);
    let file = NamedTempFile::new_in(&folder).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot write to {}: {error}", folder.display()))
    })?;
    let mut outcome = Outcome {
        access: killing.access,
        refusal: None,
        rounds: 0,
        operations: 0,
        syncs: 0,
        findings: 0,
        first: None,
        elapsed: Duration::ZERO,
    };
    if killing.access == StoreAccess::Direct
        && let Err(error) = FileStore::open_direct(file.path())
    {
        outcome.access = StoreAccess::Buffered;
        outcome.refusal = Some(format!("no direct access in {}: {error}", folder.display()));
    }
    for round in 0..killing.rounds {
        let seed = killing.seed.wrapping_add(round);
        let writes = if round % 2 == 0 { WriteMode::Back } else { WriteMode::Through };
        let serving = Serving {
            path: file.path().to_owned(),
            access: outcome.access,
            writes,
            cache: killing.cache,
            requests: match round % 6 {
                0 | 1 => u64::MAX,
                _ => Rng::with_seed(!seed).u64(..MOST_REQUESTS),
            },
        };
        let result = Round { serving, seed, size: killing.size }.run(&mut outcome);
        if let Err(wrong) = result {
            outcome.findings += 1;
            outcome.first.get_or_insert_with(|| format!("round {round}, seed {seed}: {wrong}"));
        }
        outcome.rounds += 1;
    }
    outcome.elapsed = start.elapsed();
    Ok(outcome)
}

/// What one child does.
struct Round {
    serving: Serving,
    seed: u64,
    size: u64,
}

/// An error that was found, as text.
type Wrong = Box<dyn fmt::Display>;

impl Round {
    /// The length of the file at the start: less than its maximum, to allow appends.
    fn len(&self) -> u64 {
        self.size - self.size / 4
    }

    fn run(&self, outcome: &mut Outcome) -> Result<(), Wrong> {
        let journal = Journal::new(1);
        let (len, limit) = (self.len(), self.size);
        let known = Knowledge::with_room(len, limit, 1, Reliability::Failing, self.serving.writes);
        let floor = Floor::of_a_file(&known);
        let result = self.live_and_die(&known, &floor, &journal, outcome);
        result.map_err(|wrong| {
            let last: String = journal.last().iter().map(|line| format!("\n  {line}")).collect();
            Box::new(format!("{wrong}the last operations:{last}\n")) as Wrong
        })
    }

    fn live_and_die(
        &self,
        known: &Knowledge,
        floor: &Floor,
        journal: &Journal,
        outcome: &mut Outcome,
    ) -> Result<(), Wrong> {
        let Serving { path, .. } = &self.serving;
        make_empty(path, self.len()).map_err(refused("an empty file"))?;
        let (remote, child) =
            Remote::start(&self.serving, self.len()).map_err(refused("a child"))?;
        let mut rng = Rng::with_seed(self.seed);
        let life = match self.serving.requests {
            u64::MAX => Duration::from_micros(rng.u64(..LONGEST_LIFE_IN_MICROS)),
            _ => TIME_FOR_REQUESTS,
        };
        let (is_dead, dead) = channel();
        let killer = thread::spawn(move || {
            let mut child = child;
            let _ = dead.recv_timeout(life);
            child.kill().and_then(|()| child.wait())
        });
        let workload = Workload::new(self.seed, 0, known.limit, Mix::Still);
        let mut worker = Worker::new(&remote, known, journal, POST, workload).over(floor);
        let mut done = Ok(());
        while done.is_ok() && remote.is_alive() {
            outcome.operations += 1;
            done = match outcome.operations % 16 {
                0 => worker.sync_now().map(drop),
                8 => worker.sync_cache_now(),
                _ => worker.step(),
            };
        }
        let _ = is_dead.send(());
        outcome.syncs += remote.syncs();
        match killer.join() {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(refused("a kill")(error)),
            Err(_) => return wrong("the killer panicked".to_owned()),
        }
        done.map_err(found)?;
        self.look(known, floor, &remote)
    }

    /// Checks what the child left in the file.
    fn look(&self, known: &Knowledge, floor: &Floor, remote: &Remote) -> Result<(), Wrong> {
        let Serving { path, access, .. } = &self.serving;
        let left = std::fs::read(path).map_err(refused("a look at the file"))?;
        let len = left.len() as u64;
        if !remote.may_be_left(len) {
            let lens = remote.lens();
            return wrong(format!(
                "the file has {len} bytes, and had {lens:?} since the last sync"
            ));
        }
        floor.judge(known, "what was left after", &left).map_err(found)?;
        if let Some(expected) = known.times.after_crash() {
            let time = std::fs::metadata(path).and_then(|file| file.modified());
            let time = time.map_err(refused("a look at the time of the last change"))?;
            if time != expected {
                return wrong(format!("the file was changed at {time:?} instead of {expected:?}"));
            }
        }
        let store = access.open(path).map_err(refused("opening the file anew"))?;
        let file = PageCache::with_options(cache_of(16))
            .open(store)
            .map_err(refused("caching the file anew"))?;
        let mut seen = vec![0xa5; left.len()];
        let count = file.read_at(&mut seen, 0).map_err(refused("a read of the file"))?;
        match count == left.len() && seen == left && file.len() == len {
            true => Ok(()),
            false => wrong(format!(
                "the file has {count} bytes, or other contents, after it was opened again"
            )),
        }
    }
}

/// A file of zeroes, which are durable.
fn make_empty(path: &FilePath, size: u64) -> io::Result<()> {
    let store = FileStore::open(path)?;
    store.set_len(0)?;
    store.set_len(size)?;
    store.sync()
}

fn found(finding: Box<Finding>) -> Wrong {
    finding
}

fn refused(what: &'static str) -> impl FnOnce(io::Error) -> Wrong {
    move |error| {
        let what_failed = What::Refused(error);
        Box::new(Finding { seen_by: what.to_owned(), what: what_failed, history: Vec::new() })
    }
}

fn wrong<T>(text: String) -> Result<T, Wrong> {
    Err(Box::new(text + "\n"))
}

impl Outcome {
    pub fn findings(&self) -> u64 {
        self.findings
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(refusal) = &self.refusal {
            writeln!(f, "{refusal}; buffered instead")?;
        }
        if let Some(first) = &self.first {
            writeln!(f, "{first}")?;
        }
        let access = match self.access {
            StoreAccess::Buffered => "buffered",
            StoreAccess::Direct => "direct",
        };
        writeln!(
            f,
            "{} processes killed ({access}) in {} operations, after {} syncs: {} findings, in {:.1} s",
            grouped(self.rounds),
            grouped(self.operations),
            grouped(self.syncs),
            grouped(self.findings),
            self.elapsed.as_secs_f64()
        )
    }
}

#[cfg(test)]
mod tests;
