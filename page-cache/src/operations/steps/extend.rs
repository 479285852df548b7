//! Extend: the file gets longer by bytes that read as zeroes.
//!
//! So does truncation upwards, whatever allocates or zeroes past the end, and a write that starts
//! past it: that is an extension to its start, and then a write at the end.
//!
//! 1. The caller holds the IO lock exclusively from the old end on, and has claimed the old last page
//!    exclusively, so nobody brings it in.
//! 2. Cut off what a request that failed left in the store behind the old end. If the store cannot,
//!    nothing has changed.
//! 3. Lock the old last page, if it is cached. Write-protect its mappings and wait for the stores
//!    through them: whoever stores from here on faults, and waits for the page lock.
//! 4. Zero it behind the old end, where a mapping may have scribbled.
//! 5. Publish the size, and only then unlock the page. So a store past the old end that was over
//!    before the file grew is gone, and one that comes after is in the file.
//!
//! If a write that started past the end writes nothing, the file is cut back to the old end, with all
//! that lies behind claimed exclusively. Where the file ended with a page, nobody can have scribbled
//! behind, and a write extends it by itself.

use std::io;
use std::ops::Range;

use crate::files::inode::{Inode, IoClaim, MappingClaim};
use crate::files::length::Length;
use crate::sync::atomic::Ordering;
use crate::{PAGE_SIZE, Store};
use spanlock::Access;

const PAGE: u64 = PAGE_SIZE as u64;

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
        if old.is_multiple_of(PAGE) {
            return write();
        }
        self.reach(old, offset, io);
        write().inspect_err(|_| self.retract(old, io))
    }

    #[cold]
    fn reach(&self, old: u64, offset: u64, _io: &IoClaim<'_>) {
        let claim = self.claim_page(Access::Truncate, old / PAGE);
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
        let within = (old % PAGE) as usize;
        let last = if within == 0 { None } else { self.find_locked(old / PAGE) };
        if let Some(last) = &last {
            self.write_protect(last);
            self.zero_locked(last, within..PAGE_SIZE);
        }
        self.set_size(new);
        drop(last);
    }

    /// Takes from the store what it holds behind the file's end, if anything. Of a store that failed a
    /// sync nobody knows.
    pub(crate) fn cut_store(&self, end: u64) -> io::Result<()> {
        let doubtful = self.store.unstable().owes_length();
        if doubtful || self.store.len()? > end { self.store.set_len(end) } else { Ok(()) }
    }

    /// As `cut_store`, for who lets the file grow to `new` by bytes that nobody writes.
    pub(crate) fn cut_store_below(&self, end: u64, new: u64) -> io::Result<()> {
        self.cut_store(end)?;
        self.store.note(|unstable| unstable.grown_over(end..new));
        Ok(())
    }

    /// Takes from the store what a request that failed left behind the end. If the store fails at
    /// this too, nobody reads what is there, and it goes before the file next grows or is synced.
    ///
    /// The caller holds the IO lock exclusively from the end on.
    pub(crate) fn trim_store(&self) {
        if self.cut_store(self.size()).is_err() {
            // ORDERING: relaxed, here and below: the IO lock orders what matters.
            self.untrimmed.store(true, Ordering::Relaxed);
        }
    }

    /// Makes good for a `trim_store` that failed, so that a sync does not make durable what is not
    /// in the file. The caller holds nothing.
    pub(crate) fn trim_at_last(&self) -> io::Result<()> {
        if self.untrimmed.load(Ordering::Relaxed) {
            let (end, _io) = self.io_at_end();
            self.cut_store(end)?;
            self.untrimmed.store(false, Ordering::Relaxed);
        }
        Ok(())
    }
}
