//! Stores that fail, and that lose in a crash what was not synced.

pub mod crash;
pub mod faults;
