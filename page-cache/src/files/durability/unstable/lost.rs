//! What is lost when a file is closed, with each byte counted once.

use std::ops::Range;

use super::{PAGE, Part, Ranges};

/// Ranges of bytes that are lost.
#[derive(Debug, Default)]
pub(crate) struct Lost {
    ranges: Ranges<()>,
}

impl Lost {
    pub(crate) fn add(&mut self, range: Range<u64>) {
        self.ranges.set(range, ());
    }

    pub(crate) fn add_part(&mut self, page: u64, part: &Part) {
        part.bytes(page).into_iter().for_each(|range| self.add(range));
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.ranges.iter().map(|(range, ())| range.end - range.start).sum()
    }

    /// How many pages the ranges touch.
    pub(crate) fn pages(&self) -> u64 {
        let mut counted = 0;
        let mut pages = 0;
        for (range, ()) in self.ranges.iter() {
            let touched = (range.start / PAGE).max(counted)..range.end.div_ceil(PAGE);
            pages += touched.end.saturating_sub(touched.start);
            counted = touched.end.max(counted);
        }
        pages
    }
}
