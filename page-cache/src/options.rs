//! The options of a cache, and those of a file.

mod hook;
mod whole_pages;

use std::io;
use std::time::Duration;

pub(crate) use hook::BeforeWriteback;
pub use whole_pages::PageTransform;
pub(crate) use whole_pages::{Sends, Transform};

use crate::page::{DirtyPage, PageSize};

/// The fewest frames that a cache has: every operation in progress needs one or two.
pub(crate) const LEAST_CAPACITY: usize = 16;

/// The bytes of the longest readahead, if the options do not say.
const READAHEAD: usize = 128 << 10;

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
    pub(crate) page_size: PageSize,
    capacity: Capacity,
    max_capacity: usize,
    dirty_limit: Option<usize>,
    pub(crate) flush_interval: Duration,
    readahead: Option<usize>,
}

/// As it was given: how many pages some bytes are depends on the page size.
#[derive(Clone, Copy, Debug)]
enum Capacity {
    Pages(usize),
    Bytes(usize),
}

impl Options {
    /// Returns the default options for a cache of `capacity` pages (at least 16). Half of the pages may be dirty,
    /// dirty pages are written back after one second, and readahead is at most 128 KiB.
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
        Options {
            page_size: PageSize::DEFAULT,
            capacity: Capacity::Pages(capacity),
            max_capacity: 0,
            dirty_limit: None,
            flush_interval: Duration::from_secs(1),
            readahead: None,
        }
    }

    /// Returns the default options for a cache of `bytes` bytes, rounded down to whole pages. Otherwise like
    /// [`new`](Options::new).
    ///
    /// The cache reserves address space for all of its pages, and takes memory from the system when it first uses a
    /// page.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{Options, PAGE_SIZE, PageCache};
    ///
    /// let cache = PageCache::with_options(Options::with_bytes(64 << 20));
    /// assert_eq!(cache.capacity() * PAGE_SIZE, 64 << 20);
    /// ```
    #[must_use]
    pub fn with_bytes(bytes: usize) -> Options {
        Options { capacity: Capacity::Bytes(bytes), ..Options::new(0) }
    }

    /// Sets the size of a page in bytes. The default is [`PAGE_SIZE`](crate::PAGE_SIZE), 4096.
    ///
    /// A large page costs less for each byte that is read or written in sequence, and is one request to the store. A
    /// small write to it dirties no more than the written bytes, but a read of any byte fetches all of it. Choose
    /// the page size of the engine, so that one page guard has a whole node.
    ///
    /// Everything that is counted or numbered in pages is in pages of this size: the capacity, the dirty limit, page numbers, and
    /// statistics. A capacity in bytes ([`with_bytes`](Options::with_bytes)) stays the same. The offset of a mapping, the
    /// offset and the length of a collapse and an insertion, and all requests to a file of
    /// [whole pages](FileOptions::whole_pages) must be multiples of it. A store does not need to know it.
    ///
    /// # Panics
    ///
    /// Panics if `bytes` is not a power of two from 4096 to 65,536.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, Options, PageCache};
    ///
    /// let cache = PageCache::with_options(Options::with_bytes(8 << 20).page_size(16384));
    /// assert_eq!(cache.capacity(), 512);
    /// let file = cache.open(MemStore::new())?;
    /// file.write_all_at(b"a node", 16384)?;
    /// let node = file.page(1)?;
    /// assert_eq!(node.len(), 16384);
    /// assert!(node.starts_with(b"a node"));
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn page_size(self, bytes: usize) -> Options {
        let Some(page_size) = PageSize::new(bytes) else {
            panic!("a page size of {bytes} bytes is not a power of two from 4096 to 65536")
        };
        Options { page_size, ..self }
    }

    /// Sets the largest capacity, in pages, that [`PageCache::set_capacity`](crate::PageCache::set_capacity)
    /// accepts. The cache reserves address space for that many pages. The default, and the least, is the capacity
    /// that the cache has at first.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{Options, PageCache};
    ///
    /// let cache = PageCache::with_options(Options::new(64).max_capacity(1 << 16));
    /// assert_eq!(cache.capacity(), 64);
    /// cache.set_capacity(1 << 16)?;
    /// assert_eq!(cache.capacity(), 1 << 16);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn max_capacity(self, pages: usize) -> Options {
        Options { max_capacity: pages, ..self }
    }

    /// Limits the number of dirty pages of all files together to about `pages`. The effective limit is lower where
    /// that is necessary to leave frames for reads.
    ///
    /// One file may use two thirds of the limit. Several files that need more share it, and always leave a part for
    /// one more file. A writer whose file has reached its share first writes back pages of that file. It waits only
    /// for the file's own store, and returns that store's errors.
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
        Options { dirty_limit: Some(pages), ..self }
    }

    /// Sets the time after which a dirty page is written back, at least a millisecond. After a store has failed,
    /// the flusher pauses before it tries the file again. The pause doubles with each failure, up to a second.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use spanlock_page_cache::{MemStore, Options, PageCache};
    ///
    /// // Writes nothing back until a sync, or under memory pressure.
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

    /// Limits the readahead for a sequential reader to `pages`. Zero turns it off. One read from the store,
    /// including the requested pages, is also limited to 256 KiB and to a twentieth of the cache, but not to less
    /// than two pages.
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
        Options { readahead: Some(pages), ..self }
    }

    pub(crate) fn capacity(&self) -> usize {
        let pages = match self.capacity {
            Capacity::Pages(pages) => pages,
            Capacity::Bytes(bytes) => self.page_size.pages_in(bytes),
        };
        pages.max(LEAST_CAPACITY)
    }

    pub(crate) fn max_capacity_in_pages(&self) -> usize {
        self.max_capacity.max(self.capacity())
    }

    pub(crate) fn dirty_limit_in_pages(&self) -> usize {
        let capacity = self.capacity();
        self.dirty_limit.map_or(capacity / 2, |pages| pages.clamp(1, capacity))
    }

    pub(crate) fn readahead_in_pages(&self) -> usize {
        self.readahead.unwrap_or_else(|| self.page_size.pages_in(READAHEAD))
    }
}

/// The options of a file; see [`PageCache::open_with`](crate::PageCache::open_with).
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use spanlock_page_cache::{FileOptions, MemStore, PageCache, Store};
///
/// let store = Arc::new(MemStore::new());
/// let options = FileOptions::new().write_through();
/// let file = PageCache::new(64).open_with(Arc::clone(&store), options)?;
/// file.write_all_at(b"at once", 0)?;
/// assert_eq!(store.len()?, 7);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileOptions {
    pub(crate) write_mode: WriteMode,
    pub(crate) before_writeback: Option<BeforeWriteback>,
    pub(crate) steal: Steal,
    pub(crate) sends: Sends,
    pub(crate) transform: Option<Transform>,
    pub(crate) modified_time: TimeOf,
}

/// Whose a file's time of modification is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TimeOf {
    #[default]
    Store,
    /// Of the content of the cache.
    Cache,
}

/// When a file's dirty pages may be written to its store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Steal {
    /// Writeback at any time.
    #[default]
    Allowed,
    /// Only an explicit request: a sync, `writeback`, `close`.
    Refused,
}

/// When the bytes of a write reach the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum WriteMode {
    /// By writeback, after the write has returned.
    #[default]
    Back,
    /// Before the write returns.
    Through,
}

impl FileOptions {
    /// The name of an option that is not the same in both, if there is one.
    pub(crate) fn difference(&self, other: &FileOptions) -> Option<&'static str> {
        let FileOptions { write_mode, before_writeback, steal, sends, transform, modified_time } =
            self;
        let same = [
            ("write_through", *write_mode == other.write_mode),
            ("before_writeback", *before_writeback == other.before_writeback),
            ("no_steal", *steal == other.steal),
            ("transform", *transform == other.transform),
            ("whole_pages", *sends == other.sends),
            ("keep_modified_time", *modified_time == other.modified_time),
        ];
        same.iter().find(|(_, same)| !same).map(|&(option, _)| option)
    }

    /// Returns the default options: a write reaches the store by writeback, after it has returned.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{FileOptions, MemStore, PageCache};
    ///
    /// let cache = PageCache::new(64);
    /// let file = cache.open_with(MemStore::new(), FileOptions::new())?;
    /// file.write_all_at(b"later", 0)?;
    /// assert_eq!(file.len(), 5);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn new() -> FileOptions {
        FileOptions::default()
    }

    /// Makes a write return only after the store has received its bytes, or with the store's error. The bytes are
    /// cached too, and durable after the next sync. Stores through a mapping and changes through a page guard still
    /// wait for writeback.
    ///
    /// The option applies to all handles of the file: while the file is open, opening its store without the option
    /// fails with [`ResourceBusy`](io::ErrorKind::ResourceBusy).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use spanlock_page_cache::{FileOptions, MemStore, PageCache, Store};
    ///
    /// let store = Arc::new(MemStore::new());
    /// let options = FileOptions::new().write_through();
    /// let file = PageCache::new(64).open_with(Arc::clone(&store), options)?;
    /// file.append(b"entry")?;
    /// let mut stored = [0; 5];
    /// store.read_at(&mut stored, 0)?;
    /// assert_eq!(&stored, b"entry");
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn write_through(mut self) -> FileOptions {
        self.write_mode = WriteMode::Through;
        self
    }

    /// Calls `hook` before the cache sends bytes to the store, with the pages of the request in ascending order.
    /// This implements a write-ahead rule: the hook makes the log durable up to the largest
    /// [`newest_tag`](DirtyPage::newest_tag) of these pages. If the hook returns an error, nothing is sent and the
    /// pages stay dirty.
    ///
    /// The hook runs before every writeback: in the background, and by a sync, a direct request or a writer that
    /// must write pages back first. It also runs before a write-through, but not for the bytes of a direct write.
    /// From the call of the hook until the store has answered, the bytes and tags of these pages do not change:
    /// their writers wait.
    ///
    /// The hook runs on a thread of the cache or on one that uses the file, and counts as part of the request to
    /// the store. If it fails or panics, the file is treated as if its store had failed, except that nothing is
    /// lost and that the error is not kept for other handles. A sync, or a writer that must write pages back first,
    /// returns the hook's error. The flusher tries again after a pause, and splits the request. If the hook hangs,
    /// only the operations on this file wait, as if its store did not answer.
    ///
    /// The hook may use files of the same cache that have no hook themselves, for example append to a log and sync
    /// it. Operations on files that have a hook fail with [`Deadlock`](io::ErrorKind::Deadlock) inside a hook. The
    /// hook must not wait for a lock whose holder may be using the file. The memory that is written to the log must
    /// not be a mapping of the file.
    ///
    /// To open the store again while it is open, use a clone of these options: other options fail with
    /// [`ResourceBusy`](io::ErrorKind::ResourceBusy).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{self, ErrorKind};
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// use spanlock_page_cache::{FileOptions, MemStore, PageCache};
    ///
    /// let cache = PageCache::new(64);
    /// let log = cache.open(MemStore::new())?;
    /// let durable = Arc::new(AtomicU64::new(0)); // The log is durable up to this number.
    ///
    /// let (own_log, own_durable) = (log.clone(), Arc::clone(&durable));
    /// let options = FileOptions::new().before_writeback(move |pages| {
    ///     let newest = pages.iter().map(|page| page.newest_tag).max().unwrap_or(0);
    ///     if own_durable.load(Ordering::Relaxed) < newest {
    ///         own_log.sync_data()?;
    ///         own_durable.fetch_max(newest, Ordering::Relaxed);
    ///     }
    ///     Ok(())
    /// });
    /// let tree = cache.open_with(MemStore::new(), options)?;
    ///
    /// let number = log.append(b"set x")? + 5;
    /// tree.write_at_tagged(b"x", 0, number)?;
    /// assert_eq!(durable.load(Ordering::Relaxed), 0);
    /// tree.sync_data()?; // By way of the hook, the log comes first.
    /// assert_eq!(durable.load(Ordering::Relaxed), number);
    /// # io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn before_writeback(
        mut self,
        hook: impl Fn(&[DirtyPage]) -> io::Result<()> + Send + Sync + 'static,
    ) -> FileOptions {
        self.before_writeback = Some(BeforeWriteback::new(hook));
        self
    }

    /// Keeps dirty pages in the cache until a sync, [`writeback`](crate::File::writeback) or
    /// [`close`](crate::File::close) of this file writes them: the policy called "no steal". So the store never
    /// receives bytes of the cache before that was requested.
    ///
    /// The file has its share of the pages that may be dirty ([`Options::dirty_limit`]). A write that needs more
    /// fails with [`QuotaExceeded`](io::ErrorKind::QuotaExceeded), and so does a store to a mapping or an exclusive
    /// page guard. A direct request, a collapse, an insert and [`drop_cached`](crate::File::drop_cached) fail with
    /// [`ResourceBusy`](io::ErrorKind::ResourceBusy) while pages of their range are dirty. Dropping the last handle
    /// writes nothing: dirty pages are lost, and counted in [`CacheStats`](crate::CacheStats).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// use spanlock_page_cache::{FileOptions, MemStore, Options, PageCache};
    ///
    /// let cache = PageCache::with_options(Options::new(64).dirty_limit(8));
    /// let file = cache.open_with(MemStore::new(), FileOptions::new().no_steal())?;
    /// let full = (0..).find_map(|page| file.write_all_at(&[1; 4096], page * 4096).err());
    /// assert_eq!(full.unwrap().kind(), ErrorKind::QuotaExceeded);
    /// assert_eq!(cache.stats().writebacks, 0);
    /// file.sync_data()?;
    /// file.write_all_at(b"there is room again", 0)?;
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn no_steal(mut self) -> FileOptions {
        self.steal = Steal::Refused;
        self
    }

    /// Makes the cache keep the time at which the file's content last changed
    /// ([`File::modified`](crate::File::modified)).
    ///
    /// It is the time of the last write, store through a mapping, exclusive page guard that was dereferenced
    /// mutably, or change of size or extents, with a precision of a few milliseconds. Writeback does not change it.
    /// A sync, a close, and the drop of the last handle pass it to the store
    /// ([`Store::set_modified`](crate::Store::set_modified)); a [`FileStore`](crate::FileStore) sets the time of
    /// its file. Between a writeback and the next sync, the file system reports the time of the writeback.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{FileOptions, MemStore, PageCache};
    ///
    /// let options = FileOptions::new().keep_modified_time();
    /// let file = PageCache::new(64).open_with(MemStore::new(), options)?;
    /// file.write_all_at(b"changed", 0)?;
    /// let changed = file.modified();
    /// file.sync_all()?;
    /// assert_eq!(file.modified(), changed);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn keep_modified_time(mut self) -> FileOptions {
        self.modified_time = TimeOf::Cache;
        self
    }
}
