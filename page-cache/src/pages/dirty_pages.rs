//! The pages of a file that are dirty or in flight, and since when.
//!
//! A sync, and a round of the flusher, covers what was dirty when it began: each begins a new
//! epoch, and skips pages that became dirty in that epoch or later. So it visits each page at most
//! once, and ends even if others keep writing.
//!
//! A write may have a tag, such as the number of a log record. A dirty page keeps the least and the
//! greatest tag of what was written to it since it was last clean. They change under the page lock
//! while the page is dirty and not in flight, so they are those of the bytes that a writeback
//! sends.
//!
//! The mutex around this is a leaf of the lock order.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::page::Tags;

/// The dirty pages of one file, each with the epoch in which it became dirty.
#[derive(Default)]
pub(crate) struct Unclean {
    pages: BTreeMap<u64, Record>,
    now: Epoch,
    /// Whether the flusher has a job for the file.
    pub(crate) scheduled: bool,
}

/// A period of time of a file, which ends when a sync or a round of the flusher begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Epoch(u64);

#[derive(Clone, Copy)]
struct Record {
    since: Epoch,
    tags: Tags,
}

/// Which dirty pages to write: those of an epoch or one before, whose least tag is not above a bound.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    since: Epoch,
    oldest: u64,
}

impl Wanted {
    /// Every dirty page.
    pub(crate) const ALL: Wanted = Wanted { since: Epoch(u64::MAX), oldest: u64::MAX };

    /// The same, but only the pages whose least tag is not above `tag`.
    pub(crate) fn up_to_tag(self, tag: u64) -> Wanted {
        Wanted { oldest: self.oldest.min(tag), ..self }
    }

    fn has(&self, record: &Record) -> bool {
        record.since <= self.since && record.tags.oldest <= self.oldest
    }
}

impl Unclean {
    pub(crate) fn contains(&self, page: u64) -> bool {
        self.pages.contains_key(&page)
    }

    pub(crate) fn len(&self) -> usize {
        self.pages.len()
    }

    /// Adds a page that has become dirty. Returns whether it was not in the set.
    pub(crate) fn insert(&mut self, page: u64) -> bool {
        let mut added = false;
        self.pages.entry(page).or_insert_with(|| {
            added = true;
            Record { since: self.now, tags: Tags::default() }
        });
        added
    }

    /// Adds a tag to those of a page, if the page is in the set.
    pub(crate) fn add_tag(&mut self, page: u64, tag: u64) {
        if let Some(record) = self.pages.get_mut(&page) {
            record.tags.add(tag);
        }
    }

    /// The tags of a page.
    pub(crate) fn tags(&self, page: u64) -> Tags {
        self.pages.get(&page).map(|record| record.tags).unwrap_or_default()
    }

    /// The pages of a range that are in the set, with their tags, ascending.
    pub(crate) fn tagged(&self, pages: Range<u64>) -> impl Iterator<Item = (u64, Tags)> + '_ {
        let pages = if pages.is_empty() { 0..0 } else { pages };
        self.pages.range(pages).map(|(&page, record)| (page, record.tags))
    }

    /// Removes a page. Returns whether it was in the set.
    pub(crate) fn remove(&mut self, page: u64) -> bool {
        self.pages.remove(&page).is_some()
    }

    /// Ends the epoch. All pages in the set now are of this epoch or an earlier one: these are to be written.
    pub(crate) fn end_epoch(&mut self) -> Wanted {
        let ended = self.now;
        self.now = Epoch(ended.0 + 1);
        Wanted { since: ended, oldest: u64::MAX }
    }

    /// The first page of a range that is to be written.
    pub(crate) fn first(&self, pages: Range<u64>, wanted: Wanted) -> Option<u64> {
        if pages.is_empty() {
            return None;
        }
        let mut pages = self.pages.range(pages);
        pages.find(|(_, record)| wanted.has(record)).map(|(&page, _)| page)
    }

    /// How many pages from `first` on, `most` at most, are all to be written.
    pub(crate) fn run(&self, first: u64, most: u64, wanted: Wanted) -> u64 {
        let pages = self.pages.range(first..first.saturating_add(most));
        let in_run = |&(expected, (&page, record)): &(u64, (&u64, &Record))| {
            expected == page && wanted.has(record)
        };
        (first..).zip(pages).take_while(in_run).count() as u64
    }
}

#[cfg(test)]
mod tests;
