//! `Batch`: what one sync of the store makes durable.

use std::ops::Range;

use super::MOST_RANGES;
use super::ranges::Ranges;
use super::sent_pages::Pages;
use crate::page::PageSize;

/// What the store was given between two syncs.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    /// Of pages that are cached.
    pub(super) cached: Pages,
    /// What the cache cannot send again.
    pub(super) gone: Ranges<()>,
    pub(super) resized: bool,
    /// Whether anything else changed that a sync makes durable, and that need not be repeated if it fails.
    pub(super) other: bool,
    /// From the least length that the store was cut to, to the greatest that it had before.
    pub(super) cut: Option<Range<u64>>,
}

impl Batch {
    pub(super) fn add_gone(&mut self, range: Range<u64>) {
        self.gone.set(range, ());
        self.gone.limit(MOST_RANGES, |(), ()| ());
    }

    pub(super) fn is_empty(&self) -> bool {
        let Batch { cached, gone, resized, other, cut: _ } = self;
        cached.pages.is_empty() && gone.is_empty() && !resized && !other
    }

    pub(super) fn page_left(&mut self, page: u64, page_size: PageSize) {
        if let Some(part) = self.cached.pages.remove(&page) {
            part.bytes(page, page_size).into_iter().for_each(|range| self.add_gone(range));
        }
    }

    pub(super) fn add(&mut self, later: Batch) {
        later.cached.pages.iter().for_each(|(&page, part)| self.cached.add(page, part));
        later.gone.iter().for_each(|(range, ())| self.add_gone(range));
        self.resized |= later.resized;
        self.other |= later.other;
        self.cut = joined(self.cut.take(), later.cut);
    }
}

/// From the least start to the greatest end.
pub(super) fn joined(one: Option<Range<u64>>, other: Option<Range<u64>>) -> Option<Range<u64>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.start.min(other.start)..one.end.max(other.end)),
        (one, other) => one.or(other),
    }
}
