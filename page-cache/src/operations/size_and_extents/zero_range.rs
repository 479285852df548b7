//! Zero range: a range reads as zeroes, and its blocks are allocated.
//!
//! 1. Claim the IO lock exclusively over the range; if the file may grow, from the old end on. If
//!    it may not, the range ends at the end of the file.
//! 2. Claim the mapping lock exclusively over the range and from the old end on.
//! 3. If the file grows, remove what a failed request left in the store past the end.
//! 4. If it does not grow, and the store ends before the range does, extend the store that far, as
//!    for a punch. Zero the range in the store. This comes before the cache, as for a punch.
//! 5. Clear the range in the cache.
//! 6. Extend the file.
//!
//! If the store fails it may have zeroed a part of the range, and may have grown. Then the clean
//! pages of the range are removed from the cache, as for a punch, and the store is truncated to the
//! old length.

use std::io;

use crate::Store;
use crate::error::Request;
use crate::files::inode::Inode;
use crate::files::length::Length;
use spanlock::Access;

impl Inode {
    pub(crate) fn zero_range(&self, offset: u64, len: u64, length: Length) -> io::Result<()> {
        let request = Request::new("zero_range", offset, len);
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
        self.modified.note_change();
        let reached = if end > old { Ok(()) } else { self.let_store_reach(offset..end, &claim) };
        if let Err(error) = reached.and_then(|()| self.store.zero_range(offset, end - offset)) {
            self.forget_clean(offset..end, &claim);
            if end > old {
                self.trim_store();
            }
            return Err(self.failed(request, error));
        }
        self.clear(offset..end, &claim);
        if end > old {
            self.extend(end, &claim);
        }
        Ok(())
    }
}
