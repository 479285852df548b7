//! A run: opens files in one cache, performs operations on them, closes them, and compares the result.

mod hook;

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use spanlock_page_cache::{CacheStats, File, MemStore, OperationLock, PageCache};

use crate::crew::{Crew, Known, Shift, work};
use crate::options::Options;
use crate::oracle::knowledge::{Knowledge, Reliability, WriteMode};
use crate::oracle::stamp::SECTOR;
use crate::oracle::tags::Tags;
use crate::page_size::{cache_of, page_size};
use crate::report::digest::Digest;
use crate::report::finding::{Finding, Findings, What};
use crate::report::journal::Journal;
use crate::report::latency::Latencies;
use crate::report::progress::Progress;
use crate::stores::faults::{Fault, Faults, FaultyStore, is_injected};
use crate::subject::reopening::{Reopenable, Surroundings};
use crate::subject::test_file::{Backing, BackingError};
use crate::subject::{Subject, sync_anew};
use hook::{Hook, unannounced};

const COMPARISON: &str = "the comparison of the file itself";
const LAST_SYNC: &str = "the last sync";
const CHUNK: usize = 128 * SECTOR;
/// The file that has a small cache of its own, the *crowded* cache, so that threads often use pages that are being
/// evicted.
pub fn crowded_size() -> u64 {
    24 * page_size()
}

pub const CROWDED_FRAMES: usize = 16;

/// The result of a run.
pub struct Run {
    pub elapsed: Duration,
    pub latencies: Latencies,
    pub findings: Findings,
    pub stats: CacheStats,
    /// Statistics of the crowded cache.
    pub crowded: CacheStats,
    pub digest: Digest,
    /// The last operations, the oldest first.
    pub last_operations: Vec<String>,
    /// How many requests to the stores each fault has changed.
    pub struck: Vec<(Fault, u64)>,
}

/// Runs a cache whose operations are serialised by `L`, and compares the stores at the end. The last file is the
/// crowded one.
pub fn run<L: OperationLock>(
    options: &Options,
    backings: &[Arc<Backing>],
) -> Result<Run, Box<dyn Error>> {
    let cache = Arc::new(PageCache::with_lock::<L>(cache_of(options.cache)));
    let crowded = cache_of(CROWDED_FRAMES);
    let crowded = Arc::new(PageCache::with_lock::<L>(crowded));
    let mut faults = Vec::new();
    let (mut files, mut hooks) = (Vec::new(), Vec::new());
    for (number, backing) in (0..).zip(backings) {
        let cache = if number < u64::from(options.files) { &cache } else { &crowded };
        let faulty = Arc::new(Faults::new(options.plan(number)));
        // Every second file is written through.
        let writes = if number % 2 == 1 { WriteMode::Through } else { WriteMode::Back };
        let (known, others) = (Tags::new(backing.size(), options.store), Tags::none());
        let of_file = Hook::new(cache, Arc::new(known), Arc::clone(&faulty))?;
        let of_another = Hook::new(cache, Arc::new(others), Arc::clone(&faulty))?;
        files.push(open(cache, options, backing, (writes, &of_file, &of_another), &faulty)?);
        hooks.extend([of_file, of_another].map(|hook| (Arc::clone(cache), hook)));
        faults.push(faulty);
    }
    let journal = Arc::new(match &options.log {
        Some(path) => Journal::in_file(options.threads, path)
            .map_err(|error| BackingError::Open { name: path.clone(), error })?,
        None => Journal::new(options.threads),
    });
    let crew = Crew { threads: options.threads, extent: options.extent, seed: options.seed };
    faults.iter().for_each(|faults| faults.start());
    let shift = work(&files, &journal, &crew, Progress::new(options.extent));
    faults.iter().for_each(|faults| faults.stop());
    let Shift { elapsed, record, mut findings, stuck } = shift;
    for collision in faults.iter().flat_map(|faults| faults.collisions()) {
        findings.push(closing("the store", What::Collision(collision)));
    }
    journal.flush()?;
    let last_operations = journal.last().iter().map(ToString::to_string).collect();
    let struck = Fault::ALL
        .map(|fault| (fault, faults.iter().map(|faults| faults.struck(fault)).sum()))
        .to_vec();
    let mut digest = record.digest;
    let stats = if stuck {
        let stats = [cache.stats(), crowded.stats()];
        // Its threads still use the files.
        std::mem::forget((files, hooks, cache, crowded));
        stats
    } else {
        for (file, known) in &files {
            close(&**file, known, &mut findings);
        }
        for wrong in hooks.iter().filter_map(|(_, hook)| hook.tags().take_wrong()) {
            findings.push(Finding::of_tags(LAST_SYNC, wrong));
        }
        for of in [&cache, &crowded] {
            let hooks = hooks.iter().filter(|(cache, _)| Arc::ptr_eq(cache, of));
            if let Some(finding) = unannounced(of, hooks.map(|(_, hook)| hook)) {
                findings.push(finding);
            }
        }
        let stats = [cache.stats(), crowded.stats()];
        let known: Vec<_> = files.into_iter().map(|(_, known)| known).collect();
        drop((hooks, cache, crowded));
        for (backing, known) in backings.iter().zip(&known) {
            compare(backing, known, &mut findings, &mut digest);
        }
        stats
    };
    let (latencies, [stats, crowded]) = (record.latencies, stats);
    Ok(Run { elapsed, latencies, findings, stats, crowded, digest, last_operations, struck })
}

fn open(
    cache: &Arc<PageCache>,
    options: &Options,
    backing: &Arc<Backing>,
    (writes, hook, of_another): (WriteMode, &Hook, &Hook),
    faults: &Arc<Faults>,
) -> Result<Known<Reopenable<File>>, BackingError> {
    let failing = (options.store == Reliability::Failing).then(|| Arc::clone(faults));
    let (of_others, synced) = (Arc::clone(cache), Arc::clone(cache));
    let how_others = of_another.called_by(writes.options());
    let surroundings = Surroundings {
        open_another: Box::new(move || of_others.open_with(MemStore::new(), how_others.clone())),
        sync: Box::new(move || Ok(synced.sync_all()?)),
    };
    let (cache, beneath, faulty) = (Arc::clone(cache), Arc::clone(backing), failing.clone());
    let (how, tags) = (hook.called_by(writes.options()), hook.tags());
    let open = move || {
        let store = beneath.store().map_err(io::Error::other)?;
        let how = how.clone();
        match &faulty {
            None => cache.open_with(store, how),
            Some(faults) => {
                let store = FaultyStore::new(store, Arc::clone(faults));
                cache.open_with(store.reporting(Arc::clone(&tags)), how)
            }
        }
    };
    let file = Reopenable::new(open, failing, Some(surroundings));
    let file = file.map_err(|error| backing.unreadable(error))?;
    let known = Knowledge::new(backing.size(), options.threads, options.store, writes)
        .with_tags(hook.tags());
    Ok((Arc::new(file), Arc::new(known)))
}

/// Syncs a file, and compares the length of its store.
fn close<S: Subject>(file: &S, known: &Knowledge, findings: &mut Findings) {
    let synced = match file.sync_all() {
        // These errors are from the time when the store failed. Now it works.
        Err(error) if is_injected(&error) => sync_anew(file),
        synced => synced,
    };
    if let Err(error) = synced {
        findings.push(closing(LAST_SYNC, What::Refused(error)));
    }
    let (expected, found) = (known.length.now(), file.len());
    if !expected.contains(&found) {
        findings.push(closing(LAST_SYNC, What::Len { expected, found }));
    }
}

/// Compares the store's file with the oracle, sector by sector, when all other operations have ended.
fn compare(backing: &Backing, known: &Knowledge, findings: &mut Findings, digest: &mut Digest) {
    let refused = |error| closing(COMPARISON, What::Refused(error));
    let found = match backing.len() {
        Ok(len) => len,
        Err(error) => return findings.push(refused(error)),
    };
    let expected = known.length.now();
    if !expected.contains(&found) {
        findings.push(closing(COMPARISON, What::Len { expected, found }));
    }
    let mut bytes = vec![0; CHUNK];
    let mut at = 0;
    while at < found.min(known.limit) {
        let read = match backing.read(&mut bytes, at) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) => return findings.push(refused(error)),
        };
        let within = read.min((known.limit - at) as usize);
        compare_bytes(&bytes[..within], at, known, findings);
        digest.add_bytes(&bytes[..within]);
        at += within as u64;
    }
}

/// Compares `bytes`, which the file has at `offset`, sector by sector.
pub fn compare_bytes(bytes: &[u8], offset: u64, known: &Knowledge, findings: &mut Findings) {
    let mut at = offset;
    for sector in bytes.chunks(SECTOR) {
        let range = at..at + sector.len() as u64;
        if let Err(finding) = known.oracle.compare(COMPARISON, &range, sector) {
            findings.push(*finding);
        }
        at = range.end;
    }
}

fn closing(seen_by: &str, what: What) -> Finding {
    Finding { seen_by: seen_by.to_owned(), what, history: Vec::new() }
}
