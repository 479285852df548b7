//! What a program tells the cache of its plans, and asks it about what is where.

use std::io;
use std::ops::Range;

use super::{File, PAGE};
use crate::Store;

impl File {
    /// Starts to bring the pages of `range` into the cache, and does not wait for them. A thread of the cache reads them,
    /// in runs of up to 64, as far as there are frames that are free or that were brought in lately and not used.
    ///
    /// It is a hint: errors are not reported, and pages may be left out. While the store does not answer such a
    /// read, dropping the last handle of a file without dirty pages waits for it, without a time limit.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the range is inverted.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache, Store};
    ///
    /// let store = MemStore::new();
    /// store.write_at(&[1; 8 * 4096], 0)?;
    /// let file = PageCache::new(64).open(store)?;
    /// file.will_need(0..8 * 4096)?;
    /// while file.stats().resident < 8 {
    ///     std::thread::yield_now();
    /// }
    /// # std::io::Result::Ok(())
    /// ```
    pub fn will_need(&self, range: Range<u64>) -> io::Result<()> {
        let inode = self.inode();
        inode.hint("will_need", &range)?;
        let pages = range.start / PAGE..range.end.min(inode.size()).div_ceil(PAGE);
        if !pages.is_empty() {
            inode.cache.flusher.bring_in(inode.id, pages);
        }
        Ok(())
    }

    /// Evicts the pages of `range` that can be evicted at once, and returns how many. Pages that are dirty, pinned, guarded or
    /// in use stay, so to get rid of all write them first ([`writeback`](File::writeback)), or use
    /// [`drop_cached`](File::drop_cached).
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the range is inverted.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(&[1; 2 * 4096], 0)?;
    /// file.writeback(0..4096)?;
    /// assert_eq!(file.dont_need(0..u64::MAX)?, 1);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn dont_need(&self, range: Range<u64>) -> io::Result<u64> {
        self.inode().hint("dont_need", &range)?;
        Ok(self.inode().evict_unneeded(range.start / PAGE..range.end.div_ceil(PAGE)))
    }

    /// Writes the dirty pages of `range` to the store and drops what is cached of it. The next read asks the store. It makes
    /// nothing durable.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the range is inverted. The store's error; the pages from there on stay cached then.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(&[1; 2 * 4096], 0)?;
    /// file.drop_cached(0..u64::MAX)?;
    /// assert_eq!(file.stats().resident, 0);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn drop_cached(&self, range: Range<u64>) -> io::Result<()> {
        let request = self.inode().hint("drop_cached", &range)?;
        self.inode().drop_cached(range).map_err(|error| self.inode().failed(request, error))
    }

    /// Returns the parts of `range` that have data, ascending and not adjacent to each other: dirty pages, and what the store
    /// does not name as a hole ([`Store::holes`]). What lies between them, up to the end of the file, reads as zeroes.
    /// Nothing is written to the store for this.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the range is inverted. The store's error.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(&[1; 4096], 8192)?;
    /// assert_eq!(file.data_ranges(0..u64::MAX)?, [8192..12288]);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn data_ranges(&self, range: Range<u64>) -> io::Result<Vec<Range<u64>>> {
        let request = self.inode().hint("data_ranges", &range)?;
        self.inode().data_in(range).map_err(|error| self.inode().failed(request, error))
    }

    /// Returns how many bytes of blocks the store has for the file, or `None` if the store cannot tell
    /// ([`Store::allocated_size`]). Dirty pages may need more once they are written.
    ///
    /// # Errors
    ///
    /// The store's error.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(1 << 30)?;
    /// file.write_all_at(&[1; 10], 1 << 20)?;
    /// file.sync_data()?;
    /// assert_eq!(file.allocated_size()?, Some(4096));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn allocated_size(&self) -> io::Result<Option<u64>> {
        let request = self.inode().hint("allocated_size", &(0..u64::MAX))?;
        self.inode().store.allocated_size().map_err(|error| self.inode().failed(request, error))
    }
}
