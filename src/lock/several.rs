//! Several ranges of one lock, claimed at once.

use std::ops::RangeBounds;

use crate::raw::Part;
use crate::{ManyGuard, Mode, RangeLock, Span};

impl RangeLock {
    /// Locks several ranges at once, each in its mode, waiting until all of them can be had: all or
    /// nothing, so there is no order to get wrong.
    ///
    /// Ranges may be repeated and may overlap: a unit that is named more than once is claimed once,
    /// exclusively if any of them is. While it waits, the claim holds nothing. To mix kinds of ranges in one
    /// call, make each a [`Span`].
    ///
    /// # Fairness
    ///
    /// The claim takes its place in every queue at once, and is granted when all conflicting claims that
    /// were there before it have left.
    ///
    /// # Complexity
    ///
    /// As for that many claims on ranges, under one mutex acquisition.
    ///
    /// # Panics
    ///
    /// If a range starts after its end, or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{Mode, RangeLock};
    ///
    /// let lock = RangeLock::new();
    /// let guard = lock.lock_many([(0..1, Mode::Exclusive), (90..99, Mode::Shared)]);
    /// assert!(lock.try_lock_shared(95..96).is_some());
    /// assert!(lock.try_lock_shared(0..1).is_none());
    /// # drop(guard);
    /// ```
    #[track_caller]
    pub fn lock_many<R: RangeBounds<u64>>(
        &self,
        claims: impl IntoIterator<Item = (R, Mode)>,
    ) -> ManyGuard<'_> {
        ManyGuard::lock(self, parts(claims))
    }

    /// Locks several ranges at once if nothing is in the way of any; never waits. May fail without cause, as
    /// [`try_lock_shared`](RangeLock::try_lock_shared) may.
    ///
    /// See [`lock_many`](RangeLock::lock_many) for repeated and overlapping ranges.
    ///
    /// # Panics
    ///
    /// If a range starts after its end, or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{Mode, RangeLock};
    ///
    /// let lock = RangeLock::new();
    /// let held = lock.lock_shared(5..6);
    /// let both = [(0..1, Mode::Exclusive), (5..9, Mode::Exclusive)];
    /// assert!(lock.try_lock_many(both.clone()).is_none());
    /// drop(held);
    /// assert!(lock.try_lock_many(both).is_some());
    /// ```
    #[track_caller]
    pub fn try_lock_many<R: RangeBounds<u64>>(
        &self,
        claims: impl IntoIterator<Item = (R, Mode)>,
    ) -> Option<ManyGuard<'_>> {
        ManyGuard::try_lock(self, parts(claims))
    }
}

#[track_caller]
fn parts<R: RangeBounds<u64>>(claims: impl IntoIterator<Item = (R, Mode)>) -> Vec<Part> {
    let mut parts = Vec::new();
    for (range, mode) in claims {
        parts.push(Part { span: Span::from_range(range), mode });
    }
    parts
}
