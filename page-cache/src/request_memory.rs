//! Memory: where the bytes of a write come from, and where those of a read go.
//!
//! A request names its memory as a plain slice, as several, or as segments of an [`AddressSpace`].
//! Plain memory is always present, like a kernel thread's, and takes no mm lock. An address space's
//! may be absent, bad, or a mapping of the page that is being read or written. So an operation
//! copies in one of two ways:
//!
//! - *with faults off*, under whatever it holds; the copy is short where memory is absent;
//! - *through a temporary page*, whose memory is always there, under whatever it holds; and between
//!   that page and the request's memory with faults on, holding no more than the IO lock. A plain
//!   slice is its own temporary page.
//!
//! Positions count bytes from the start of the request. Segments without bytes are passed over.

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
    /// Whether a copy with faults off may come out short.
    const MAY_BE_ABSENT: bool;

    /// How many bytes it has.
    fn bytes(self) -> u64;

    /// Copies from a position on with faults off, waiting for nothing; how many bytes.
    fn copy_nofault(self, position: usize, to: &mut [u8]) -> usize;

    /// The bytes from a position on, in memory that is always there; fewer before a bad address. The
    /// caller holds no more than an IO lock.
    ///
    /// Fails if there is not one.
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

    /// Copies to a position with faults off, waiting for nothing; whether all of it. If not, what was
    /// copied is to be copied again.
    fn copy_nofault(&mut self, position: usize, from: &[u8]) -> bool;

    /// Calls `read` to read up to `len` bytes to memory that is always present, and copies what it
    /// found to a position; fewer bytes before a bad address. The caller holds no more than an IO
    /// lock.
    ///
    /// Fails as `read` does, or if something was found, and not one byte of it could be put there.
    fn put(
        &mut self,
        position: usize,
        len: usize,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize>;
}
