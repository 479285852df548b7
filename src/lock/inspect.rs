//! Looking at a lock without taking it.

use std::fmt;
use std::ops::RangeBounds;

use crate::{Claim, ClaimState, Mode, RangeLock, Span};

impl RangeLock {
    /// Whether any unit of `range` is held. The answer may be out of date when it arrives. A single unit that no range
    /// overlaps is looked at without the mutex.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeLock::new();
    /// let guard = lock.lock_shared(3..9);
    /// assert!(lock.is_locked(8..20));
    /// assert!(!lock.is_locked(9..20));
    /// # drop(guard);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn is_locked(&self, range: impl RangeBounds<u64>) -> bool {
        self.raw.is_locked(Span::from_range(range))
    }

    /// Whether a claim on `range` in `mode` would have to wait, for held claims or behind waiting ones.
    /// The answer may be out of date when it arrives.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{Mode, RangeLock};
    ///
    /// let lock = RangeLock::new();
    /// let guard = lock.lock_shared(3..9);
    /// assert!(lock.conflicts(8..20, Mode::Exclusive));
    /// assert!(!lock.conflicts(8..20, Mode::Shared));
    /// # drop(guard);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn conflicts(&self, range: impl RangeBounds<u64>, mode: Mode) -> bool {
        self.raw.conflicts(Span::from_range(range), mode)
    }

    /// What the lock has counted since it was made. With the feature `stats` only.
    ///
    /// Counting adds a pointer to the lock's size, about three kilobytes on the heap once it is used, and
    /// to each claim an atomic operation on a line that up to 16 threads have to themselves.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeLock::new();
    /// drop(lock.lock_exclusive(7..8));
    /// assert_eq!(lock.stats().exclusive.by_slot, 1);
    /// ```
    #[cfg(feature = "stats")]
    #[must_use]
    pub fn stats(&self) -> crate::Stats {
        self.raw.stats()
    }

    /// Every claim, held or waiting, by ascending start: a snapshot for debugging, which `Debug`
    /// prints. A claim that is about to find that it cannot be had is not shown.
    ///
    /// # Complexity
    ///
    /// Linear in the claims, plus a scan of the table of slots, under the mutex.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeLock::new();
    /// let guards = (lock.lock_exclusive(0..9), lock.lock_shared(20..21));
    /// assert_eq!(format!("{lock:?}"), "RangeLock[0..9 Exclusive Held, 20..21 Shared Held]");
    /// # drop(guards);
    /// ```
    #[must_use]
    pub fn claims(&self) -> Vec<Claim> {
        let claims = self.raw.claims(Span::ALL);
        claims
            .into_iter()
            .map(|claim| Claim {
                range: claim.span.range(),
                mode: claim.mode,
                state: if claim.is_held { ClaimState::Held } else { ClaimState::Waiting },
            })
            .collect()
    }
}

impl fmt::Debug for RangeLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RangeLock")?;
        f.debug_list().entries(self.claims()).finish()
    }
}
