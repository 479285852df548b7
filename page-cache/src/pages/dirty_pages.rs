//! Which pages of a file are dirty or on their way to the store, and since when.
//!
//! A sync, and a round of the flusher, ends with what was dirty when it began: each begins a new
//! epoch, and leaves alone what became dirty in that epoch or later. So it visits each page once at most, and
//! ends whatever others write meanwhile.
//!
//! The mutex around this is a leaf of the lock order.

use std::collections::BTreeMap;
use std::ops::Range;

/// The dirty pages of one file, each with the epoch in which it became dirty.
#[derive(Default)]
pub(crate) struct Unclean {
    pages: BTreeMap<u64, Epoch>,
    now: Epoch,
    /// Whether the flusher knows of the file.
    pub(crate) scheduled: bool,
}

/// A stretch of a file's time, which ends when a sync or a round begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Epoch(u64);

impl Epoch {
    /// Of which every page is.
    pub(crate) const LAST: Epoch = Epoch(u64::MAX);
}

impl Unclean {
    pub(crate) fn contains(&self, page: u64) -> bool {
        self.pages.contains_key(&page)
    }

    pub(crate) fn len(&self) -> usize {
        self.pages.len()
    }

    /// Adds a page that has become dirty; whether it was not in.
    pub(crate) fn insert(&mut self, page: u64) -> bool {
        let mut added = false;
        self.pages.entry(page).or_insert_with(|| {
            added = true;
            self.now
        });
        added
    }

    /// Takes a page out; whether it was in.
    pub(crate) fn remove(&mut self, page: u64) -> bool {
        self.pages.remove(&page).is_some()
    }

    /// Ends the epoch, and returns it: of it, or of one before, is every page that is in by now.
    pub(crate) fn end_epoch(&mut self) -> Epoch {
        let ended = self.now;
        self.now = Epoch(ended.0 + 1);
        ended
    }

    /// The first page of a range that is in since `epoch` or longer.
    pub(crate) fn first(&self, pages: Range<u64>, epoch: Epoch) -> Option<u64> {
        if pages.is_empty() {
            return None;
        }
        let mut pages = self.pages.range(pages);
        pages.find(|&(_, &since)| since <= epoch).map(|(&page, _)| page)
    }

    /// How many pages from `first` on, `most` at most, are all in since `epoch` or longer.
    pub(crate) fn run(&self, first: u64, most: u64, epoch: Epoch) -> u64 {
        let pages = self.pages.range(first..first.saturating_add(most));
        let in_run = |&(expected, (&page, &since)): &(u64, (&u64, &Epoch))| {
            expected == page && since <= epoch
        };
        (first..).zip(pages).take_while(in_run).count() as u64
    }
}

#[cfg(test)]
mod tests;
