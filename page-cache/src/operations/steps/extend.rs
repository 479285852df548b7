//! Extend: the file becomes longer by bytes that read as zeroes.
//!
//! This is what truncation to a greater length does, allocating or zeroing past the end, and a
//! write that starts past the end, for the gap before it.
//!
//! 1. The caller holds the IO lock exclusively from the old end on, and has claimed the old last
//!    page exclusively, so that page cannot be read into the cache.
//! 2. Remove what a failed request left in the store past the old end. If the store fails, nothing has changed.
//! 3. If the old last page is cached, lock it. Write-protect its mappings and wait for stores
//!    through them: a later store faults, and waits for the page lock.
//! 4. Zero it past the old end, where a mapping may have stored bytes.
//! 5. Publish the size, and unlock the page after that. So a store past the old end that ended before the file grew is
//!    discarded, and one that starts later is in the file.
//!
//! A write that starts past the end publishes the size when its first bytes are in a page, or in
//! the store. So the file never ends where the write starts, and has not changed if the write
//! fails. If the write starts in the old last page, it has the lock of that page, and does steps 3
//! and 4 for the gap when it commits. If it starts in a later page, it claims everything from the
//! old end on exclusively, and keeps the old last page locked until the size is published. If the
//! file ended at a page boundary, no mapping can have stored bytes past the end, and there is
//! nothing to do.
//!
//! The gap is a hole that only the file has: the store ends before it, and no page of it is dirty,
//! except the one where the write starts. If a page in this hole is sent later, all bytes that the
//! file has of it are sent: a partial page is filled first. What is written, zeroed or allocated in
//! the hole without the cache reaches to the end of its last page, or of the file. Otherwise the
//! store would have a length that the file never had, and would keep it if the process were killed
//! then.

use std::io;
use std::ops::{Deref, Range};

use crate::Store;
use crate::files::inode::{Inode, IoClaim, MappingClaim};
use crate::files::length::Length;
use crate::pages::frame::LockedPage;
use crate::store::write_full;
use crate::sync::atomic::Ordering;
use crate::unwind;
use spanlock::Access;

/// The claims of a write into the cache on the mapping lock.
pub(crate) struct WriteClaim<'a> {
    // Dropped in this order.
    _last: Option<LockedPage<'a>>,
    claim: MappingClaim<'a>,
}

impl<'a> Deref for WriteClaim<'a> {
    type Target = MappingClaim<'a>;

    fn deref(&self) -> &MappingClaim<'a> {
        &self.claim
    }
}

impl Inode {
    /// Claims the IO lock for what may let the file grow over a range.
    pub(crate) fn io_for_growth(&self, bytes: Range<u64>, length: Length) -> IoClaim<'_> {
        match length {
            Length::Keep => self.io_exclusive(bytes),
            Length::Extend => self.io_for_write(bytes),
        }
    }

    /// Before a write that starts at `offset`: if that is past the end, the store has nothing behind the end.
    #[inline]
    pub(crate) fn cut_store_before(&self, offset: u64, _io: &IoClaim<'_>) -> io::Result<()> {
        let old = self.size();
        if offset > old { self.cut_store_below(old, offset) } else { Ok(()) }
    }

    /// Claims bytes that are to be written into one page or several: shared, unless the write
    /// starts past the end and not in the last page.
    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn claim_for_write(&self, bytes: Range<u64>) -> WriteClaim<'_> {
        let pages = self.page_size.touched(&bytes);
        if self.leaves_last_page(bytes.start) {
            let claim = self.claim(Access::Truncate, self.size()..bytes.end);
            return WriteClaim { _last: self.seal_last_page(&claim), claim };
        }
        let claim = match pages.end - pages.start {
            1 => self.claim_page(Access::BufferedWrite, pages.start),
            _ => self.claim(Access::BufferedWrite, bytes),
        };
        WriteClaim { _last: None, claim }
    }

    /// Whether a write at `offset` starts past the end, in another page than the one that the file ends in.
    #[inline]
    pub(crate) fn leaves_last_page(&self, offset: u64) -> bool {
        let old = self.size();
        offset > old
            && !self.page_size.is_start(old)
            && self.page_size.number(offset) != self.page_size.number(old)
    }

    /// The page in which the file ends, if it is cached: locked, and zero behind the end until it is unlocked.
    pub(crate) fn seal_last_page(&self, _claim: &MappingClaim<'_>) -> Option<LockedPage<'_>> {
        let (number, within) = self.page_size.place(self.size());
        if within == 0 {
            return None;
        }
        let last = self.find_locked(number)?;
        self.write_protect(&last);
        self.zero_locked(&last, within..self.page_size.len());
        Some(last)
    }

    /// Makes the store as long as the end of a claimed range, or of the file if that comes first,
    /// by zeroes. They overwrite nothing that the store has.
    pub(crate) fn let_store_reach(
        &self,
        range: Range<u64>,
        _claim: &MappingClaim<'_>,
    ) -> io::Result<()> {
        let end = range.end.min(self.size());
        if range.start >= end || self.store.reaches(end) {
            return Ok(());
        }
        // The store may hold more than is known, and what it holds must stay. Other threads may truncate the file
        // after the range.
        let held = self.store.len_now()?;
        if held >= end {
            return Ok(());
        }
        // A write, because setting the length could remove what is being written after the range; and
        // of all that the store lacks of the last page, because a single byte would tear a sector.
        let reached = self.end_of_reach(end);
        let from = range.start.max(self.page_size.round_down(reached - 1)).max(held);
        let zeroes = vec![0; (reached - from) as usize];
        let write = || write_full(&*self.store, &zeroes, from).map_err(|(_, error)| error);
        // The bytes after the range are dirty, and will be sent, or are a hole.
        self.store.attempt(Some(from..end), write, |unstable, _| unstable.uncertain(from..end))
    }

    /// Where a request to the store must end that would end at `end`. If the store may become
    /// longer by it, that is the end of the page or of the file: the file may never have ended at
    /// `end`.
    pub(crate) fn end_of_reach(&self, end: u64) -> u64 {
        if self.store.reaches(end) { end } else { self.page_size.round_up(end).min(self.size()) }
    }

    /// Lets the file end at `old` again, for an append that failed after it had let it grow.
    #[cold]
    pub(crate) fn retract(&self, old: u64, _io: &IoClaim<'_>) {
        let claim = self.claim(Access::Truncate, old..u64::MAX);
        self.cut_cache(old, &claim);
        self.trim_store();
    }

    /// Lets the file end at `new`, past its end. The store holds nothing behind the old end but zeroes.
    pub(crate) fn extend(&self, new: u64, claim: &MappingClaim<'_>) {
        let last = self.seal_last_page(claim);
        self.set_size(new);
        drop(last);
    }

    /// Removes what the store has past the end of the file, if anything. After a failed sync that is
    /// unknown.
    pub(crate) fn cut_store(&self, end: u64) -> io::Result<()> {
        let doubtful = self.store.unstable().owes_length();
        if doubtful || self.store.len()? > end { self.store.set_len(end) } else { Ok(()) }
    }

    /// Like `cut_store`, before the file grows to `new` by bytes that are not written.
    pub(crate) fn cut_store_below(&self, end: u64, new: u64) -> io::Result<()> {
        self.cut_store(end)?;
        self.store.note(|unstable| unstable.grown_over(end..new));
        Ok(())
    }

    /// Removes what a failed request left in the store past the end. If this fails too, those bytes are
    /// never read, and are removed before the file next grows or is synced.
    ///
    /// The caller holds the IO lock exclusively from the end on.
    pub(crate) fn trim_store(&self) {
        if let Err(error) = self.cut_store(self.size()) {
            unwind::discard(error);
            // ORDERING: relaxed, here and below: the IO lock orders what matters.
            self.untrimmed.store(true, Ordering::Relaxed);
        }
    }

    /// Repeats a `trim_store` that failed, so that a sync does not make durable what is not in the
    /// file. The caller holds nothing.
    pub(crate) fn trim_at_last(&self) -> io::Result<()> {
        if self.untrimmed.load(Ordering::Relaxed) {
            let (end, _io) = self.io_at_end();
            self.cut_store(end)?;
            self.untrimmed.store(false, Ordering::Relaxed);
        }
        Ok(())
    }
}
