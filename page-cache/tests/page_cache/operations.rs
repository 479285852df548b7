//! What each operation does, and what operations do to each other.

mod appends;
mod chunks;
mod compatibility;
mod interactions;
mod mappings_of_one_page;
mod max_len;
mod read_only;
mod readahead;
mod size_and_extents;
mod size_and_extents_races;
mod store_lengths;
mod stores_past_the_end;
mod uninitialised_memory;
mod user_memory;
