//! Inspecting a lock without locking it.

use std::fmt;
use std::ops::Range;

use super::{Access, MappingLock};
use crate::Claim;

impl MappingLock {
    /// Returns whether any page that `bytes` touches is held, in either mode. The result may be out of date
    /// immediately. An empty range is never locked.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{Access, MappingLock};
    ///
    /// let lock = MappingLock::new();
    /// let fault = lock.lock_page(Access::Fault, 1);
    /// assert!(lock.is_locked(8191..8192));
    /// assert!(!lock.is_locked(0..4096));
    /// # drop(fault);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn is_locked(&self, bytes: Range<u64>) -> bool {
        self.pages.raw.is_locked(self.pages_of(bytes))
    }

    /// Returns whether a claim on the pages that `bytes` touches would have to wait for a held claim, or
    /// for a waiting one that is due ([Fairness](crate::RangeLock#fairness)). The result may be out of date
    /// immediately. An empty range never conflicts.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{Access, MappingLock};
    ///
    /// let lock = MappingLock::new();
    /// let fault = lock.lock_page(Access::Fault, 1);
    /// assert!(lock.conflicts(Access::Truncate, 0..u64::MAX));
    /// assert!(!lock.conflicts(Access::Writeback, 0..u64::MAX));
    /// # drop(fault);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn conflicts(&self, access: Access, bytes: Range<u64>) -> bool {
        self.pages.raw.conflicts(self.pages_of(bytes), access.mode())
    }

    /// Returns all claims, held and waiting, like [`RangeLock::claims`](crate::RangeLock::claims). Their
    /// ranges count pages.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{Access, MappingLock, Mode};
    ///
    /// let lock = MappingLock::new();
    /// let punch = lock.lock(Access::PunchHole, 4096..16384);
    /// let claims = lock.claims();
    /// assert_eq!((claims[0].range.clone(), claims[0].mode), (1..4, Mode::Exclusive));
    /// # drop(punch);
    /// ```
    #[must_use]
    pub fn claims(&self) -> Vec<Claim> {
        self.pages.claims()
    }
}

impl fmt::Debug for MappingLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MappingLock")
            .field("page_size", &self.page_size())
            .field("pages", &self.pages)
            .finish()
    }
}
