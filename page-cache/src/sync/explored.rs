//! The explored primitives: shuttle's. At each operation on one the scheduler may switch to another thread.
//!
//! shuttle runs one thread at a time, and is sequentially consistent. Memory that is accessed
//! between two of these operations is plain memory. A timed wait on a condition variable never
//! expires: the cache uses timeouts only to limit waiting, so anything that progresses only by a
//! timeout is reported as a deadlock.
#![allow(clippy::disallowed_types, reason = "it is here that std's are wrapped")]

pub(crate) use shuttle::{hint, sync::atomic, thread, thread_local};

/// shuttle is sequentially consistent.
pub(crate) fn two_sided_barrier() {}

/// One thread more would only be one more to schedule.
pub(crate) const MOST_WORKERS: usize = 1;

/// Parks immediately: it makes no difference to the scheduler whether a thread gets a lock while it
/// spins or after it has parked.
pub(crate) const SPINS_BEFORE_PARKING: u32 = 1;

/// A spinning thread yields, or the thread that it waits for would never run.
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
