//! Requests to a file that are refused before they begin: they could wait for their own thread, or the store is
//! read-only.

use std::io;

use crate::Store;
use crate::error::Request;
use crate::files::inode::Inode;
use crate::order::nested::{is_inside, is_inside_hook};
use crate::pages::frame::guard::has_of;

impl Inode {
    /// Refuses requests that could wait for their own thread: those of a store to a file of its own cache, those of a
    /// hook to a file that has a hook, and those of a thread to a file while it has a guard of one of its pages.
    #[inline]
    pub(crate) fn check_outside(&self, request: Request) -> io::Result<()> {
        let inside = is_inside(&self.cache.frames) || self.before_writeback.is_some();
        if !inside && !has_of(self.address()) {
            return Ok(());
        }
        self.check_waits_for_others().map_err(|error| self.failed(request, error))
    }

    /// Whether `check_change` passes, as far as this thread and the store are concerned.
    #[inline]
    pub(crate) fn may_change(&self) -> bool {
        let may_wait = !is_inside(&self.cache.frames) && !has_of(self.address());
        may_wait && self.before_writeback.is_none() && !self.store.is_read_only()
    }

    /// As `check_outside`, for a request that the caller names.
    #[cold]
    pub(crate) fn check_waits_for_others(&self) -> io::Result<()> {
        let message = "this thread holds a guard of a page of the file, which could deadlock";
        let guards = match has_of(self.address()) {
            true => Err(io::Error::new(io::ErrorKind::Deadlock, message)),
            false => Ok(()),
        };
        self.check_in_no_store().and(guards)
    }

    /// Refuses requests of a store to a file of its own cache, and of a hook to a file that has a hook.
    pub(crate) fn check_in_no_store(&self) -> io::Result<()> {
        let message = if is_inside(&self.cache.frames) {
            "a store, or a subscriber to events, called this operation on a file of its own cache, which would deadlock"
        } else if self.before_writeback.is_some() && is_inside_hook(&self.cache.frames) {
            "a writeback hook called this operation on a file that has a hook, which could deadlock"
        } else {
            return Ok(());
        };
        Err(io::Error::new(io::ErrorKind::Deadlock, message))
    }

    /// Refuses a change if the store is read-only, and what `check_outside` refuses.
    #[inline]
    pub(crate) fn check_change(&self, request: Request) -> io::Result<()> {
        self.check_outside(request)?;
        self.check_writable().map_err(|error| self.failed(request, error))
    }

    /// Whether the store can be changed.
    #[inline]
    pub(crate) fn check_writable(&self) -> io::Result<()> {
        if self.store.is_read_only() { Err(read_only()) } else { Ok(()) }
    }
}

#[cold]
fn read_only() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "the store is read-only")
}
