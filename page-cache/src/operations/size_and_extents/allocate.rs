//! Allocate: reserves blocks for a range, so that a write to it cannot fail for lack of space.
//!
//! 1. Claim the range, and prepare the store if the file grows: see `growth`. A store may allocate
//!    by reading and writing, and nothing else may write there meanwhile. If the file may not grow,
//!    no block is allocated past the end.
//! 2. Allocate in the store. If the file does not grow, and the store may end before the range
//!    does, allocate up to the end of the range's last page, or of the file: see `extend`. The
//!    cache stays valid, since no byte changes.
//! 3. Extend the file.
//!
//! If the store fails it may have grown, and is truncated to the old length.
//!
//! Reserve: the same, with the blocks past the end too, and no change of the length. It claims both
//! locks exclusively over the range, and does not extend the file.

use std::io;
use std::ops::Range;

use crate::Store;
use crate::error::Request;
use crate::files::inode::Inode;
use crate::files::length::Length;
use spanlock::Access;

impl Inode {
    pub(crate) fn allocate(&self, offset: u64, len: u64, length: Length) -> io::Result<()> {
        let request = Request::new("allocate", offset, len);
        let Some(growth) = self.claim_growth(request, length)? else { return Ok(()) };
        let Range { start, end } = growth.range();
        let reached = if growth.grows() { end } else { self.end_of_reach(end) };
        if let Err(error) = self.store.allocate(start, reached - start) {
            growth.undo();
            return Err(self.failed(request, error));
        }
        if growth.grows() {
            self.modified.note_change();
        }
        growth.extend();
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
