//! A run: the threads set to work, watched, stopped, and what they did judged.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;
use spanlock::page_cache::{Options as CacheOptions, PageCache, PathLock, Stats};

use crate::backing::{Backing, BackingError};
use crate::finding::{Finding, What};
use crate::latency::Latencies;
use crate::options::Options;
use crate::progress::Progress;
use crate::stamp::SECTOR;
use crate::subject::Subject;
use crate::worker::{Beacon, Knowledge, Worker};

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// Without one operation in this long, a thread is taken for stuck.
const PATIENCE: Duration = Duration::from_secs(60);
/// Findings beyond these are counted only.
const KEPT: usize = 16;
const COMPARISON: &str = "the comparison of the file itself";
const CHUNK: usize = 128 * SECTOR;

/// What came of a run.
pub struct Run {
    pub elapsed: Duration,
    pub latencies: Latencies,
    pub findings: Findings,
    pub stats: Stats,
}

/// What was found wrong, the first few in full.
#[derive(Debug, Default)]
pub struct Findings {
    pub first: Vec<Finding>,
    pub count: u64,
}

impl Findings {
    fn push(&mut self, finding: Finding) {
        self.count += 1;
        if self.first.len() < KEPT {
            self.first.push(finding);
        }
    }
}

/// How the threads are set to work.
pub struct Crew {
    pub threads: u16,
    pub duration: Duration,
    pub seed: u64,
}

/// What the threads did.
pub struct Shift {
    pub elapsed: Duration,
    pub latencies: Latencies,
    pub findings: Findings,
    /// Whether a thread never came back.
    pub stuck: bool,
}

/// Runs a cache whose paths are serialised by `L`, and compares the file itself in the end.
pub fn run<L: PathLock>(options: &Options, backing: &Backing) -> Result<Run, BackingError> {
    let store = backing.store(options.access)?;
    let cache = PageCache::<L>::with_options(CacheOptions::new(options.cache));
    let file = match cache.open(store) {
        Ok(file) => Arc::new(file),
        Err(error) => return Err(backing.unreadable(error)),
    };
    let known = Arc::new(Knowledge::new(options.size, options.threads));
    let crew = Crew { threads: options.threads, duration: options.duration, seed: options.seed };
    let progress = Progress::new(options.duration);
    let Shift { elapsed, latencies, mut findings, stuck } = work(&file, &known, &crew, progress);
    if stuck {
        let stats = cache.stats();
        // Its threads are still in there.
        std::mem::forget((file, cache));
        return Ok(Run { elapsed, latencies, findings, stats });
    }
    if let Err(error) = file.sync_all() {
        findings.push(closing("the last sync", What::Refused(error)));
    }
    let (expected, found) = (known.length.now(), file.len());
    if !expected.contains(&found) {
        findings.push(closing("the last sync", What::Len { expected, found }));
    }
    let stats = cache.stats();
    drop((file, cache));
    compare(backing, &known, &mut findings);
    Ok(Run { elapsed, latencies, findings, stats })
}

/// Sets the crew to work on `file` until its time is up, or something is found.
pub fn work<S: Subject>(
    file: &Arc<S>,
    known: &Arc<Knowledge>,
    crew: &Crew,
    mut progress: Progress,
) -> Shift {
    let beacons: Arc<[CachePadded<Beacon>]> =
        (0..crew.threads).map(|_| CachePadded::default()).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let (report, reports) = mpsc::channel();
    let start = Instant::now();
    for thread in 0..crew.threads {
        let (file, known, beacons) = (Arc::clone(file), Arc::clone(known), Arc::clone(&beacons));
        let (stop, report, seed) = (Arc::clone(&stop), report.clone(), crew.seed);
        thread::spawn(move || {
            let beacon = &beacons[usize::from(thread)];
            let mut worker = Worker::new(&*file, &known, beacon, thread, seed);
            let result = catch_unwind(AssertUnwindSafe(|| {
                while !stop.load(Ordering::Relaxed) {
                    worker.step()?;
                }
                Ok(())
            }));
            let result = result.unwrap_or_else(|panic| {
                let what = What::Panicked(message_of(&*panic));
                let seen_by = match beacon.current() {
                    Some(op) => op.to_string(),
                    None => format!("thread {thread}"),
                };
                Err(Box::new(Finding { seen_by, what, history: Vec::new() }))
            });
            beacon.rest();
            // Nobody listens once a thread was given up.
            let _ = report.send((worker.into_latencies(), result.err()));
        });
    }
    let mut shift = Shift {
        elapsed: Duration::ZERO,
        latencies: Latencies::default(),
        findings: Findings::default(),
        stuck: false,
    };
    let mut watch = Watch::new(crew.threads, start);
    let mut left = crew.threads;
    while left > 0 {
        let rest = crew.duration.saturating_sub(start.elapsed());
        let pause = if rest.is_zero() { BETWEEN_LOOKS } else { rest.min(BETWEEN_LOOKS) };
        match reports.recv_timeout(pause) {
            Ok((latencies, finding)) => {
                left -= 1;
                shift.latencies.add(&latencies);
                if let Some(finding) = finding {
                    stop.store(true, Ordering::Relaxed);
                    shift.findings.push(*finding);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if start.elapsed() >= crew.duration {
            stop.store(true, Ordering::Relaxed);
        }
        progress.show(start, beacons.iter().map(|beacon| beacon.done()).sum());
        if let Some(finding) = watch.stuck(&beacons) {
            shift.findings.push(finding);
            shift.stuck = true;
            break;
        }
    }
    shift.elapsed = start.elapsed();
    progress.clear();
    shift
}

/// Watches that each thread gets on.
struct Watch {
    seen: Vec<(u64, Instant)>,
}

impl Watch {
    fn new(threads: u16, start: Instant) -> Watch {
        Watch { seen: vec![(0, start); usize::from(threads)] }
    }

    fn stuck(&mut self, beacons: &[CachePadded<Beacon>]) -> Option<Finding> {
        let now = Instant::now();
        for (beacon, seen) in beacons.iter().zip(&mut self.seen) {
            let done = beacon.done();
            if done != seen.0 {
                *seen = (done, now);
            } else if now - seen.1 > PATIENCE
                && let Some(op) = beacon.current()
            {
                let what = What::Stuck { seconds: PATIENCE.as_secs() };
                return Some(Finding { seen_by: op.to_string(), what, history: Vec::new() });
            }
        }
        None
    }
}

/// Compares the file itself with what is known, sector by sector, when all else is done.
fn compare(backing: &Backing, known: &Knowledge, findings: &mut Findings) {
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
        at += within as u64;
    }
}

/// Compares `bytes`, which the file holds at `offset`, sector by sector.
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

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
