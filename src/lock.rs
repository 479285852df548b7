//! `RangeLock`: the public face of the lock.

use std::ops::RangeBounds;
use std::time::{Duration, Instant};

use crate::guard::{Exclusive, ExclusiveGuard, Guard, Shared, SharedGuard};
use crate::raw::RawLock;
use crate::{Mode, Span};

/// A shared/exclusive lock on ranges of `u64` units.
pub struct RangeLock {
    pub(crate) raw: RawLock,
}

impl RangeLock {
    /// A lock that nobody holds.
    #[must_use]
    pub const fn new() -> RangeLock {
        RangeLock { raw: RawLock::new() }
    }

    /// Locks `range` shared, waiting as long as it takes.
    #[inline]
    #[track_caller]
    pub fn lock_shared(&self, range: impl RangeBounds<u64>) -> SharedGuard<'_> {
        let span = Span::from_range(range);
        Guard::new(self, span, Shared, self.raw.lock(span, Mode::Shared))
    }

    /// Locks `range` exclusively, waiting as long as it takes.
    #[inline]
    #[track_caller]
    pub fn lock_exclusive(&self, range: impl RangeBounds<u64>) -> ExclusiveGuard<'_> {
        let span = Span::from_range(range);
        Guard::new(self, span, Exclusive, self.raw.lock(span, Mode::Exclusive))
    }

    /// Locks `range` shared if that can be done at once.
    #[inline]
    #[track_caller]
    pub fn try_lock_shared(&self, range: impl RangeBounds<u64>) -> Option<SharedGuard<'_>> {
        let span = Span::from_range(range);
        Some(Guard::new(self, span, Shared, self.raw.try_lock(span, Mode::Shared)?))
    }

    /// Locks `range` exclusively if that can be done at once.
    #[inline]
    #[track_caller]
    pub fn try_lock_exclusive(&self, range: impl RangeBounds<u64>) -> Option<ExclusiveGuard<'_>> {
        let span = Span::from_range(range);
        Some(Guard::new(self, span, Exclusive, self.raw.try_lock(span, Mode::Exclusive)?))
    }

    /// Locks `range` shared unless that takes longer than `timeout`.
    #[track_caller]
    pub fn try_lock_shared_for(
        &self,
        range: impl RangeBounds<u64>,
        timeout: Duration,
    ) -> Option<SharedGuard<'_>> {
        let span = Span::from_range(range);
        let hold = self.raw.lock_until(span, Mode::Shared, Instant::now() + timeout)?;
        Some(Guard::new(self, span, Shared, hold))
    }

    /// Locks `range` exclusively unless that takes longer than `timeout`.
    #[track_caller]
    pub fn try_lock_exclusive_for(
        &self,
        range: impl RangeBounds<u64>,
        timeout: Duration,
    ) -> Option<ExclusiveGuard<'_>> {
        let span = Span::from_range(range);
        let hold = self.raw.lock_until(span, Mode::Exclusive, Instant::now() + timeout)?;
        Some(Guard::new(self, span, Exclusive, hold))
    }
}

impl Default for RangeLock {
    fn default() -> Self {
        RangeLock::new()
    }
}
