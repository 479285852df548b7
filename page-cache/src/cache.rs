//! `PageCache`: the frames that many files share.

mod sync;

use std::fmt;
use std::io;
use std::sync::Arc;

pub use self::sync::SyncError;
#[cfg(doc)]
use crate::FileStore;
use crate::Store;
use crate::file::File;
use crate::files::inode::Inode;
use crate::files::operation_lock::InodeLock;
use crate::files::store_access::checked_store::{identify, mode_of, refused_by_name};
use crate::files::store_access::open_stores::{OpenStores, Opening, find_or_register};
use crate::options::{FileOptions, Options};
use crate::page::PageSize;
use crate::pages::pool::Pool;
use crate::stats::CacheStats;
use crate::writeback::workers;

/// A cache of pages, shared by the files that were opened through it.
///
/// Files stay open when the `PageCache` is dropped. The memory is freed and the flusher stops once the `PageCache`
/// is dropped and all files are closed.
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
    pub(crate) shared: Shared,
}

impl PageCache {
    /// Creates a cache of `capacity` pages, or of 16 if `capacity` is smaller, with default options.
    ///
    /// # Panics
    ///
    /// Panics if `capacity` exceeds 2<sup>32</sup> - 2 pages, or if the pages do not fit into the address space.
    /// Aborts if there is not enough memory, as any allocation does.
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
    /// As [`new`](PageCache::new), and for [`Options::max_capacity`] the same.
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
        PageCache { shared: Shared::new(&options, InodeLock::ranges) }
    }

    /// Creates a cache whose operations use another lock than the range lock, for comparisons. Available with the
    /// feature `model`.
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
    pub fn with_lock<L: crate::OperationLock>(options: Options) -> PageCache {
        PageCache { shared: Shared::new(&options, L::inode_lock) }
    }

    /// Opens `store` as a cached file, with the default [`FileOptions`]. Nothing else may change the store while
    /// the file is open.
    ///
    /// A store with an [identity](Store::identity), such as a [`FileStore`] or anything in an [`Arc`], is open at
    /// most once in a cache. If it is open already, even by another path, this returns another handle of the same
    /// file and drops `store`. If its last handle is being dropped, this waits until the file is closed, or fails
    /// after five seconds in which the store has not answered. Do not open a store without an identity twice: the
    /// two files would not see each other's writes.
    ///
    /// # Errors
    ///
    /// `ResourceBusy` if the store is open with other options or in another [mode](Store::mode), such as read-only,
    /// or is open in another cache or process ([`Locking`](crate::Locking)), or is being closed and has not
    /// answered for five seconds. `InvalidData` if the store is longer than `i64::MAX` bytes, or its
    /// [`direct_alignment`](Store::direct_alignment) is no power of two up to 1 MiB. The store's error
    /// from [`Store::acquire`] or [`Store::len`]. The system's error if a thread of the flusher cannot be started.
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

    /// Opens `store` as a cached file like [`open`](PageCache::open), with these options.
    ///
    /// # Errors
    ///
    /// As [`open`](PageCache::open), and as [`FileOptions::whole_pages`] describes. With
    /// [`FileOptions::keep_modified_time`], also the store's error from [`Store::modified`].
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
        let shared = &self.shared;
        workers::start(&shared.pool)?;
        let registration = match identify(&store, &shared.pool.frames)? {
            Some(identity) => {
                let (stores, frames) = (&shared.open_stores, &shared.pool.frames);
                let mode = mode_of(&store, frames)?;
                let found = find_or_register(stores, identity, &options, &mode, frames);
                let found =
                    found.map_err(|error| refused_by_name(&store, &shared.pool.frames, error))?;
                match found {
                    Opening::Open(handle) => {
                        let handle = handle.downcast().expect("what is registered is a handle");
                        return Ok(File::another(handle));
                    }
                    Opening::Absent(registration) => Some(registration),
                }
            }
            None => None,
        };
        let page_size = shared.pool.frames.page_size();
        let locks = [(shared.new_lock)(page_size), (shared.new_lock)(page_size)];
        let pool = Arc::clone(&shared.pool);
        let inode = Inode::new(store, pool, options, registration, locks, shared.readahead)?;
        inode.check_options().map_err(|error| inode.store.refused(error))?;
        inode.take_pages_over();
        let inode = Arc::new(inode);
        shared.pool.add_owner(inode.id, Arc::clone(&inode) as _);
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
        self.shared.pool.capacity()
    }

    /// Returns the size of the cache's pages in bytes: [`PAGE_SIZE`](crate::PAGE_SIZE), or what
    /// [`Options::page_size`] set.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{Options, PageCache};
    ///
    /// assert_eq!(PageCache::new(64).page_size(), 4096);
    /// let cache = PageCache::with_options(Options::with_bytes(4 << 20).page_size(16384));
    /// assert_eq!(cache.page_size(), 16384);
    /// assert_eq!(cache.capacity() * cache.page_size(), 4 << 20);
    /// ```
    #[must_use]
    pub fn page_size(&self) -> usize {
        self.shared.pool.frames.page_size().len()
    }

    /// Changes the number of pages that the cache can hold to `pages`, which must be at least 16 and at most
    /// [`Options::max_capacity`].
    ///
    /// To shrink the cache, this evicts pages until the others fit, and returns the memory of the evicted pages to
    /// the system (on Linux, unless the system's pages are larger than the cache's). Dirty pages are written to their
    /// stores first, so nothing is lost. The limit on dirty pages changes in proportion. Other threads can use the
    /// files meanwhile. If the method is called again before an earlier call has returned, the earlier one returns `Ok`
    /// without having any further effect.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if `pages` is out of range. `ResourceBusy` if no page could be evicted for ten seconds,
    /// because stores do not accept the dirty pages, or [guards](crate::PageRef) and [pins](crate::PagePin) hold the
    /// others. `ResourceBusy` immediately if guards hold `pages` pages or more, or as many are kept for
    /// [tasks](crate::File::page_async) that were not polled since, or if a cache of that size cannot have as many
    /// [pins](crate::File::pin), or as many dirty pages that only a sync may write
    /// ([`FileOptions::no_steal`](crate::FileOptions::no_steal)), as there are. Then the capacity is what it was
    /// before.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let cache = PageCache::new(1024);
    /// let file = cache.open(MemStore::new())?;
    /// file.write_all_at(&[7; 256 * 4096], 0)?;
    /// cache.set_capacity(32)?;
    /// assert_eq!(cache.capacity(), 32);
    /// let mut seen = [0; 1];
    /// file.read_exact_at(&mut seen, 100 * 4096)?;
    /// assert_eq!(seen, [7]);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_capacity(&self, pages: usize) -> io::Result<()> {
        self.shared.pool.set_capacity(pages)
    }

    /// Returns statistics of this cache since it was created.
    ///
    /// # Complexity
    ///
    /// Linear in the number of open files, and of closed ones whose pages were kept.
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
    pub fn stats(&self) -> CacheStats {
        self.shared.pool.stats()
    }
}

impl fmt::Debug for PageCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("PageCache");
        debug.field("capacity", &self.capacity()).field("dirty", &self.shared.pool.dirty.count());
        debug.finish_non_exhaustive()
    }
}

/// What all files of a cache share.
pub(crate) struct Shared {
    pub(crate) pool: Arc<Pool>,
    open_stores: Arc<OpenStores>,
    /// The longest window of readahead, in pages.
    readahead: usize,
    /// Makes the locks of a file.
    new_lock: fn(PageSize) -> InodeLock,
}

impl Shared {
    fn new(options: &Options, new_lock: fn(PageSize) -> InodeLock) -> Shared {
        Shared {
            pool: Arc::new(Pool::new(options)),
            open_stores: Arc::new(OpenStores::new()),
            readahead: options.readahead_in_pages(),
            new_lock,
        }
    }
}
