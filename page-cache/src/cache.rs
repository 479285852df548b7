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
use super::Store;
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
use super::operation_lock::OperationLock;
use super::page_table::MappingId;
use super::reclaim::Queues;
use super::stats::{Counters, Stats};
use super::visit::Visit;

/// The fewest frames that a cache has: every path in flight needs one or two.
const LEAST_CAPACITY: usize = 16;

/// The most: a frame's number has 32 bits, and one of them is none.
const MOST_CAPACITY: u32 = u32::MAX - 1;

/// The options of a cache.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use spanlock_page_cache::{Options, PageCache};
///
/// let options = Options::new(1024).dirty_limit(64).flush_interval(Duration::from_millis(100));
/// let cache = PageCache::with_options(options);
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
    /// The default options of a cache of `capacity` pages (at least 16): half of them may be dirty, dirty
    /// pages are written back after a second, and readahead is at most 32 pages.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{Options, PageCache};
    ///
    /// let cache = PageCache::with_options(Options::new(1));
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

    /// Limits the number of dirty pages of all files together to about `pages`. The effective limit always
    /// leaves some frames for reads.
    ///
    /// One file may have two thirds of the limit. Several files that want more share it, so that a further
    /// file still gets a part. A writer above its file's share first writes back pages of its own file; it
    /// waits only for its own store and returns that store's errors.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, Options, PageCache};
    ///
    /// let cache = PageCache::with_options(Options::new(64).dirty_limit(8));
    /// let file = cache.open(MemStore::new())?;
    /// file.write_all_at(&[1; 16 * 4096], 0)?;
    /// assert!(cache.stats().writebacks > 0);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn dirty_limit(self, pages: usize) -> Options {
        Options { dirty_limit: pages.clamp(1, self.capacity), ..self }
    }

    /// Writes dirty pages back after `interval` (at least a millisecond). A file whose store fails is tried
    /// again after a pause that doubles up to a second.
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
    /// let cache = PageCache::with_options(options);
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

    /// Limits readahead for a sequential reader to `pages`. It is also limited to a twentieth of the cache,
    /// but at least two pages.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, Options, PageCache};
    ///
    /// let cache = PageCache::with_options(Options::new(64).readahead(0));
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
/// Files stay open when the cache is dropped. The last of them drops the frames and stops the flusher.
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
pub struct PageCache {
    pub(super) shared: Arc<Shared>,
}

impl PageCache {
    /// Creates a cache of `capacity` pages (at least 16) with default options.
    ///
    /// # Panics
    ///
    /// Panics if `capacity` exceeds 2<sup>32</sup> - 2 pages or the address space. Aborts if there is not
    /// enough memory, as any allocation does.
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

    /// Creates a cache with these options.
    ///
    /// # Panics
    ///
    /// As [`new`](PageCache::new).
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{Options, PageCache};
    ///
    /// let cache = PageCache::with_options(Options::new(32));
    /// assert_eq!(cache.capacity(), 32);
    /// ```
    #[must_use]
    pub fn with_options(options: Options) -> PageCache {
        PageCache { shared: Arc::new(Shared::new(&options, OperationLock::ranges)) }
    }

    /// A cache whose operations are serialised by another lock than the range lock, to compare them. With the
    /// feature `model` only.
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
    /// let cache = PageCache::with_lock::<WholeFile>(Options::new(32));
    /// assert_eq!(cache.capacity(), 32);
    /// ```
    #[cfg(feature = "model")]
    #[must_use]
    pub fn with_lock<L: super::PathLock>(options: Options) -> PageCache {
        PageCache { shared: Arc::new(Shared::new(&options, L::operation_lock)) }
    }

    /// Opens a file over `store`. Nothing else may change the store while the file is open.
    ///
    /// A store with an [identity](Store::identity), such as a [`FileStore`] or anything in an [`Arc`], is
    /// open once in a cache. If it is open already, by any path, this returns another handle of the same
    /// file and drops `store`. If its last handle is being dropped, it waits until the file is closed. Do
    /// not open a store without an identity twice: the two files would not see each other's writes.
    ///
    /// # Errors
    ///
    /// `ResourceBusy` if the store is open with other options, or in another cache or process
    /// ([`Locking`](super::Locking)). The store's error when asked for its length. The system's error if
    /// the flusher's thread cannot be started.
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
    pub fn open(&self, store: impl Store + 'static) -> io::Result<File> {
        self.open_with(store, FileOptions::new())
    }

    /// Opens a file over `store` like [`open`](PageCache::open), with these options.
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
    pub fn open_with(&self, store: impl Store + 'static, options: FileOptions) -> io::Result<File> {
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

    /// Returns the number of pages that the cache can hold.
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

    /// Returns statistics of this cache since it was created.
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

impl fmt::Debug for PageCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("PageCache");
        debug.field("capacity", &self.capacity()).field("dirty", &self.shared.dirty.count());
        debug.finish_non_exhaustive()
    }
}

/// What all files of a cache share.
pub(super) struct Shared {
    pub(super) frames: Frames,
    pub(super) index: Index,
    pub(super) counters: Counters,
    pub(super) dirty: DirtyPages,
    pub(super) loans: Loans,
    pub(super) flusher: Flusher,
    pub(super) queues: Mutex<Queues>,
    /// The longest window of readahead, in pages.
    pub(super) readahead: usize,
    /// Makes the locks of a file.
    pub(super) new_lock: fn() -> OperationLock,
    open_stores: Arc<OpenStores>,
    files: RwLock<HashMap<u64, Arc<Inode>>>,
    next_file: AtomicU64,
    next_mapping: AtomicU64,
}

impl Shared {
    fn new(options: &Options, new_lock: fn() -> OperationLock) -> Shared {
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
            new_lock,
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
    pub(super) fn file(&self, id: u64) -> Option<Visit> {
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

    fn files_mut(&self) -> RwLockWriteGuard<'_, HashMap<u64, Arc<Inode>>> {
        self.files.write().unwrap_or_else(PoisonError::into_inner)
    }
}
