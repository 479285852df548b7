//! What is lost when a file is closed, with each byte counted once.

use std::ops::Range;

use super::Part;
use super::ranges::Ranges;
use crate::page::PageSize;

/// Ranges of bytes that are lost.
#[derive(Debug)]
pub(crate) struct Lost {
    page_size: PageSize,
    ranges: Ranges<()>,
}

impl Lost {
    pub(crate) fn new(page_size: PageSize) -> Lost {
        Lost { page_size, ranges: Ranges::default() }
    }

    pub(crate) fn add(&mut self, range: Range<u64>) {
        self.ranges.set(range, ());
    }

    pub(crate) fn add_part(&mut self, page: u64, part: &Part) {
        part.bytes(page, self.page_size).into_iter().for_each(|range| self.add(range));
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.ranges.iter().map(|(range, ())| range.end - range.start).sum()
    }

    /// How many pages the ranges touch.
    pub(crate) fn pages(&self) -> u64 {
        let mut counted = 0;
        let mut pages = 0;
        for (range, ()) in self.ranges.iter() {
            let touched = self.page_size.touched(&range);
            let touched = touched.start.max(counted)..touched.end;
            pages += touched.end.saturating_sub(touched.start);
            counted = touched.end.max(counted);
        }
        pages
    }
}
