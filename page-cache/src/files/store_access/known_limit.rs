//! The maximum length of a file's store, as the store last reported it.

use crate::sync::atomic::AtomicU64;

/// The maximum length that the store last reported.
pub(crate) struct KnownLimit {
    /// ORDERING: relaxed throughout: it is a hint, which orders no other memory.
    pub(crate) known: AtomicU64,
}

impl KnownLimit {
    pub(crate) fn new() -> KnownLimit {
        // Until the store has been asked, no write is within the limit.
        KnownLimit { known: AtomicU64::new(0) }
    }
}
