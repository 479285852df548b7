//! Truncate: the file becomes shorter or longer.
//!
//! A truncation is granted in order among concurrent appends: it claims from the lower of the new
//! and the old end on, and keeps that claim if the file has grown meanwhile.
//!
//! Shorter:
//!
//! 1. Claim the IO lock and the mapping lock exclusively from the new end on. The claim waits for writeback there.
//! 2. Truncate the store. This comes first, so that nothing has changed if the store fails. Nothing
//!    else reads or writes the store past the new end, since that takes a claim. A store that fails and has the
//!    new length afterwards has not failed. If it has another length that is less than before, the file ends there
//!    too, and the error says so: what the store has lost cannot be had back.
//! 3. Publish the size: from here on faults fail and reads end there.
//! 4. Lock, unmap and discard the pages past the new end. A fault or read that found such a page
//!    without a claim before has ended when the page is locked and drained; one that finds it later
//!    finds it removed. So nothing needs to be unmapped twice.
//! 5. Zero the last page past the new end.
//!
//! Longer:
//!
//! 1. Claim both locks exclusively from the old end on.
//! 2. Remove what the store has past the old end, and extend it. If the store fails, nothing has changed. It may
//!    have grown all the same, and is truncated to the old length.
//! 3. Extend the file.
//!
//! An extension to at least some length ends after step 1 of these if the file is that long by then.
//!
//! The same length counts as longer. The store is then given the length twice, since that frees
//! blocks that were reserved past it.

use std::io;

use crate::Store;
use crate::error::{Request, described};
use crate::files::inode::{Inode, IoClaim, MappingClaim};
use crate::sync::atomic::Ordering;
use spanlock::Access;

impl Inode {
    pub(crate) fn truncate(&self, len: u64) -> io::Result<()> {
        let request = Request::to_length("set_len", len);
        self.check_change(request)?;
        self.end_of(request)?;
        self.check_whole(len).map_err(|error| self.failed(request, error))?;
        let _io = self.io_from(len);
        let old = self.size();
        if len > old {
            self.end_within_limit(request)?;
        }
        let claim = self.claim(Access::Truncate, old.min(len)..u64::MAX);
        let done = if len < old { self.shrink(len, &claim) } else { self.grow(old, len, &claim) };
        if done.is_ok() || self.size() != old {
            self.modified.note_change();
        }
        done.map_err(|error| self.failed(request, error))
    }

    /// Makes the file at least so long.
    pub(crate) fn extend_to_at_least(&self, len: u64) -> io::Result<()> {
        let request = Request::to_length("extend_to", len);
        self.check_change(request)?;
        self.end_of(request)?;
        self.check_whole(len).map_err(|error| self.failed(request, error))?;
        if len <= self.size() {
            return Ok(());
        }
        let io = self.io_from(len);
        // Another thread may have extended it while the claim waited.
        if len <= self.size() {
            return Ok(());
        }
        self.end_within_limit(request)?;
        self.grow_claimed(len, &io).map_err(|error| self.failed(request, error))
    }

    fn shrink(&self, len: u64, claim: &MappingClaim<'_>) -> io::Result<()> {
        let held = self.store.held();
        let Err(error) = self.store.set_len(len) else {
            self.cut_cache(len, claim);
            return Ok(());
        };
        let Some(left) = self.store.left_by_failed_cut(len, held) else {
            // If it has not reported its length, it may be shorter than the file: then the next sync is to fail.
            // ORDERING: relaxed: the IO lock orders what matters.
            self.untrimmed.store(true, Ordering::Relaxed);
            return Err(error);
        };
        self.cut_cache(left, claim);
        Err(described(error, |error| {
            format!("{error}; the store has only {left} bytes now, and so has the file")
        }))
    }

    /// Truncates the file to `len`, and removes the bytes after that from the cache.
    pub(crate) fn cut_cache(&self, len: u64, claim: &MappingClaim<'_>) {
        self.set_size(len);
        self.discard(self.page_size.count(len)..u64::MAX, claim);
        let (last, within) = self.page_size.place(len);
        if within > 0
            && let Some(page) = self.find_locked(last)
        {
            self.zero_locked(&page, within..self.page_size.len());
        }
    }

    /// Lets the file end at `len`, which is past its end; the caller has the IO lock from the end on exclusively.
    pub(crate) fn grow_claimed(&self, len: u64, _io: &IoClaim<'_>) -> io::Result<()> {
        let request = Request::to_length("set_len", len);
        self.check_whole(len)?;
        self.end_within_limit(request)?;
        let old = self.size();
        let claim = self.claim(Access::Truncate, old..u64::MAX);
        self.grow(old, len, &claim)?;
        self.modified.note_change();
        Ok(())
    }

    fn grow(&self, old: u64, len: u64, claim: &MappingClaim<'_>) -> io::Result<()> {
        self.cut_store_below(old, len)?;
        self.store.set_len(len).inspect_err(|_| self.trim_store())?;
        if len == old {
            // The store may have been shorter. Only a length that is no greater frees what was reserved behind it.
            self.store.set_len(len)?;
        }
        self.extend(len, claim);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
