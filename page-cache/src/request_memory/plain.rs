//! Plain memory: a slice, or several.

use std::io::{self, IoSlice, IoSliceMut};

use super::segments::{Cursor, total};
use super::{Sink, Source};

impl Source for &[u8] {
    const MAY_BE_ABSENT: bool = false;

    #[inline]
    fn bytes(self) -> u64 {
        self.len() as u64
    }

    #[inline]
    fn copy_nofault(self, position: usize, to: &mut [u8]) -> usize {
        to.copy_from_slice(&self[position..position + to.len()]);
        to.len()
    }

    fn bring_in<'t>(
        self,
        position: usize,
        len: usize,
        _temporary: &'t mut Vec<u8>,
    ) -> io::Result<&'t [u8]>
    where
        Self: 't,
    {
        Ok(&self[position..position + len])
    }
}

impl Sink for &mut [u8] {
    #[inline]
    fn bytes(&self) -> u64 {
        self.len() as u64
    }

    #[inline]
    fn copy_nofault(&mut self, position: usize, from: &[u8]) -> bool {
        self[position..position + from.len()].copy_from_slice(from);
        true
    }

    fn put(
        &mut self,
        position: usize,
        len: usize,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        read(&mut self[position..position + len])
    }
}

/// The slices of a vectored write.
pub(crate) struct Gather<'a> {
    slices: &'a [IoSlice<'a>],
    cursor: Cursor,
}

impl<'a> Gather<'a> {
    pub(crate) fn new(slices: &'a [IoSlice<'a>]) -> Gather<'a> {
        Gather { slices, cursor: Cursor::default() }
    }
}

impl Source for &Gather<'_> {
    const MAY_BE_ABSENT: bool = false;

    fn bytes(self) -> u64 {
        total(self.slices)
    }

    fn copy_nofault(self, position: usize, to: &mut [u8]) -> usize {
        let mut done = 0;
        while done < to.len()
            && let Some((slice, within)) = self.cursor.find(self.slices, (position + done) as u64)
        {
            let from = &self.slices[slice][within as usize..];
            let part = from.len().min(to.len() - done);
            to[done..done + part].copy_from_slice(&from[..part]);
            done += part;
        }
        done
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
        let done = self.copy_nofault(position, temporary);
        Ok(&temporary[..done])
    }
}

/// The slices of a vectored read.
pub(crate) struct Scatter<'a, 'b> {
    slices: &'a mut [IoSliceMut<'b>],
    cursor: Cursor,
}

impl<'a, 'b> Scatter<'a, 'b> {
    pub(crate) fn new(slices: &'a mut [IoSliceMut<'b>]) -> Scatter<'a, 'b> {
        Scatter { slices, cursor: Cursor::default() }
    }
}

impl Sink for Scatter<'_, '_> {
    fn bytes(&self) -> u64 {
        total(self.slices)
    }

    fn copy_nofault(&mut self, position: usize, from: &[u8]) -> bool {
        let mut done = 0;
        while done < from.len()
            && let Some((slice, within)) = self.cursor.find(self.slices, (position + done) as u64)
        {
            let to = &mut self.slices[slice][within as usize..];
            let part = to.len().min(from.len() - done);
            to[..part].copy_from_slice(&from[done..done + part]);
            done += part;
        }
        done == from.len()
    }

    fn put(
        &mut self,
        position: usize,
        len: usize,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut temporary = vec![0; len];
        let found = read(&mut temporary)?;
        self.copy_nofault(position, &temporary[..found]);
        Ok(found)
    }
}
