//! Reads and writes through the cache.

use std::io;

use crate::error::Request;
use crate::file::File;

impl File {
    /// Reads up to `bytes.len()` bytes at `offset` through the cache, and returns how many bytes were read. Fewer
    /// are read if the file ends earlier, or if an error occurs after some bytes have been read. Zero means that
    /// `offset` is at or past the end of the file, or that `bytes` is empty.
    ///
    /// The read is atomic within each page. A read of several pages may see changes that happen between them.
    ///
    /// # Errors
    ///
    /// The store's error, if it cannot read a page that is not cached, or if no frame is free and dirty pages
    /// cannot be written back. If some bytes were read before the error, the read returns their number instead, and
    /// [`last_failure`](File::last_failure) returns the error.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"bytes", 0)?;
    /// let mut seen = [0; 8];
    /// assert_eq!(file.read_at(&mut seen, 2)?, 3);
    /// assert_eq!(&seen[..3], b"tes");
    /// assert_eq!(file.read_at(&mut seen, u64::MAX)?, 0);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inode().read_buffered(bytes, offset)
    }

    /// Reads exactly `bytes.len()` bytes at `offset`.
    ///
    /// # Errors
    ///
    /// As [`read_at`](File::read_at), anywhere in the range. `UnexpectedEof` if the file ends before the
    /// range does. The contents of `bytes` are unspecified after an error.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// assert!(file.read_exact_at(&mut [0; 1], 0).is_err());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            match self.read_at(&mut bytes[done..], offset.saturating_add(done as u64))? {
                0 => return Err(self.ends_before("read", offset, bytes.len())),
                found => done += found,
            }
        }
        Ok(())
    }

    /// The error of a read of all requested bytes that reached the end of the file.
    #[cold]
    pub(super) fn ends_before(
        &self,
        operation: &'static str,
        offset: u64,
        len: usize,
    ) -> io::Error {
        let message = format!("the file ends at {} bytes", self.len());
        let error = io::Error::new(io::ErrorKind::UnexpectedEof, message);
        self.inode().failed(Request::new(operation, offset, len as u64), error)
    }

    /// Writes `bytes` at `offset` into the cache, and returns how many bytes were written. The file grows if
    /// necessary. The flusher or a sync writes the bytes to the store later.
    ///
    /// The write is atomic with respect to other writes, direct IO, and size and extent changes. A write that
    /// starts past the end fills the gap with zeroes. Other threads see the old length until the first bytes of the
    /// write are in place. If nothing is written, the length does not change. A write of no bytes has no effect.
    ///
    /// # Errors
    ///
    /// `FileTooLarge` if the write would end past `i64::MAX`, or would start at or past the store's maximum length
    /// ([`Store::max_len`](crate::Store::max_len)); a write that starts before it and ends past it is short. The
    /// store's error, if it cannot read a page that is written in part, or if no frame is free and dirty pages
    /// cannot be written back. If some bytes were written before the error, the write returns their number instead,
    /// and [`last_failure`](File::last_failure) returns the error.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// assert_eq!(file.write_at(b"bytes", 100)?, 5);
    /// assert_eq!(file.len(), 105);
    /// assert_eq!(file.write_at(b"x", u64::MAX).unwrap_err().kind(), ErrorKind::FileTooLarge);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.wrote(offset, self.inode().write_buffered(bytes, offset)?)
    }

    /// Writes all of `bytes` at `offset`.
    ///
    /// Pages that are overwritten as a whole are not read. So this can replace a page that the store cannot read,
    /// or that a [`PageTransform`](crate::PageTransform) cannot decode.
    ///
    /// # Errors
    ///
    /// As [`write_at`](File::write_at), anywhere in the range. What was written before the error stays written.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(&[7; 10_000], 0)?;
    /// assert_eq!(file.len(), 10_000);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.inode().end_of(Request::new("write", offset, bytes.len() as u64))?;
        let mut done = 0;
        while done < bytes.len() {
            done += self.inode().write_buffered(&bytes[done..], offset + done as u64)?;
        }
        self.wrote(offset, done).map(drop)
    }
}
