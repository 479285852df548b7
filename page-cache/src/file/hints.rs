//! Hints to the cache, and queries of what the cache and the store have.

use std::io;
use std::ops::Range;

use super::File;
use crate::Store;

impl File {
    /// Starts to read the pages of `range` into the cache, and returns without waiting. A thread of the cache reads
    /// up to 256 KiB at a time, as long as there are frames that are free, or whose pages were read recently and
    /// have not been used since.
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

    /// Returns the parts of `range` that contain data: dirty pages, and what the store does not report as a hole
    /// ([`Store::holes`]). They are in ascending order and not adjacent to each other. The rest of the range, up to
    /// the end of the file, reads as zeroes. The part past the end of the file is ignored. An empty range contains
    /// no data. If the store cannot tell holes from allocated zeroes, all that it contains counts as data. A
    /// [`FileStore`](crate::FileStore) cannot tell for a file with preallocated space.
    ///
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

    /// Returns the number of bytes that the store has allocated for the file, or `None` if the store cannot tell
    /// ([`Store::allocated_size`]). Writing dirty pages may allocate more.
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
