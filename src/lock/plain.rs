//! A new lock, and the claims that are made by reference: waited for, tried, awaited.

use std::ops::RangeBounds;

use crate::guard::{Exclusive, ExclusiveGuard, Guard, Shared, SharedGuard};
use crate::raw::RawLock;
use crate::sync::const_constructor;
use crate::{LockExclusiveFuture, LockFuture, LockSharedFuture, RangeLock, Span};

impl RangeLock {
    const_constructor! {
        /// A lock that nobody holds. Allocates nothing.
        ///
        /// # Examples
        ///
        /// ```
        /// use spanlock::RangeLock;
        ///
        /// static LOCK: RangeLock = RangeLock::new();
        /// assert!(!LOCK.is_locked(..));
        /// ```
        #[must_use]
        pub fn new() -> RangeLock {
            RangeLock { raw: RawLock::new() }
        }
    }

    const_constructor! {
        /// A lock that nobody holds, and that is strictly first in, first out: a claim that waits is passed by nobody
        /// that comes later and conflicts, from when it is queued. Allocates nothing.
        ///
        /// See [`RangeLock`] for the other kind of fairness, that of [`new`](RangeLock::new), and for what it gains.
        ///
        /// # Examples
        ///
        /// ```
        /// use spanlock::RangeLock;
        ///
        /// static TICKETS: RangeLock = RangeLock::fair();
        /// assert!(TICKETS.try_lock_exclusive(..).is_some());
        /// ```
        #[must_use]
        pub fn fair() -> RangeLock {
            RangeLock { raw: RawLock::fair() }
        }
    }

    /// Locks `range` shared, waiting as long as it takes.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeLock::new();
    /// let guard = lock.lock_shared(10..20);
    /// assert_eq!(guard.range(), 10..20);
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock_shared(&self, range: impl RangeBounds<u64>) -> SharedGuard<'_> {
        Guard::lock(self, Span::from_range(range), Shared)
    }

    /// Locks `range` shared if nothing is in the way; never waits.
    ///
    /// It may also fail, rarely, though no conflicting claim is held or queued: if another comes at the same moment.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeLock::new();
    /// let writer = lock.lock_exclusive(10..20);
    /// assert!(lock.try_lock_shared(19..30).is_none());
    /// assert!(lock.try_lock_shared(20..30).is_some());
    /// # drop(writer);
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[inline]
    #[track_caller]
    pub fn try_lock_shared(&self, range: impl RangeBounds<u64>) -> Option<SharedGuard<'_>> {
        Guard::try_lock(self, Span::from_range(range), Shared)
    }

    /// Locks `range` shared, as a future: see [`LockFuture`] for how it waits and what dropping it does.
    ///
    /// Once it was polled, has to wait and is due, it is granted in its turn even if it is never polled again, and
    /// then keeps others out until it is dropped.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::task::{Context, Waker};
    ///
    /// let lock = spanlock::RangeLock::new();
    /// let future = pin!(lock.lock_shared_async(10..20));
    /// let mut context = Context::from_waker(Waker::noop());
    /// assert!(future.poll(&mut context).is_ready());
    /// ```
    #[track_caller]
    pub fn lock_shared_async(&self, range: impl RangeBounds<u64>) -> LockSharedFuture<'_> {
        LockFuture::new(self, Span::from_range(range), Shared)
    }

    /// Locks `range` exclusively, waiting as long as it takes.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeLock::new();
    /// let guard = lock.lock_exclusive(10..20);
    /// assert_eq!(guard.range(), 10..20);
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock_exclusive(&self, range: impl RangeBounds<u64>) -> ExclusiveGuard<'_> {
        Guard::lock(self, Span::from_range(range), Exclusive)
    }

    /// Locks `range` exclusively if nothing is in the way; never waits.
    ///
    /// It may also fail, rarely, though no conflicting claim is held or queued: if another comes at the same moment.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeLock::new();
    /// let writer = lock.lock_exclusive(10..20);
    /// assert!(lock.try_lock_exclusive(19..30).is_none());
    /// assert!(lock.try_lock_exclusive(20..30).is_some());
    /// # drop(writer);
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[inline]
    #[track_caller]
    pub fn try_lock_exclusive(&self, range: impl RangeBounds<u64>) -> Option<ExclusiveGuard<'_>> {
        Guard::try_lock(self, Span::from_range(range), Exclusive)
    }

    /// Locks `range` exclusively, as a future: see [`LockFuture`] for how it waits and what dropping it does.
    ///
    /// Once it was polled, has to wait and is due, it is granted in its turn even if it is never polled again, and
    /// then keeps others out until it is dropped.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::task::{Context, Waker};
    ///
    /// let lock = spanlock::RangeLock::new();
    /// let future = pin!(lock.lock_exclusive_async(10..20));
    /// let mut context = Context::from_waker(Waker::noop());
    /// assert!(future.poll(&mut context).is_ready());
    /// ```
    #[track_caller]
    pub fn lock_exclusive_async(&self, range: impl RangeBounds<u64>) -> LockExclusiveFuture<'_> {
        LockFuture::new(self, Span::from_range(range), Exclusive)
    }

    /// Locks `range` shared past the claims that wait: for a holder who must lock again.
    ///
    /// A reader that holds a range and locks a part of it again would wait behind a writer that waits for
    /// its first claim: a deadlock. This claim waits for held exclusive claims only.
    ///
    /// # Fairness
    ///
    /// None: a flood of such claims starves writers.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::task::{Context, Waker};
    /// use spanlock::RangeLock;
    ///
    /// let lock = RangeLock::new();
    /// let outer = lock.lock_shared(0..10);
    /// let mut writer = pin!(lock.lock_exclusive_async(5..6));
    /// assert!(writer.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    /// assert!(lock.try_lock_shared(0..10).is_none(), "the writer was there before");
    /// let inner = lock.lock_shared_recursive(0..10);
    /// # drop((outer, inner));
    /// ```
    #[track_caller]
    pub fn lock_shared_recursive(&self, range: impl RangeBounds<u64>) -> SharedGuard<'_> {
        Guard::lock_reentrant(self, Span::from_range(range), Shared)
    }
}
