//! The operations on a file, one file each, which begins with its protocol. `size_and_extents` has those that change
//! the file's length or its blocks, `steps` what several operations share.

pub(crate) mod buffered_read;
pub(crate) mod buffered_write;
pub(crate) mod close;
pub(crate) mod copy_range;
pub(crate) mod data_ranges;
pub(crate) mod direct;
pub(crate) mod fault;
pub(crate) mod guarded_page;
pub(crate) mod hints;
pub(crate) mod keep_pages;
pub(crate) mod readahead;
pub(crate) mod size_and_extents;
pub(crate) mod steps;
pub(crate) mod write_through;
