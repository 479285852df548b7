//! `PageCache`: the frames that many files share.

use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::file::File;
use super::stats::{Counters, Stats};
use super::{PathLock, Store};
use crate::MappingLock;

/// The fewest frames that a cache has: every path in flight needs one or two.
const LEAST_CAPACITY: usize = 16;

/// How a cache is made.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use spanlock::page_cache::{Options, PageCache};
///
/// let options = Options::new(1024).dirty_limit(64).flush_interval(Duration::from_millis(100));
/// let cache: PageCache = PageCache::with_options(options);
/// assert_eq!(cache.capacity(), 1024);
/// ```
#[derive(Clone, Debug)]
#[expect(dead_code, reason = "the flusher is not there yet")]
pub struct Options {
    capacity: usize,
    dirty_limit: usize,
    flush_interval: Duration,
}

impl Options {
    /// A cache of `capacity` pages (at least 16), half of which may be dirty, flushed every
    /// second.
    #[must_use]
    pub fn new(capacity: usize) -> Options {
        let capacity = capacity.max(LEAST_CAPACITY);
        Options { capacity, dirty_limit: capacity / 2, flush_interval: Duration::from_secs(1) }
    }

    /// Lets at most about `pages` be dirty: writers that would dirty more wait for the flusher.
    #[must_use]
    pub fn dirty_limit(self, pages: usize) -> Options {
        Options { dirty_limit: pages.clamp(1, self.capacity), ..self }
    }

    /// Has the flusher write all that is dirty whenever `interval` has passed.
    #[must_use]
    pub fn flush_interval(self, interval: Duration) -> Options {
        Options { flush_interval: interval, ..self }
    }
}

/// A cache of pages, shared by the files that were opened through it.
///
/// `L` is the lock that serialises the paths of each file; see [`PathLock`].
///
/// # Examples
///
/// ```
/// use spanlock::page_cache::{MemStore, PageCache};
///
/// let cache = PageCache::new(256);
/// let file = cache.open(MemStore::new())?;
/// file.write_all_at(b"hello", 0)?;
/// assert_eq!(file.len(), 5);
/// # std::io::Result::Ok(())
/// ```
pub struct PageCache<L: PathLock = MappingLock> {
    options: Options,
    counters: Arc<Counters>,
    lock: PhantomData<fn() -> L>,
}

impl PageCache {
    /// A cache of `capacity` pages (at least 16), serialised by the range lock.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(spanlock::page_cache::PageCache::new(100).capacity(), 100);
    /// ```
    #[must_use]
    pub fn new(capacity: usize) -> PageCache {
        PageCache::with_options(Options::new(capacity))
    }
}

impl<L: PathLock> PageCache<L> {
    /// A cache as `options` say.
    #[must_use]
    pub fn with_options(options: Options) -> PageCache<L> {
        PageCache { options, counters: Arc::default(), lock: PhantomData }
    }

    /// Caches `store`. Nothing else may change the store as long as the file is open, and it is
    /// to be opened once: two files over one store do not see each other's writes.
    ///
    /// # Errors
    ///
    /// What the store says when asked for its length, or the system when asked for the flusher's
    /// thread.
    pub fn open(&self, store: impl Store + 'static) -> io::Result<File<L>> {
        File::open(Arc::new(store), Arc::clone(&self.counters))
    }

    /// How many pages the cache holds at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.options.capacity
    }

    /// What the cache did so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.counters.read()
    }
}
