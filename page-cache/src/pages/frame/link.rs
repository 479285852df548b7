//! `AtomicLink`: a frame's number, or none, in a chain of the index. Zero is none, as in memory that was never used.

use super::FrameId;
#[cfg(not(spanlock_shuttle))]
use super::bytes;
use crate::sync::atomic::{AtomicU32, Ordering};

#[derive(Default)]
pub(crate) struct AtomicLink(AtomicU32);

impl AtomicLink {
    #[inline]
    pub(crate) fn load(&self, ordering: Ordering) -> Option<FrameId> {
        self.0.load(ordering).checked_sub(1)
    }

    pub(crate) fn store(&self, to: Option<FrameId>, ordering: Ordering) {
        self.0.store(to.map_or(0, |id| id + 1), ordering);
    }
}

#[cfg(not(spanlock_shuttle))]
// SAFETY: it is an atomic number.
unsafe impl bytes::Zeroed for AtomicLink {}

/// An array of links to no frame, which takes no memory before it is used.
#[cfg(not(spanlock_shuttle))]
pub(crate) type Links = bytes::Items<AtomicLink>;
#[cfg(spanlock_shuttle)]
pub(crate) type Links = Box<[AtomicLink]>;

#[cfg(not(spanlock_shuttle))]
pub(crate) fn links(count: usize) -> Links {
    bytes::Items::new(count)
}

#[cfg(spanlock_shuttle)]
pub(crate) fn links(count: usize) -> Links {
    (0..count).map(|_| AtomicLink::default()).collect()
}

#[cfg(not(spanlock_shuttle))]
// SAFETY: it is an atomic number.
unsafe impl bytes::Zeroed for AtomicU32 {}

/// An array of zeroes, which takes no memory before it is used.
#[cfg(not(spanlock_shuttle))]
pub(crate) type Words = bytes::Items<AtomicU32>;
#[cfg(spanlock_shuttle)]
pub(crate) type Words = Box<[AtomicU32]>;

#[cfg(not(spanlock_shuttle))]
pub(crate) fn words(count: usize) -> Words {
    bytes::Items::new(count)
}

#[cfg(spanlock_shuttle)]
pub(crate) fn words(count: usize) -> Words {
    (0..count).map(|_| AtomicU32::default()).collect()
}
