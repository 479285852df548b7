//! What a file has still to write or to sync.

pub(crate) mod flush_position;
pub(crate) mod sync_group;
pub(crate) mod unstable;
