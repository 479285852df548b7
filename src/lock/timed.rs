//! Claims with a timeout or a deadline.

use std::ops::RangeBounds;
use std::time::{Duration, Instant};

use crate::guard::{Exclusive, ExclusiveGuard, Guard, Shared, SharedGuard};
use crate::{RangeLock, Span};

impl RangeLock {
    /// Tries to lock `range` shared, waiting at most `timeout`. Returns `None` if it times out. The
    /// claim has then left the queue: no other claim waits for it.
    ///
    /// With a timeout of zero it does not wait. With a timeout that exceeds the range of
    /// [`Instant`](std::time::Instant) it waits without limit.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
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

    /// Tries to lock `range` shared, waiting at most until `deadline`. Returns `None` if it times out.
    /// The claim has then left the queue: no other claim waits for it.
    ///
    /// With a deadline in the past it does not wait.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
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

    /// Tries to lock `range` exclusively, waiting at most `timeout`. Returns `None` if it times out. The
    /// claim has then left the queue: no other claim waits for it.
    ///
    /// With a timeout of zero it does not wait. With a timeout that exceeds the range of
    /// [`Instant`](std::time::Instant) it waits without limit.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
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

    /// Tries to lock `range` exclusively, waiting at most until `deadline`. Returns `None` if it times
    /// out. The claim has then left the queue: no other claim waits for it.
    ///
    /// With a deadline in the past it does not wait.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
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

/// The end of a timeout that starts now, if an `Instant` can represent it.
pub(crate) fn after(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}
