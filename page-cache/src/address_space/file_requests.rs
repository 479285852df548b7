//! Reads and writes of a file whose memory is an address space's. With the feature `model` only.

use std::io;
use std::ops::Range;

use super::AddressSpace;
use super::user::UserMemory;
use crate::File;
use crate::error::Request;

impl File {
    /// Like [`read_at`](File::read_at), into segments of an address space in order. The segments may map
    /// this file, even the range that is read; the read may then read bytes that it has itself stored.
    ///
    /// # Errors
    ///
    /// As [`read_at`](File::read_at). `InvalidInput` if a segment is inverted or an address is not mapped.
    /// `UnexpectedEof` if the mapped page lies past the end of its file. The error of that file's store. If
    /// some bytes were read before the error, the read returns their number instead.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{AddressSpace, MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"into memory", 0)?;
    /// let memory = AddressSpace::new();
    /// let buffer = memory.map_anonymous(4096)?;
    /// assert_eq!(file.read_into(&memory, &[buffer.clone()], 5)?, 6);
    /// let mut seen = [0; 6];
    /// memory.load(buffer.start, &mut seen)?;
    /// assert_eq!(&seen, b"memory");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn read_into(
        &self,
        memory: &AddressSpace,
        segments: &[Range<u64>],
        offset: u64,
    ) -> io::Result<usize> {
        let memory = self.user_memory("read", memory, segments, offset)?;
        self.inode().read_buffered(memory, offset)
    }

    /// Like [`write_at`](File::write_at), from segments of an address space in order. The segments may map
    /// this file, even the range that is written; the write may then copy bytes that it has itself written.
    ///
    /// # Errors
    ///
    /// As [`write_at`](File::write_at), and as [`read_into`](File::read_into) for the memory.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// use spanlock_page_cache::{AddressSpace, MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// let memory = AddressSpace::new();
    /// let buffer = memory.map_anonymous(4096)?;
    /// memory.store(buffer.start, b"memory")?;
    /// let (word, bad) = (buffer.start..buffer.start + 6, buffer.end..buffer.end + 1);
    /// assert_eq!(file.write_from(&memory, &[0..0, word, bad.clone()], 0)?, 6);
    /// let error = file.write_from(&memory, &[bad], 0).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidInput);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn write_from(
        &self,
        memory: &AddressSpace,
        segments: &[Range<u64>],
        offset: u64,
    ) -> io::Result<usize> {
        let memory = self.user_memory("write", memory, segments, offset)?;
        self.wrote(offset, self.inode().write_buffered(&memory, offset)?)
    }

    /// Like [`read_direct_at`](File::read_direct_at), into segments of an address space in order.
    ///
    /// # Errors
    ///
    /// As [`read_direct_at`](File::read_direct_at), and as [`read_into`](File::read_into) for the memory.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{AddressSpace, MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"cached", 0)?;
    /// let memory = AddressSpace::new();
    /// let buffer = memory.map_anonymous(4096)?;
    /// assert_eq!(file.read_direct_into(&memory, &[buffer.clone()], 0)?, 6);
    /// let mut seen = [0; 6];
    /// memory.load(buffer.start, &mut seen)?;
    /// assert_eq!(&seen, b"cached");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn read_direct_into(
        &self,
        memory: &AddressSpace,
        segments: &[Range<u64>],
        offset: u64,
    ) -> io::Result<usize> {
        let memory = self.user_memory("direct read", memory, segments, offset)?;
        self.inode().read_direct(memory, offset)
    }

    /// Like [`write_direct_at`](File::write_direct_at), from segments of an address space in order.
    ///
    /// # Errors
    ///
    /// As [`write_direct_at`](File::write_direct_at), and as [`read_into`](File::read_into) for the memory.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{AddressSpace, MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"one two", 0)?;
    /// // A mapping of the very page that is written.
    /// let memory = AddressSpace::new();
    /// let mapped = memory.map_file(&file, 0..4096)?;
    /// file.write_direct_from(&memory, &[mapped.start + 4..mapped.start + 7], 0)?;
    /// let mut seen = [0; 7];
    /// file.read_exact_at(&mut seen, 0)?;
    /// assert_eq!(&seen, b"two two");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn write_direct_from(
        &self,
        memory: &AddressSpace,
        segments: &[Range<u64>],
        offset: u64,
    ) -> io::Result<usize> {
        let memory = self.user_memory("direct write", memory, segments, offset)?;
        self.wrote(offset, self.inode().write_direct(&memory, offset)?)
    }

    fn user_memory<'a>(
        &self,
        operation: &'static str,
        memory: &'a AddressSpace,
        segments: &'a [Range<u64>],
        offset: u64,
    ) -> io::Result<UserMemory<'a>> {
        UserMemory::new(memory, segments)
            .map_err(|error| self.inode().failed(Request::new(operation, offset, 0), error))
    }
}
