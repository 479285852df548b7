//! Stores that record, stop or fail as a test requires.

pub mod failing_store;
pub mod lossy_store;
pub mod recording_store;
pub mod stopping_store;
pub mod switchable_store;
