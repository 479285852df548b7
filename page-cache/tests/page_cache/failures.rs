//! Requests and stores that fail.

mod bad_input;
mod bad_stores;
mod boasting_store;
mod errno;
mod failed_sync;
mod failed_sync_races;
mod half_done;
mod hanging_close;
mod injection;
mod isolation;
mod late_answers;
pub mod one_failure;
mod panicking_errors;
mod panicking_methods;
mod panicking_store;
mod same_cache;
#[cfg(feature = "tracing")]
mod slow_subscriber;
mod timed_syncs;
