//! Collapse and insert: a range is removed from the file, or a hole is inserted, and everything after it moves.
//!
//! 1. Claim the IO lock and the mapping lock exclusively from the offset to the greatest possible end: every byte there
//!    moves.
//! 2. Check the range against the size, which cannot change now.
//! 3. Write back dirty pages from the offset on, in long runs.
//! 4. Lock, unmap and remove every page from the offset on. A page that a mapping has dirtied again
//!    is written first. While the claim is held, no page there can be brought back.
//! 5. Remove what a failed request left in the store past the end.
//! 6. Shift the bytes of the store.
//! 7. Publish the size. An access through a mapping faults, and finds the moved bytes.
//!
//! If the store fails before step 6, nothing has changed. If it fails in step 6, it moves back what it had moved, and
//! the file is unchanged, except perhaps within the range that was to be removed. If moving back fails too, the error
//! says so, and the file has the length that the store then has, or the longer one if the store does not report it,
//! which the next sync sets: see [`Store`](crate::Store). The cache holds nothing from the offset on, so reads return
//! what the store has.

use std::io;

use crate::Store;
use crate::error::{MAX_LEN, Request, SharedError, described};
use crate::files::inode::Inode;
use crate::store::Shift;
use spanlock::Access;

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
        if !self.page_size.is_start(offset) || !self.page_size.is_start(len) {
            let message = format!("offset and length must be multiples of {}", self.page_size);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let shifted = shift.check(offset, len, size, self.store.try_max_len()?.min(MAX_LEN))?;
        if len == 0 {
            return Ok(());
        }
        let pages = self.page_size.number(offset)..u64::MAX;
        self.flush_claimed(pages.clone(), &claim)?;
        self.invalidate(pages, &claim)?;
        self.cut_store(size)?;
        let held = self.store.len()?;
        let done = self.store.shift(shift, offset, len, held);
        self.modified.note_change();
        let Err(error) = done else {
            self.set_size(shifted);
            return Ok(());
        };
        match self.store.len() {
            Ok(held) if held == size => Err(error),
            Ok(held) => {
                self.set_size(held);
                Err(described(error, |error| {
                    format!("{error}; the store has {held} bytes now, and so has the file")
                }))
            }
            Err(second) => {
                // It may have the longer one, and bytes there that are nowhere else.
                self.set_size(size.max(shifted));
                self.store.note(|unstable| unstable.length_unknown());
                let second = SharedError::from(second);
                Err(described(error, |error| {
                    format!("{error}; the store does not report its length: {second}")
                }))
            }
        }
    }
}
