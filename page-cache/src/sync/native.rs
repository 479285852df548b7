//! The real primitives: std's.

pub(crate) use crossbeam_utils::Backoff;
pub(crate) use std::thread_local;
pub(crate) use std::{hint, sync as blocking, sync::atomic, thread};

/// How many threads write back at most: one for each store that hangs, and one more.
pub(crate) const MOST_WORKERS: usize = 1 << 16;

/// How often a page's lock is tried before the thread parks.
pub(crate) const SPINS_BEFORE_PARKING: u32 = 60;
