//! Stores that fail, and stores that lose in a crash what was not synced.

pub mod crash;
pub mod faults;
