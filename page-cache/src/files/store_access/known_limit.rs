//! The maximum length of a file's store, as the store last reported it.

use crate::sync::atomic::AtomicU64;

/// Where writes end, as the store said last.
pub(crate) struct KnownLimit {
    /// ORDERING: relaxed throughout: it is a hint of what the store says, and covers nothing.
    pub(crate) known: AtomicU64,
}

impl KnownLimit {
    pub(crate) fn new() -> KnownLimit {
        // Nothing may be written until the store has been asked.
        KnownLimit { known: AtomicU64::new(0) }
    }
}
