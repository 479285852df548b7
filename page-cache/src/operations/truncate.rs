//! Truncate: the file gets shorter or longer.
//!
//! A truncation is granted in its turn, whatever appends are there before and after it: it claims from
//! the lesser of the new and the old end on, and keeps that claim if the file has grown meanwhile.
//!
//! Down:
//!
//! 1. Claim the IO lock and the mapping lock exclusively from the new end on. The claim waits for the
//!    writeback of what lies there.
//! 2. Cut the store. It goes first, so that a store that refuses leaves all as it was; nobody
//!    reads or writes the store behind the new end, since that takes a claim.
//! 3. Publish the size: faults fail from here on, and reads end.
//! 4. Lock, unmap and discard the pages behind the new end. A fault or a read that found one
//!    before without a claim is over when its page was locked and drained; one that finds it after
//!    finds it gone. So there is nothing to unmap a second time.
//! 5. Zero the last page behind the new end.
//!
//! Up:
//!
//! 1. Claim both locks exclusively from the old end on.
//! 2. Cut off what the store holds behind the old end, and extend it. If it refuses, all is as it
//!    was.
//! 3. Extend the file.

use std::io;

use crate::error::Request;
use crate::files::inode::{Inode, MappingClaim};
use crate::{PAGE_SIZE, Store};
use spanlock::Access;

const PAGE: u64 = PAGE_SIZE as u64;

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
        done.map_err(|error| self.failed(request, error))
    }

    fn shrink(&self, len: u64, claim: &MappingClaim<'_>) -> io::Result<()> {
        self.store.set_len(len)?;
        self.cut_cache(len, claim);
        Ok(())
    }

    /// Ends the file at `len`, and takes from the cache what lies behind.
    pub(crate) fn cut_cache(&self, len: u64, claim: &MappingClaim<'_>) {
        self.set_size(len);
        self.discard(len.div_ceil(PAGE)..u64::MAX, claim);
        let within = (len % PAGE) as usize;
        if within > 0
            && let Some(page) = self.find_locked(len / PAGE)
        {
            self.zero_locked(&page, within..PAGE_SIZE);
        }
    }

    fn grow(&self, old: u64, len: u64, claim: &MappingClaim<'_>) -> io::Result<()> {
        self.cut_store_below(old, len)?;
        self.store.set_len(len)?;
        self.extend(old, len, claim);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
