//! What a lock counts, if the feature `stats` is on; if it is off, types of no size and functions of no
//! code, so that those who call them need not know.

#[cfg(not(feature = "stats"))]
mod absent;
#[cfg(feature = "stats")]
mod kept;

#[cfg(not(feature = "stats"))]
pub(crate) use absent::{Counters, Wait};
#[cfg(feature = "stats")]
pub(crate) use kept::{Counters, Wait};

/// Which way a claim went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// Through the slot of its one unit.
    Slot,
    /// Through a cell.
    Cell,
    /// Through the registry.
    Registry,
}
