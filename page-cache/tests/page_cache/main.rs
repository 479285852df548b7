//! The page cache through its public interface.

mod capacity;
mod checkpoints;
mod copies;
mod differential;
mod durable_writes;
mod eviction;
mod failures;
mod guards;
mod guards_within;
mod hints;
mod identity;
mod lifetimes;
mod mixed_file;
mod modified_time;
mod numbers;
mod operations;
mod page_sizes;
mod random;
mod statements;
mod stop;
mod stores;
mod stress;
mod whole_cache;
mod whole_pages;
mod write_ahead;
mod writeback;
