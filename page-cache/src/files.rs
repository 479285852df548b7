//! What one file is: its locks, its pages, its store, its errors, and what keeps it open.

pub(crate) mod closed_file;
pub(crate) mod durability;
pub(crate) mod failure;
pub(crate) mod handle;
pub(crate) mod inode;
pub(crate) mod length;
pub(crate) mod modified_time;
pub(crate) mod operation_lock;
pub(crate) mod readahead_window;
pub(crate) mod store_access;
pub(crate) mod write_errors;
