//! How the cache uses the store of a file: its requests, its limits, its errors, and which stores are open.

pub(crate) mod answer_timeout;
pub(crate) mod checked_store;
pub(crate) mod known_limit;
pub(crate) mod open_stores;
pub(crate) mod write_retry;
