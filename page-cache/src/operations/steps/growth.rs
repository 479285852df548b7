//! Growth: a range that is allocated or zeroed, and over which the file may grow.
//!
//! 1. Claim the IO lock exclusively over the range; if the file may grow, from the old end on. If it
//!    may not, the range ends at the end of the file.
//! 2. Claim the mapping lock exclusively over the range and from the old end on.
//! 3. If the file grows, check that the store can hold it, and remove what a failed request left in
//!    the store past the end.
//!
//! Then the caller changes the store and the cache, and extends the file. If the store fails, it may
//! have grown, and the caller truncates it to the old length.

use std::io;
use std::ops::Range;

use crate::error::Request;
use crate::files::inode::{Inode, IoClaim, MappingClaim};
use crate::files::length::Length;
use spanlock::Access;

/// A claimed range that is not empty.
pub(crate) struct Growth<'a> {
    inode: &'a Inode,
    range: Range<u64>,
    /// The length of the file.
    old: u64,
    // Released in this order.
    claim: MappingClaim<'a>,
    _io: IoClaim<'a>,
}

impl Inode {
    /// Claims the range of a request, up to the end of the file if that may not change; `None` if
    /// that is empty.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn claim_growth(
        &self,
        request: Request,
        length: Length,
    ) -> io::Result<Option<Growth<'_>>> {
        self.check_change(request)?;
        let (start, end) = (request.offset, self.end_of(request)?);
        if request.len == 0 {
            return Ok(None);
        }
        self.check_whole_range(start..end).map_err(|error| self.failed(request, error))?;
        let io = self.io_for_growth(start..end, length);
        let old = self.size();
        let range = start..length.bounds(end, old);
        if range.is_empty() {
            return Ok(None);
        }
        let claim = self.claim(Access::Allocate, start.min(old)..range.end);
        let growth = Growth { inode: self, range, old, claim, _io: io };
        if growth.grows() {
            self.end_within_limit(request)?;
            let cut = self.cut_store_below(old, growth.range.end);
            cut.map_err(|error| self.failed(request, error))?;
        }
        Ok(Some(growth))
    }
}

impl<'a> Growth<'a> {
    pub(crate) fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    pub(crate) fn claim(&self) -> &MappingClaim<'a> {
        &self.claim
    }

    /// Whether the file becomes longer.
    pub(crate) fn grows(&self) -> bool {
        self.range.end > self.old
    }

    /// Extends the file to the end of the range, if it ends before that.
    pub(crate) fn extend(&self) {
        if self.grows() {
            self.inode.extend(self.range.end, &self.claim);
        }
    }

    /// Truncates the store to the length of the file, if it may have grown.
    pub(crate) fn undo(&self) {
        if self.grows() {
            self.inode.trim_store();
        }
    }
}
