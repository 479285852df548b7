//! Which bytes of a file have not been written back, or not been made durable.

pub(crate) mod flush_position;
pub(crate) mod sync_group;
pub(crate) mod timed_syncs;
pub(crate) mod unstable;
