//! Panics of user code that the cache calls: stores, hooks, transforms, subscribers to events, and the errors that these
//! return.
//!
//! Such a panic is caught and becomes an error. Its payload is the user's too, and may panic when it is dropped; and so
//! may an error.

#[cfg(test)]
mod bomb;

use std::any::Any;
use std::io;
use std::mem;
use std::panic::{self, AssertUnwindSafe};

#[cfg(test)]
pub(crate) use bomb::Bomb;

/// What a panic carries.
pub(crate) type Payload = Box<dyn Any + Send>;

/// Runs a user's code; if it panics, returns the payload.
pub(crate) fn catch<T>(code: impl FnOnce() -> T) -> Result<T, Payload> {
    // Under shuttle an exploration that is over unwinds its threads, wherever they are.
    if cfg!(spanlock_shuttle) {
        return Ok(code());
    }
    panic::catch_unwind(AssertUnwindSafe(code))
}

/// Runs a user's code, and converts a panic to an error.
pub(crate) fn catch_as_error<T>(
    whose: &str,
    code: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    catch(code).unwrap_or_else(|payload| Err(into_error(whose, payload)))
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

/// The first error of two outcomes.
pub(crate) fn first(one: io::Result<()>, other: io::Result<()>) -> io::Result<()> {
    match (one, other) {
        (Ok(()), other) => other,
        (Err(error), other) => {
            discard(other);
            Err(error)
        }
    }
}

/// Drops what is a user's, such as a payload or an error. If that panics, the panic ends here, and its own payload is
/// leaked.
pub(crate) fn discard<T>(users: T) {
    if let Err(another) = catch(|| drop(users)) {
        mem::forget(another);
    }
}
