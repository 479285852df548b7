//! `PageCache`: the frames that many files share.

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::blocking::{Mutex, PoisonError, RwLock, RwLockWriteGuard};
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

#[cfg(doc)]
use super::FileStore;
use super::backing::{identify, refused_by_name};
use super::dirty::DirtyPages;
use super::file::File;
use super::file_options::FileOptions;
use super::flusher::{self, Flusher};
use super::frame::Frames;
use super::frame::{Key, LockedPage};
use super::identity::{Found, OpenStores, find_or_register};
use super::index::Index;
use super::inode::Inode;
use super::loans::Loans;
use super::page_table::MappingId;
use super::reclaim::Queues;
use super::stats::{Counters, Stats};
use super::visit::Visit;
use super::{PathLock, Store};
use spanlock::MappingLock;

/// The fewest frames that a cache has: every path in flight needs one or two.
const LEAST_CAPACITY: usize = 16;

/// The most: a frame's number has 32 bits, and one of them is none.
const MOST_CAPACITY: u32 = u32::MAX - 1;

/// How a cache is made.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use spanlock_page_cache::{Options, PageCache};
///
/// let options = Options::new(1024).dirty_limit(64).flush_interval(Duration::from_millis(100));
/// let cache: PageCache = PageCache::with_options(options);
/// assert_eq!(cache.capacity(), 1024);
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    capacity: usize,
    dirty_limit: usize,
    flush_interval: Duration,
    readahead: usize,
}

impl Options {
    /// A cache of `capacity` pages (at least 16), half of which may be dirty, flushed every
    /// second, which reads up to 32 pages ahead.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{Options, PageCache};
    ///
    /// let cache: PageCache = PageCache::with_options(Options::new(1));
    /// assert_eq!(cache.capacity(), 16);
    /// ```
    #[must_use]
    pub fn new(capacity: usize) -> Options {
        let capacity = capacity.max(LEAST_CAPACITY);
        Options {
            capacity,
            dirty_limit: capacity / 2,
            flush_interval: Duration::from_secs(1),
            readahead: 32,
        }
    }

    /// Lets at most about `pages` be dirty, of all files together, and never more than leave some frames
    /// to those who read.
    ///
    /// One file may have two thirds of that; several files that want more share it, so that there is
    /// something left for one that comes later. A writer that would dirty more writes pages of its own file back
    /// first: it waits for its own store only, and hears that store's error.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, Options, PageCache};
    ///
    /// let cache: PageCache = PageCache::with_options(Options::new(64).dirty_limit(8));
    /// let file = cache.open(MemStore::new())?;
    /// file.write_all_at(&[1; 16 * 4096], 0)?;
    /// assert!(cache.stats().writebacks > 0);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn dirty_limit(self, pages: usize) -> Options {
        Options { dirty_limit: pages.clamp(1, self.capacity), ..self }
    }

    /// Has the flusher write what is dirty of a file when it has been dirty for `interval`, or for a millisecond
    /// if that is longer. A file whose store fails is tried again after a pause, which doubles
    /// up to a second.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use spanlock_page_cache::{MemStore, Options, PageCache};
    ///
    /// // Writes nothing back until a sync, or until its room is wanted.
    /// let options = Options::new(64).flush_interval(Duration::MAX);
    /// let cache: PageCache = PageCache::with_options(options);
    /// let file = cache.open(MemStore::new())?;
    /// file.write_all_at(b"dirty", 0)?;
    /// assert_eq!(cache.stats().writebacks, 0);
    /// file.sync_data()?;
    /// assert_eq!(cache.stats().writebacks, 1);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn flush_interval(self, interval: Duration) -> Options {
        Options { flush_interval: interval, ..self }
    }

    /// Reads at most `pages` ahead of a reader that goes through a file in sequence, and never more
    /// than a twentieth of the cache, or two pages.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, Options, PageCache};
    ///
    /// let cache: PageCache = PageCache::with_options(Options::new(64).readahead(0));
    /// let file = cache.open(MemStore::new())?;
    /// file.set_len(8 * 4096)?;
    /// for page in 0..8 {
    ///     file.read_exact_at(&mut [0; 8], page * 4096)?;
    /// }
    /// assert_eq!(cache.stats().read_ahead, 0);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn readahead(self, pages: usize) -> Options {
        Options { readahead: pages, ..self }
    }
}

/// A cache of pages, shared by the files that were opened through it.
///
/// `L` is the lock that serialises the paths of each file; see [`PathLock`]. Dropping the cache
/// leaves open files as they are; the last of them takes the frames and the flusher with it.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{MemStore, PageCache};
///
/// let cache = PageCache::new(256);
/// let file = cache.open(MemStore::new())?;
/// file.write_all_at(b"hello", 0)?;
/// assert_eq!(file.len(), 5);
/// # std::io::Result::Ok(())
/// ```
pub struct PageCache<L: PathLock = MappingLock> {
    pub(super) shared: Arc<Shared<L>>,
}

impl PageCache {
    /// A cache of `capacity` pages (at least 16), serialised by the range lock.
    ///
    /// # Panics
    ///
    /// If `capacity` is more than 2<sup>32</sup> - 2 pages, or so many exceed the address space. Aborts as
    /// any allocation does if they exceed the memory.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(spanlock_page_cache::PageCache::new(100).capacity(), 100);
    /// ```
    #[must_use]
    pub fn new(capacity: usize) -> PageCache {
        PageCache::with_options(Options::new(capacity))
    }
}

impl<L: PathLock> PageCache<L> {
    /// A cache as `options` say.
    ///
    /// # Panics
    ///
    /// As [`new`](PageCache::new).
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{Options, PageCache, WholeFile};
    ///
    /// let cache: PageCache<WholeFile> = PageCache::with_options(Options::new(32));
    /// assert_eq!(cache.capacity(), 32);
    /// ```
    #[must_use]
    pub fn with_options(options: Options) -> PageCache<L> {
        PageCache { shared: Arc::new(Shared::new(&options)) }
    }

    /// Caches `store`. Nothing else may change the store as long as the file is open.
    ///
    /// A store that says which one it is ([`Store::identity`]), such as a [`FileStore`] over a file of
    /// a file system, or anything in an [`Arc`], is open once: if it is open already, also by another
    /// path or another `FileStore`, this gives a handle of the same file, and drops the store that it
    /// was given. If the last handle is just being dropped, it waits until the file is closed. Of any
    /// other store two files would not see each other's writes.
    ///
    /// # Errors
    ///
    /// `ResourceBusy` if the store is open with other options, or by another cache or process
    /// ([`Locking`](super::Locking)). What the store says when asked for its length, or the system when asked for the flusher's
    /// thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache, Store};
    ///
    /// let store = Arc::new(MemStore::new());
    /// let file = PageCache::new(64).open(Arc::clone(&store))?;
    /// file.write_all_at(b"kept", 0)?;
    /// file.sync_all()?;
    /// assert_eq!(store.len()?, 4);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn open(&self, store: impl Store + 'static) -> io::Result<File<L>> {
        self.open_with(store, FileOptions::new())
    }

    /// Caches `store` as [`open`](PageCache::open) does, in the way that `options` say.
    ///
    /// # Errors
    ///
    /// As [`open`](PageCache::open).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use spanlock_page_cache::{FileOptions, MemStore, PageCache, Store};
    ///
    /// let log = Arc::new(MemStore::new());
    /// let options = FileOptions::new().write_through();
    /// let file = PageCache::new(64).open_with(Arc::clone(&log), options)?;
    /// file.write_all_at(b"entry", 0)?;
    /// assert_eq!(log.len()?, 5);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn open_with(
        &self,
        store: impl Store + 'static,
        options: FileOptions,
    ) -> io::Result<File<L>> {
        flusher::start(&self.shared)?;
        let shared = &self.shared;
        let registration = match identify(&store, &shared.frames)? {
            Some(identity) => {
                let found =
                    find_or_register(&shared.open_stores, identity, &options, &shared.frames);
                let found =
                    found.map_err(|error| refused_by_name(&store, &shared.frames, error))?;
                match found {
                    Found::Open(handle) => return Ok(File::another(handle)),
                    Found::Absent(registration) => Some(registration),
                }
            }
            None => None,
        };
        let id = shared.next_file.fetch_add(1, Ordering::Relaxed);
        let inode = Arc::new(Inode::new(id, store, Arc::clone(shared), options, registration)?);
        shared.files_mut().insert(id, Arc::clone(&inode));
        Ok(File::new(inode))
    }

    /// How many pages the cache holds at most.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(spanlock_page_cache::PageCache::new(0).capacity(), 16);
    /// ```
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shared.frames.count() as usize
    }

    /// What the cache did so far.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let cache = PageCache::new(64);
    /// let file = cache.open(MemStore::new())?;
    /// file.write_all_at(&[1; 8192], 0)?;
    /// assert_eq!(cache.stats().misses, 2);
    /// file.write_all_at(&[2; 8192], 0)?;
    /// assert_eq!(cache.stats().hits, 2);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.counters.read()
    }
}

impl<L: PathLock> fmt::Debug for PageCache<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("PageCache");
        debug.field("capacity", &self.capacity()).field("dirty", &self.shared.dirty.count());
        debug.finish_non_exhaustive()
    }
}

/// What all files of a cache share.
pub(super) struct Shared<L: PathLock> {
    pub(super) frames: Frames,
    pub(super) index: Index,
    pub(super) counters: Counters,
    pub(super) dirty: DirtyPages,
    pub(super) loans: Loans,
    pub(super) flusher: Flusher,
    pub(super) queues: Mutex<Queues>,
    /// The longest window of readahead, in pages.
    pub(super) readahead: usize,
    open_stores: Arc<OpenStores<L>>,
    files: RwLock<HashMap<u64, Arc<Inode<L>>>>,
    next_file: AtomicU64,
    next_mapping: AtomicU64,
}

impl<L: PathLock> Shared<L> {
    fn new(options: &Options) -> Shared<L> {
        let frames = match u32::try_from(options.capacity) {
            Ok(frames) if frames < u32::MAX => frames,
            _ => panic!("a cache of {} pages is more than {MOST_CAPACITY}", options.capacity),
        };
        Shared {
            frames: Frames::new(frames),
            index: Index::new(frames),
            counters: Counters::new(),
            dirty: DirtyPages::new(options.dirty_limit, frames as usize),
            loans: Loans::new(frames as usize),
            flusher: Flusher::new(options.flush_interval),
            queues: Mutex::new(Queues::new(frames)),
            readahead: options.readahead,
            open_stores: Arc::new(OpenStores::new()),
            files: RwLock::default(),
            next_file: AtomicU64::new(1),
            next_mapping: AtomicU64::new(1),
        }
    }

    /// The number of a new mapping.
    pub(super) fn next_mapping(&self) -> MappingId {
        MappingId::new(self.next_mapping.fetch_add(1, Ordering::Relaxed))
    }

    /// A visit to a file that has not been closed.
    pub(super) fn file(&self, id: u64) -> Option<Visit<L>> {
        self.files.read().unwrap_or_else(PoisonError::into_inner).get(&id).map(Visit::new)
    }

    /// Lets no visitor in any more, and waits until the last has left. The caller holds nothing.
    pub(super) fn remove_file(&self, id: u64) {
        let removed = self.files_mut().remove(&id);
        if let Some(file) = removed {
            file.visitors.wait_until_gone();
        }
    }

    /// The page, locked, if it is cached.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(super) fn find_locked(&self, key: Key) -> Option<LockedPage<'_>> {
        loop {
            let locked = self.index.find(&self.frames, key)?.lock();
            if locked.key() == key {
                return Some(locked);
            }
        }
    }

    fn files_mut(&self) -> RwLockWriteGuard<'_, HashMap<u64, Arc<Inode<L>>>> {
        self.files.write().unwrap_or_else(PoisonError::into_inner)
    }
}
