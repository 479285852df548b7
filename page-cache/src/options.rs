//! How a cache is made, and how a file is opened.

use std::time::Duration;

/// The fewest frames that a cache has: every path in flight needs one or two.
const LEAST_CAPACITY: usize = 16;

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
}
