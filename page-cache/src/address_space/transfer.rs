//! Copies to and from an address space, with faults off and on.

use std::io;
use std::ops::Range;

use super::{AddressSpace, PAGE, Point, bad_address};
use crate::error::Request;
use crate::mapping::Blocking;
use crate::order::may_fault;
use crate::pages::page_table::Rights;

/// A copy's direction, and its other end: memory of the caller's, which is always there.
pub(crate) enum Transfer<'a> {
    Load(&'a mut [u8]),
    Store(&'a [u8]),
}

impl Transfer<'_> {
    fn len(&self) -> usize {
        match self {
            Transfer::Load(to) => to.len(),
            Transfer::Store(from) => from.len(),
        }
    }

    fn rights(&self) -> Rights {
        match self {
            Transfer::Load(_) => Rights::Read,
            Transfer::Store(_) => Rights::ReadWrite,
        }
    }

    fn part(&mut self, range: Range<usize>) -> Transfer<'_> {
        match self {
            Transfer::Load(to) => Transfer::Load(&mut to[range]),
            Transfer::Store(from) => Transfer::Store(&from[range]),
        }
    }

    /// Copies all of it to or from the bytes from `within` on.
    pub(super) fn copy(self, bytes: &mut [u8], within: usize) {
        let bytes = &mut bytes[within..within + self.len()];
        match self {
            Transfer::Load(to) => to.copy_from_slice(bytes),
            Transfer::Store(from) => bytes.copy_from_slice(from),
        }
    }
}

impl AddressSpace {
    /// Copies with faults off, and returns how many bytes: fewer from the first page on that is not
    /// present, or that another thread is copying to or from. It never blocks.
    pub(crate) fn copy_nofault(&self, address: u64, mut transfer: Transfer<'_>) -> usize {
        let mut done = 0;
        while let Some((at, part)) = page_part(address, done, transfer.len())
            && self.copy_part(at, transfer.part(part.clone()), Blocking::Forbidden)
        {
            done = part.end;
            self.hooks.reach(Point::CopiedPart);
        }
        done
    }

    /// Copies with faults on, and returns how many bytes: fewer only before a bad address. The caller
    /// holds no more than an IO lock.
    ///
    /// Fails as `fault`, if nothing could be copied.
    pub(crate) fn copy(&self, address: u64, transfer: Transfer<'_>) -> io::Result<usize> {
        match self.copy_or_fail(address, transfer) {
            (0, Err(error)) => Err(error),
            (done, _) => Ok(done),
        }
    }

    #[cfg_attr(debug_assertions, track_caller)]
    fn copy_or_fail(&self, address: u64, mut transfer: Transfer<'_>) -> (usize, io::Result<()>) {
        may_fault();
        let (len, rights) = (transfer.len(), transfer.rights());
        let mut done = 0;
        while done < len {
            // Only the last addresses have none after them, and nothing is mapped there.
            let Some((at, part)) = page_part(address, done, len) else {
                return (done, Err(bad_address(address)));
            };
            while !self.copy_part(at, transfer.part(part.clone()), Blocking::Allowed) {
                let there = match self.store_through(at, transfer.part(part.clone())) {
                    Ok(true) => break,
                    Ok(false) => self.fault_in(at..at + part.len() as u64, rights),
                    Err(error) => Err(error),
                };
                if let Err(error) = there {
                    return (done, Err(error));
                }
            }
            done = part.end;
        }
        (done, Ok(()))
    }

    /// Stores a part that lies in one page without making it present, if it cannot be dirty; whether it did.
    fn store_through(&self, address: u64, part: Transfer<'_>) -> io::Result<bool> {
        match (part, self.region_at(address)) {
            (Transfer::Store(from), Some(region)) => region.store_through(address, from),
            _ => Ok(false),
        }
    }

    /// Copies a part that lies in one page, if that is present with the rights; whether it was.
    fn copy_part(&self, address: u64, part: Transfer<'_>, blocking: Blocking) -> bool {
        let Some(walk) = self.tables.walk_with(blocking) else { return false };
        walk.at(address).is_some_and(|region| region.access(address, part, blocking))
    }

    /// Fills `bytes` with the memory from `address` on. An empty slice has no effect.
    ///
    /// # Errors
    ///
    /// `InvalidInput` where hardware would raise SIGSEGV: nothing is mapped at the address. `UnexpectedEof`
    /// where it would raise SIGBUS: the page lies wholly past the end of the mapped file. The store's error,
    /// if it cannot read a page that is not cached. Bytes before the page that failed have been copied.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// use spanlock_page_cache::{AddressSpace, MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"mapped", 0)?;
    /// let memory = AddressSpace::new();
    /// let mapped = memory.map_file(&file, 0..8192)?;
    /// let mut seen = [0; 6];
    /// memory.load(mapped.start, &mut seen)?;
    /// assert_eq!(&seen, b"mapped");
    /// let error = memory.load(mapped.start + 4096, &mut seen).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    /// assert_eq!(memory.load(0, &mut seen).unwrap_err().kind(), ErrorKind::InvalidInput);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn load(&self, address: u64, bytes: &mut [u8]) -> io::Result<()> {
        let request = Request::new("load", address, bytes.len() as u64);
        let (_, outcome) = self.copy_or_fail(address, Transfer::Load(bytes));
        outcome.map_err(|error| request.failed(error))
    }

    /// Copies `bytes` into the memory from `address` on. Bytes stored past the end of a mapped file, in its
    /// last page, are discarded. An empty slice has no effect.
    ///
    /// # Errors
    ///
    /// As [`load`](AddressSpace::load). For a mapped file, also the errors of
    /// [`Mapping::store`](crate::Mapping::store).
    ///
    /// # Examples
    ///
    /// ```
    /// let memory: spanlock_page_cache::AddressSpace = Default::default();
    /// let buffer = memory.map_anonymous(4096)?;
    /// memory.store(buffer.start + 4000, &[7; 96])?;
    /// assert!(memory.store(buffer.start + 4000, &[7; 97]).is_err());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn store(&self, address: u64, bytes: &[u8]) -> io::Result<()> {
        let request = Request::new("store", address, bytes.len() as u64);
        let (_, outcome) = self.copy_or_fail(address, Transfer::Store(bytes));
        outcome.map_err(|error| request.failed(error))
    }
}

/// What comes after the first `done` of `len` bytes at an address, as far as one page goes: where it
/// starts, and which of the bytes it is.
fn page_part(address: u64, done: usize, len: usize) -> Option<(u64, Range<usize>)> {
    let at = address.checked_add(done as u64)?;
    let part = (len - done).min((PAGE - at % PAGE) as usize);
    at.checked_add(part as u64)?;
    (part > 0).then(|| (at, done..done + part))
}
