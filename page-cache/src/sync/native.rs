//! The real primitives: std's.

pub(crate) use crossbeam_utils::Backoff;
pub(crate) use std::thread_local;
pub(crate) use std::{hint, sync as blocking, sync::atomic, thread};

/// Orders stores before it and loads after it. SeqCst does this; loom, which treats SeqCst as AcqRel, needs a fence.
#[inline(always)]
pub(crate) fn two_sided_barrier() {}

/// How many threads write back at most: one for each store that hangs, and one more.
pub(crate) const MOST_WORKERS: usize = 1 << 16;

/// How often a page's lock is tried before the thread parks.
pub(crate) const SPINS_BEFORE_PARKING: u32 = 60;
