//! The append: a write at the end of the file.
//!
//! 1. Wait, with nothing held, until fewer pages are dirty than may be.
//! 2. Claim the IO lock exclusively from the end on. Its previous holder may have moved the end. If
//!    the end is now higher, it is still in the claim; if it is lower, claim the whole file.
//! 3. Write there, as a buffered write does under such a claim.
//! 4. If that write is short, claim everything past the old end exclusively, truncate the file to the
//!    old end, and remove what was written from the cache and the store.

use std::io;

use crate::File;
use crate::error::Request;
use crate::files::inode::{Inode, IoClaim};

impl File {
    /// Writes all of `bytes` at the end of the file, into the cache, and returns the offset.
    ///
    /// Appends to a file happen one after the other. When an append returns, all bytes before its offset are in the
    /// file, so a sync that begins then makes all appends before it durable too. The offset is known only
    /// afterwards: to store it in the appended bytes, exclude other appends and use [`len`](File::len).
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
}

impl Inode {
    pub(super) fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        self.check_change(Request::new("append", self.size(), bytes.len() as u64))?;
        self.throttle();
        let (end, io) = self.io_at_end();
        self.end_within_limit(Request::new("append", end, bytes.len() as u64))?;
        let mut done = 0;
        while done < bytes.len() {
            let rest = &bytes[done..];
            let request = Request::new("append", end + done as u64, rest.len() as u64);
            match self.write_claimed(rest, request, 0, &io) {
                Ok(written) => done += written,
                Err(error) => {
                    self.retract(end, &io);
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
