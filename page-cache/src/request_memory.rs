//! Memory: where the bytes of a write come from, and where those of a read go.
//!
//! A request names its memory as a plain slice, as several, or as segments of an [`AddressSpace`].
//! Plain memory is always present, like a kernel thread's, and takes no mm lock. An address space's
//! may be absent, bad, or a mapping of the page that is being read or written. So an operation
//! copies in one of two ways:
//!
//! - *with faults off*, whatever it holds; the copy is short if memory is absent;
//! - *through a temporary page*, whose memory is always present, whatever it holds. The copy between that
//!   page and the request's memory is made with faults on, while it holds no more than the IO lock. A
//!   plain slice is its own temporary page.
//!
//! Positions count bytes from the start of the request. Segments without bytes are skipped.

mod plain;
mod rest;
mod segments;
mod uninit;

use std::io;

pub(crate) use self::plain::{Gather, Scatter};
pub(crate) use self::rest::Rest;
#[cfg(feature = "model")]
pub(crate) use self::segments::{Cursor, total};
pub(crate) use self::uninit::Uninit;

/// Memory that a write takes its bytes from.
pub(crate) trait Source: Copy {
    /// Whether a copy with faults off may be short.
    const MAY_BE_ABSENT: bool;

    /// How many bytes it has.
    fn bytes(self) -> u64;

    /// Copies from a position on with faults off, without waiting. Returns how many bytes.
    fn copy_nofault(self, position: usize, to: &mut [u8]) -> usize;

    /// The bytes from a position on, in memory that is always present; fewer before a bad address. The caller
    /// holds no more than an IO lock.
    ///
    /// Fails if there is not one byte.
    fn bring_in<'t>(
        self,
        position: usize,
        len: usize,
        temporary: &'t mut Vec<u8>,
    ) -> io::Result<&'t [u8]>
    where
        Self: 't;
}

/// Memory that a read copies its bytes to.
pub(crate) trait Sink {
    /// Its size in bytes.
    fn bytes(&self) -> u64;

    /// Copies to a position with faults off, without waiting. Returns whether all was copied. If not, the caller
    /// copies all of it again.
    fn copy_nofault(&mut self, position: usize, from: &[u8]) -> bool;

    /// Calls `read` to read up to `len` bytes to memory that is always present, and copies what it
    /// found to a position; fewer bytes before a bad address. The caller holds no more than an IO
    /// lock.
    ///
    /// Fails as `read` does, or if `read` found bytes and not one of them could be copied.
    fn put(
        &mut self,
        position: usize,
        len: usize,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize>;
}
