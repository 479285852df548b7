//! Punch: a range reads as zeroes, and its blocks are free.
//!
//! 1. Claim the IO lock and the mapping lock exclusively over the range.
//! 2. If the store ends before the range does, let it reach as far: what is dirty there, and would
//!    have made it reach, is about to go.
//! 3. Punch the store. It goes before the cache, so that a store that refuses leaves all as it was;
//!    no other path reads or writes the store there meanwhile.
//! 4. Clear the range in the cache. Nothing of it needs to be written: it is zeroes.
//!
//! A store that fails may have punched a part. Then what is clean in the range leaves the cache: each
//! byte is zero or as it was, and stays so.

use std::io;

use crate::error::Request;
use crate::files::inode::{Inode, MappingClaim};
use crate::store::write_full;
use crate::{PAGE_SIZE, Store};
use spanlock::Access;

const PAGE: u64 = PAGE_SIZE as u64;

impl Inode {
    pub(crate) fn punch(&self, offset: u64, len: u64) -> io::Result<()> {
        let request = Request::new("punch_hole", offset, len);
        self.check_change(request)?;
        let end = self.end_of(request)?;
        if len == 0 {
            return Ok(());
        }
        self.check_whole_range(offset..end).map_err(|error| self.failed(request, error))?;
        let _io = self.io_exclusive(offset..end);
        let claim = self.claim(Access::PunchHole, offset..end);
        let punched = self
            .let_store_reach(offset, end, &claim)
            .and_then(|()| self.store.punch_hole(offset, len));
        match punched {
            Ok(()) => self.clear(offset..end, &claim),
            Err(_) => self.forget_clean(offset..end, &claim),
        }
        punched.map_err(|error| self.failed(request, error))
    }

    /// Lets the store reach to the end of a claimed range, or of the file if that comes first.
    fn let_store_reach(&self, start: u64, end: u64, _claim: &MappingClaim<'_>) -> io::Result<()> {
        let end = end.min(self.size());
        if start < end && !self.store.reaches(end) {
            // A write, since to set the length might cut off what is being written behind the range; and
            // of what the range has of the last page, since a single byte would tear a sector.
            let from = start.max((end - 1) / PAGE * PAGE);
            let zeroes = &[0; PAGE_SIZE][..(end - from) as usize];
            let write = || write_full(&*self.store, zeroes, from).map_err(|(_, error)| error);
            self.store
                .attempt(Some(from..end), write, |unstable, _| unstable.uncertain(from..end))?;
        }
        Ok(())
    }
}
