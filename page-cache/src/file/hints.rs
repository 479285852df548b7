//! Hints to the cache.

use std::io;
use std::ops::Range;

use super::File;

impl File {
    /// Starts to read the pages of `range` (a range of bytes) into the cache, and returns without waiting. A thread
    /// of the cache reads up to 256 KiB at a time, as long as there are frames that are free, or whose pages were
    /// read recently and have not been used since.
    ///
    /// This is a hint: errors are not reported, and pages may be left out. The part of the range past the end of
    /// the file is ignored. An empty range has no effect.
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
        let pages = inode.page_size.touched(&(range.start..range.end.min(inode.size())));
        if !pages.is_empty() {
            inode.cache.flusher.bring_in(inode.id, pages);
        }
        Ok(())
    }

    /// Evicts pages that `range` touches, without waiting, and returns the number of evicted pages. Pages that are
    /// dirty, pinned, guarded or in use stay. To remove dirty pages too, call [`writeback`](File::writeback) first,
    /// or use [`drop_cached`](File::drop_cached). An empty range has no effect.
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
        let inode = self.inode();
        Ok(inode.evict_unneeded(inode.page_size.touched(&range)))
    }

    /// Writes the dirty pages that `range` touches to the store, then removes all pages that it touches from the
    /// cache. It waits for guards of these pages and for other operations on them. The next read of the range reads
    /// from the store. Nothing becomes durable. An empty range has no effect.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the range is inverted. The store's error. After an error some or all of the pages stay in
    /// the cache, and no byte is lost.
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
}
