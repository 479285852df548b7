//! The explored primitives: shuttle's. Each operation on one is a point where its scheduler may let
//! another thread go on.
//!
//! shuttle runs one thread at a time and knows sequential consistency only. Memory between two of these
//! points is plain memory. A timed wait on a condition variable never passes: the cache has them for patience
//! alone, and what goes on only because somebody's patience ended is then found to stand still.
#![allow(clippy::disallowed_types, reason = "it is here that std's are wrapped")]

pub(crate) use shuttle::{hint, sync::atomic, thread, thread_local};

/// One thread more would only be one more to schedule.
pub(crate) const MOST_WORKERS: usize = 1;

/// Parks at once: whether a lock is had while spinning or after parking is the scheduler's choice.
pub(crate) const SPINS_BEFORE_PARKING: u32 = 1;

/// Who spins lets the others go on, or the one that it waits for never would.
pub(crate) struct Backoff;

impl Backoff {
    pub(crate) fn new() -> Backoff {
        Backoff
    }

    pub(crate) fn snooze(&self) {
        shuttle::thread::yield_now();
    }
}

/// What blocks a thread, in std's words.
pub(crate) mod blocking {
    pub(crate) use shuttle::sync::*;
}
