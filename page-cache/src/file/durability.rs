//! Making a file durable, and what is recorded about its changes.

// In the order in which rustdoc lists their methods.
mod sync;

pub(super) mod close;

mod checkpoints;

pub(super) mod durable;

mod modified;
