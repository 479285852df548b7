//! Mappings of a file.

use std::io;
use std::ops::Range;

use super::{File, inverted};
use crate::error::Request;
use crate::mapping::Mapping;

impl File {
    /// Maps `range` of the file, in bytes. The range must start at a page boundary, and may be empty or
    /// extend past the end of the file. An access past the last page of the file fails: see
    /// [`Mapping::load`].
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the range is inverted or does not start at a page boundary.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// let mapping = file.map(0..u64::MAX)?;
    /// assert!(mapping.load(0, &mut [0]).is_err());
    /// file.set_len(1)?;
    /// mapping.load(0, &mut [0])?;
    /// assert!(file.map(1..2).is_err());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn map(&self, range: Range<u64>) -> io::Result<Mapping> {
        let request = Request::of_range("map", range.start, range.end);
        if range.start > range.end {
            return Err(self.inode().failed(request, inverted(&range)));
        }
        let page_size = self.inode().page_size;
        if !page_size.is_start(range.start) {
            let message = format!("a mapping must start at a multiple of {page_size}");
            return Err(self
                .inode()
                .failed(request, io::Error::new(io::ErrorKind::InvalidInput, message)));
        }
        Ok(Mapping::new(&self.handle, range))
    }
}
