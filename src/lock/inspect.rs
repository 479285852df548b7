//! Inspecting a lock without locking it.

use std::fmt;
use std::ops::RangeBounds;

use crate::{Claim, ClaimState, Mode, RangeLock, Span};

impl RangeLock {
    /// Returns whether any unit of `range` is held, in either mode. The result may be out of date
    /// immediately. An empty range is never locked.
    ///
    /// # Complexity
    ///
    /// Takes the mutex, unless `range` is one unit and no held range can include it.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
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

    /// Returns whether a claim on `range` in `mode` would have to wait for a held claim, or for a
    /// waiting one that is due ([Fairness](RangeLock#fairness)). The result may be out of date immediately.
    /// An empty range never conflicts. Usually takes the mutex.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
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

    /// Returns what the lock has counted since it was created. Only with the feature `stats`.
    ///
    /// Counting adds a pointer to the size of the lock, about three kilobytes of heap when it is first
    /// used, and one atomic operation to each claim. Up to 16 threads count in cache lines of their own.
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

    /// Returns all claims, held and waiting, by ascending start: a snapshot for debugging. `Debug`
    /// prints the same.
    ///
    /// Several readers of one unit may be shown as one claim. Claims on empty ranges, and attempts that are
    /// about to fail, are not shown.
    ///
    /// # Complexity
    ///
    /// Takes the mutex, and time linear in the number of claims plus the number of slots
    /// ([Complexity](RangeLock#complexity)).
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

    /// Returns the claims that threads hold or wait for, by ascending start. Each has its thread, since when
    /// it is held or waits, and where it was acquired. Only with the feature `deadlock_detection`, whose
    /// [limits and cost](crate::deadlock) apply: claims of tasks, and claims that wait with a timeout, are
    /// not included.
    ///
    /// A claim on several ranges has one entry for each of them.
    ///
    /// # Complexity
    ///
    /// Linear in the number of recorded claims of all locks, under the mutex that every claim takes with
    /// this feature.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let lock = spanlock::RangeLock::new();
    /// let guard = lock.lock_exclusive(0..9);
    /// for claim in lock.thread_claims() {
    ///     if claim.since().elapsed() > Duration::from_secs(10) {
    ///         eprintln!("held for long: {claim}");
    ///     }
    /// }
    /// assert_eq!(lock.thread_claims()[0].thread_id(), std::thread::current().id());
    /// # drop(guard);
    /// ```
    #[cfg(feature = "deadlock_detection")]
    #[cfg_attr(docsrs, doc(cfg(feature = "deadlock_detection")))]
    #[must_use]
    pub fn thread_claims(&self) -> Vec<crate::deadlock::ThreadClaim> {
        crate::deadlock::claims_on(self.raw.address())
    }
}

impl fmt::Debug for RangeLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RangeLock")?;
        f.debug_list().entries(self.claims()).finish()
    }
}
