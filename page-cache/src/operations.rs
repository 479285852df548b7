//! The operations on a file, one file each, which begins with its protocol. `steps` has what several of them share.

pub(crate) mod allocate;
pub(crate) mod buffered_read;
pub(crate) mod buffered_write;
pub(crate) mod close;
pub(crate) mod collapse_and_insert;
pub(crate) mod copy_range;
pub(crate) mod data_ranges;
pub(crate) mod direct;
pub(crate) mod fault;
pub(crate) mod guarded_page;
pub(crate) mod hints;
pub(crate) mod punch_hole;
pub(crate) mod readahead;
pub(crate) mod steps;
pub(crate) mod truncate;
pub(crate) mod write_through;
pub(crate) mod zero_range;
