//! Reads and writes past the cache.

use std::io;

use crate::file::File;

impl File {
    /// Reads up to `bytes.len()` bytes at `offset` from the store, and returns how many bytes were read. The read
    /// bypasses the cache but is coherent with it: it sees every earlier write and every earlier store through a
    /// mapping. Fewer bytes are read if the file ends earlier, or if an error occurs after some bytes have been read.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if `offset` or the length is not a multiple of the store's
    /// [`direct_alignment`](crate::Store::direct_alignment). The store's error, also from writing back dirty pages in
    /// the range. A read is done in parts of at most 1 MiB. If some parts were read before the error, the read returns
    /// the number of their bytes instead.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"cached", 0)?;
    /// let mut seen = [0; 6];
    /// assert_eq!(file.read_direct_at(&mut seen, 0)?, 6);
    /// assert_eq!(&seen, b"cached");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn read_direct_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inode().read_direct(bytes, offset)
    }

    /// Reads exactly `bytes.len()` bytes at `offset` from the store, like [`read_direct_at`](File::read_direct_at).
    ///
    /// # Errors
    ///
    /// As [`read_direct_at`](File::read_direct_at), anywhere in the range. `UnexpectedEof` if the file ends before the
    /// range does. The contents of `bytes` are unspecified after an error.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"cached", 0)?;
    /// let mut seen = [0; 6];
    /// file.read_exact_direct_at(&mut seen, 0)?;
    /// assert_eq!(&seen, b"cached");
    /// let error = file.read_exact_direct_at(&mut seen, 1).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn read_exact_direct_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            match self.read_direct_at(&mut bytes[done..], offset.saturating_add(done as u64))? {
                0 => return Err(self.ends_before("direct read", offset, bytes.len())),
                found => done += found,
            }
        }
        Ok(())
    }

    /// Writes `bytes` at `offset` to the store, and returns how many bytes were written. The file grows if necessary.
    /// The write bypasses the cache but is coherent with it: every later read and every later load through a mapping
    /// sees the bytes. They are durable after the next successful sync.
    ///
    /// # Errors
    ///
    /// `FileTooLarge` as for [`write_at`](File::write_at). `InvalidInput` if `offset` or the length is not a multiple
    /// of the store's [`direct_alignment`](crate::Store::direct_alignment). The store's error, also from writing back
    /// dirty pages in the range. If some bytes were written before the error, the write returns their number instead.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"cached", 0)?;
    /// file.write_direct_at(b"direct", 0)?;
    /// let mut seen = [0; 6];
    /// file.read_exact_at(&mut seen, 0)?;
    /// assert_eq!(&seen, b"direct");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn write_direct_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.wrote(offset, self.inode().write_direct(bytes, offset)?)
    }

    /// Writes all of `bytes` at `offset` to the store, like [`write_direct_at`](File::write_direct_at).
    ///
    /// # Errors
    ///
    /// As [`write_direct_at`](File::write_direct_at), anywhere in the range. What was written before the error stays
    /// written.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_direct_at(&[7; 10_000], 0)?;
    /// assert_eq!(file.len(), 10_000);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn write_all_direct_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.inode().write_all_direct(bytes, offset)?;
        self.wrote(offset, bytes.len()).map(drop)
    }
}
