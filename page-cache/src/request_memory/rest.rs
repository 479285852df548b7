//! The rest of a request's memory, for an operation that continues where it ended short.

use std::io;

use super::Source;

/// The memory of a write from a position on.
#[derive(Clone, Copy)]
pub(crate) struct Rest<S> {
    of: S,
    from: usize,
}

impl<S: Source> Rest<S> {
    /// The position is within the memory.
    pub(crate) fn new(of: S, from: usize) -> Rest<S> {
        Rest { of, from }
    }
}

impl<S: Source> Source for Rest<S> {
    const MAY_BE_ABSENT: bool = S::MAY_BE_ABSENT;

    fn bytes(self) -> u64 {
        self.of.bytes() - self.from as u64
    }

    fn copy_nofault(self, position: usize, to: &mut [u8]) -> usize {
        self.of.copy_nofault(self.from + position, to)
    }

    fn bring_in<'t>(
        self,
        position: usize,
        len: usize,
        temporary: &'t mut Vec<u8>,
    ) -> io::Result<&'t [u8]>
    where
        Self: 't,
    {
        self.of.bring_in(self.from + position, len, temporary)
    }
}

#[cfg(test)]
mod tests;
