//! How dirty bytes get to the store, and what a sync promises.

mod block_stores;
mod dirty_limit;
mod dirty_ranges;
mod durability;
mod flusher;
mod sync;
mod write_through;
