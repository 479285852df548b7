//! `Store`: what lies under a cached file, and the two that come with the crate.

mod file;
mod mem;

use std::io;
use std::sync::Arc;

pub use file::FileStore;
pub use mem::MemStore;

/// The backing of one cached file: bytes at offsets, with holes.
///
/// Requests may come from many threads at once, also from the cache's flusher. The cache never
/// has two writes of one page in flight, and never changes the shape of a range while it reads or
/// writes there; a store needs no exclusion of its own beyond keeping itself sound.
///
/// # Examples
///
/// ```
/// use spanlock::page_cache::{MemStore, Store};
///
/// let store = MemStore::new();
/// assert_eq!(store.write_at(b"spans", 3)?, 5);
/// let mut bytes = [0xff; 8];
/// assert_eq!(store.read_at(&mut bytes, 0)?, 8);
/// assert_eq!(&bytes, b"\0\0\0spans");
/// # std::io::Result::Ok(())
/// ```
pub trait Store: Send + Sync {
    /// Reads at `offset`; a short count, also zero, tells of the end. Holes read as zeroes.
    ///
    /// # Errors
    ///
    /// Whatever keeps the store from reading.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes at `offset`, growing the store where need be; may write less than all of `bytes`.
    ///
    /// # Errors
    ///
    /// Whatever keeps the store from writing.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// How many bytes the store holds, holes included.
    ///
    /// # Errors
    ///
    /// Whatever keeps the store from telling.
    fn len(&self) -> io::Result<u64>;

    /// Whether the store holds no byte.
    ///
    /// # Errors
    ///
    /// As [`len`](Store::len).
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts the store off at `len`, or lets it grow to there by a hole.
    ///
    /// # Errors
    ///
    /// Whatever keeps the store from changing its length; the length is then as it was.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes `offset..offset + len` read as zeroes and frees what it can. Keeps the length; what
    /// lies past it is left alone.
    ///
    /// # Errors
    ///
    /// Whatever keeps the store from it.
    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()>;

    /// Makes everything written so far durable.
    ///
    /// # Errors
    ///
    /// Whatever keeps the store from it: what was written since the last sync may be lost.
    fn sync(&self) -> io::Result<()>;
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        (**self).read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        (**self).write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        (**self).len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        (**self).set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        (**self).punch_hole(offset, len)
    }

    fn sync(&self) -> io::Result<()> {
        (**self).sync()
    }
}

#[cfg(test)]
mod tests;
