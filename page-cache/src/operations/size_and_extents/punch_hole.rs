//! Punch: a range reads as zeroes, and its blocks are freed.
//!
//! 1. Claim the IO lock and the mapping lock exclusively over the range.
//! 2. If the store ends before the range does, extend it that far: the dirty bytes that would have
//!    extended it are about to be discarded.
//! 3. Punch the hole in the store. This comes before the cache, so that nothing has changed if the
//!    store fails. No other operation reads or writes the store in the range meanwhile.
//! 4. Clear the range in the cache. Nothing of it needs to be written, since it is zeroes.
//!
//! If the store fails it may have punched a part of the range. Then the clean pages of the range
//! are removed from the cache: each byte is zero or unchanged.

use std::io;
use std::ops::Range;

use crate::Store;
use crate::error::Request;
use crate::files::inode::{Inode, IoClaim};
use spanlock::Access;

impl Inode {
    pub(crate) fn punch(&self, offset: u64, len: u64) -> io::Result<()> {
        let request = Request::new("punch_hole", offset, len);
        self.check_change(request)?;
        let end = self.end_of(request)?;
        if len == 0 {
            return Ok(());
        }
        self.check_whole_range(offset..end).map_err(|error| self.failed(request, error))?;
        let io = self.io_exclusive(offset..end);
        self.punch_claimed(offset..end, &io).map_err(|error| self.failed(request, error))
    }

    /// As `punch`, for a range that is not empty; the caller has the IO lock over it exclusively.
    pub(crate) fn punch_claimed(&self, bytes: Range<u64>, _io: &IoClaim<'_>) -> io::Result<()> {
        let (offset, end) = (bytes.start, bytes.end);
        let claim = self.claim(Access::PunchHole, bytes);
        // If this fails, no byte has changed.
        self.let_store_reach(offset..end, &claim)?;
        let punched = self.store.punch_hole(offset, end - offset);
        self.modified.note_change();
        match punched {
            Ok(()) => self.clear(offset..end, &claim),
            Err(_) => self.forget_clean(offset..end, &claim),
        }
        punched
    }
}
