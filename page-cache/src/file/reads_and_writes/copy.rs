//! Copies between files of one cache, and within one.

use std::io;

use crate::file::File;

impl File {
    /// Copies up to `len` bytes from `offset` of this file to `to_offset` of `to`, within the
    /// cache, and returns how many bytes were copied. `to` may be a handle of the same file, and
    /// the two ranges may overlap: then the destination gets the bytes that the source had before
    /// the copy. Fewer bytes are copied if this file ends earlier, if `to` cannot be that long, or
    /// if an error occurs after some bytes have been copied. `to` grows if necessary. A copy of no
    /// bytes has no effect.
    ///
    /// The copy is one write to `to`: it is atomic with respect to other writes, direct IO, and
    /// size and extent changes of both files. Stores through mappings, and changes through page
    /// guards, may happen between two pages of the copy, and between the read and the write of one
    /// page: a store to a page of `to` at that moment is overwritten. Holes of the source become
    /// holes of the destination where the store of this file reports them
    /// ([`Store::holes`](crate::Store::holes)), unless the ranges overlap or pages are transformed.
    /// The other bytes are dirty in the cache afterwards. An overlapping copy towards the end of
    /// the file needs memory for as many bytes as lie between the two offsets.
    ///
    /// # Errors
    ///
    /// As [`read_at`](File::read_at) of this file and [`write_at`](File::write_at) of `to`. If some
    /// bytes were copied before the error, the copy returns their number instead: exactly that many
    /// bytes of the destination are new, and [`last_failure`](File::last_failure) of the file whose
    /// store failed returns the error. If the store failed while it punched a hole, as a copy of a hole does, each
    /// of the other bytes may be zero. `CrossesDevices` if the files are of two caches.
    /// `Unsupported` if one of them has a hook
    /// ([`before_writeback`](crate::FileOptions::before_writeback)) and the other has none.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let cache = PageCache::new(64);
    /// let (from, to) = (cache.open(MemStore::new())?, cache.open(MemStore::new())?);
    /// from.write_all_at(b"a copy of this", 0)?;
    /// assert_eq!(from.copy_range_to(2, &to, 100, 4)?, 4);
    /// let mut seen = [0; 4];
    /// to.read_exact_at(&mut seen, 100)?;
    /// assert_eq!(&seen, b"copy");
    /// assert_eq!(from.copy_range_to(10, &from, 12, u64::MAX)?, 4);
    /// from.read_exact_at(&mut seen, 12)?;
    /// assert_eq!(&seen, b"this");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn copy_range_to(
        &self,
        offset: u64,
        to: &File,
        to_offset: u64,
        len: u64,
    ) -> io::Result<u64> {
        let copied = self.inode().copy_range(offset, to.inode(), to_offset, len)?;
        to.changed(to_offset..to_offset + copied)?;
        Ok(copied)
    }
}
