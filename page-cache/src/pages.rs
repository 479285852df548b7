//! The pool: frames, how pages are found and mapped in them, and who gets them back.
//!
//! It knows of no file and no operation. Pages have owners, which it knows by number.

pub(crate) mod dirty;
pub(crate) mod dirty_ranges;
pub(crate) mod flusher;
pub(crate) mod frame;
pub(crate) mod index;
pub(crate) mod loans;
pub(crate) mod page_table;
pub(crate) mod pool;
pub(crate) mod queues;
pub(crate) mod reclaim;
pub(crate) mod unclean;
pub(crate) mod visit;
