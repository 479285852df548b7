//! How a request to a file fails: as its caller hears of it, and as the file remembers it.

use std::io;
use std::sync::Arc;

use crate::error::Request;
use crate::files::failure::Failure;
use crate::files::inode::Inode;
use crate::files::store_access::nested::{is_inside, is_inside_hook};
use crate::order::leaf::lock_leaf;

impl Inode {
    /// The error that the caller of a request gets, which is kept as the file's last failure.
    #[cold]
    pub(crate) fn failed(&self, request: Request, cause: impl Into<io::Error>) -> io::Error {
        self.note_failure(request, cause.into()).into_error()
    }

    /// The end of what is requested, which must be an offset that the file can have.
    pub(crate) fn end_of(&self, request: Request) -> io::Result<u64> {
        request.end().map_err(|error| self.failed(request, error))
    }

    /// Keeps what ended a request short, for who asks why.
    #[cold]
    pub(crate) fn note_failure(&self, request: Request, cause: io::Error) -> Failure {
        let failure = Failure::new(request, Arc::clone(self.store.label_at_open()), cause);
        let before = lock_leaf(&self.last_failure).replace(failure.clone());
        drop(before);
        failure
    }

    /// Refuses what a store asks of a file of its own cache, and what a hook asks of one that has a hook.
    #[inline]
    pub(crate) fn check_outside(&self, request: Request) -> io::Result<()> {
        if is_inside(&self.cache.frames) {
            return Err(self.in_its_own_store(request));
        }
        if self.before_writeback.is_some() { self.check_outside_of_hooks(request) } else { Ok(()) }
    }

    #[cold]
    fn check_outside_of_hooks(&self, request: Request) -> io::Result<()> {
        if !is_inside_hook(&self.cache.frames) {
            return Ok(());
        }
        let message =
            "a hook before writeback asked this of a file with a hook, and might wait for itself";
        Err(self.failed(request, io::Error::new(io::ErrorKind::Deadlock, message)))
    }

    #[cold]
    fn in_its_own_store(&self, request: Request) -> io::Error {
        let message = "a store asked this of a file of its own cache, and would wait for itself";
        self.failed(request, io::Error::new(io::ErrorKind::Deadlock, message))
    }
}
