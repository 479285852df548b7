//! Waiting for a claim no longer than one cares to.

use std::ops::RangeBounds;
use std::time::{Duration, Instant};

use crate::guard::{Exclusive, ExclusiveGuard, Guard, Shared, SharedGuard};
use crate::{RangeLock, Span};

impl RangeLock {
    /// Locks `range` shared, waiting for `timeout` at most. A claim that times out is withdrawn:
    /// nobody waits for it any more.
    ///
    /// A timeout of zero is a try; one too long for the clock is none.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let lock = spanlock::RangeLock::new();
    /// let writer = lock.lock_exclusive(10..20);
    /// assert!(lock.try_lock_shared_for(0..11, Duration::from_millis(1)).is_none());
    /// # drop(writer);
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[inline]
    #[track_caller]
    pub fn try_lock_shared_for(
        &self,
        range: impl RangeBounds<u64>,
        timeout: Duration,
    ) -> Option<SharedGuard<'_>> {
        Guard::lock_until(self, Span::from_range(range), Shared, after(timeout))
    }

    /// Locks `range` shared, waiting until `deadline` at most. A claim that times out is withdrawn:
    /// nobody waits for it any more.
    ///
    /// A deadline in the past is a try.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Instant;
    ///
    /// let lock = spanlock::RangeLock::new();
    /// let writer = lock.lock_exclusive(10..20);
    /// assert!(lock.try_lock_shared_until(0..11, Instant::now()).is_none());
    /// # drop(writer);
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[inline]
    #[track_caller]
    pub fn try_lock_shared_until(
        &self,
        range: impl RangeBounds<u64>,
        deadline: Instant,
    ) -> Option<SharedGuard<'_>> {
        Guard::lock_until(self, Span::from_range(range), Shared, Some(deadline))
    }

    /// Locks `range` exclusively, waiting for `timeout` at most. A claim that times out is withdrawn:
    /// nobody waits for it any more.
    ///
    /// A timeout of zero is a try; one too long for the clock is none.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let lock = spanlock::RangeLock::new();
    /// let writer = lock.lock_exclusive(10..20);
    /// assert!(lock.try_lock_exclusive_for(0..11, Duration::from_millis(1)).is_none());
    /// # drop(writer);
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[inline]
    #[track_caller]
    pub fn try_lock_exclusive_for(
        &self,
        range: impl RangeBounds<u64>,
        timeout: Duration,
    ) -> Option<ExclusiveGuard<'_>> {
        Guard::lock_until(self, Span::from_range(range), Exclusive, after(timeout))
    }

    /// Locks `range` exclusively, waiting until `deadline` at most. A claim that times out is withdrawn:
    /// nobody waits for it any more.
    ///
    /// A deadline in the past is a try.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Instant;
    ///
    /// let lock = spanlock::RangeLock::new();
    /// let writer = lock.lock_exclusive(10..20);
    /// assert!(lock.try_lock_exclusive_until(0..11, Instant::now()).is_none());
    /// # drop(writer);
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[inline]
    #[track_caller]
    pub fn try_lock_exclusive_until(
        &self,
        range: impl RangeBounds<u64>,
        deadline: Instant,
    ) -> Option<ExclusiveGuard<'_>> {
        Guard::lock_until(self, Span::from_range(range), Exclusive, Some(deadline))
    }
}

/// When a timeout that starts now ends, if the clock reaches that far.
pub(crate) fn after(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}
