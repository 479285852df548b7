//! Claims in a mode chosen at run time.

use std::ops::RangeBounds;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::after;
use crate::guard::{ArcRangeGuard, Guard, RangeGuard};
use crate::{LockFuture, Mode, RangeLock, Span};

impl RangeLock {
    /// Locks `range` in `mode`, blocking the current thread until it is acquired. An empty range is
    /// acquired immediately.
    ///
    /// Use [`lock_shared`](RangeLock::lock_shared) or [`lock_exclusive`](RangeLock::lock_exclusive) for
    /// a guard with the mode in its type; they also say when a thread deadlocks.
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
    /// fn visit(lock: &RangeLock, mode: Mode) {
    ///     let guard = lock.lock(10..20, mode);
    ///     assert_eq!(guard.mode(), mode);
    /// }
    ///
    /// let lock = RangeLock::new();
    /// visit(&lock, Mode::Shared);
    /// visit(&lock, Mode::Exclusive);
    /// ```
    // Always: see `Guard::lock`.
    #[inline(always)]
    #[track_caller]
    pub fn lock(&self, range: impl RangeBounds<u64>, mode: Mode) -> RangeGuard<'_> {
        Guard::lock(self, Span::from_range(range), mode)
    }

    /// Tries to lock `range` in `mode`, without waiting. Fails as
    /// [`try_lock_shared`](RangeLock::try_lock_shared) does, in rare cases spuriously.
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
    /// let reader = lock.lock(10..20, Mode::Shared);
    /// assert!(lock.try_lock(19..30, Mode::Shared).is_some());
    /// assert!(lock.try_lock(19..30, Mode::Exclusive).is_none());
    /// # drop(reader);
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[inline]
    #[track_caller]
    pub fn try_lock(&self, range: impl RangeBounds<u64>, mode: Mode) -> Option<RangeGuard<'_>> {
        Guard::try_lock(self, Span::from_range(range), mode)
    }

    /// Tries to lock `range` in `mode`, waiting at most `timeout`. Returns `None` if it times out. The
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
    /// use spanlock::{Mode, RangeLock};
    ///
    /// let lock = RangeLock::new();
    /// let writer = lock.lock(10..20, Mode::Exclusive);
    /// assert!(lock.try_lock_for(0..11, Mode::Shared, Duration::from_millis(1)).is_none());
    /// # drop(writer);
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[inline]
    #[track_caller]
    pub fn try_lock_for(
        &self,
        range: impl RangeBounds<u64>,
        mode: Mode,
        timeout: Duration,
    ) -> Option<RangeGuard<'_>> {
        Guard::lock_until(self, Span::from_range(range), mode, after(timeout))
    }

    /// Tries to lock `range` in `mode`, waiting at most until `deadline`. Returns `None` if it times
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
    /// use spanlock::{Mode, RangeLock};
    ///
    /// let lock = RangeLock::new();
    /// let writer = lock.lock(10..20, Mode::Exclusive);
    /// assert!(lock.try_lock_until(0..11, Mode::Shared, Instant::now()).is_none());
    /// # drop(writer);
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[inline]
    #[track_caller]
    pub fn try_lock_until(
        &self,
        range: impl RangeBounds<u64>,
        mode: Mode,
        deadline: Instant,
    ) -> Option<RangeGuard<'_>> {
        Guard::lock_until(self, Span::from_range(range), mode, Some(deadline))
    }

    /// Returns a future that locks `range` in `mode`. See [`LockFuture`] for how it waits and what
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
    /// use spanlock::{Mode, RangeLock};
    ///
    /// let lock = RangeLock::new();
    /// let future = pin!(lock.lock_async(10..20, Mode::Exclusive));
    /// let mut context = Context::from_waker(Waker::noop());
    /// assert!(future.poll(&mut context).is_ready());
    /// ```
    #[track_caller]
    pub fn lock_async(
        &self,
        range: impl RangeBounds<u64>,
        mode: Mode,
    ) -> LockFuture<&RangeLock, Mode> {
        LockFuture::new(self, Span::from_range(range), mode)
    }

    /// Like [`lock`](RangeLock::lock), with a guard that owns an `Arc` of the lock.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use spanlock::{Mode, RangeLock};
    ///
    /// let lock = Arc::new(RangeLock::new());
    /// let guard = lock.lock_arc(10..20, Mode::Exclusive);
    /// std::thread::spawn(move || drop(guard)).join().unwrap();
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock_arc(self: &Arc<Self>, range: impl RangeBounds<u64>, mode: Mode) -> ArcRangeGuard {
        Guard::lock(Arc::clone(self), Span::from_range(range), mode)
    }

    /// Like [`try_lock`](RangeLock::try_lock), with a guard that owns an `Arc` of the lock.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use spanlock::{Mode, RangeLock};
    ///
    /// let lock = Arc::new(RangeLock::new());
    /// assert!(lock.try_lock_arc(10..20, Mode::Shared).is_some());
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[inline]
    #[track_caller]
    pub fn try_lock_arc(
        self: &Arc<Self>,
        range: impl RangeBounds<u64>,
        mode: Mode,
    ) -> Option<ArcRangeGuard> {
        Guard::try_lock(Arc::clone(self), Span::from_range(range), mode)
    }

    /// Like [`try_lock_for`](RangeLock::try_lock_for), with a guard that owns an `Arc` of the lock.
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
    /// use spanlock::{Mode, RangeLock};
    ///
    /// let lock = Arc::new(RangeLock::new());
    /// let timeout = Duration::from_millis(1);
    /// assert!(lock.try_lock_for_arc(10..20, Mode::Shared, timeout).is_some());
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[track_caller]
    pub fn try_lock_for_arc(
        self: &Arc<Self>,
        range: impl RangeBounds<u64>,
        mode: Mode,
        timeout: Duration,
    ) -> Option<ArcRangeGuard> {
        Guard::lock_until(Arc::clone(self), Span::from_range(range), mode, after(timeout))
    }

    /// Like [`try_lock_until`](RangeLock::try_lock_until), with a guard that owns an `Arc` of the lock.
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
    /// use spanlock::{Mode, RangeLock};
    ///
    /// let lock = Arc::new(RangeLock::new());
    /// assert!(lock.try_lock_until_arc(10..20, Mode::Shared, Instant::now()).is_some());
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[track_caller]
    pub fn try_lock_until_arc(
        self: &Arc<Self>,
        range: impl RangeBounds<u64>,
        mode: Mode,
        deadline: Instant,
    ) -> Option<ArcRangeGuard> {
        Guard::lock_until(Arc::clone(self), Span::from_range(range), mode, Some(deadline))
    }

    /// Like [`lock_async`](RangeLock::lock_async), with a future and a guard that own an `Arc` of the
    /// lock. Both are `'static`.
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
    /// use spanlock::{Mode, RangeLock};
    ///
    /// let lock = Arc::new(RangeLock::new());
    /// let future = pin!(lock.lock_async_arc(10..20, Mode::Exclusive));
    /// assert!(future.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    /// ```
    #[track_caller]
    pub fn lock_async_arc(
        self: &Arc<Self>,
        range: impl RangeBounds<u64>,
        mode: Mode,
    ) -> LockFuture<Arc<RangeLock>, Mode> {
        LockFuture::new(Arc::clone(self), Span::from_range(range), mode)
    }
}
