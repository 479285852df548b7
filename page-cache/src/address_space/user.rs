//! User memory: segments of an address space.

use std::io;
use std::ops::Range;

use super::{AddressSpace, Transfer};
use crate::request_memory::{Cursor, Sink, Source, total};

/// The segments of a request, in the caller's memory.
pub(crate) struct UserMemory<'a> {
    space: &'a AddressSpace,
    segments: &'a [Range<u64>],
    cursor: Cursor,
}

impl<'a> UserMemory<'a> {
    /// Fails with `InvalidInput` if a segment is inverted. A bad address is noticed only when it is accessed.
    pub(crate) fn new(
        space: &'a AddressSpace,
        segments: &'a [Range<u64>],
    ) -> io::Result<UserMemory<'a>> {
        if let Some(inverted) = segments.iter().find(|segment| segment.start > segment.end) {
            let message =
                format!("the segment {:#x}..{:#x} is inverted", inverted.start, inverted.end);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Ok(UserMemory { space, segments, cursor: Cursor::default() })
    }

    /// Makes a copy for each segment that the bytes from a position on lie in, up to the first short copy. Returns
    /// how many bytes. Fails as the copy does, if the first one fails.
    fn copy_pieces(
        &self,
        position: usize,
        len: usize,
        mut copy: impl FnMut(u64, Range<usize>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut done = 0;
        while done < len
            && let Some((segment, within)) =
                self.cursor.find(self.segments, (position + done) as u64)
        {
            let Range { start, end } = self.segments[segment];
            let address = start + within;
            let part = usize::try_from(end - address).unwrap_or(len).min(len - done);
            match copy(address, done..done + part) {
                Ok(copied) if copied < part => return Ok(done + copied),
                Ok(_) => done += part,
                Err(_) if done > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }
}

impl Source for &UserMemory<'_> {
    const MAY_BE_ABSENT: bool = true;

    fn bytes(self) -> u64 {
        total(self.segments)
    }

    fn copy_nofault(self, position: usize, to: &mut [u8]) -> usize {
        let len = to.len();
        let copy =
            |address, part| Ok(self.space.copy_nofault(address, Transfer::Load(&mut to[part])));
        self.copy_pieces(position, len, copy).unwrap_or(0)
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
        temporary.resize(len, 0);
        let copy = |address, part| self.space.copy(address, Transfer::Load(&mut temporary[part]));
        let done = self.copy_pieces(position, len, copy)?;
        Ok(&temporary[..done])
    }
}

impl Sink for UserMemory<'_> {
    fn bytes(&self) -> u64 {
        total(self.segments)
    }

    fn copy_nofault(&mut self, position: usize, from: &[u8]) -> bool {
        let copy =
            |address, part| Ok(self.space.copy_nofault(address, Transfer::Store(&from[part])));
        self.copy_pieces(position, from.len(), copy).is_ok_and(|done| done == from.len())
    }

    fn put(
        &mut self,
        position: usize,
        len: usize,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut temporary = vec![0; len];
        let found = read(&mut temporary)?;
        let copy = |address, part| self.space.copy(address, Transfer::Store(&temporary[part]));
        self.copy_pieces(position, found, copy)
    }
}
