//! Which bytes of which pages were sent to the store.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::page::PageSize;
use crate::pages::dirty_ranges::DirtyRanges;

/// The bytes of a page that were sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    /// Some of them; the page need not be uptodate.
    Ranges(DirtyRanges),
}

impl Part {
    pub(crate) fn range(within: Range<usize>) -> Part {
        let mut ranges = DirtyRanges::default();
        ranges.insert(within);
        Part::Ranges(ranges)
    }

    pub(super) fn add(&mut self, other: &Part) {
        match (&mut *self, other) {
            (Part::Ranges(ranges), Part::Ranges(more)) => ranges.add(more),
            _ => *self = Part::Whole,
        }
    }

    pub(super) fn bytes(&self, page: u64, page_size: PageSize) -> Vec<Range<u64>> {
        let start = page_size.start(page);
        let whole = start..start.saturating_add(page_size.bytes());
        match self {
            Part::Whole => vec![whole],
            Part::Ranges(ranges) => ranges
                .iter()
                .map(|part| start + part.start as u64..start + part.end as u64)
                .collect(),
        }
    }
}

/// Pages, and the bytes of them that were sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Pages {
    pub(super) pages: BTreeMap<u64, Part>,
}

impl Pages {
    pub(super) fn add(&mut self, page: u64, part: &Part) {
        self.pages
            .entry(page)
            .and_modify(|before| before.add(part))
            .or_insert_with(|| part.clone());
    }

    /// Removes everything from an offset on.
    pub(super) fn cut(&mut self, len: u64, page_size: PageSize) {
        self.pages.split_off(&page_size.count(len));
        let (last, within) = page_size.place(len);
        self.forget_part(last, within..page_size.len());
    }

    /// Forgets the pages that a range covers whole.
    pub(super) fn forget(&mut self, bytes: &Range<u64>, page_size: PageSize) {
        let whole = page_size.covered(bytes);
        if !whole.is_empty() {
            let mut behind = self.pages.split_off(&whole.start);
            self.pages.append(&mut behind.split_off(&whole.end));
        }
    }

    /// Forgets of a page what has been sent again.
    pub(super) fn settle(&mut self, page: u64, sent: &Part) {
        match sent {
            Part::Whole => drop(self.pages.remove(&page)),
            // Of a page that is owed whole, all of it is sent again: it is dirty, or about to be.
            Part::Ranges(ranges) => ranges.iter().for_each(|part| self.forget_part(page, part)),
        }
    }

    /// Forgets a part of a page that is not uptodate.
    pub(super) fn forget_part(&mut self, page: u64, within: Range<usize>) {
        if let Some(Part::Ranges(ranges)) = self.pages.get_mut(&page) {
            ranges.remove(within);
            if ranges.is_empty() {
                self.pages.remove(&page);
            }
        }
    }
}
