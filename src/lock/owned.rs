//! The methods whose guards and futures own an `Arc` of the lock instead of borrowing it. The guard is `Guard` with the
//! `LockRef` `Arc<RangeLock>`: see `guard`.

use std::ops::RangeBounds;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::after;
use crate::guard::{ArcExclusiveGuard, ArcSharedGuard, Exclusive, Guard, Shared};
use crate::{ArcLockExclusiveFuture, ArcLockSharedFuture, LockFuture, RangeLock, Span};

impl RangeLock {
    /// Like [`lock_shared`](RangeLock::lock_shared), with a guard that owns an `Arc` of the lock.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(spanlock::RangeLock::new());
    /// let guard = lock.lock_shared_arc(10..20);
    /// std::thread::spawn(move || drop(guard)).join().unwrap();
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock_shared_arc(self: &Arc<Self>, range: impl RangeBounds<u64>) -> ArcSharedGuard {
        Guard::lock(Arc::clone(self), Span::from_range(range), Shared)
    }

    /// Like [`try_lock_shared`](RangeLock::try_lock_shared), with a guard that owns an `Arc` of the
    /// lock.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(spanlock::RangeLock::new());
    /// assert!(lock.try_lock_shared_arc(10..20).is_some());
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[inline]
    #[track_caller]
    pub fn try_lock_shared_arc(
        self: &Arc<Self>,
        range: impl RangeBounds<u64>,
    ) -> Option<ArcSharedGuard> {
        Guard::try_lock(Arc::clone(self), Span::from_range(range), Shared)
    }

    /// Like [`try_lock_shared_for`](RangeLock::try_lock_shared_for), with a guard that owns an `Arc` of
    /// the lock.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// let lock = Arc::new(spanlock::RangeLock::new());
    /// assert!(lock.try_lock_shared_for_arc(10..20, Duration::from_millis(1)).is_some());
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[track_caller]
    pub fn try_lock_shared_for_arc(
        self: &Arc<Self>,
        range: impl RangeBounds<u64>,
        timeout: Duration,
    ) -> Option<ArcSharedGuard> {
        Guard::lock_until(Arc::clone(self), Span::from_range(range), Shared, after(timeout))
    }

    /// Like [`try_lock_shared_until`](RangeLock::try_lock_shared_until), with a guard that owns an `Arc`
    /// of the lock.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Instant;
    ///
    /// let lock = Arc::new(spanlock::RangeLock::new());
    /// assert!(lock.try_lock_shared_until_arc(10..20, Instant::now()).is_some());
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[track_caller]
    pub fn try_lock_shared_until_arc(
        self: &Arc<Self>,
        range: impl RangeBounds<u64>,
        deadline: Instant,
    ) -> Option<ArcSharedGuard> {
        Guard::lock_until(Arc::clone(self), Span::from_range(range), Shared, Some(deadline))
    }

    /// Like [`lock_shared_async`](RangeLock::lock_shared_async), with a future and a guard that own an
    /// `Arc` of the lock. Both are `'static`.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::sync::Arc;
    /// use std::task::{Context, Waker};
    ///
    /// let lock = Arc::new(spanlock::RangeLock::new());
    /// let future = pin!(lock.lock_shared_async_arc(10..20));
    /// let mut context = Context::from_waker(Waker::noop());
    /// assert!(future.poll(&mut context).is_ready());
    /// ```
    #[track_caller]
    pub fn lock_shared_async_arc(
        self: &Arc<Self>,
        range: impl RangeBounds<u64>,
    ) -> ArcLockSharedFuture {
        LockFuture::new(Arc::clone(self), Span::from_range(range), Shared)
    }

    /// Like [`lock_exclusive`](RangeLock::lock_exclusive), with a guard that owns an `Arc` of the lock.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(spanlock::RangeLock::new());
    /// let guard = lock.lock_exclusive_arc(10..20);
    /// std::thread::spawn(move || drop(guard)).join().unwrap();
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock_exclusive_arc(self: &Arc<Self>, range: impl RangeBounds<u64>) -> ArcExclusiveGuard {
        Guard::lock(Arc::clone(self), Span::from_range(range), Exclusive)
    }

    /// Like [`try_lock_exclusive`](RangeLock::try_lock_exclusive), with a guard that owns an `Arc` of
    /// the lock.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(spanlock::RangeLock::new());
    /// assert!(lock.try_lock_exclusive_arc(10..20).is_some());
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[inline]
    #[track_caller]
    pub fn try_lock_exclusive_arc(
        self: &Arc<Self>,
        range: impl RangeBounds<u64>,
    ) -> Option<ArcExclusiveGuard> {
        Guard::try_lock(Arc::clone(self), Span::from_range(range), Exclusive)
    }

    /// Like [`try_lock_exclusive_for`](RangeLock::try_lock_exclusive_for), with a guard that owns an
    /// `Arc` of the lock.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// let lock = Arc::new(spanlock::RangeLock::new());
    /// assert!(lock.try_lock_exclusive_for_arc(10..20, Duration::from_millis(1)).is_some());
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[track_caller]
    pub fn try_lock_exclusive_for_arc(
        self: &Arc<Self>,
        range: impl RangeBounds<u64>,
        timeout: Duration,
    ) -> Option<ArcExclusiveGuard> {
        Guard::lock_until(Arc::clone(self), Span::from_range(range), Exclusive, after(timeout))
    }

    /// Like [`try_lock_exclusive_until`](RangeLock::try_lock_exclusive_until), with a guard that owns an
    /// `Arc` of the lock.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Instant;
    ///
    /// let lock = Arc::new(spanlock::RangeLock::new());
    /// assert!(lock.try_lock_exclusive_until_arc(10..20, Instant::now()).is_some());
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[track_caller]
    pub fn try_lock_exclusive_until_arc(
        self: &Arc<Self>,
        range: impl RangeBounds<u64>,
        deadline: Instant,
    ) -> Option<ArcExclusiveGuard> {
        Guard::lock_until(Arc::clone(self), Span::from_range(range), Exclusive, Some(deadline))
    }

    /// Like [`lock_exclusive_async`](RangeLock::lock_exclusive_async), with a future and a guard that
    /// own an `Arc` of the lock. Both are `'static`.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::sync::Arc;
    /// use std::task::{Context, Waker};
    ///
    /// let lock = Arc::new(spanlock::RangeLock::new());
    /// let future = pin!(lock.lock_exclusive_async_arc(10..20));
    /// let mut context = Context::from_waker(Waker::noop());
    /// assert!(future.poll(&mut context).is_ready());
    /// ```
    #[track_caller]
    pub fn lock_exclusive_async_arc(
        self: &Arc<Self>,
        range: impl RangeBounds<u64>,
    ) -> ArcLockExclusiveFuture {
        LockFuture::new(Arc::clone(self), Span::from_range(range), Exclusive)
    }
}
