//! Prepare and commit: a write to a part of a page, and the rest of the page.
//!
//! Prepare, with the page locked:
//!
//! 1. Wait for its writeback: bytes in flight must not change.
//! 2. An uptodate page needs nothing more. Otherwise only the written bytes are recorded, and the
//!    store is not read, since the rest may never be needed.
//! 3. If the page would have too many dirty ranges, fill it: one read now costs less than as many writes later.
//!
//! The caller copies as many bytes as it can, under the latch. Commit:
//!
//! 4. The bytes between the old end and the first copied byte are zeroes. They are part of the
//!    write. If the page is uptodate, a mapping may have stored bytes there: write-protect its
//!    mappings first, so that a later store waits for the page lock.
//! 5. Add what was copied to the page's dirty ranges. If they cover everything that the file has of
//!    the page, zero the rest and mark the page uptodate; otherwise keep the ranges.
//! 6. Mark it dirty. Extend the size.
//!
//! If nothing was copied, the page stays as it was. A new page stays clean and not uptodate:
//! nothing reads it, and it can be evicted.

use std::io;
use std::ops::Range;

use crate::files::inode::{Inode, MappingClaim};
use crate::pages::dirty_ranges::DirtyRanges;
use crate::pages::frame::{LockedPage, WriteLatch};

/// The most dirty ranges that a page has after one write more.
const MOST_RANGES: usize = 64;

/// A page that may be written in a range: locked, and not in flight.
pub(crate) struct Prepared<'a> {
    page: LockedPage<'a>,
    within: Range<usize>,
}

impl<'a> Prepared<'a> {
    /// Latches the bytes to copy into. The caller changes only those `within`.
    pub(crate) fn latch(&self) -> WriteLatch<'a> {
        self.page.latch()
    }

    pub(crate) fn is_dirty(&self) -> bool {
        self.page.state().is_dirty()
    }

    /// The range that was prepared.
    pub(crate) fn within(&self) -> Range<usize> {
        self.within.clone()
    }
}

impl Inode {
    /// Prepares a locked page for a write to bytes `within` it.
    pub(crate) fn prepare<'a>(
        &self,
        mut page: LockedPage<'a>,
        within: Range<usize>,
        claim: &MappingClaim<'_>,
    ) -> io::Result<Prepared<'a>> {
        page.wait_for_writeback();
        if !page.state().is_uptodate() && self.dirty_ranges(&page).len() >= MOST_RANGES {
            page = self.fill(page, claim)?;
        }
        Ok(Prepared { page, within })
    }

    /// Commits the first `copied` bytes of what was prepared, with a tag for them, or zero.
    pub(crate) fn commit(&self, prepared: Prepared<'_>, copied: usize, tag: u64) {
        if copied == 0 {
            return;
        }
        let Prepared { page, within } = prepared;
        let end = within.start + copied;
        if page.state().is_uptodate() {
            self.zero_gap(&page, within.start);
        } else {
            self.commit_bytes(&page, within.start..end);
        }
        page.set_dirty();
        self.note_tag(page.key().page, tag);
        let start = self.page_size.start(page.key().page);
        self.note_written(start + within.start as u64..start + end as u64);
        self.extend_to(start + end as u64);
    }

    /// Zeroes a locked page from the end of the file to the start of a write, if that is past the end.
    fn zero_gap(&self, page: &LockedPage<'_>, start: usize) {
        let gap = self.gap_before(page.key().page, start);
        if !gap.is_empty() {
            self.write_protect(page);
            self.zero_locked(page, gap);
        }
    }

    /// The part of a page that lies between the end of the file and the start of a write.
    pub(crate) fn gap_before(&self, page: u64, start: usize) -> Range<usize> {
        self.bytes_inside(page).min(start)..start
    }

    fn commit_bytes(&self, page: &LockedPage<'_>, copied: Range<usize>) {
        let number = page.key().page;
        let inside = self.bytes_inside(number);
        let mut latch = page.latch();
        let gap = self.gap_before(number, copied.start);
        latch.bytes()[gap.clone()].fill(0);
        let mut ranges = self.dirty_ranges(page);
        ranges.insert(gap.start..copied.end);
        let inside = inside.max(copied.end);
        if ranges.cover(inside) {
            latch.bytes()[inside..].fill(0);
            self.partial.forget(number);
            latch.commit();
        } else {
            self.partial.set(number, ranges);
        }
    }

    /// The dirty ranges of a locked page that is not uptodate.
    pub(crate) fn dirty_ranges(&self, page: &LockedPage<'_>) -> DirtyRanges {
        // A writeback forgets them before it ends.
        let partial = !page.state().is_clean();
        if partial { self.partial.get(page.key().page) } else { DirtyRanges::default() }
    }

    /// Whether a write `within` a page leaves nothing of it to the store: the rest lies past the end.
    pub(crate) fn completes(&self, page: u64, within: &Range<usize>) -> bool {
        let inside = self.bytes_inside(page);
        inside.min(within.start) == 0 && within.end >= inside
    }

    /// How many bytes of a page lie before the file's end.
    pub(crate) fn bytes_inside(&self, page: u64) -> usize {
        self.size().saturating_sub(self.page_size.start(page)).min(self.page_size.bytes()) as usize
    }

    /// Zeroes a part of a locked page. The store reads as zeroes there, so a partial page has
    /// nothing to tell it any more.
    pub(crate) fn zero_locked(&self, page: &LockedPage<'_>, within: Range<usize>) {
        page.wait_for_writeback();
        if page.state().is_uptodate() {
            page.latch().bytes()[within].fill(0);
            return;
        }
        let number = page.key().page;
        self.store.note(|unstable| unstable.forget_part(number, within.clone()));
        let mut ranges = self.dirty_ranges(page);
        ranges.remove(within);
        if ranges.is_empty() && page.state().is_dirty() {
            page.clear_dirty();
            self.note_clean(number);
        }
        self.partial.set(number, ranges);
    }
}
