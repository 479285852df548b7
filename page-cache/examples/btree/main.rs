//! A B+-tree on a page cache, with its log on the same cache: page guards, tags, a hook before
//! writeback, checksummed pages, fuzzy checkpoints, and recovery.
//!
//! `cargo run --release --example btree` fills a tree with several threads, and prints how long that
//! took. With `--kill N` it kills a process that does this, N times at random moments, and checks that
//! nothing that was committed is lost.

mod checksum;
mod edit;
mod kill;
mod log;
mod node;
mod steps;
#[cfg(test)]
mod tests;
mod tree;

use std::error::Error;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::Instant;

use lexopt::prelude::*;
use spanlock_page_cache::{FileStore, Options, PageCache};

use crate::tree::Tree;

const USAGE: &str = "\
usage: btree [--keys N] [--threads N] [--cache PAGES]
       btree --kill ROUNDS [--seed N]
";

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("btree: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let (mut keys, mut threads, mut cache) = (100_000, 2, 1024);
    let (mut rounds, mut seed, mut child) = (None, 1, None);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("keys") => keys = arguments.value()?.parse()?,
            Long("threads") => threads = arguments.value()?.parse()?,
            Long("cache") => cache = arguments.value()?.parse()?,
            Long("kill") => rounds = Some(arguments.value()?.parse()?),
            Long("seed") => seed = arguments.value()?.parse()?,
            Long("child") => child = Some(arguments.value()?),
            Long("help") => {
                print!("{USAGE}");
                return Ok(ExitCode::SUCCESS);
            }
            _ => return Err(argument.unexpected().into()),
        }
    }
    if let Some(folder) = child {
        return kill::child(folder.as_ref(), seed).map(|()| ExitCode::SUCCESS).map_err(Into::into);
    }
    if let Some(rounds) = rounds {
        return kill::run(rounds, seed).map_err(Into::into);
    }
    measure(keys, threads, cache)?;
    Ok(ExitCode::SUCCESS)
}

/// Fills a tree, reads it, and scans it.
fn measure(keys: u64, threads: u64, pages: usize) -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let cache = PageCache::with_options(Options::new(pages));
    let data = FileStore::create(folder.path().join("data"))?;
    let log = FileStore::create(folder.path().join("log"))?;
    let (tree, _) = Tree::open(&cache, data, log)?;
    let timed = |what: &str, work: &(dyn Fn(u64) -> std::io::Result<()> + Sync)| {
        let start = Instant::now();
        std::thread::scope(|scope| {
            let workers: Vec<_> =
                (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
            workers.into_iter().try_for_each(|worker| worker.join().expect("it does not panic"))
        })?;
        let nanos = start.elapsed().as_nanos() as u64 / keys.max(1);
        println!("{what}: {nanos} ns a key, by {threads} threads");
        std::io::Result::Ok(())
    };
    let key = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    timed("put", &|thread| {
        (thread..keys)
            .step_by(threads as usize)
            .try_for_each(|number| tree.put(key(number), &[number as u8; 24]).map(drop))
    })?;
    timed("get", &|thread| {
        (thread..keys).step_by(threads as usize).try_for_each(|number| {
            let found = tree.get(key(number))?;
            assert_eq!(found, Some([number as u8; 24]));
            Ok(())
        })
    })?;
    let start = Instant::now();
    let mut count = 0;
    tree.scan(0, |_, _| {
        count += 1;
        ControlFlow::Continue(())
    })?;
    assert_eq!(count, keys);
    println!("scan: {} ns a key", start.elapsed().as_nanos() as u64 / keys.max(1));
    let start = Instant::now();
    tree.checkpoint()?;
    println!("checkpoint: {:?}", start.elapsed());
    assert_eq!(tree.check()?, keys);
    Ok(())
}
