//! The limit on a file's growth: the maximum length of its store.
//!
//! A request that would exceed it is refused immediately. Otherwise its bytes would be in the
//! cache, writeback could never clean them, and every later sync would fail.
//!
//! The limit may change, for example that of a process, and is not queried for every write. The store is asked when a
//! request extends past the last page of the file, and before a request is refused. In between, the last answer counts.
//!
//! A file that is longer than its store's limit was so when it was opened, or before the limit was
//! lowered. In such a file the page that contains the limit is not written either, because
//! writeback would have to send all of it.

use crate::sync::atomic::Ordering;
use std::io;

use crate::Store;
use crate::error::{MAX_LEN, Request};
use crate::files::inode::Inode;

impl Inode {
    /// Where a request ends, which must be an offset that the file can have; refuses one that ends
    /// past what the store can hold.
    pub(crate) fn end_within_limit(&self, request: Request) -> io::Result<u64> {
        let end = self.end_of(request)?;
        if self.is_within_known_limit(end) {
            return Ok(end);
        }
        let most = self.limit().map_err(|error| self.failed(request, error))?;
        if end > most { Err(self.too_large(request)) } else { Ok(end) }
    }

    /// The part of a write that the store can hold, in multiples of a unit; refuses one of which it
    /// can hold nothing.
    #[inline]
    pub(crate) fn part_within_limit(&self, request: Request, unit: u64) -> io::Result<Request> {
        let end = self.end_of(request)?;
        if self.is_within_known_limit(end) || request.len == 0 {
            return Ok(request);
        }
        self.part_within_limit_slow(request, unit)
    }

    #[cold]
    fn part_within_limit_slow(&self, request: Request, unit: u64) -> io::Result<Request> {
        let most = self.limit().map_err(|error| self.failed(request, error))?;
        let part = request.len.min(most.saturating_sub(request.offset));
        match part - part % unit {
            0 => Err(self.too_large(request)),
            part => Ok(request.of_first(part)),
        }
    }

    /// Refuses a page that is to be dirtied through a mapping, if the store is read-only or cannot hold what
    /// the file has of it.
    pub(crate) fn check_storable(&self, page: u64) -> io::Result<()> {
        self.check_writable()?;
        let end = self.page_size.end(page).min(self.size());
        if self.is_within_known_limit(end) || end <= self.limit()? {
            return Ok(());
        }
        Err(self.past_the_limit())
    }

    /// Whether a page can be dirtied, as far as is known without asking the store.
    #[inline]
    pub(crate) fn is_storable(&self, page: u64) -> bool {
        !self.store.is_read_only()
            && self.is_within_known_limit(self.page_size.end(page).min(self.size()))
    }

    /// Whether a request up to `end` is within what the store said last, and begins no page that the
    /// file did not have.
    #[inline]
    pub(crate) fn is_within_known_limit(&self, end: u64) -> bool {
        let begins_no_page = end <= self.page_size.round_up(self.size());
        begins_no_page && end <= self.limit.known.load(Ordering::Relaxed)
    }

    /// Asks the store how long it can be.
    #[cold]
    fn limit(&self) -> io::Result<u64> {
        let most = self.store.try_max_len()?.min(MAX_LEN);
        let limit = if self.size() > most { self.page_size.round_down(most) } else { most };
        self.limit.known.store(limit, Ordering::Relaxed);
        Ok(limit)
    }

    fn too_large(&self, request: Request) -> io::Error {
        self.failed(request, self.past_the_limit())
    }

    fn past_the_limit(&self) -> io::Error {
        let message = format!("the store can hold at most {} bytes", self.store.max_len());
        io::Error::new(io::ErrorKind::FileTooLarge, message)
    }
}
