//! Reads and writes whose memory is more than one slice.

use std::io::{self, IoSlice, IoSliceMut};

use crate::file::File;
use crate::request_memory::{Gather, Scatter};

impl File {
    /// Like [`read_at`](File::read_at), into several slices in order.
    ///
    /// # Errors
    ///
    /// As [`read_at`](File::read_at).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::IoSliceMut;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"scattered", 0)?;
    /// let (mut first, mut second) = ([0; 2], [0; 9]);
    /// let mut slices = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    /// assert_eq!(file.read_vectored_at(&mut slices, 0)?, 9);
    /// assert_eq!((&first, &second[..7]), (b"sc", &b"attered"[..]));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn read_vectored_at(
        &self,
        slices: &mut [IoSliceMut<'_>],
        offset: u64,
    ) -> io::Result<usize> {
        self.inode().read_buffered(Scatter::new(slices), offset)
    }

    /// Like [`write_at`](File::write_at), from several slices in order. Bytes of several slices for one
    /// page are written to the page in one step.
    ///
    /// # Errors
    ///
    /// As [`write_at`](File::write_at).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::IoSlice;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// let slices = [IoSlice::new(b"gath"), IoSlice::new(b""), IoSlice::new(b"ered")];
    /// assert_eq!(file.write_vectored_at(&slices, 0)?, 8);
    /// let mut seen = [0; 8];
    /// file.read_exact_at(&mut seen, 0)?;
    /// assert_eq!(&seen, b"gathered");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn write_vectored_at(&self, slices: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        self.wrote(offset, self.inode().write_buffered(&Gather::new(slices), offset)?)
    }

    /// Like [`read_direct_at`](File::read_direct_at), into several slices in order. Only the offset and
    /// the total length of the slices must be multiples of the store's
    /// [`direct_alignment`](crate::Store::direct_alignment).
    ///
    /// # Errors
    ///
    /// As [`read_direct_at`](File::read_direct_at).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::IoSliceMut;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"scattered", 0)?;
    /// let (mut first, mut second) = ([0; 2], [0; 9]);
    /// let mut slices = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    /// assert_eq!(file.read_direct_vectored_at(&mut slices, 0)?, 9);
    /// assert_eq!((&first, &second[..7]), (b"sc", &b"attered"[..]));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn read_direct_vectored_at(
        &self,
        slices: &mut [IoSliceMut<'_>],
        offset: u64,
    ) -> io::Result<usize> {
        self.inode().read_direct(Scatter::new(slices), offset)
    }

    /// Like [`write_direct_at`](File::write_direct_at), from several slices in order. Only the offset
    /// and the total length of the slices must be multiples of the store's
    /// [`direct_alignment`](crate::Store::direct_alignment).
    ///
    /// # Errors
    ///
    /// As [`write_direct_at`](File::write_direct_at).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::IoSlice;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// let slices = [IoSlice::new(b"gath"), IoSlice::new(b"ered")];
    /// assert_eq!(file.write_direct_vectored_at(&slices, 0)?, 8);
    /// let mut seen = [0; 8];
    /// file.read_exact_at(&mut seen, 0)?;
    /// assert_eq!(&seen, b"gathered");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn write_direct_vectored_at(
        &self,
        slices: &[IoSlice<'_>],
        offset: u64,
    ) -> io::Result<usize> {
        self.wrote(offset, self.inode().write_direct(&Gather::new(slices), offset)?)
    }
}
