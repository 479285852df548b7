//! Truncate: the file gets shorter or longer.
//!
//! Down:
//!
//! 1. Claim the IO lock and the mapping lock exclusively from the new end on.
//! 2. Cut the store. It goes first, so that a store that refuses leaves all as it was; nobody
//!    reads or writes the store behind the new end, since that takes a claim.
//! 3. Publish the size: faults fail from here on, and reads end.
//! 4. Unmap, lock and discard the pages behind the new end. A fault or a read that found one
//!    before without a claim is over when its page was locked and drained.
//! 5. Zero the last page behind the new end.
//!
//! Up:
//!
//! 1. Claim both locks exclusively from the old end on.
//! 2. Zero the old last page behind the old end, where a mapping may have scribbled.
//! 3. Extend the store.
//! 4. Publish the size.

use std::io;

use super::error::Request;
use super::inode::{Claim, Inode, IoClaim};
use super::{PAGE_SIZE, PathLock};
use crate::Access;

const PAGE: u64 = PAGE_SIZE as u64;

impl<L: PathLock> Inode<L> {
    pub(super) fn truncate(&self, len: u64) -> io::Result<()> {
        let request = Request::new("set_len", len, 0);
        request.end()?;
        let (old, _io) = self.io_for_truncate(len);
        let claim = self.claim(Access::Truncate, old.min(len)..u64::MAX);
        let done = if len < old { self.shrink(len, &claim) } else { self.grow(old, len) };
        done.map_err(|error| request.failed(error))
    }

    /// The IO lock from the lesser of the old and the new end on, and the old end.
    fn io_for_truncate(&self, len: u64) -> (u64, IoClaim<'_, L>) {
        loop {
            let size = self.size();
            let claim = self.io_exclusive(size.min(len)..u64::MAX);
            if self.size() == size {
                return (size, claim);
            }
        }
    }

    fn shrink(&self, len: u64, claim: &Claim<'_, L>) -> io::Result<()> {
        self.store.set_len(len)?;
        self.set_size(len);
        self.discard(len.div_ceil(PAGE)..u64::MAX, claim);
        self.zero_past_end(len);
        Ok(())
    }

    fn grow(&self, old: u64, len: u64) -> io::Result<()> {
        self.zero_past_end(old);
        self.store.set_len(len)?;
        self.set_size(len);
        Ok(())
    }

    /// Zeroes what the cached last page holds behind the end. The caller keeps the size still, by
    /// the IO lock.
    pub(super) fn zero_past_end(&self, end: u64) {
        let within = (end % PAGE) as usize;
        if within == 0 {
            return;
        }
        if let Some(page) = self.find_locked(end / PAGE) {
            self.zero_locked(&page, within..PAGE_SIZE);
        }
    }
}
