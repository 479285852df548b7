//! Published algorithms of locks, written from their descriptions, to measure the lock against.

pub mod bravo;
pub mod cheating;
pub mod interval_tree;
pub mod segments;
pub mod skip_list;
pub mod sorted_list;
