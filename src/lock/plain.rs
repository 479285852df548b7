//! Constructors, and claims that borrow the lock: blocking, tried and async.

use std::ops::RangeBounds;

use crate::guard::{Exclusive, ExclusiveGuard, Guard, Shared, SharedGuard};
use crate::raw::RawLock;
use crate::sync::const_constructor;
use crate::{LockExclusiveFuture, LockFuture, LockSharedFuture, RangeLock, Span};

impl RangeLock {
    const_constructor! {
        /// Creates an unlocked lock. It does not allocate.
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
        /// Creates an unlocked lock that is strictly first in, first out: no later conflicting claim
        /// overtakes a claim that is queued. It does not allocate.
        ///
        /// See [Fairness](RangeLock#fairness) for the exceptions, and for the advantage of the bounded
        /// overtaking of [`new`](RangeLock::new).
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

    /// Locks `range` shared, blocking the current thread until it is acquired. An empty range is acquired
    /// immediately.
    ///
    /// A thread that holds an exclusive claim on a part of `range` deadlocks, and one that holds a shared
    /// claim may: see [`lock_shared_recursive`](RangeLock::lock_shared_recursive).
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeLock::new();
    /// let guard = lock.lock_shared(10..20);
    /// assert_eq!(guard.range(), 10..20);
    /// ```
    // Always: see `Guard::lock`.
    #[inline(always)]
    #[track_caller]
    pub fn lock_shared(&self, range: impl RangeBounds<u64>) -> SharedGuard<'_> {
        Guard::lock(self, Span::from_range(range), Shared)
    }

    /// Tries to lock `range` shared, without waiting. Returns `None` if a conflicting claim is held, or
    /// waits and is due ([Fairness](RangeLock#fairness)).
    ///
    /// In rare cases it fails spuriously: if another thread tries to take a conflicting claim at the same
    /// moment.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
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

    /// Returns a future that locks `range` shared. See [`LockFuture`] for how it waits and what dropping
    /// it does.
    ///
    /// A pending future that is no longer polled may be granted the claim, and then blocks other claims
    /// until it is dropped.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
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

    /// Locks `range` exclusively, blocking the current thread until it is acquired. An empty range is acquired
    /// immediately.
    ///
    /// A thread that holds a claim on a part of `range` deadlocks. To make a shared claim exclusive, use
    /// [`Guard::upgrade`].
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeLock::new();
    /// let guard = lock.lock_exclusive(10..20);
    /// assert_eq!(guard.range(), 10..20);
    /// ```
    // Always: see `Guard::lock`.
    #[inline(always)]
    #[track_caller]
    pub fn lock_exclusive(&self, range: impl RangeBounds<u64>) -> ExclusiveGuard<'_> {
        Guard::lock(self, Span::from_range(range), Exclusive)
    }

    /// Tries to lock `range` exclusively, without waiting. Returns `None` if a conflicting claim is held, or
    /// waits and is due ([Fairness](RangeLock#fairness)).
    ///
    /// In rare cases it fails spuriously: if another thread tries to take a conflicting claim at the same
    /// moment.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
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

    /// Returns a future that locks `range` exclusively. See [`LockFuture`] for how it waits and what
    /// dropping it does.
    ///
    /// A pending future that is no longer polled may be granted the claim, and then blocks other claims
    /// until it is dropped.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
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

    /// Locks `range` shared, overtaking all waiting claims, for a thread that already holds a shared claim
    /// on a part of it.
    ///
    /// With [`lock_shared`](RangeLock::lock_shared) a reader that locks its range again can wait behind
    /// a writer that waits for the reader's first claim: a deadlock. This claim waits only for held
    /// exclusive claims. A thread that holds an exclusive claim on a part of `range` deadlocks.
    ///
    /// # Fairness
    ///
    /// None. A steady stream of such claims starves writers.
    ///
    /// # Complexity
    ///
    /// Always takes the mutex.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
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
