//! The primitives that the cache is built from, real or explored. Only this module refers to shuttle.
//!
//! With `--cfg spanlock_shuttle` the names stand for shuttle's types, and a deterministic scheduler
//! runs the cache and the lock below it. What blocks a thread is in `blocking`, which otherwise is
//! `std::sync` itself; likewise `atomic`, `hint` and `thread`.

#[cfg(spanlock_shuttle)]
mod explored;
#[cfg(not(spanlock_shuttle))]
mod native;

#[cfg(spanlock_shuttle)]
pub(crate) use explored::*;
#[cfg(not(spanlock_shuttle))]
pub(crate) use native::*;
