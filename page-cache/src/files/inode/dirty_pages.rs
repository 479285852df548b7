//! The pages of a file that are dirty or in flight: which they are, whether there may be one more, and their tags.

use std::ops::Range;

use super::Inode;
use crate::options::Steal;
use crate::order::leaf::{Leaf, lock_leaf};
use crate::page::{DirtyPage, Tags};
use crate::pages::dirty_limit::{By, Own, StoreIs};
use crate::pages::dirty_pages::{Unclean, Wanted};
use crate::sync::atomic::Ordering;

impl Inode {
    /// Ends an epoch of the dirty pages, for a writeback of those that are dirty now.
    pub(crate) fn end_epoch(&self) -> Wanted {
        lock_leaf(&self.unclean).end_epoch()
    }

    /// The first page of a range that is dirty or in flight, and to be written.
    pub(crate) fn first_unclean(&self, pages: Range<u64>, wanted: Wanted) -> Option<u64> {
        lock_leaf(&self.unclean).first(pages, wanted)
    }

    /// How many pages from `first` on, `most` at most, are all dirty or in flight, and to be written.
    pub(crate) fn unclean_run(&self, first: u64, most: u64, wanted: Wanted) -> u64 {
        lock_leaf(&self.unclean).run(first, most, wanted)
    }

    /// Records the tag of bytes that were written to a page; zero is no tag. The caller has the page locked, and dirty.
    #[inline]
    pub(crate) fn note_tag(&self, page: u64, tag: u64) {
        if tag != 0 {
            lock_leaf(&self.unclean).add_tag(page, tag);
        }
    }

    /// The tags of a dirty page. They stay while it is locked or in flight.
    pub(crate) fn tags_of(&self, page: u64) -> Tags {
        lock_leaf(&self.unclean).tags(page)
    }

    /// A dirty page, as users see it.
    pub(crate) fn dirty_page(&self, page: u64, tags: Tags) -> DirtyPage {
        let start = self.page_size.start(page);
        let end = start.saturating_add(self.page_size.bytes()).min(self.size()).max(start);
        DirtyPage::new(start..end, tags)
    }

    /// The pages that are dirty or in flight and touch a range of bytes, ascending. A clean page with an exclusive guard
    /// is counted with them and is neither.
    pub(crate) fn dirty_pages(&self, bytes: &Range<u64>) -> Vec<DirtyPage> {
        let is_dirty = |page| self.find(page).is_some_and(|pin| !pin.frame().state().is_clean());
        let pages = self.page_size.touched(bytes);
        let mut tagged: Vec<_> = lock_leaf(&self.unclean).tagged(pages).collect();
        tagged.retain(|&(page, _)| is_dirty(page));
        tagged.into_iter().map(|(page, tags)| self.dirty_page(page, tags)).collect()
    }

    /// Counts a page as dirty that is about to be, if the file may have one more dirty page. Returns whether it may.
    /// The caller has it locked.
    #[cold]
    pub(crate) fn admit_dirty(&self, page: u64, by: By) -> bool {
        let mut unclean = lock_leaf(&self.unclean);
        if unclean.contains(page) {
            return true;
        }
        let admitted = self.cache.dirty.admit(self.own(unclean.len()), by);
        if admitted {
            unclean.insert(page);
            self.dirty_count.store(unclean.len(), Ordering::Relaxed);
            self.schedule(unclean);
        }
        admitted
    }

    /// Adds the file to the flusher, if it is not there and its pages may be written in the background.
    fn schedule(&self, mut unclean: Leaf<'_, Unclean>) {
        if self.steal == Steal::Allowed && !std::mem::replace(&mut unclean.scheduled, true) {
            drop(unclean);
            self.cache.flusher.add(self.id);
        }
    }

    /// Whether the file is clean. If so, it is added to the flusher again when it becomes dirty.
    pub(crate) fn is_clean_and_unscheduled(&self) -> bool {
        let mut unclean = lock_leaf(&self.unclean);
        unclean.scheduled = unclean.len() > 0;
        !unclean.scheduled
    }

    /// The file's share of the dirty pages of all files.
    pub(crate) fn own_dirty(&self) -> Own {
        self.own(self.dirty_count.load(Ordering::Relaxed))
    }

    /// The file's share of the dirty pages, and how many pages counted in it are clean.
    pub(crate) fn own_dirty_beside(&self, pages: &[u64]) -> (Own, usize) {
        let unclean = lock_leaf(&self.unclean);
        let clean = pages.iter().filter(|&&page| !unclean.contains(page)).count();
        (self.own(unclean.len()), clean)
    }

    fn own(&self, pages: usize) -> Own {
        let store = if self.write_retry.fails() { StoreIs::Failing } else { StoreIs::Well };
        Own { pages, store }
    }

    /// Records that a page is clean. The caller has it locked or in flight, so it does not become dirty.
    pub(crate) fn note_clean(&self, page: u64) {
        let mut unclean = lock_leaf(&self.unclean);
        if unclean.remove(page) {
            self.dirty_count.store(unclean.len(), Ordering::Relaxed);
            drop(unclean);
            self.cache.dirty.remove_one();
        }
    }
}
