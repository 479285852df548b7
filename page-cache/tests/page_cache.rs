//! The page cache through its public interface.

#[path = "page_cache/bad_input.rs"]
mod bad_input;
#[path = "page_cache/bad_stores.rs"]
mod bad_stores;
#[path = "page_cache/block_stores.rs"]
mod block_stores;
#[path = "page_cache/checkpoints.rs"]
mod checkpoints;
#[path = "page_cache/chunks.rs"]
mod chunks;
#[path = "page_cache/compatibility.rs"]
mod compatibility;
#[path = "page_cache/differential.rs"]
mod differential;
#[path = "page_cache/dirty_limit.rs"]
mod dirty_limit;
#[path = "page_cache/dirty_ranges.rs"]
mod dirty_ranges;
#[path = "page_cache/durability.rs"]
mod durability;
#[path = "page_cache/errno.rs"]
mod errno;
#[path = "page_cache/eviction.rs"]
mod eviction;
#[path = "page_cache/failed_sync.rs"]
mod failed_sync;
#[path = "page_cache/failed_sync_races.rs"]
mod failed_sync_races;
#[path = "page_cache/failing_store.rs"]
mod failing_store;
#[path = "page_cache/guards.rs"]
mod guards;
#[path = "page_cache/identity.rs"]
mod identity;
#[path = "page_cache/injection.rs"]
mod injection;
#[path = "page_cache/isolation.rs"]
mod isolation;
#[path = "page_cache/lifetimes.rs"]
mod lifetimes;
#[path = "page_cache/longest.rs"]
mod longest;
#[path = "page_cache/mixed_file.rs"]
mod mixed_file;
#[path = "page_cache/one_failure.rs"]
mod one_failure;
#[path = "page_cache/panicking_store.rs"]
mod panicking_store;
#[path = "page_cache/paths.rs"]
mod paths;
#[path = "page_cache/random.rs"]
mod random;
#[path = "page_cache/readahead.rs"]
mod readahead;
#[path = "page_cache/recording_store.rs"]
mod recording_store;
#[path = "page_cache/same_cache.rs"]
mod same_cache;
#[path = "page_cache/scribbles.rs"]
mod scribbles;
#[path = "page_cache/shape.rs"]
mod shape;
#[path = "page_cache/shape_races.rs"]
mod shape_races;
#[path = "page_cache/statements.rs"]
mod statements;
#[path = "page_cache/stop.rs"]
mod stop;
#[path = "page_cache/stopping_store.rs"]
mod stopping_store;
#[path = "page_cache/stress.rs"]
mod stress;
#[path = "page_cache/sync.rs"]
mod sync;
#[path = "page_cache/unkind_store.rs"]
mod unkind_store;
#[path = "page_cache/user_memory.rs"]
mod user_memory;
#[path = "page_cache/write_ahead.rs"]
mod write_ahead;
#[path = "page_cache/write_through.rs"]
mod write_through;
