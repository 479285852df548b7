//! How a request to a file fails: the error for its caller, and what the file remembers.

use std::io;
use std::sync::Arc;

use crate::Store;
use crate::error::{Request, TryAgain};
use crate::files::failure::Failure;
use crate::files::inode::Inode;
use crate::files::store_access::nested::{is_inside, is_inside_hook};
use crate::order::leaf::lock_leaf;
use crate::pages::frame::guard::has_of;

impl Inode {
    /// The error that the caller of a request gets. It is kept as the file's last failure, unless the caller is only
    /// told to try again.
    #[cold]
    pub(crate) fn failed(&self, request: Request, cause: impl Into<io::Error>) -> io::Error {
        self.note_failure(request, cause.into()).into_error()
    }

    /// The end of what is requested, which must be an offset that the file can have.
    pub(crate) fn end_of(&self, request: Request) -> io::Result<u64> {
        request.end().map_err(|error| self.failed(request, error))
    }

    /// Records why a request ended short, for `last_failure`.
    #[cold]
    pub(crate) fn note_failure(&self, request: Request, cause: io::Error) -> Failure {
        let try_again = TryAgain::is(&cause);
        let failure = Failure::new(request, Arc::clone(self.store.label_at_open()), cause);
        if try_again {
            return failure;
        }
        let before = lock_leaf(&self.last_failure).replace(failure.clone());
        drop(before);
        failure
    }

    /// Refuses what a store asks of a file of its own cache, what a hook asks of one that has a hook, and what a thread
    /// asks of a file while it has a guard of one of its pages.
    #[inline]
    pub(crate) fn check_outside(&self, request: Request) -> io::Result<()> {
        let inside = is_inside(&self.cache.frames) || self.before_writeback.is_some();
        if !inside && !has_of(self.address()) {
            return Ok(());
        }
        self.check_waits_for_others().map_err(|error| self.failed(request, error))
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

    /// Refuses what a store asks of a file of its own cache, and what a hook asks of one that has a hook.
    pub(crate) fn check_in_no_store(&self) -> io::Result<()> {
        let message = if is_inside(&self.cache.frames) {
            "a store called this operation on a file of its own cache, which would deadlock"
        } else if self.before_writeback.is_some() && is_inside_hook(&self.cache.frames) {
            "a writeback hook called this operation on a file that has a hook, which could deadlock"
        } else {
            return Ok(());
        };
        Err(io::Error::new(io::ErrorKind::Deadlock, message))
    }

    /// Refuses a change that the store could not be given, and what `check_outside` does.
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

    /// Identifies the file among those that are open.
    #[inline]
    pub(crate) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

#[cold]
fn read_only() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "the store is read-only")
}
