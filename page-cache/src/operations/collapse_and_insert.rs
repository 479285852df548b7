//! Collapse and insert: a range is cut out of the file, or a hole put into it, and all that lies
//! behind moves.
//!
//! 1. Claim the IO lock and the mapping lock exclusively from the offset to the end of all files: no
//!    byte there keeps its place.
//! 2. Check the range against the size, which now stays.
//! 3. Write back what is dirty from the offset on, in long runs.
//! 4. Lock, unmap and take out every page from the offset on; one that a mapping dirtied again is
//!    written out first. While the claim is held, nobody brings one in.
//! 5. Cut off what a request that failed left in the store behind the end.
//! 6. Shift the store.
//! 7. Publish the size. A mapping of what has moved faults, and finds what is there now.
//!
//! A store that fails up to step 5 has changed nothing. One that fails in the shift brings back what it
//! had moved, and the file is as it was; the range that was to be cut out may have changed. If it
//! cannot even do that, it says so, and the file has the length that the store then has: see
//! [`Store`](crate::Store). The cache holds nothing from the offset on, so what the store holds is
//! what is read.

use std::io;

use crate::error::{MAX_LEN, Request};
use crate::files::inode::Inode;
use crate::store::Shift;
use crate::{PAGE_SIZE, Store};
use spanlock::Access;

const PAGE: u64 = PAGE_SIZE as u64;

impl Inode {
    pub(crate) fn collapse(&self, offset: u64, len: u64) -> io::Result<()> {
        let request = Request::new("collapse_range", offset, len);
        self.check_change(request)?;
        self.shift(Shift::Collapse, request).map_err(|error| self.failed(request, error))
    }

    pub(crate) fn insert(&self, offset: u64, len: u64) -> io::Result<()> {
        let request = Request::new("insert_range", offset, len);
        self.check_change(request)?;
        self.shift(Shift::Insert, request).map_err(|error| self.failed(request, error))
    }

    fn shift(&self, shift: Shift, request: Request) -> io::Result<()> {
        let Request { offset, len, .. } = request;
        self.check_plain()?;
        let _io = self.io_exclusive(offset..u64::MAX);
        let claim = self.claim(Access::Shift, offset..u64::MAX);
        let size = self.size();
        let shifted = shift.check(offset, len, size, self.store.max_len().min(MAX_LEN))?;
        if len == 0 {
            return Ok(());
        }
        let pages = offset / PAGE..u64::MAX;
        self.flush_claimed(pages.clone(), &claim)?;
        self.invalidate(pages, &claim)?;
        self.cut_store(size)?;
        let done = match shift {
            Shift::Collapse => self.store.collapse_range(offset, len),
            Shift::Insert => self.store.insert_range(offset, len),
        };
        if done.is_ok() || self.store.len().is_ok_and(|len| len == shifted) {
            self.set_size(shifted);
        }
        done
    }
}
