//! Reads into memory that was never written.

use std::io;
use std::mem::MaybeUninit;

use crate::file::File;
use crate::request_memory::Uninit;

impl File {
    /// Like [`read_at`](File::read_at), into memory that may be uninitialised, such as a vector's spare capacity.
    /// Returns the part that was read; the rest of `bytes` is unspecified. The part is shorter than `bytes` in the
    /// cases in which [`read_at`](File::read_at) returns a smaller count.
    ///
    /// # Errors
    ///
    /// As [`read_at`](File::read_at).
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"bytes", 0)?;
    /// let mut buffer = Vec::with_capacity(4096);
    /// let seen = file.read_uninit_at(buffer.spare_capacity_mut(), 2)?;
    /// assert_eq!(seen, b"tes");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn read_uninit_at<'b>(
        &self,
        bytes: &'b mut [MaybeUninit<u8>],
        offset: u64,
    ) -> io::Result<&'b mut [u8]> {
        let mut bytes = Uninit::new(bytes);
        let found = self.inode().read_buffered(&mut bytes, offset)?;
        Ok(bytes.into_filled(found))
    }

    /// Like [`read_direct_at`](File::read_direct_at), into memory that may be uninitialised. Returns the part that was
    /// read, as [`read_uninit_at`](File::read_uninit_at) does. The memory is zeroed first, because a
    /// [`Store`](crate::Store) reads into initialised memory.
    ///
    /// # Errors
    ///
    /// As [`read_direct_at`](File::read_direct_at).
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"bytes", 0)?;
    /// let mut buffer = Vec::with_capacity(4096);
    /// let seen = file.read_direct_uninit_at(buffer.spare_capacity_mut(), 0)?;
    /// assert_eq!(seen, b"bytes");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn read_direct_uninit_at<'b>(
        &self,
        bytes: &'b mut [MaybeUninit<u8>],
        offset: u64,
    ) -> io::Result<&'b mut [u8]> {
        let mut bytes = Uninit::new(bytes);
        let found = self.inode().read_direct(&mut bytes, offset)?;
        Ok(bytes.into_filled(found))
    }
}
