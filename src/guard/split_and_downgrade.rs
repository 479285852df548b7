//! Changing the span or the mode of a held claim.

use std::ops::RangeBounds;

use super::{Exclusive, Guard, GuardMode, LockRef, Raw, Shared};
use crate::raw::Part;
use crate::{Mode, Span};

impl<L: LockRef, M: GuardMode> Guard<L, M> {
    /// Splits the claim into the part below unit `at` and the part from `at` on, without releasing it. A
    /// part may be empty.
    ///
    /// # Complexity
    ///
    /// Takes the mutex, and time logarithmic in the number of registered claims plus linear in those
    /// that overlap the range. So does the release of each part. A split at an end of the range takes
    /// constant time and no mutex.
    ///
    /// # Panics
    ///
    /// Panics if `at` is neither in the range nor at its end.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeLock::new();
    /// let (head, tail) = lock.lock_exclusive(0..100).split_at(30);
    /// drop(head);
    /// assert!(lock.try_lock_exclusive(0..30).is_some());
    /// assert_eq!(tail.range(), 30..100);
    /// ```
    #[track_caller]
    pub fn split_at(mut self, at: u64) -> (Self, Self)
    where
        L: Clone,
    {
        let span = self.span;
        assert!(span.start() <= at && at <= span.end(), "cannot split {span:?} at {at}");
        let (lower, upper) = self.span.split_at(at);
        let whole = Part { span: self.span, mode: self.mode() };
        let upper_hold = self.lock.raw().split(whole, &mut self.hold, at);
        let (record, lower_hold) = (self.record, self.hold);
        let (lock, mode) = self.into_parts();
        let rest = Guard {
            lock: lock.clone(),
            span: upper,
            mode,
            hold: upper_hold,
            record: record.split_at(at),
        };
        (Guard { lock, span: lower, mode, hold: lower_hold, record }, rest)
    }

    /// Releases everything outside `range`, or everything if `range` is empty. Claims that waited only for
    /// the released units are granted, or woken to retry, as after any release.
    ///
    /// # Complexity
    ///
    /// Takes the mutex, and time logarithmic in the number of registered claims plus linear in those
    /// that overlap the guard's range. So does the release of the rest.
    ///
    /// # Panics
    ///
    /// Panics if `range` is not empty and not within the guard's range, or if it is not a valid range
    /// ([`Span::new`]).
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeLock::new();
    /// let mut guard = lock.lock_exclusive(0..100);
    /// guard.shrink_to(40..50);
    /// assert!(lock.try_lock_exclusive(50..).is_some());
    /// assert!(lock.try_lock_shared(45..46).is_none());
    /// ```
    #[track_caller]
    pub fn shrink_to(&mut self, range: impl RangeBounds<u64>) {
        let to = Span::from_range(range);
        let from = self.span;
        assert!(from.contains(to), "cannot shrink {from:?} to {to:?}: it is not contained");
        // First the guard, then the lock: if a waker panics, the rest must not be released twice.
        self.span = to;
        self.record.shrink_to(to);
        let whole = Part { span: from, mode: self.mode() };
        self.lock.raw().shrink(whole, &mut self.hold, to);
    }

    pub(super) fn with_mode<N: GuardMode>(self, mode: N) -> Guard<L, N> {
        let (span, hold, record) = (self.span, self.hold, self.record);
        Guard { lock: self.into_parts().0, span, mode, hold, record }
    }

    fn try_upgrade_to<N: GuardMode>(mut self, mode: N) -> Result<Guard<L, N>, Self> {
        if self.mode() == mode.mode() || self.lock.raw().try_upgrade(self.span, &mut self.hold) {
            self.record.set_mode(mode.mode());
            Ok(self.with_mode(mode))
        } else {
            Err(self)
        }
    }

    fn downgrade_to<N: GuardMode>(mut self, mode: N) -> Guard<L, N> {
        if self.mode() != mode.mode() {
            self.record.set_mode(mode.mode());
            self.lock.raw().downgrade(self.span, &mut self.hold);
        }
        self.with_mode(mode)
    }
}

impl<L: LockRef> Guard<L, Exclusive> {
    /// Turns the exclusive claim into a shared one without releasing it. Readers that waited only for this
    /// claim are granted, or woken to retry.
    ///
    /// # Complexity
    ///
    /// As for a release ([`Guard`]).
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeLock::new();
    /// let reader = lock.lock_exclusive(0..10).downgrade();
    /// assert!(lock.try_lock_shared(5..15).is_some());
    /// # drop(reader);
    /// ```
    pub fn downgrade(self) -> Guard<L, Shared> {
        self.downgrade_to(Shared)
    }
}

impl<L: LockRef> Guard<L, Shared> {
    /// Tries to turn the shared claim into an exclusive one, without waiting. Succeeds if no other claim is
    /// held on any of its units. A claim on an empty range is always upgraded.
    ///
    /// See [`upgrade`](Guard::upgrade) for an upgrade that waits.
    ///
    /// # Fairness
    ///
    /// It overtakes all waiting claims. Those that conflict with it keep waiting.
    ///
    /// # Errors
    ///
    /// Returns the guard, still shared, if another claim is held on one of its units. In rare cases it fails
    /// spuriously: if another thread tries to take a conflicting claim at the same moment.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeLock::new();
    /// let (a, b) = (lock.lock_shared(0..10), lock.lock_shared(9..20));
    /// let a = a.try_upgrade().unwrap_err();
    /// drop(b);
    /// assert!(a.try_upgrade().is_ok());
    /// ```
    pub fn try_upgrade(self) -> Result<Guard<L, Exclusive>, Self> {
        self.try_upgrade_to(Exclusive)
    }
}

impl<L: LockRef> Guard<L, Mode> {
    /// Turns the claim into a shared one without releasing it, as
    /// [`Guard<L, Exclusive>::downgrade`](Guard::downgrade) does. Has no effect if it is already shared.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{Access, MappingLock, Mode};
    ///
    /// let lock = MappingLock::new();
    /// let guard = lock.lock(Access::Truncate, 4096..u64::MAX).downgrade();
    /// assert_eq!(guard.mode(), Mode::Shared);
    /// ```
    pub fn downgrade(self) -> Self {
        self.downgrade_to(Mode::Shared)
    }

    /// Tries to turn the claim into an exclusive one, without waiting. Succeeds if no other claim is held on
    /// any of its units, or if it is already exclusive.
    ///
    /// # Errors
    ///
    /// Returns the guard unchanged, in the same cases as
    /// [`Guard<L, Shared>::try_upgrade`](Guard::try_upgrade).
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{Access, MappingLock, Mode};
    ///
    /// let lock = MappingLock::new();
    /// let guard = lock.lock(Access::Fault, 0..4096).try_upgrade().unwrap();
    /// assert_eq!(guard.mode(), Mode::Exclusive);
    /// ```
    pub fn try_upgrade(self) -> Result<Self, Self> {
        self.try_upgrade_to(Mode::Exclusive)
    }
}
