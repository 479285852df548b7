//! A storage engine on a cached file: redb, several engines at a time on the same one.
//!
//! ```text
//! cargo run --release --example storage_engine -- [--engines N] [--transactions N]
//! ```
//!
//! Each engine is a `Database` of its own, as if it were another process: the engines share only the
//! file's bytes and the locks on its ranges. The bytes are in a page cache, which is smaller than the
//! database; the locks are those of a `RangeLock`. One thread of each engine transfers money between
//! accounts, and another one repeatedly adds up all balances. At the end the database is opened again
//! from the disk, and checked.

mod backend;
mod bank;

use std::fmt::Display;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use backend::Device;
use bank::{Bank, Outcome};
use fastrand::Rng;
use redb::{ConcurrencyMode, DatabaseError};
use spanlock_page_cache::{FileStore, Options, PageCache};

struct Plan {
    engines: u64,
    transactions: u64,
    accounts: u64,
}

impl Plan {
    fn from_arguments() -> Result<Plan, lexopt::Error> {
        use lexopt::prelude::*;
        let mut plan = Plan { engines: 3, transactions: 200, accounts: 20_000 };
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("engines") => plan.engines = arguments.value()?.parse()?,
                Long("transactions") => plan.transactions = arguments.value()?.parse()?,
                other => return Err(other.unexpected()),
            }
        }
        Ok(plan)
    }

    /// A cache of about a tenth of the database.
    fn cache(&self) -> PageCache {
        PageCache::with_options(Options::new(self.accounts as usize / 50))
    }

    fn open(&self, device: &Device, mode: ConcurrencyMode) -> Result<Bank, DatabaseError> {
        Bank::open(device, self.accounts, mode)
    }
}

fn main() -> Outcome<()> {
    let plan = Plan::from_arguments()?;
    let folder = tempfile::tempdir()?;
    run(&plan, &folder.path().join("bank"))
}

fn run(plan: &Plan, path: &Path) -> Outcome<()> {
    let cache = plan.cache();
    let device = Device::new(cache.open(FileStore::create(path)?)?);
    let first = plan.open(&device, ConcurrencyMode::MultiWriter)?;
    first.found()?;
    let began = Instant::now();
    let audits = work(plan, &device)?;
    let took = began.elapsed();
    refuse_an_engine_that_wants_all(plan, &device)?;
    drop(first);
    if !device.is_unlocked() {
        return Err("an engine left a lock behind".into());
    }
    print_work(plan, audits, took, &cache, &device);
    drop(device);
    check_from_disk(plan, path)
}

/// Runs all engines at the same time. Returns the number of audits.
fn work(plan: &Plan, device: &Device) -> Outcome<u64> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let engine = |teller| {
            let done = &done;
            move || -> Outcome<u64> {
                let bank = plan.open(device, ConcurrencyMode::MultiWriter)?;
                thread::scope(|scope| {
                    let auditor = scope.spawn(|| audit_until(&bank, done));
                    let mut random = Rng::with_seed(teller);
                    let transfers =
                        (0..plan.transactions).try_for_each(|_| bank.transfer(teller, &mut random));
                    done.store(true, Ordering::Relaxed);
                    transfers.and(joined(auditor))
                })
            }
        };
        let engines: Vec<_> = (0..plan.engines).map(|teller| scope.spawn(engine(teller))).collect();
        engines.into_iter().map(joined).sum()
    })
}

fn audit_until(bank: &Bank, done: &AtomicBool) -> Outcome<u64> {
    let mut audits = 0;
    while audits == 0 || !done.load(Ordering::Relaxed) {
        bank.audit()?;
        audits += 1;
    }
    Ok(audits)
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, Outcome<T>>) -> Outcome<T> {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// An engine that opens the file for itself alone is refused while another engine has it open.
fn refuse_an_engine_that_wants_all(plan: &Plan, device: &Device) -> Outcome<()> {
    match plan.open(device, ConcurrencyMode::ExclusiveWriter) {
        Err(DatabaseError::DatabaseAlreadyOpen) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => Err("two engines have the file to themselves".into()),
    }
}

/// Opens the file on the disk through a new cache, with an engine that has it for itself alone.
fn check_from_disk(plan: &Plan, path: &Path) -> Outcome<()> {
    let cache = plan.cache();
    let device = Device::new(cache.open(FileStore::open(path)?)?);
    let began = Instant::now();
    let mut bank = plan.open(&device, ConcurrencyMode::ExclusiveWriter)?;
    if !bank.is_intact()? {
        return Err("the database had to be repaired".into());
    }
    bank.audit()?;
    let (expected, found) = (plan.engines * plan.transactions, bank.transactions()?);
    if found != expected {
        return Err(format!("{found} transactions of {expected} are on record").into());
    }
    row(
        "opened anew: integrity, money, record",
        format_args!("in order ({:.1?})", began.elapsed()),
    );
    Ok(())
}

fn print_work(plan: &Plan, audits: u64, took: Duration, cache: &PageCache, device: &Device) {
    let (stats, counts) = (cache.stats(), device.counts());
    let transactions = plan.engines * plan.transactions;
    let a_second = transactions as f64 / took.as_secs_f64();
    let used = stats.hits + stats.misses;
    let load = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
    row("engines on one file", plan.engines);
    row("transactions, each synced", format_args!("{transactions} ({a_second:.0}/s)"));
    row("audits of all accounts meanwhile", audits);
    row("database", format_args!("{} pages", device.file.len() / 4096));
    row("cache", format_args!("{} pages", cache.capacity()));
    row("pages used", used);
    row("of them cached", format_args!("{:.1} %", 100.0 * stats.hits as f64 / used as f64));
    row("pages read, and how many ahead", format_args!("{}, {}", stats.fills, stats.read_ahead));
    row("pages written", stats.writebacks);
    row("pages evicted", stats.evictions);
    row("range locks, shared", load(&counts.shared));
    row("range locks, exclusive", load(&counts.exclusive));
    row("of them after waiting", load(&counts.waited));
    row("refused", load(&counts.refused));
}

fn row(what: &str, value: impl Display) {
    println!("| {what:<40} | {:>22} |", value.to_string());
}

#[cfg(test)]
mod tests {
    use super::{Plan, run};

    #[test]
    fn engines_that_share_a_cached_file_lose_no_transaction() {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan { engines: 2, transactions: 20, accounts: 2_000 };
        run(&plan, &folder.path().join("bank")).unwrap();
    }
}
