//! How many pages are dirty, and the limit on them.

use crate::sync::atomic::{AtomicUsize, Ordering};

/// The pages of all files that are dirty or on their way to a store.
pub(super) struct DirtyPages {
    count: AtomicUsize,
    limit: usize,
}

impl DirtyPages {
    pub(super) fn new(limit: usize) -> DirtyPages {
        DirtyPages { count: AtomicUsize::new(0), limit }
    }

    pub(super) fn add_one(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn remove_one(&self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether whoever would dirty more has to wait.
    #[inline]
    pub(super) fn at_limit(&self) -> bool {
        self.count() >= self.limit
    }

    /// Whether it is time to clean, so that the limit is not reached.
    #[inline]
    pub(super) fn worth_cleaning(&self) -> bool {
        self.count() > self.limit / 2
    }
}
