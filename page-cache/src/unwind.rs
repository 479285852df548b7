//! Panics of user code that the cache calls: stores, hooks, and the errors that they return.
//!
//! Such a panic is caught and becomes an error. Its payload is the user's too, and may panic when it is dropped.

use std::any::Any;
use std::io;
use std::mem;
use std::panic::{self, AssertUnwindSafe};

/// What a panic carries.
pub(crate) type Payload = Box<dyn Any + Send>;

/// Runs a user's code; if it panics, returns the payload.
pub(crate) fn catch<T>(code: impl FnOnce() -> T) -> Result<T, Payload> {
    panic::catch_unwind(AssertUnwindSafe(code))
}

/// The error that a panic of a user's code becomes.
pub(crate) fn into_error(whose: &str, payload: Payload) -> io::Error {
    let message = match payload.downcast_ref::<&str>() {
        Some(message) => message,
        None => payload.downcast_ref::<String>().map_or("", String::as_str),
    };
    let error = io::Error::other(format!("{whose} panicked: {message}"));
    discard(payload);
    error
}

/// Drops a payload. If that panics, the panic ends here, and its own payload is leaked.
pub(crate) fn discard(payload: Payload) {
    if let Err(another) = catch(|| drop(payload)) {
        mem::forget(another);
    }
}
