//! Published range-lock algorithms, written from their descriptions, to measure the lock against.

pub mod interval_tree;
pub mod segments;
pub mod sorted_list;
