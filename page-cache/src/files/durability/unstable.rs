//! Unstable bytes: what a file's store has received and not made durable.
//!
//! A store that fails a sync may have lost everything that it received since its last successful
//! one, and its next sync may still succeed. So what was written is *unstable* until a sync that
//! began later has succeeded, and the cache records it until then:
//!
//! - Bytes of pages that are still cached as they were sent, or newer. If the sync fails they are
//!   *owed*: the pages become dirty again and are sent again.
//! - Ranges that the cache cannot send again: of pages that were evicted since, written past the
//!   cache, punched, zeroed or moved. If the sync fails the file is *broken* there.
//! - Whether the length was changed. If the sync fails it is set again.
//!
//! How a broken range is repaired is in `unstable/broken_ranges.rs`.
//!
//! What is written while a sync is failing may be lost as well, whichever of the two returns first.
//! So a request during which a sync failed has to be repeated, and a request that ended before
//! counts as written before it.
//!
//! This module has no threads. The file keeps it under a leaf mutex. At most one sync of the store runs at a time.

mod batch;
mod broken_ranges;
mod lost;
mod ranges;
mod sent_pages;

use std::ops::Range;

use crate::error::SharedError;
use crate::files::durability::sync_group::Scope;
use crate::page::PageSize;
use batch::{Batch, joined};
use broken_ranges::BrokenRanges;
pub(crate) use lost::Lost;
use sent_pages::Pages;
pub(crate) use sent_pages::Part;

/// The largest number of ranges; if there are more, they are rounded out and joined.
const MOST_RANGES: usize = 4096;

/// What a file's store has received and not made durable: see the module's documentation.
#[derive(Debug)]
pub(crate) struct Unstable {
    page_size: PageSize,
    /// How many syncs have failed, and the error of the last.
    failures: u64,
    cause: Option<SharedError>,
    current: Batch,
    committing: Batch,
    owed: Pages,
    broken: BrokenRanges,
    length_owed: bool,
    /// Up to where the store may have bytes again, because the sync of a truncation failed.
    uncut: u64,
}

impl Unstable {
    pub(crate) fn new(page_size: PageSize) -> Unstable {
        Unstable {
            page_size,
            failures: 0,
            cause: None,
            current: Batch::default(),
            committing: Batch::default(),
            owed: Pages::default(),
            broken: BrokenRanges::default(),
            length_owed: false,
            uncut: 0,
        }
    }

    pub(crate) fn failures(&self) -> u64 {
        self.failures
    }

    /// The error of the last failed sync.
    pub(crate) fn cause(&self) -> Option<&SharedError> {
        self.cause.as_ref()
    }

    /// The number of cached pages with bytes that were sent and are not durable.
    pub(crate) fn pages(&self) -> usize {
        let (current, committing) = (&self.current.cached.pages, &self.committing.cached.pages);
        current.len() + committing.keys().filter(|page| !current.contains_key(page)).count()
    }

    /// Notes bytes of a page that was sent, and is cached. The caller has set its writeback mark.
    pub(crate) fn sent(&mut self, page: u64, part: &Part) {
        self.owed.settle(page, part);
        self.current.cached.add(page, part);
        if !self.broken.is_empty() {
            part.bytes(page, self.page_size).into_iter().for_each(|range| self.broken.sent(range));
        }
    }

    /// Notes bytes that were written past the cache, or zeroed in the store.
    pub(crate) fn sent_past(&mut self, range: Range<u64>) {
        self.uncertain(range.clone());
        self.broken.sent_past(range);
    }

    /// Notes bytes that a request which failed may have changed in the store.
    pub(crate) fn uncertain(&mut self, range: Range<u64>) {
        self.current.add_gone(range);
    }

    /// Notes a change that concerns neither bytes nor the length.
    pub(crate) fn changed_otherwise(&mut self) {
        self.current.other = true;
    }

    /// Notes bytes of a request that may be lost, because syncs failed while it was in progress.
    pub(crate) fn doubtful(&mut self, range: Range<u64>) {
        self.broken.lose(range);
    }

    /// Notes that a hole was punched, or a range zeroed, in the store.
    pub(crate) fn zeroed(&mut self, range: Range<u64>) {
        for pages in [&mut self.current.cached, &mut self.committing.cached, &mut self.owed] {
            pages.forget(&range, self.page_size);
        }
        self.sent_past(range);
    }

    /// Notes that the dirty bytes of a part of a page that is not uptodate were discarded. The caller has the
    /// page locked.
    pub(crate) fn forget_part(&mut self, page: u64, within: Range<usize>) {
        for pages in [&mut self.current.cached, &mut self.committing.cached, &mut self.owed] {
            pages.forget_part(page, within.clone());
        }
    }

    /// Notes that a page leaves the cache. The caller has it locked.
    pub(crate) fn page_left(&mut self, page: u64) {
        self.current.page_left(page, self.page_size);
        self.committing.page_left(page, self.page_size);
        if let Some(part) = self.owed.pages.remove(&page) {
            part.bytes(page, self.page_size).into_iter().for_each(|range| self.broken.lose(range));
        }
        let start = self.page_size.start(page);
        let bytes = start..start.saturating_add(self.page_size.bytes());
        self.broken.page_left(bytes);
    }

    /// Notes bytes that were written to the cache. The caller has the page locked, and dirty.
    pub(crate) fn rewritten(&mut self, range: Range<u64>) {
        self.broken.rewritten(range);
    }

    /// Notes that the store was given a length, and may have held bytes up to `held` before.
    pub(crate) fn resized(&mut self, len: u64, held: u64) {
        for pages in [&mut self.current.cached, &mut self.committing.cached, &mut self.owed] {
            pages.cut(len, self.page_size);
        }
        self.current.gone.take(&(len..u64::MAX));
        self.committing.gone.take(&(len..u64::MAX));
        self.broken.sent_past(len..u64::MAX);
        self.note_length(len, held);
        self.length_owed = false;
        self.uncut = 0;
    }

    /// Notes that the store has another length than it had.
    pub(crate) fn note_length(&mut self, len: u64, held: u64) {
        self.current.resized = true;
        let cut = len..held.max(self.uncut);
        self.current.cut = joined(self.current.cut.take(), Some(cut).filter(|cut| !cut.is_empty()));
    }

    /// Notes that a write has made the store longer. If the bytes of the write are lost, so is the length. It is not
    /// enough to send these bytes again: they may have been replaced by a hole, which does not make the store longer.
    pub(crate) fn grown(&mut self) {
        self.current.resized = true;
    }

    /// Notes that the length of the store is unknown: it has to be set before a sync can be believed.
    pub(crate) fn length_unknown(&mut self) {
        self.current.resized = true;
        self.length_owed = true;
    }

    /// Notes that the file has grown over bytes that were truncated before: they are zeroes that were
    /// never sent.
    pub(crate) fn grown_over(&mut self, range: Range<u64>) {
        let cuts = [self.current.cut.clone(), self.committing.cut.clone()];
        for cut in cuts.into_iter().flatten() {
            self.current.add_gone(range.start.max(cut.start)..range.end.min(cut.end));
        }
    }

    /// Notes that `offset..offset + len` was cut out of a store of `held` bytes.
    pub(crate) fn collapsed(&mut self, offset: u64, len: u64, held: u64) {
        self.broken.collapsed(offset, len);
        self.uncertain(offset..held);
        self.note_length(held.saturating_sub(len), held);
    }

    /// Notes that a hole of `len` bytes was put into a store of `held` bytes.
    pub(crate) fn inserted(&mut self, offset: u64, len: u64, held: u64) {
        self.broken.inserted(offset, len);
        self.uncertain(offset..held.saturating_add(len));
        self.note_length(held.saturating_add(len), held);
    }

    /// Notes that a shift failed in a store of `held` bytes, and may have moved bytes to anywhere in `offset..end`.
    pub(crate) fn shift_failed(&mut self, offset: u64, held: u64, end: u64) {
        self.broken.shift_failed(offset..end);
        self.uncertain(offset..end);
        self.note_length(held, held);
    }

    /// A sync begins, of a file of `size` bytes: what was given to the store by now is in it.
    pub(crate) fn begin_commit(&mut self, size: u64) {
        let current = std::mem::take(&mut self.current);
        self.committing.add(current);
        self.broken.begin_commit(size);
    }

    /// The sync has succeeded. One of the data alone leaves the rest of what changed, such as times, to a later one.
    pub(crate) fn committed(&mut self, scope: Scope) {
        let committed = std::mem::take(&mut self.committing);
        self.current.other |= scope == Scope::Data && !committed.is_empty();
        self.broken.committed();
    }

    /// The sync has failed. Returns the pages that are owed; the caller makes them dirty again.
    pub(crate) fn failed(&mut self, cause: SharedError) -> Vec<u64> {
        self.failures += 1;
        self.cause = Some(cause);
        let mut lost = std::mem::take(&mut self.committing);
        lost.add(std::mem::take(&mut self.current));
        for (&page, part) in &lost.cached.pages {
            self.owed.add(page, part);
        }
        let page_size = self.page_size;
        let bytes = |(&page, part): (&u64, &Part)| part.bytes(page, page_size);
        self.broken.failed(lost.cached.pages.iter().flat_map(bytes));
        lost.gone.iter().for_each(|(range, ())| self.broken.lose(range));
        self.length_owed |= lost.resized;
        self.current.other |= lost.other;
        self.uncut = self.uncut.max(lost.cut.map_or(0, |cut| cut.end));
        self.owed.pages.keys().copied().collect()
    }

    /// The bytes of a cached page that were sent, and may have to be sent again.
    pub(crate) fn part(&self, page: u64) -> Option<Part> {
        let parts = [&self.committing.cached, &self.current.cached, &self.owed];
        let mut parts = parts.into_iter().filter_map(|pages| pages.pages.get(&page));
        let mut all = parts.next()?.clone();
        parts.for_each(|part| all.add(part));
        Some(all)
    }

    /// The bytes of a page that are owed.
    pub(crate) fn owed(&self, page: u64) -> Option<Part> {
        self.owed.pages.get(&page).cloned()
    }

    /// The pages that are owed.
    pub(crate) fn all_owed(&self) -> Vec<u64> {
        self.owed.pages.keys().copied().collect()
    }

    /// Whether nothing has to be sent again before a sync can succeed.
    pub(crate) fn owes_nothing(&self) -> bool {
        self.owed.pages.is_empty() && !self.length_owed
    }

    /// Whether a sync of the store would make nothing durable, and none that has to be repeated has failed.
    pub(crate) fn is_settled(&self) -> bool {
        let none = self.current.is_empty() && self.committing.is_empty();
        none && self.owes_nothing() && !self.is_broken()
    }

    /// Whether the store may have lost a length that made these bytes zeroes, and nothing that was
    /// written there: then they are still zeroes, and have to be there again after the next sync.
    pub(crate) fn may_lack(&self, range: Range<u64>) -> bool {
        self.length_owed && !self.broken.overlap(&range)
    }

    /// Whether the length has to be set again.
    pub(crate) fn owes_length(&self) -> bool {
        self.length_owed
    }

    pub(crate) fn is_broken(&self) -> bool {
        !self.broken.is_empty()
    }

    /// The broken ranges of a file of `size` bytes.
    pub(crate) fn broken(&self, size: u64) -> Vec<Range<u64>> {
        self.broken.before(size)
    }
}

#[cfg(test)]
mod tests;
