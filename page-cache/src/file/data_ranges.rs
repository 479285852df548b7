//! Which parts of a file have data, and how much the store has allocated.

use std::io;
use std::ops::Range;

use super::File;
use crate::Store;

impl File {
    /// Returns the parts of `range`, in bytes, that contain data: dirty pages, and what the store does not report
    /// as a hole ([`Store::holes`]). They are in ascending order and not adjacent to each other. The rest of the
    /// range, up to the end of the file, reads as zeroes. The part past the end of the file is ignored. An empty
    /// range contains no data. If the store cannot tell holes from allocated zeroes, all of its bytes count as
    /// data. A [`FileStore`](crate::FileStore) can tell them apart on most file systems of Linux.
    ///
    /// This takes time in proportion to the number of dirty pages and of parts in the range, whatever the rest of the
    /// file contains.
    ///
    /// This writes nothing to the store.
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
