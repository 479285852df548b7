//! What of a file has not been written back or made durable.

pub(crate) mod flush_position;
pub(crate) mod sync_group;
pub(crate) mod unstable;
