//! The operations on a file, one file each, which begins with its protocol.

pub(crate) mod allocate;
pub(crate) mod buffered_read;
pub(crate) mod buffered_write;
pub(crate) mod clear;
pub(crate) mod close;
pub(crate) mod direct;
pub(crate) mod extend;
pub(crate) mod fault;
pub(crate) mod fill;
pub(crate) mod invalidate;
pub(crate) mod prepare;
pub(crate) mod punch;
pub(crate) mod readahead;
pub(crate) mod shift;
pub(crate) mod truncate;
pub(crate) mod within_limit;
pub(crate) mod write_through;
pub(crate) mod zero_range;
