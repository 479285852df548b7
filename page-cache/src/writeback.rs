//! How dirty pages get to the store: by runs, by the flusher's threads, for reclaim, and with a sync.

pub(crate) mod commit;
pub(crate) mod flush;
pub(crate) mod in_flight;
pub(crate) mod pageout;
pub(crate) mod throttle;
pub(crate) mod workers;
pub(crate) mod write_ahead;
