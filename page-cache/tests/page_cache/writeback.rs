//! How dirty bytes get to the store, and what a sync promises.

mod block_stores;
mod dirty_limit;
mod dirty_ranges;
mod durability;
mod flusher;
mod full_of_others;
mod sync;
mod write_through;
