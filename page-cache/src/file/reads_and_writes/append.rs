//! The append: a write at the end of the file.
//!
//! 1. Wait, with nothing held, until fewer pages are dirty than may be.
//! 2. Claim the IO lock exclusively from the end on. Its previous holder may have moved the end. If
//!    the end is now higher, it is still in the claim; if it is lower, claim the whole file.
//! 3. Write there, as a buffered write does under such a claim, or a direct one. A direct append
//!    needs a file that ends where the store's direct IO may begin.
//! 4. If that write is short, claim everything past the old end exclusively, truncate the file to the
//!    old end, and remove what was written from the cache and the store.

use std::io::{self, IoSlice};

use crate::File;
use crate::error::Request;
use crate::files::inode::{Inode, IoClaim};
use crate::request_memory::{Gather, Rest, Source};

impl File {
    /// Writes all of `bytes` at the end of the file, into the cache, and returns the offset at which they start.
    /// With no bytes it returns the length of the file, and has no effect.
    ///
    /// Appends to a file happen one after the other. When an append returns, all bytes before its offset are in the
    /// file, so a sync that begins after that also makes all earlier appends durable. The offset is known only when
    /// the append returns. To store the offset in the appended bytes, exclude other appends and use
    /// [`len`](File::len).
    ///
    /// # Errors
    ///
    /// As [`write_at`](File::write_at). Nothing is appended then, but a concurrent read past the old end may have
    /// seen some of the bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// let other = file.clone();
    /// let there = std::thread::spawn(move || other.append(b"12345")).join().unwrap()?;
    /// let here = file.append(b"123")?;
    /// assert_eq!((there, here, file.len()), (0, 5, 8));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        let start = self.inode().append(bytes)?;
        self.wrote(start, bytes.len())?;
        Ok(start)
    }

    /// Like [`append`](File::append), from several slices in order.
    ///
    /// # Errors
    ///
    /// As [`append`](File::append).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::IoSlice;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.append(b"before")?;
    /// let record = [IoSlice::new(&[3, 0]), IoSlice::new(b"abc")];
    /// assert_eq!(file.append_vectored(&record)?, 6);
    /// assert_eq!(file.len(), 11);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn append_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<u64> {
        let start = self.inode().append(&Gather::new(slices))?;
        self.wrote(start, len_of(slices))?;
        Ok(start)
    }

    /// Writes all of `bytes` at the end of the file, to the store, as [`write_direct_at`](File::write_direct_at)
    /// does, and returns the offset at which they start. Concurrent appends, including buffered ones, never overlap
    /// and leave no gap.
    ///
    /// # Errors
    ///
    /// As [`write_direct_at`](File::write_direct_at); `InvalidInput` also if the file does not end
    /// at a multiple of the store's [`direct_alignment`](crate::Store::direct_alignment). Nothing
    /// is appended then, but a concurrent read past the old end may have seen some of the bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.append(b"cached, ")?;
    /// assert_eq!(file.append_direct(b"direct")?, 8);
    /// let mut seen = [0; 14];
    /// file.read_exact_at(&mut seen, 0)?;
    /// assert_eq!(&seen, b"cached, direct");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn append_direct(&self, bytes: &[u8]) -> io::Result<u64> {
        let start = self.inode().append_direct(bytes)?;
        self.wrote(start, bytes.len())?;
        Ok(start)
    }

    /// Like [`append_direct`](File::append_direct), from several slices in order.
    ///
    /// # Errors
    ///
    /// As [`append_direct`](File::append_direct).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::IoSlice;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// let record = [IoSlice::new(&[3, 0]), IoSlice::new(b"abc")];
    /// assert_eq!(file.append_direct_vectored(&record)?, 0);
    /// assert_eq!(file.len(), 5);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn append_direct_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<u64> {
        let start = self.inode().append_direct(&Gather::new(slices))?;
        self.wrote(start, len_of(slices))?;
        Ok(start)
    }
}

/// How many bytes slices have that were all written.
fn len_of(slices: &[IoSlice<'_>]) -> usize {
    slices.iter().map(|slice| slice.len()).sum()
}

impl Inode {
    pub(in crate::file) fn append(&self, from: impl Source) -> io::Result<u64> {
        let len = from.bytes();
        self.check_change(Request::new("append", self.size(), len))?;
        self.throttle();
        let (end, io) = self.io_at_end();
        self.end_within_limit(Request::new("append", end, len))?;
        self.append_claimed(from, end, &io, |rest, offset| {
            let request = Request::new("append", offset, rest.bytes());
            self.write_claimed(rest, request, 0, &io)
        })
    }

    fn append_direct(&self, from: impl Source) -> io::Result<u64> {
        let len = from.bytes();
        self.check_change(Request::new("direct append", self.size(), len))?;
        let (end, io) = self.io_at_end();
        let request = Request::new("direct append", end, len);
        self.check_direct(request)?;
        self.end_within_limit(request)?;
        self.append_claimed(from, end, &io, |rest, offset| {
            let request = Request::new("direct append", offset, rest.bytes());
            self.whole_blocks(request, self.write_chunks(rest, request))
        })
    }

    /// Writes all of some memory at the end by as many writes as it takes, or nothing of it.
    fn append_claimed<S: Source>(
        &self,
        from: S,
        end: u64,
        io: &IoClaim<'_>,
        write: impl Fn(Rest<S>, u64) -> io::Result<usize>,
    ) -> io::Result<u64> {
        let len = from.bytes() as usize;
        let mut done = 0;
        while done < len {
            match write(Rest::new(from, done), end + done as u64) {
                Ok(written) => done += written,
                Err(error) => {
                    self.retract(end, io);
                    return Err(error);
                }
            }
        }
        Ok(end)
    }

    /// The end, and the IO lock from there on.
    pub(crate) fn io_at_end(&self) -> (u64, IoClaim<'_>) {
        let claim = self.io_from(u64::MAX);
        (self.size(), claim)
    }
}

#[cfg(test)]
mod tests;
