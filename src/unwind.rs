//! Panics of user code that the lock calls.
//!
//! A panic of a waker is caught, the interrupted operation is completed, and then the panic is resumed.
//! Its payload is user code too: dropping it may panic.

use std::any::Any;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::thread;

/// The payload of a panic.
pub(crate) type Payload = Box<dyn Any + Send>;

/// Runs user code. Returns the payload if it panics.
pub(crate) fn catch<T>(code: impl FnOnce() -> T) -> Result<T, Payload> {
    panic::catch_unwind(AssertUnwindSafe(code))
}

/// Drops a payload. If that panics, the new panic is discarded and its payload leaked.
pub(crate) fn discard(payload: Payload) {
    if let Err(another) = catch(|| drop(payload)) {
        mem::forget(another);
    }
}

/// Resumes a panic, unless the thread is already unwinding: a second panic would abort the process.
pub(crate) fn resume(payload: Payload) {
    if thread::panicking() {
        discard(payload);
    } else {
        panic::resume_unwind(payload);
    }
}

#[cfg(test)]
mod tests;
