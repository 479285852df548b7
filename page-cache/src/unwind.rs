//! Panics of users' code that runs in the middle of our own: stores, and the errors that they return.
//!
//! Such a panic is caught and becomes an error. Its payload is the user's too, and may panic when it is
//! dropped.

use std::any::Any;
use std::mem;
use std::panic::{self, AssertUnwindSafe};

/// What a panic carries.
pub(crate) type Payload = Box<dyn Any + Send>;

/// Runs a user's code; if it panics, returns the payload.
pub(crate) fn catch<T>(code: impl FnOnce() -> T) -> Result<T, Payload> {
    panic::catch_unwind(AssertUnwindSafe(code))
}

/// Drops a payload. If that panics, the panic ends here, and its own payload is leaked.
pub(crate) fn discard(payload: Payload) {
    if let Err(another) = catch(|| drop(payload)) {
        mem::forget(another);
    }
}
