//! How a cache is made, and how a file is opened.

mod hook;
mod whole_pages;

use std::io;
use std::time::Duration;

pub(crate) use hook::BeforeWriteback;
pub use whole_pages::PageTransform;
pub(crate) use whole_pages::{Sends, Transform};

use crate::page::{DirtyPage, PAGE_SIZE};

/// The fewest frames that a cache has: every operation in progress needs one or two.
pub(crate) const LEAST_CAPACITY: usize = 16;

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
    pub(crate) capacity: usize,
    pub(crate) max_capacity: usize,
    pub(crate) dirty_limit: usize,
    pub(crate) flush_interval: Duration,
    pub(crate) readahead: usize,
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
            max_capacity: capacity,
            dirty_limit: capacity / 2,
            flush_interval: Duration::from_secs(1),
            readahead: 32,
        }
    }

    /// The default options of a cache of `bytes`, in whole pages; as [`new`](Options::new) otherwise.
    ///
    /// The memory is reserved at once and taken from the system as pages come in.
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
        Options::new(bytes / PAGE_SIZE)
    }

    /// Lets the cache grow to `pages` with [`PageCache::set_capacity`](crate::PageCache::set_capacity): so much address
    /// space is reserved. The default is its capacity.
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
        Options { max_capacity: pages.max(self.capacity), ..self }
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

    /// Limits readahead for a sequential reader to `pages`. One read, with the pages that were asked for, is
    /// also limited to a twentieth of the cache (but at least two pages), and to 64 pages.
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
}

/// What may write a file's dirty pages to its store.
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
    /// The default options: writes reach the store by writeback, after they have returned.
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

    /// Makes writes return only when the store has their bytes, or with the store's error. The bytes are
    /// cached too, and durable after the next sync. Stores through a mapping still wait for writeback.
    ///
    /// The option applies to the file, not to one handle: otherwise one page could be dirty with bytes of
    /// handles of both kinds.
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

    /// Calls `hook` before bytes of the cache are sent to the store, with the pages of the request in ascending
    /// order. This is the place of a write-ahead rule: the hook makes the log durable up to the greatest
    /// [`newest_tag`](DirtyPage::newest_tag), or returns an error, and then nothing is sent and the pages stay dirty.
    ///
    /// The hook runs for background writeback, for writeback by a sync, by a direct request or by a writer that
    /// needs room, and before a write-through. It does not run for the bytes of a direct write. What it is told is
    /// what is sent: writers of these pages wait until the hook has returned and the store has answered.
    ///
    /// It runs on the thread that cleans the pages: one of the cache, or one that uses the file. It counts as part
    /// of the store's request. If it fails or panics, the file is treated as if its store had failed, except that
    /// nothing is lost and the error is not kept for other handles: a sync and a writer that needs room return the
    /// hook's error, the flusher tries again after a pause. Of a request that was refused it tries
    /// smaller parts. If the hook hangs, only this file waits, like files whose store hangs.
    ///
    /// The hook may use files of the same cache that have no hook themselves: it may append to a log and sync it.
    /// Every operation on a file with a hook fails with [`Deadlock`](io::ErrorKind::Deadlock) there. The hook must not wait
    /// for a lock whose holder uses the file meanwhile. The memory that is written to the log must
    /// not be a mapping of the file.
    ///
    /// If the store is opened again, the options must contain a clone of this hook.
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
    /// [`close`](crate::File::close) of this file writes them ("no steal"). So the store only receives bytes whose writeback was requested
    /// explicitly.
    ///
    /// The file has its share of the pages that may be dirty ([`Options::dirty_limit`]). A write that needs more
    /// fails with [`QuotaExceeded`](io::ErrorKind::QuotaExceeded), and so does a store to a mapping. A direct request, a collapse and
    /// an insert fail with [`ResourceBusy`](io::ErrorKind::ResourceBusy) while pages of their range are dirty. Dropping
    /// the last handle writes nothing: the dirty pages are lost, and counted in [`CacheStats`](crate::CacheStats).
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
}
