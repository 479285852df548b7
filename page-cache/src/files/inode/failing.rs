//! How a request to a file fails: the error for its caller, and what the file remembers.

use std::io;
use std::sync::Arc;

use crate::error::{Request, TryAgain};
use crate::files::failure::Failure;
use crate::files::inode::Inode;
use crate::order::leaf::lock_leaf;
use crate::unwind;

impl Inode {
    /// The error that the caller of a request gets. It is kept as the file's last failure, unless it only says to
    /// try again.
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
        // It may be the last reference to an error of the store.
        unwind::discard(before);
        failure
    }

    /// Identifies the file among those that are open.
    #[inline]
    pub(crate) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}
