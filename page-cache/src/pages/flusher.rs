//! The flusher: a few threads that write dirty pages back in the background.
//!
//! Each worker takes one file at a time: first the pages that reclaim has queued, then, if the file
//! is due, all its pages that are dirty at that time. A file is due when it has been dirty for an
//! interval, when it has dirtied more than half of its share, and when a thread waits for a frame.
//! A file whose store has failed is tried again after a pause: see `write_retry`.
//!
//! A store that hangs blocks one worker. So one worker is always kept idle, to notice when a file
//! is due. If there is work and only one worker is idle, this worker starts another, which is idle
//! in its place, and then takes the work. Once there are several workers (`FEW` in
//! `writeback/workers.rs`), it first waits until it has been the only idle one for a second: a busy
//! worker may return. A worker that has company ends when it has been idle for a while. The last
//! one sleeps until it is woken, so that an idle cache uses no processor time.
//!
//! A worker takes only the locks of writeback, and holds nothing while it waits. A thread that
//! waits for a worker holds no page and no mapping claim.

pub(crate) mod jobs;

use crate::sync::blocking::{Condvar, Mutex, MutexGuard, PoisonError};
use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::pages::frame::Key;
use crate::sync::thread_local;
use jobs::Jobs;

/// The longest that a thread waits for progress before it checks again.
const TIMEOUT: Duration = Duration::from_millis(5);

/// The least time between a page's becoming dirty and its being written for that alone.
const LEAST_INTERVAL: Duration = Duration::from_millis(1);

/// After no worker has finished for a while, this many are started without waiting.
pub(crate) const MANY: usize = 64;

/// The number of no file.
const NO_FILE: u64 = 0;

/// How long dropping a cache waits for the workers to end. None of them works on a file then.
const FAREWELL: Duration = Duration::from_secs(1);

pub(crate) struct Flusher {
    pub(crate) signal: Arc<Signal>,
}

pub(crate) struct Signal {
    pub(crate) interval: Duration,
    state: Mutex<State>,
    /// Signalled if there is more to do, or if the cache ends.
    pub(crate) work: Condvar,
    pub(crate) progress: Condvar,
}

pub(crate) struct State {
    pub(crate) jobs: Jobs,
    pub(crate) workers: usize,
    /// How many of them work on no file.
    pub(crate) idle: usize,
    /// How many were ever started.
    pub(crate) started: u64,
    /// Since when there has been one idle worker.
    pub(crate) alone_since: Instant,
    /// Up to this many workers are started without waiting for one to finish.
    pub(crate) at_once: usize,
    pub(crate) stopped: bool,
    /// How often pages became clean, or failed to.
    pub(crate) reports: u64,
}

impl Flusher {
    pub(crate) fn new(interval: Duration) -> Flusher {
        let state = State {
            jobs: Jobs::default(),
            workers: 0,
            idle: 0,
            started: 0,
            alone_since: Instant::now(),
            at_once: MANY,
            stopped: false,
            reports: 0,
        };
        let signal = Signal {
            interval: interval.max(LEAST_INTERVAL),
            state: Mutex::new(state),
            work: Condvar::new(),
            progress: Condvar::new(),
        };
        Flusher { signal: Arc::new(signal) }
    }

    /// Adds a file that has become dirty.
    pub(crate) fn add(&self, file: u64) {
        // `None` if the time is so far away that the clock cannot represent it.
        let due = Instant::now().checked_add(self.signal.interval);
        self.change(|jobs| jobs.add(file, due));
    }

    /// Ends what is to be done for a file that is being closed.
    pub(crate) fn forget(&self, file: u64) {
        self.change(|jobs| jobs.forget(file));
    }

    /// Makes a file due for writeback soon, if it is dirty.
    pub(crate) fn hasten(&self, file: u64) {
        self.change(|jobs| jobs.hasten(file, Instant::now()));
    }

    /// Makes all other files due for writeback soon.
    pub(crate) fn hasten_others(&self, file: u64) {
        self.change(|jobs| jobs.hasten_others(file, Instant::now()));
    }

    /// Makes all files due for writeback soon.
    pub(crate) fn hasten_all(&self) {
        self.hasten_others(NO_FILE);
    }

    /// Queues a page for writeback, unless enough pages of its file are queued.
    pub(crate) fn queue(&self, key: Key) {
        self.change(|jobs| jobs.queue(key.file, key.page, Instant::now()));
    }

    /// Queues pages of a file to be read into the cache.
    pub(crate) fn bring_in(&self, file: u64, pages: Range<u64>) {
        self.change(|jobs| jobs.bring_in(file, pages, Instant::now()));
    }

    /// Changes the jobs, and wakes a worker if a job is due earlier than the workers know.
    fn change<T>(&self, change: impl FnOnce(&mut Jobs) -> T) -> T {
        let mut state = self.signal.state();
        let before = state.jobs.next_turn();
        let changed = change(&mut state.jobs);
        let after = state.jobs.next_turn();
        if after.is_some_and(|after| before.is_none_or(|before| after < before)) {
            self.signal.work.notify_one();
        }
        changed
    }

    /// Makes all files due for writeback soon, and waits until pages have become clean, or for a
    /// few milliseconds.
    pub(crate) fn wait_for_progress(&self) {
        self.hasten_all();
        let state = self.signal.state();
        let reports = state.reports;
        let waited = self
            .signal
            .progress
            .wait_timeout_while(state, TIMEOUT, |state| state.reports == reports && !state.stopped);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Makes the waiting threads check again.
    pub(crate) fn report(&self) {
        self.signal.state().reports += 1;
        self.signal.progress.notify_all();
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        let mut state = self.signal.state();
        state.stopped = true;
        self.signal.work.notify_all();
        // The last reference to the cache may have been a worker's own.
        let others = |state: &mut State| state.workers > of_this_thread(&self.signal);
        let waited = self.signal.progress.wait_timeout_while(state, FAREWELL, others);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

impl Signal {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    /// The signal that this thread is a worker of, or zero.
    static WORKS_FOR: Cell<usize> = const { Cell::new(0) };
}

/// How many workers of a signal this thread is: one or none.
fn of_this_thread(signal: &Arc<Signal>) -> usize {
    usize::from(WORKS_FOR.with(Cell::get) == Arc::as_ptr(signal).addr())
}

/// Records that this thread is a worker of a signal.
pub(crate) fn become_worker(signal: &Arc<Signal>) {
    WORKS_FOR.with(|works_for| works_for.set(Arc::as_ptr(signal).addr()));
}
