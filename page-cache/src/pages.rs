//! The pool: frames, how pages are found and mapped, and how frames are reclaimed.
//!
//! Its code does not depend on files or operations. A page has an owner, which the pool finds by number.

pub(crate) mod capacity;
pub(crate) mod closers;
pub(crate) mod dirty_limit;
pub(crate) mod dirty_pages;
pub(crate) mod dirty_ranges;
pub(crate) mod eviction;
pub(crate) mod flusher;
pub(crate) mod frame;
pub(crate) mod frame_permits;
pub(crate) mod index;
pub(crate) mod page_table;
pub(crate) mod pool;
pub(crate) mod reclaim;
pub(crate) mod task_pins;
pub(crate) mod visit;
