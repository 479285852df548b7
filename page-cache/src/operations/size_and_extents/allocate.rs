//! Allocate: reserves blocks for a range, so that a write to it cannot fail for lack of space.
//!
//! 1. Claim the IO lock exclusively over the range; if the file may grow, from the old end on. If it may not, the range
//!    ends at the end of the file: no block lies past the end.
//! 2. Claim the mapping lock exclusively over the range and from the old end on. A store may allocate by reading and
//!    writing, and nothing else may write there meanwhile.
//! 3. If the file grows, remove what a failed request left in the store past the end.
//! 4. Allocate in the store. If the file does not grow, and the store may end before the range
//!    does, allocate up to the end of the range's last page, or of the file: see `extend`. The
//!    cache stays valid, since no byte changes.
//! 5. Extend the file.
//!
//! If the store fails it may have grown, and is truncated to the old length.
//!
//! Reserve: the same, with the blocks past the end too, and no change of the length. It claims both
//! locks exclusively over the range. Steps 3 and 5 have nothing to do.

use std::io;

use crate::Store;
use crate::error::Request;
use crate::files::inode::Inode;
use crate::files::length::Length;
use spanlock::Access;

impl Inode {
    pub(crate) fn allocate(&self, offset: u64, len: u64, length: Length) -> io::Result<()> {
        let request = Request::new("allocate", offset, len);
        self.check_change(request)?;
        let end = self.end_of(request)?;
        if len == 0 {
            return Ok(());
        }
        self.check_whole_range(offset..end).map_err(|error| self.failed(request, error))?;
        let _io = self.io_for_growth(offset..end, length);
        let old = self.size();
        let end = length.bounds(end, old);
        if offset >= end {
            return Ok(());
        }
        let claim = self.claim(Access::Allocate, offset.min(old)..end);
        if end > old {
            self.end_within_limit(request)?;
            self.cut_store_below(old, end).map_err(|error| self.failed(request, error))?;
        }
        let reached = if end > old { end } else { self.end_of_reach(end) };
        if let Err(error) = self.store.allocate(offset, reached - offset) {
            if end > old {
                self.trim_store();
            }
            return Err(self.failed(request, error));
        }
        if end > old {
            self.modified.note_change();
            self.extend(end, &claim);
        }
        Ok(())
    }

    pub(crate) fn reserve(&self, offset: u64, len: u64) -> io::Result<()> {
        let request = Request::new("reserve", offset, len);
        self.check_change(request)?;
        let end = self.end_within_limit(request)?;
        if len == 0 {
            return Ok(());
        }
        let _io = self.io_exclusive(offset..end);
        let _claim = self.claim(Access::Allocate, offset..end);
        self.store.reserve(offset, len).map_err(|error| self.failed(request, error))
    }
}
