//! `AtomicLink`: a frame's number, or none, in a chain of the index. Zero is none, as in memory that was never used.

use super::FrameId;
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
