//! Zero range: a range reads as zeroes, and its blocks are allocated.
//!
//! 1. Claim the range, and prepare the store if the file grows: see `growth`.
//! 2. If it does not grow, and the store ends before the range does, extend the store that far, as
//!    for a punch. Zero the range in the store. This comes before the cache, as for a punch.
//! 3. Clear the range in the cache.
//! 4. Extend the file.
//!
//! If the store fails it may have zeroed a part of the range, and may have grown. Then the clean
//! pages of the range are removed from the cache, as for a punch, and the store is truncated to the
//! old length.

use std::io;

use crate::Store;
use crate::error::Request;
use crate::files::inode::Inode;
use crate::files::length::Length;

impl Inode {
    pub(crate) fn zero_range(&self, offset: u64, len: u64, length: Length) -> io::Result<()> {
        let request = Request::new("zero_range", offset, len);
        let Some(growth) = self.claim_growth(request, length)? else { return Ok(()) };
        let (range, claim) = (growth.range(), growth.claim());
        if !growth.grows() {
            // If this fails, no byte has changed.
            let reached = self.let_store_reach(range.clone(), claim);
            reached.map_err(|error| self.failed(request, error))?;
        }
        self.modified.note_change();
        if let Err(error) = self.store.zero_range(range.start, range.end - range.start) {
            self.forget_clean(range, claim);
            growth.undo();
            return Err(self.failed(request, error));
        }
        self.clear(range, claim);
        growth.extend();
        Ok(())
    }
}
