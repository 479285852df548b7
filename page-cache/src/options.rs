//! The options of a cache. `file` has those of a file; the types of single options are in the other modules.

mod file;
mod hook;
mod keep_pages;
mod page_transform;
mod whole_pages;

use std::time::Duration;

pub use file::FileOptions;
pub(crate) use file::{Steal, TimeOf, WriteMode};
pub(crate) use hook::BeforeWriteback;
pub(crate) use keep_pages::AtClose;
pub use page_transform::PageTransform;
pub(crate) use page_transform::Transform;
pub(crate) use whole_pages::Sends;

use crate::page::PageSize;

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
    /// Returns the default options for a cache of `capacity` pages, or of 16 if `capacity` is smaller. Half of the
    /// pages may be dirty, dirty pages are written back after one second, and readahead is at most 128 KiB.
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

    /// Returns the default options for a cache of `bytes` bytes, rounded down to whole pages, but at least 16 pages.
    /// Otherwise like [`new`](Options::new).
    ///
    /// The cache reserves address space for all of its pages, and takes memory from the system when it first uses a
    /// page. On Linux, a cache of 2 MiB or more asks for huge pages, and so takes memory in steps of 2 MiB. Such a cache
    /// can take up to 6 MiB more memory than the pages that it uses.
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
    /// Everything that is counted or numbered in pages is in pages of this size: the capacity, the
    /// dirty limit, page numbers, and statistics. A capacity in bytes
    /// ([`with_bytes`](Options::with_bytes)) stays the same. The offset of a mapping, the offset
    /// and the length of a collapse and an insertion, and all requests to a file of [whole
    /// pages](FileOptions::whole_pages) must be multiples of it. A store does not need to know it.
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

    /// Sets the largest capacity, in pages, that [`PageCache::set_capacity`](crate::PageCache::set_capacity) accepts.
    /// The cache reserves address space for that many pages. The default, which is also the minimum, is the capacity at
    /// creation.
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

    /// Limits the number of dirty pages of all files together to about `pages`. Zero counts as one. The default is half
    /// of the capacity. The effective limit is lower where that is necessary to leave frames for reads.
    ///
    /// One file may use two thirds of the limit. If several files need more than that, they share the limit, and always
    /// leave a part of it for one more file. A writer whose file has reached its share first writes back pages of that
    /// file. It waits only for the file's own store and, if other threads have [exclusive guards](crate::PageMut) of the
    /// file's dirty pages, for these guards. It returns the store's errors. After such an error, writers
    /// whose file has reached its share get the same error without a request to the store, for up to a quarter of a
    /// second: so a store that has failed is not asked by every writer. A direct write and a sync always ask the store.
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

    /// Sets the time after which a dirty page is written back. The default is one second; less than a millisecond
    /// counts as a millisecond. After a store has failed, the flusher pauses before it tries the file again. The pause
    /// doubles with each failure, up to a second.
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

    /// Limits the readahead for a sequential reader to `pages`. Zero turns it off. The default is as many pages as 128
    /// KiB have. One read from the store, including the requested pages, is also limited to 256 KiB and to a twentieth
    /// of the cache, but not to less than two pages.
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
