//! The atomic words that claims write without the mutex: what each state of a word means, and how
//! one becomes another.

pub(crate) mod cell;
pub(crate) mod slot;
pub(crate) mod summary;
pub(crate) mod table;
