//! What a lock counts, if the feature `stats` is on. If it is off, types without size and empty
//! functions replace it, so that callers need no `cfg`.

#[cfg(not(feature = "stats"))]
mod absent;
#[cfg(feature = "stats")]
mod kept;

#[cfg(not(feature = "stats"))]
pub(crate) use absent::{Counters, Wait};
#[cfg(feature = "stats")]
pub(crate) use kept::{Counters, Wait};

/// How a claim was acquired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// Through the slot of its one unit.
    Slot,
    /// Through a cell.
    Cell,
    /// Through the registry.
    Registry,
}
