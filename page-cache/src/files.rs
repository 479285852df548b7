//! What one file is: its locks, its pages, its store, what went wrong with it, and what keeps it open.

pub(crate) mod backing;
pub(crate) mod failing;
pub(crate) mod failure;
pub(crate) mod handle;
pub(crate) mod inode;
pub(crate) mod length;
pub(crate) mod limit;
pub(crate) mod nested;
pub(crate) mod open_stores;
pub(crate) mod operation_lock;
pub(crate) mod round;
pub(crate) mod standing;
pub(crate) mod sync_group;
pub(crate) mod unstable;
pub(crate) mod window;
pub(crate) mod write_errors;
