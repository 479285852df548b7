//! The dirty bytes of pages that are dirty and not uptodate.
//!
//! Such a page is *partial*: it was written in part and never read, so only the written bytes are
//! valid. The word of its frame says that it is dirty and not uptodate. Which bytes are dirty is
//! recorded here, for each file. A page is in this map if and only if it is partial and dirty or in
//! flight.
//!
//! A page's ranges change under its page lock while it is not in flight. The end of its writeback,
//! which holds no page lock, removes them; no thread adds any before that, since a writer waits for
//! the page's writeback. The mutex is a leaf.

use crate::sync::blocking::Mutex;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::order::leaf::lock_leaf;

/// Disjoint ranges within a page, ascending, with a gap between any two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DirtyRanges {
    ranges: Vec<Range<usize>>,
}

impl DirtyRanges {
    /// Adds a range, and merges it with the ranges that it overlaps or touches.
    pub(crate) fn insert(&mut self, added: Range<usize>) {
        if added.is_empty() {
            return;
        }
        let first = self.ranges.partition_point(|range| range.end < added.start);
        let after = self.ranges.partition_point(|range| range.start <= added.end);
        let merged = self.ranges[first..after]
            .iter()
            .fold(added, |merged, range| merged.start.min(range.start)..merged.end.max(range.end));
        self.ranges.splice(first..after, [merged]);
    }

    /// Adds all ranges of another.
    pub(crate) fn add(&mut self, other: &DirtyRanges) {
        other.iter().for_each(|range| self.insert(range));
    }

    /// Removes a range, and shortens the ranges that it overlaps.
    pub(crate) fn remove(&mut self, removed: Range<usize>) {
        if removed.is_empty() {
            return;
        }
        let first = self.ranges.partition_point(|range| range.end <= removed.start);
        let after = self.ranges.partition_point(|range| range.start < removed.end);
        let cut: Vec<_> = self.ranges[first..after]
            .iter()
            .flat_map(|range| [range.start..removed.start, removed.end..range.end])
            .filter(|left| left.start < left.end)
            .collect();
        self.ranges.splice(first..after, cut);
    }

    /// Whether the ranges contain every byte before `end`.
    pub(crate) fn cover(&self, end: usize) -> bool {
        end == 0 || self.ranges.first().is_some_and(|first| first.start == 0 && first.end >= end)
    }

    /// Whether it is one range of whole blocks, of which the last may end at `end`.
    pub(crate) fn is_one_of_blocks(&self, block: usize, end: usize) -> bool {
        let whole = |range: &Range<usize>| {
            let ends = range.end.is_multiple_of(block) || range.end >= end;
            range.start.is_multiple_of(block) && ends
        };
        self.ranges.len() == 1 && self.ranges.iter().all(whole)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.ranges.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.ranges.iter().cloned()
    }
}

/// The dirty ranges of a file's partial pages.
#[derive(Default)]
pub(crate) struct PartialPages {
    pages: Mutex<BTreeMap<u64, DirtyRanges>>,
}

impl PartialPages {
    /// The dirty ranges of a page; none if it is not partial, or if nothing of it is dirty.
    pub(crate) fn get(&self, page: u64) -> DirtyRanges {
        lock_leaf(&self.pages).get(&page).cloned().unwrap_or_default()
    }

    /// Keeps a page's dirty ranges. The caller holds its page lock.
    pub(crate) fn set(&self, page: u64, ranges: DirtyRanges) {
        if ranges.is_empty() {
            self.forget(page);
        } else {
            lock_leaf(&self.pages).insert(page, ranges);
        }
    }

    /// Forgets a page's dirty ranges: it is uptodate, clean, or gone.
    pub(crate) fn forget(&self, page: u64) {
        lock_leaf(&self.pages).remove(&page);
    }
}

#[cfg(test)]
mod tests;
