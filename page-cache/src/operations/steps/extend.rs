//! Extend: the file becomes longer by bytes that read as zeroes.
//!
//! This is what truncation to a greater length does, allocating or zeroing past the end, and a write that starts past the end:
//! that is an extension to its start, followed by a write at the end.
//!
//! 1. The caller holds the IO lock exclusively from the old end on, and has claimed the old last page exclusively, so that
//!    page cannot be read into the cache.
//! 2. Remove what a failed request left in the store past the old end. If the store fails, nothing has changed.
//! 3. If the old last page is cached, lock it. Write-protect its mappings and wait for stores through them: a later store
//!    faults, and waits for the page lock.
//! 4. Zero it past the old end, where a mapping may have stored bytes.
//! 5. Publish the size, and unlock the page after that. So a store past the old end that ended before the file grew is
//!    discarded, and one that starts later is in the file.
//!
//! A write that starts past the end leaves a hole that only the file has: no page of it is dirty, and the store ends before it. What
//! is later sent of a page in the hole is all that the file has of the page; and so is the last page of what is changed there
//! past the cache. Else the store, and what a process leaves that is killed then, would have a length that the file never had.
//!
//! If a write that started past the end writes nothing, the file is truncated to the old end, with everything past it claimed
//! exclusively. If the file ended at a page boundary, no mapping can have stored bytes past the end, and the write extends the file
//! by itself.

use std::io;
use std::ops::Range;

use crate::Store;
use crate::files::inode::{Inode, IoClaim, MappingClaim};
use crate::files::length::Length;
use crate::store::write_full;
use crate::sync::atomic::Ordering;
use spanlock::Access;

impl Inode {
    /// Claims the IO lock for what may let the file grow over a range.
    pub(crate) fn io_for_growth(&self, bytes: Range<u64>, length: Length) -> IoClaim<'_> {
        match length {
            Length::Keep => self.io_exclusive(bytes),
            Length::Extend => self.io_for_write(bytes),
        }
    }

    /// Runs a write that starts at `offset`; if that is past the end, in a file that ends there.
    #[inline]
    pub(crate) fn reaching(
        &self,
        offset: u64,
        io: &IoClaim<'_>,
        write: impl FnOnce() -> io::Result<usize>,
    ) -> io::Result<usize> {
        let old = self.size();
        if offset <= old {
            return write();
        }
        self.cut_store_below(old, offset)?;
        if self.page_size.is_start(old) {
            return write();
        }
        self.reach(old, offset, io);
        write().inspect_err(|_| self.retract(old, io))
    }

    /// Makes the store as long as the end of a claimed range, or of the file if that comes first, by zeroes. They do not
    /// overwrite anything behind the range.
    pub(crate) fn let_store_reach(
        &self,
        range: Range<u64>,
        _claim: &MappingClaim<'_>,
    ) -> io::Result<()> {
        let end = range.end.min(self.size());
        // The store may hold more than is known, and what it holds behind the range must stay.
        if range.start >= end || self.store.reaches(end) || self.store.len()? >= end {
            return Ok(());
        }
        // A write, since to set the length might cut off what is being written behind the range; and
        // of what the range has of the last page, since a single byte would tear a sector.
        let reached = self.end_of_reach(end);
        let from = range.start.max(self.page_size.round_down(reached - 1));
        let zeroes = vec![0; (reached - from) as usize];
        let write = || write_full(&*self.store, &zeroes, from).map_err(|(_, error)| error);
        // What lies behind the range is dirty, and will be sent, or a hole.
        self.store.attempt(Some(from..end), write, |unstable, _| unstable.uncertain(from..end))
    }

    /// Where a request to the store must end that would end at `end`. If the store may become longer by it, that is the end of
    /// the page or of the file: the file may never have ended at `end`.
    pub(crate) fn end_of_reach(&self, end: u64) -> u64 {
        if self.store.reaches(end) { end } else { self.page_size.round_up(end).min(self.size()) }
    }

    #[cold]
    fn reach(&self, old: u64, offset: u64, _io: &IoClaim<'_>) {
        let claim = self.claim_page(Access::Truncate, self.page_size.number(old));
        self.extend(old, offset, &claim);
    }

    /// Lets the file end at `old` again, for a write that failed after it had let it grow.
    #[cold]
    pub(crate) fn retract(&self, old: u64, _io: &IoClaim<'_>) {
        let claim = self.claim(Access::Truncate, old..u64::MAX);
        self.cut_cache(old, &claim);
        self.trim_store();
    }

    /// Lets a file that ends at `old` end at `new`. The store holds nothing behind `old` but zeroes.
    pub(crate) fn extend(&self, old: u64, new: u64, _claim: &MappingClaim<'_>) {
        let (number, within) = self.page_size.place(old);
        let last = if within == 0 { None } else { self.find_locked(number) };
        if let Some(last) = &last {
            self.write_protect(last);
            self.zero_locked(last, within..self.page_size.len());
        }
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
        if self.cut_store(self.size()).is_err() {
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
