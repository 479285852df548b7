//! Syncs and other operations on all files of a cache.
//!
//! A sync of all files runs on threads of its own, a few at first. If none of them has finished a file for a while
//! and files are waiting, another is started. So a store that hangs occupies one thread, and all other files are
//! synced. Files whose store has failed come last. Each file is visited until it has been synced, so a handle that
//! is dropped meanwhile does not exclude its file.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::PageCache;
use crate::error::Request;
use crate::files::durability::sync_group::Scope;
use crate::files::durability::timed_syncs::not_ended;
use crate::files::failure::Failure;
use crate::files::inode::{Inode, visit};
use crate::pages::visit::Visit;
use crate::stats::of_file::FileStats;
use crate::sync::blocking::{Condvar, Mutex, MutexGuard, PoisonError};
use crate::sync::thread;
use crate::unwind;

/// The number of threads that sync files from the start.
const FEW: usize = 4;

/// After this time without a finished file another thread is started.
const GRACE: Duration = Duration::from_millis(50);

/// The error of [`PageCache::sync_all`]: the files that are not durable, each with its cause.
///
/// # Examples
///
/// ```
/// use std::io::ErrorKind;
///
/// use spanlock_page_cache::{MemStore, PageCache};
///
/// let cache = PageCache::new(64);
/// let full = cache.open(MemStore::with_most_blocks(0))?;
/// full.write_all_at(b"no room", 0)?;
/// let error = cache.sync_all().unwrap_err();
/// assert_eq!(error.failures().len(), 1);
/// assert_eq!(error.failures()[0].label(), "memory");
/// assert_eq!(error.failures()[0].kind(), ErrorKind::StorageFull);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct SyncError {
    /// At least one.
    failures: Vec<Failure>,
}

impl SyncError {
    /// Returns the failures, one for each file: its store's label and why it is not durable.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let cache = PageCache::new(64);
    /// let full = cache.open(MemStore::with_most_blocks(0))?;
    /// full.write_all_at(b"no room", 0)?;
    /// let error = cache.sync_all().unwrap_err();
    /// assert!(error.failures()[0].to_string().starts_with(r#"sync_all of "memory": "#));
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }
}

impl fmt::Display for SyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failures[0].fmt(f)?;
        match self.failures.len() - 1 {
            0 => Ok(()),
            1 => f.write_str("; and 1 more file"),
            more => write!(f, "; and {more} more files"),
        }
    }
}

impl Error for SyncError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.failures[0])
    }
}

impl From<SyncError> for io::Error {
    fn from(error: SyncError) -> io::Error {
        io::Error::new(error.failures[0].kind(), error)
    }
}

/// A sync of many files.
#[derive(Default)]
struct Round {
    state: Mutex<State>,
    /// A file is finished.
    finished: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Visit<Inode>>,
    /// The files that a thread works on, by number, with their labels.
    running: Vec<(u64, Arc<str>)>,
    failures: Vec<Failure>,
}

impl PageCache {
    /// Makes everything durable that was written to any file of the cache, like
    /// [`File::sync_all`](crate::File::sync_all) for each file.
    ///
    /// Files are synced in parallel. Files whose last writeback failed come last. A store that fails or hangs does
    /// not prevent the sync of other files, but this method waits for it: see
    /// [`sync_all_for`](PageCache::sync_all_for). Files that have nothing to make durable are skipped. A file whose
    /// last handle was dropped before the call is not covered.
    ///
    /// # Errors
    ///
    /// A [`SyncError`] with all files that are not durable, each with its error. If
    /// background writeback has failed before, and this sync has written the pages, the file is not among them, but
    /// each handle still returns that error once. It contains `Deadlock` for a
    /// file of which this thread holds a page guard, for every file if a store of the cache calls this, and for
    /// every file with a [hook](crate::FileOptions::before_writeback) if a hook calls this.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache, Store};
    ///
    /// let cache = PageCache::new(64);
    /// let stores = [(); 3].map(|()| Arc::new(MemStore::new()));
    /// let mut files = Vec::new();
    /// for store in &stores {
    ///     let file = cache.open(Arc::clone(store))?;
    ///     file.write_all_at(b"durable", 0)?;
    ///     files.push(file);
    /// }
    /// cache.sync_all()?;
    /// for store in &stores {
    ///     assert_eq!(store.len()?, 7);
    /// }
    /// # std::io::Result::Ok(())
    /// ```
    pub fn sync_all(&self) -> Result<(), SyncError> {
        self.sync_files(None)
    }

    /// Like [`sync_all`](PageCache::sync_all), but waits at most `timeout`. To do so for one file, use
    /// [`File::sync_all_for`](crate::File::sync_all_for).
    ///
    /// # Errors
    ///
    /// As [`sync_all`](PageCache::sync_all). `TimedOut` for each file that is not durable by then. Syncs that have
    /// begun continue in the background. If the system can start no thread, this thread syncs the files, and waits as
    /// long as that takes.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let cache = PageCache::new(64);
    /// let file = cache.open(MemStore::new())?;
    /// file.write_all_at(b"durable", 0)?;
    /// cache.sync_all_for(Duration::from_secs(30))?;
    /// assert_eq!(file.stats().dirty, 0);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn sync_all_for(&self, timeout: Duration) -> Result<(), SyncError> {
        self.sync_files(Some(timeout))
    }

    /// Makes the flusher start to write the dirty pages of all files, and returns without waiting, like
    /// [`File::start_writeback`](crate::File::start_writeback) for each file.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use spanlock_page_cache::{MemStore, Options, PageCache};
    ///
    /// let cache = PageCache::with_options(Options::new(64).flush_interval(Duration::MAX));
    /// let (one, two) = (cache.open(MemStore::new())?, cache.open(MemStore::new())?);
    /// one.write_all_at(b"soon", 0)?;
    /// two.write_all_at(b"in the stores", 0)?;
    /// cache.start_writeback();
    /// while cache.stats().dirty > 0 {
    ///     std::thread::yield_now();
    /// }
    /// # std::io::Result::Ok(())
    /// ```
    pub fn start_writeback(&self) {
        self.shared.pool.flusher.hasten_all();
    }

    /// Returns the [label](crate::Store::label) and the statistics of each open file, in the order in which the
    /// files were opened. A file that has [kept its pages](crate::FileOptions::keep_pages) while it was closed is in its
    /// former place.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let cache = PageCache::new(64);
    /// let (one, _two) = (cache.open(MemStore::new())?, cache.open(MemStore::new())?);
    /// one.write_all_at(&[1; 8192], 0)?;
    /// let dirty: Vec<u64> = cache.files().iter().map(|(_, stats)| stats.dirty).collect();
    /// assert_eq!(dirty, [2, 0]);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn files(&self) -> Vec<(String, FileStats)> {
        let of = |file: Visit<Inode>| (file.store.label_at_open().to_string(), file.stats());
        self.visits().map(of).collect()
    }

    /// Visits the open files one after the other, in the order in which they were opened.
    fn visits(&self) -> impl Iterator<Item = Visit<Inode>> {
        let pool = &self.shared.pool;
        pool.owners_by_age().into_iter().filter_map(|id| visit(pool, id))
    }

    fn sync_files(&self, timeout: Option<Duration>) -> Result<(), SyncError> {
        // A deadline beyond the range of the clock is no deadline.
        let end = |timeout| Some((Instant::now().checked_add(timeout)?, timeout));
        let limit = timeout.and_then(end);
        let round = Arc::new(Round::default());
        let mut state = round.state();
        let mut after_others = Vec::new();
        for file in self.visits().filter(|file| !file.is_settled()) {
            match file.check_waits_for_others() {
                Err(error) => state.failures.push(file.note_failure(request(), error)),
                Ok(()) if file.write_retry.fails() => after_others.push(file),
                Ok(()) => state.waiting.push_back(file),
            }
        }
        state.waiting.extend(after_others);
        let threads = state.waiting.len().min(FEW);
        if !(0..threads).all(|_| round.start_thread()) {
            drop(state);
            // The files that are left if not all threads could be started.
            round.work();
            state = round.state();
        }
        let mut state = round.wait_until_finished(state, limit);
        let failures = std::mem::take(&mut state.failures);
        if failures.is_empty() { Ok(()) } else { Err(SyncError { failures }) }
    }
}

impl Round {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a thread that syncs files, if it can be started; whether it was.
    fn start_thread(self: &Arc<Self>) -> bool {
        let round = Arc::clone(self);
        thread::Builder::new().name("page-syncer".into()).spawn(move || round.work()).is_ok()
    }

    /// Syncs files until none waits.
    fn work(&self) {
        loop {
            let mut state = self.state();
            let Some(file) = state.waiting.pop_front() else { return };
            state.running.push((file.id, Arc::clone(file.store.label_at_open())));
            drop(state);
            let synced = unwind::catch_as_error("the sync", || {
                file.unless_broken(file.sync(Scope::All, 0..u64::MAX, u64::MAX))
            });
            let failure = synced.err().map(|error| file.note_failure(request(), error));
            let id = file.id;
            // Before it is reported: then the store may be opened again. Its drop is user code, like an error's above.
            unwind::discard(file);
            let mut state = self.state();
            state.running.retain(|&(running, _)| running != id);
            state.failures.extend(failure);
            drop(state);
            self.finished.notify_all();
        }
    }

    /// Waits until all files are finished, or until the end of a timeout; starts threads as they are needed.
    fn wait_until_finished<'a>(
        self: &'a Arc<Self>,
        mut state: MutexGuard<'a, State>,
        limit: Option<(Instant, Duration)>,
    ) -> MutexGuard<'a, State> {
        while !state.running.is_empty() || !state.waiting.is_empty() {
            let now = Instant::now();
            if let Some((_, timeout)) = limit.filter(|&(until, _)| until <= now) {
                state.give_up(timeout);
                break;
            }
            let before = state.running.len() + state.waiting.len();
            let left = limit.map_or(GRACE, |(until, _)| GRACE.min(until - now));
            let waited = self.finished.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            let after = state.running.len() + state.waiting.len();
            if after == before && !state.waiting.is_empty() {
                self.start_thread();
            }
        }
        state
    }
}

impl State {
    /// Reports the files that are not finished as failures. Syncs that are in progress continue.
    fn give_up(&mut self, timeout: Duration) {
        let failure = |label: &Arc<str>, message| {
            let error = io::Error::new(io::ErrorKind::TimedOut, message);
            Failure::new(request(), Arc::clone(label), error)
        };
        for file in std::mem::take(&mut self.waiting) {
            let message = format!("the sync had not begun after {timeout:?}");
            self.failures.push(failure(file.store.label_at_open(), message));
        }
        let late = self.running.iter().map(|(_, label)| failure(label, not_ended(timeout)));
        self.failures.extend(late);
    }
}

fn request() -> Request {
    Request::of_file("sync_all")
}
