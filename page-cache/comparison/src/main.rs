//! The B+-tree of `examples/btree` beside redb and SQLite, on the same data, in turns.
//!
//! `cargo run --release --manifest-path page-cache/comparison/Cargo.toml` prints a table. Each
//! round makes a fresh database of each engine and does the same work with it; the engine that
//! begins changes from round to round. The table has the median of the rounds.

#[path = "../../examples/btree/checksum.rs"]
mod checksum;
#[path = "../../examples/btree/edit.rs"]
mod edit;
mod engines;
#[path = "../../examples/btree/log.rs"]
mod log;
#[path = "../../examples/btree/node.rs"]
mod node;
#[path = "../../examples/btree/steps.rs"]
mod steps;
#[allow(dead_code, reason = "the example uses all of it")]
#[path = "../../examples/btree/tree.rs"]
mod tree;

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use lexopt::prelude::*;

use crate::engines::{Btree, Engine, Redb, Sqlite};

const USAGE: &str = "\
usage: spanlock-comparison [--keys N] [--commits N] [--rounds N] [--folder PATH]
";

/// What is measured, and for what one time stands.
const WORK: [&str; 6] = [
    "load, 1,000 keys a commit, per key",
    "point reads, per key",
    "scan of all keys, per key",
    "overwrites, 1,000 a commit, per key",
    "overwrites, each committed, per commit",
    "the same by two threads, per commit",
];

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Does all work with a new database in a folder.
type Run = fn(&Plan, &Path) -> Result<Vec<Duration>>;

struct Plan {
    keys: u64,
    commits: u64,
}

fn main() -> Result<()> {
    let (mut keys, mut commits, mut rounds) = (100_000, 400, 5);
    let mut folder = std::env::temp_dir();
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("keys") => keys = arguments.value()?.parse()?,
            Long("commits") => commits = arguments.value()?.parse()?,
            Long("rounds") => rounds = arguments.value()?.parse()?,
            Long("folder") => folder = arguments.value()?.into(),
            _ => {
                print!("{USAGE}");
                return Ok(());
            }
        }
    }
    let plan = Plan { keys, commits };
    let engines: [(&str, Run); 3] =
        [("this B+-tree", run::<Btree>), ("redb", run::<Redb>), ("SQLite", run::<Sqlite>)];
    let mut times: [Vec<Vec<Duration>>; 3] = Default::default();
    for round in 0..rounds {
        for turn in 0..engines.len() {
            let engine = (round + turn) % engines.len();
            let folder = tempfile::tempdir_in(&folder)?;
            times[engine].push(engines[engine].1(&plan, folder.path())?);
        }
    }
    println!("{keys} keys of 8 bytes with values of 24, {rounds} rounds, medians in microseconds:");
    println!();
    println!("| | {} |", engines.map(|(name, _)| name).join(" | "));
    println!("| --- | --- | --- | --- |");
    for (number, work) in WORK.iter().enumerate() {
        let median = |engine: usize| {
            let mut times: Vec<Duration> =
                times[engine].iter().map(|round| round[number]).collect();
            times.sort_unstable();
            format!("{:.3}", times[times.len() / 2].as_nanos() as f64 / 1000.0)
        };
        println!("| {work} | {} |", [0, 1, 2].map(median).join(" | "));
    }
    Ok(())
}

fn key(number: u64) -> u64 {
    // In the range of SQLite's integers.
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1
}

/// Times the work, as `WORK` has it.
fn run<E: Engine>(plan: &Plan, folder: &Path) -> Result<Vec<Duration>> {
    let engine = E::create(folder)?;
    let mut random = fastrand::Rng::with_seed(1);
    let mut order: Vec<u64> = (0..plan.keys).collect();
    random.shuffle(&mut order);
    let mut times = Vec::new();
    let mut timed = |count: u64, work: &mut dyn FnMut() -> Result<()>| {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed() / u32::try_from(count)?.max(1));
        Result::Ok(())
    };
    timed(plan.keys, &mut || {
        order.chunks(1000).try_for_each(|batch| {
            let puts: Vec<_> = batch.iter().map(|&number| (key(number), [1; 24])).collect();
            engine.commit(&puts)
        })
    })?;
    random.shuffle(&mut order);
    let keys: Vec<u64> = order.iter().map(|&number| key(number)).collect();
    timed(plan.keys, &mut || {
        assert_eq!(engine.read(&keys)?, plan.keys);
        Ok(())
    })?;
    timed(plan.keys, &mut || {
        assert_eq!(engine.scan()?, plan.keys);
        Ok(())
    })?;
    random.shuffle(&mut order);
    timed(plan.keys, &mut || {
        order.chunks(1000).try_for_each(|batch| {
            let puts: Vec<_> = batch.iter().map(|&number| (key(number), [2; 24])).collect();
            engine.commit(&puts)
        })
    })?;
    timed(plan.commits, &mut || {
        order
            .iter()
            .take(plan.commits as usize)
            .try_for_each(|&number| engine.commit(&[(key(number), [3; 24])]))
    })?;
    timed(plan.commits, &mut || {
        std::thread::scope(|scope| {
            let half = |odd: usize| {
                let (engine, order) = (&engine, &order);
                move || {
                    let mine = order.iter().take(plan.commits as usize).skip(odd).step_by(2);
                    mine.into_iter()
                        .try_for_each(|&number| engine.commit(&[(key(number), [4; 24])]))
                }
            };
            let other = scope.spawn(half(1));
            half(0)()?;
            other.join().expect("it does not panic")
        })
    })?;
    Ok(times)
}
