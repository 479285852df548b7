//! Claims on pages with a timeout or a deadline.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::{Access, MappingGuard, MappingLock};
use crate::Guard;
use crate::lock::after;

impl MappingLock {
    /// Tries to lock every page that `bytes` touches, waiting at most `timeout`. Returns `None` if it
    /// times out. See [`RangeLock::try_lock_for`](crate::RangeLock::try_lock_for).
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use spanlock::{Access, MappingLock};
    ///
    /// let lock = MappingLock::new();
    /// let punch = lock.lock(Access::PunchHole, 0..8192);
    /// assert!(lock.try_lock_for(Access::Fault, 0..1, Duration::from_millis(1)).is_none());
    /// # drop(punch);
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[inline]
    #[track_caller]
    pub fn try_lock_for(
        &self,
        access: Access,
        bytes: Range<u64>,
        timeout: Duration,
    ) -> Option<MappingGuard<'_>> {
        Guard::lock_until(self, self.pages_of(bytes), access.mode(), after(timeout))
    }

    /// Tries to lock every page that `bytes` touches, waiting at most until `deadline`. Returns `None`
    /// if it times out. See [`RangeLock::try_lock_until`](crate::RangeLock::try_lock_until).
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Instant;
    /// use spanlock::{Access, MappingLock};
    ///
    /// let lock = MappingLock::new();
    /// let punch = lock.lock(Access::PunchHole, 0..8192);
    /// assert!(lock.try_lock_until(Access::Fault, 0..1, Instant::now()).is_none());
    /// # drop(punch);
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[inline]
    #[track_caller]
    pub fn try_lock_until(
        &self,
        access: Access,
        bytes: Range<u64>,
        deadline: Instant,
    ) -> Option<MappingGuard<'_>> {
        Guard::lock_until(self, self.pages_of(bytes), access.mode(), Some(deadline))
    }
}
