//! Clear: a range of the cache reads as zeroes, as it does in the store already.
//!
//! The caller holds the IO lock and the mapping lock exclusively over the range.
//!
//! 1. Lock, unmap and discard the pages that lie within the range. They cannot be brought back before the claim is
//!    released.
//! 2. Zero the parts of the first and the last page that are in the range, if these pages are
//!    cached. This makes no page dirty, since the store has the zeroes already. It comes last: if a
//!    thread reads one of these zeroes through a mapping, the pages between are already discarded,
//!    so what the thread then stores to one of them is kept.

use std::ops::Range;

use crate::files::inode::{Inode, MappingClaim};

impl Inode {
    pub(crate) fn clear(&self, bytes: Range<u64>, claim: &MappingClaim<'_>) {
        let whole = self.page_size.covered(&bytes);
        if whole.start > whole.end {
            // All of it lies within one page.
            self.zero_within_page(bytes);
            return;
        }
        self.discard(whole.clone(), claim);
        self.zero_within_page(bytes.start..self.page_size.start(whole.start));
        self.zero_within_page(self.page_size.start(whole.end)..bytes.end);
    }

    /// For a range of which an unknown part has become zeroes in the store: removes its clean pages from the
    /// cache, so that reads return what the store has.
    pub(crate) fn forget_clean(&self, bytes: Range<u64>, _claim: &MappingClaim<'_>) {
        for number in self.resident_in(self.page_size.touched(&bytes)) {
            let Some(page) = self.find_locked(number) else { continue };
            page.wait_for_writeback();
            if page.state().is_clean() {
                self.discard_page(page);
            }
        }
    }

    fn zero_within_page(&self, bytes: Range<u64>) {
        if bytes.is_empty() {
            return;
        }
        if let Some(page) = self.find_locked(self.page_size.number(bytes.start)) {
            let start = self.page_size.start(page.key().page);
            self.zero_locked(&page, (bytes.start - start) as usize..(bytes.end - start) as usize);
        }
    }
}
