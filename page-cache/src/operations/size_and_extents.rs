//! Changes of a file's length and of its blocks. The section "Size and extent changes" of docs/design.md has the
//! pattern that they follow.

pub(crate) mod allocate;
pub(crate) mod collapse_and_insert;
pub(crate) mod punch_hole;
pub(crate) mod truncate;
pub(crate) mod zero_range;
