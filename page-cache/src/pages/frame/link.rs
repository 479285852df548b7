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
// SAFETY: it is a number, and zero is one.
unsafe impl bytes::Zeroed for AtomicLink {}
#[cfg(not(spanlock_shuttle))]
// SAFETY: the same.
unsafe impl bytes::Zeroed for AtomicU32 {}

/// An array of zeroes, which takes no memory before it is used. A link of zero is a link to no frame.
#[cfg(not(spanlock_shuttle))]
pub(crate) type Zeroes<T> = bytes::Items<T>;
#[cfg(spanlock_shuttle)]
pub(crate) type Zeroes<T> = Box<[T]>;

#[cfg(not(spanlock_shuttle))]
pub(crate) fn zeroes<T: bytes::Zeroed>(count: usize) -> Zeroes<T> {
    bytes::Items::new(count)
}

#[cfg(spanlock_shuttle)]
pub(crate) fn zeroes<T: Default>(count: usize) -> Zeroes<T> {
    (0..count).map(|_| T::default()).collect()
}
