//! Memory that was never written, which a read fills.

use std::io;
use std::mem::MaybeUninit;

use super::Sink;

/// A slice of memory that may be uninitialised.
pub(crate) struct Uninit<'a> {
    bytes: &'a mut [MaybeUninit<u8>],
    /// How many of the first bytes are initialised.
    filled: usize,
}

impl<'a> Uninit<'a> {
    pub(crate) fn new(bytes: &'a mut [MaybeUninit<u8>]) -> Uninit<'a> {
        Uninit { bytes, filled: 0 }
    }

    /// The first `count` bytes, all of which were read.
    pub(crate) fn into_filled(self, count: usize) -> &'a mut [u8] {
        assert!(count <= self.filled, "{count} bytes were read, and {} were filled", self.filled);
        initialised(&mut self.bytes[..count])
    }

    fn fill(&mut self, from: usize, to: usize) {
        if from <= self.filled {
            self.filled = self.filled.max(to);
        }
    }
}

/// The bytes of a slice, which are initialised: the caller has written each of them.
fn initialised(bytes: &mut [MaybeUninit<u8>]) -> &mut [u8] {
    // SAFETY: the same memory, borrowed for as long, and a byte has the size and the alignment of
    // one that may be uninitialised. Both callers in this module have written all of it:
    // `into_filled` counts, and `put` fills it with zeroes before.
    unsafe { std::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), bytes.len()) }
}

impl Sink for &mut Uninit<'_> {
    #[inline]
    fn bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    #[inline]
    fn copy_nofault(&mut self, position: usize, from: &[u8]) -> bool {
        let to = &mut self.bytes[position..position + from.len()];
        for (to, &from) in to.iter_mut().zip(from) {
            to.write(from);
        }
        self.fill(position, position + from.len());
        true
    }

    fn put(
        &mut self,
        position: usize,
        len: usize,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let to = &mut self.bytes[position..position + len];
        // A store takes memory that is initialised.
        to.fill(MaybeUninit::new(0));
        let found = read(initialised(to))?;
        self.fill(position, position + found.min(len));
        Ok(found)
    }
}

#[cfg(test)]
mod tests;
