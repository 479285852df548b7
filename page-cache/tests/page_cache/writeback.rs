//! How dirty bytes reach the store, and what a sync guarantees.

mod block_stores;
mod dirty_limit;
mod dirty_ranges;
mod durability;
mod flusher;
mod full_of_others;
mod sync;
mod write_through;
