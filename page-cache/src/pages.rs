//! The pool: frames, how pages are found and mapped in them, and who gets them back.
//!
//! It knows of no file and no operation. Pages have owners, which it knows by number.

pub(crate) mod dirty_limit;
pub(crate) mod dirty_pages;
pub(crate) mod dirty_ranges;
pub(crate) mod eviction;
pub(crate) mod flusher;
pub(crate) mod frame;
pub(crate) mod index;
pub(crate) mod loans;
pub(crate) mod page_table;
pub(crate) mod pool;
pub(crate) mod reclaim;
pub(crate) mod visit;
