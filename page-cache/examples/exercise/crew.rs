//! The threads that work on the files: started, watched and stopped.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::options::Extent;
use crate::oracle::knowledge::Knowledge;
use crate::report::finding::{Finding, Findings, What};
use crate::report::journal::Journal;
use crate::report::progress::Progress;
use crate::subject::Subject;
use crate::worker::{Post, Record, Worker};
use crate::workload::{Mix, Workload};

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// A thread that ends no operation for this long counts as stuck.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What the threads do, and for how long.
pub struct Crew {
    pub threads: u16,
    pub extent: Extent,
    pub seed: u64,
}

/// What the threads did.
pub struct Shift {
    pub elapsed: Duration,
    pub record: Record,
    pub findings: Findings,
    /// Whether a thread did not end.
    pub stuck: bool,
}

/// A file, and what the exerciser knows of it.
pub type Known<S> = (Arc<S>, Arc<Knowledge>);

/// Runs the threads on `files` until they have performed enough operations, or something wrong was found.
pub fn work<S: Subject>(
    files: &[Known<S>],
    journal: &Arc<Journal>,
    crew: &Crew,
    mut progress: Progress,
) -> Shift {
    let stop = Arc::new(AtomicBool::new(false));
    let (report, reports) = mpsc::channel();
    let start = Instant::now();
    for thread in 0..crew.threads {
        let (files, journal) = (files.to_vec(), Arc::clone(journal));
        let (stop, report, seed) = (Arc::clone(&stop), report.clone(), crew.seed);
        let share = crew.extent.share(thread, crew.threads);
        thread::spawn(move || {
            let mut hand = Hand::new(&files, &journal, thread, seed);
            let result = catch_unwind(AssertUnwindSafe(|| {
                let mut left = share;
                while left > 0 && !stop.load(Ordering::Relaxed) {
                    hand.step()?;
                    left -= 1;
                }
                Ok(())
            }));
            let result = result.unwrap_or_else(|panic| {
                let what = What::Panicked(message_of(&*panic));
                let seen_by = match journal.current(thread) {
                    Some(op) => op.to_string(),
                    None => format!("thread {thread}"),
                };
                Err(Box::new(Finding { seen_by, what, history: Vec::new() }))
            });
            if result.is_ok() {
                journal.rest(thread);
            }
            // There is no receiver any more if a thread is stuck.
            let _ = report.send((hand.into_record(), result.err()));
        });
    }
    let mut shift = Shift {
        elapsed: Duration::ZERO,
        record: Record::default(),
        findings: Findings::default(),
        stuck: false,
    };
    let mut watch = Watch::new(crew.threads, start);
    let mut left = crew.threads;
    let duration = crew.extent.duration();
    while left > 0 {
        let rest = duration.saturating_sub(start.elapsed());
        let pause = if rest.is_zero() { BETWEEN_LOOKS } else { rest.min(BETWEEN_LOOKS) };
        match reports.recv_timeout(pause) {
            Ok((record, finding)) => {
                left -= 1;
                shift.record.add(&record);
                if let Some(finding) = finding {
                    stop.store(true, Ordering::Relaxed);
                    shift.findings.push(*finding);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if start.elapsed() >= duration {
            stop.store(true, Ordering::Relaxed);
        }
        progress.show(start, journal.done().sum());
        if let Some(finding) = watch.stuck(journal) {
            shift.findings.push(finding);
            shift.stuck = true;
            break;
        }
    }
    shift.elapsed = start.elapsed();
    progress.clear();
    shift
}

/// One thread, with a worker for each of the files.
struct Hand<'a, S: Subject> {
    workers: Vec<Worker<'a, S>>,
    choice: Rng,
}

impl<'a, S: Subject> Hand<'a, S> {
    fn new(files: &'a [Known<S>], journal: &'a Journal, thread: u16, seed: u64) -> Hand<'a, S> {
        let workers = files.iter().enumerate().map(|(index, (file, known))| {
            let post = Post { thread, file: index as u16, files: files.len() as u16 };
            let seed = seed ^ (index as u64) << 32;
            let workload = Workload::new(seed, thread, known.limit, Mix::Usual);
            Worker::new(&**file, known, journal, post, workload)
        });
        Hand { workers: workers.collect(), choice: Rng::with_seed(seed ^ u64::from(thread)) }
    }

    fn step(&mut self) -> Result<(), Box<Finding>> {
        let file = self.choice.usize(..self.workers.len());
        self.workers[file].step()
    }

    fn into_record(self) -> Record {
        let mut record = Record::default();
        for worker in self.workers {
            record.add(&worker.into_record());
        }
        record
    }
}

/// Checks that each thread makes progress.
struct Watch {
    seen: Vec<(u64, Instant)>,
}

impl Watch {
    fn new(threads: u16, start: Instant) -> Watch {
        Watch { seen: vec![(0, start); usize::from(threads)] }
    }

    fn stuck(&mut self, journal: &Journal) -> Option<Finding> {
        let now = Instant::now();
        for (thread, (done, seen)) in journal.done().zip(&mut self.seen).enumerate() {
            if done != seen.0 {
                *seen = (done, now);
            } else if now - seen.1 > TIMEOUT
                && let Some(op) = journal.current(thread as u16)
            {
                let what = What::Stuck { seconds: TIMEOUT.as_secs() };
                return Some(Finding { seen_by: op.to_string(), what, history: Vec::new() });
            }
        }
        None
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
