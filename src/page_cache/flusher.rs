//! The flusher: the thread that writes dirty pages back behind everybody's back.
//!
//! It first writes the pages that reclaim has queued. It writes all that is dirty, a round, when its
//! interval has passed, when half of what may be dirty is, and when somebody waits for a clean page
//! or for the limit. It takes no part in any path's locks beyond those of
//! writeback, and holds nothing while it waits; whoever waits for it holds no page and no mapping
//! claim.

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::blocking::{Condvar, Mutex, MutexGuard, PoisonError};
use crate::sync::thread::{self, JoinHandle};
use std::io;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::PathLock;
use super::cache::Shared;
use super::error::Told;
use super::frame::{DetachedPin, Pin};

/// The most pages that wait for pageout.
const MOST_PAGEOUTS: usize = 256;

/// The longest that anybody waits for progress before looking again.
const PATIENCE: Duration = Duration::from_millis(5);

pub(super) struct Flusher {
    interval: Duration,
    signal: Arc<Signal>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Signal {
    /// Set while a round is wanted or goes on, so that who wants one need not take the mutex.
    awake: AtomicBool,
    state: Mutex<SignalState>,
    wanted: Condvar,
    progress: Condvar,
}

#[derive(Default)]
struct SignalState {
    wanted: bool,
    pageouts: Vec<DetachedPin>,
    stopped: bool,
    progress: Progress,
}

/// What the flusher is to do.
struct Work {
    pageouts: Vec<DetachedPin>,
    round: Round,
}

/// Whether all that is dirty is to be written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Round {
    Due,
    NotYet,
}

/// How far the flusher has come.
#[derive(Clone, Default)]
pub(super) struct Progress {
    /// How often it said so.
    reports: u64,
    /// Rounds that are over.
    rounds: u64,
    /// Requests that cleaned pages, and those that could not.
    successes: u64,
    failures: u64,
    last_failure: Option<Told>,
}

impl Progress {
    /// What made writeback fail since `earlier`, if it did so more often than not, and nothing is
    /// left to hope for: a whole round has passed. One file's store that fails is no reason to give
    /// up before the others had their turn.
    pub(super) fn failed_since(&self, earlier: &Progress) -> Option<io::Error> {
        // The first of them may have been half over by then.
        let tried_all = self.rounds > earlier.rounds + 1;
        let mostly = self.failures - earlier.failures > self.successes - earlier.successes;
        self.last_failure.clone().filter(|_| tried_all && mostly).map(io::Error::from)
    }
}

impl Flusher {
    pub(super) fn new(interval: Duration) -> Flusher {
        Flusher { interval, signal: Arc::default(), thread: Mutex::default() }
    }

    /// Has the flusher start a round, unless it is at it.
    pub(super) fn wake(&self) {
        if !self.signal.awake.swap(true, Ordering::Relaxed) {
            self.signal.state().wanted = true;
            self.signal.wanted.notify_one();
        }
    }

    /// Has the flusher write a page out; drops the pin if it has enough to do.
    pub(super) fn queue(&self, pin: Pin<'_>) {
        let mut state = self.signal.state();
        if state.pageouts.len() < MOST_PAGEOUTS {
            state.pageouts.push(pin.detach());
            self.signal.wanted.notify_one();
        }
    }

    pub(super) fn progress(&self) -> Progress {
        self.signal.state().progress.clone()
    }

    /// Wakes the flusher and waits until it has come further, or a little while.
    pub(super) fn wait_for_progress(&self) -> Progress {
        let mut state = self.signal.state();
        let reports = state.progress.reports;
        state.wanted = true;
        self.signal.wanted.notify_one();
        let waited = self.signal.progress.wait_timeout_while(state, PATIENCE, |state| {
            state.progress.reports == reports && !state.stopped
        });
        waited.unwrap_or_else(PoisonError::into_inner).0.progress.clone()
    }

    /// Tells who waits that pages became clean, or that they could not.
    pub(super) fn report(&self, outcome: &io::Result<()>) {
        let mut state = self.signal.state();
        match outcome {
            Ok(()) => state.progress.successes += 1,
            Err(error) => {
                state.progress.failures += 1;
                state.progress.last_failure = Some(Told::from(error));
            }
        }
        drop(state);
        self.report_idle();
    }

    /// Has those who wait look again, though nothing was written.
    pub(super) fn report_idle(&self) {
        self.signal.state().progress.reports += 1;
        self.signal.progress.notify_all();
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.signal.state().stopped = true;
        self.signal.wanted.notify_one();
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        // The last reference to the cache may have been the flusher's own.
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != thread::current().id())
        {
            // A panic in it was printed by its own thread; there is nobody to pass it to.
            let _ = thread.join();
        }
    }
}

impl Signal {
    fn state(&self) -> MutexGuard<'_, SignalState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is work, a round at the latest when it is due; `None` when there will be
    /// none.
    fn next_work(&self, due: Option<Instant>) -> Option<Work> {
        let state = self.state();
        let idle =
            |state: &mut SignalState| !state.wanted && !state.stopped && state.pageouts.is_empty();
        let left = |due: Instant| due.saturating_duration_since(Instant::now());
        let patience = due.map_or(Duration::MAX, left);
        let waited = self.wanted.wait_timeout_while(state, patience, idle);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if state.stopped {
            return None;
        }
        let pageouts = std::mem::take(&mut state.pageouts);
        let wanted = std::mem::take(&mut state.wanted);
        let overdue = due.is_some_and(|due| left(due).is_zero());
        let round = if wanted || overdue { Round::Due } else { Round::NotYet };
        Some(Work { pageouts, round })
    }
}

/// Starts the cache's flusher, if it is not running.
pub(super) fn start<L: PathLock>(cache: &Arc<Shared<L>>) -> io::Result<()> {
    let flusher = &cache.flusher;
    let mut thread = flusher.thread.lock().unwrap_or_else(PoisonError::into_inner);
    if thread.is_none() {
        let (signal, interval) = (Arc::clone(&flusher.signal), flusher.interval);
        let cache = Arc::downgrade(cache);
        let run = move || run(&cache, &signal, interval);
        *thread = Some(thread::Builder::new().name("page-flusher".into()).spawn(run)?);
    }
    Ok(())
}

fn run<L: PathLock>(cache: &Weak<Shared<L>>, signal: &Signal, interval: Duration) {
    // No time at all if it is so far away that the clock does not have it.
    let mut due = Instant::now().checked_add(interval);
    while let Some(work) = signal.next_work(due) {
        let Some(cache) = cache.upgrade() else { return };
        cache.run_pageouts(work.pageouts);
        if work.round == Round::Due {
            for file in cache.files().into_iter().filter_map(|id| cache.file(id)) {
                // Its errors are kept by the file for the next sync, and were reported.
                let _ = file.flush_all();
            }
            signal.state().progress.rounds += 1;
            cache.flusher.report_idle();
            signal.awake.store(false, Ordering::Relaxed);
            due = Instant::now().checked_add(interval);
        }
    }
}
