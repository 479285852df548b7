//! Punch: a range reads as zeroes, and its blocks are free.
//!
//! 1. Claim the IO lock and the mapping lock exclusively over the range.
//! 2. Punch the store. It goes first, so that a store that refuses leaves all as it was; no other
//!    path reads or writes the store there meanwhile.
//! 3. Zero the pages at the edges, which the range covers in part, where they are cached. Dirty or
//!    clean, they agree with the store as they did before.
//! 4. Unmap, lock and discard the pages that it covers whole.

use std::io;
use std::ops::Range;

use super::error::Request;
use super::inode::Inode;
use super::{PAGE_SIZE, PathLock};
use crate::Access;

const PAGE: u64 = PAGE_SIZE as u64;

impl<L: PathLock> Inode<L> {
    pub(super) fn punch(&self, offset: u64, len: u64) -> io::Result<()> {
        let request = Request::new("punch_hole", offset, len);
        let end = request.end()?;
        if len == 0 {
            return Ok(());
        }
        let _io = self.io_exclusive(offset..end);
        let claim = self.claim(Access::PunchHole, offset..end);
        self.store.punch_hole(offset, len).map_err(|error| request.failed(error))?;
        let whole = offset.div_ceil(PAGE)..end / PAGE;
        self.zero_within_page(offset..end.min(whole.start * PAGE));
        if whole.start <= whole.end {
            self.zero_within_page((whole.end * PAGE).max(offset)..end);
            self.discard(whole, &claim);
        }
        Ok(())
    }

    /// Zeroes bytes of one page where it is cached. The caller has claimed it exclusively.
    fn zero_within_page(&self, bytes: Range<u64>) {
        if bytes.is_empty() {
            return;
        }
        if let Some(page) = self.find_locked(bytes.start / PAGE) {
            let start = page.key().page * PAGE;
            self.zero_locked(&page, (bytes.start - start) as usize..(bytes.end - start) as usize);
        }
    }
}
