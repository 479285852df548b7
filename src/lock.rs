//! `RangeLock`: the public face of the lock.

use std::fmt;
use std::ops::RangeBounds;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::guard::{
    ArcExclusiveGuard, ArcSharedGuard, Exclusive, ExclusiveGuard, Guard, Shared, SharedGuard,
};
use crate::raw::{Part, RawLock};
use crate::sync::const_constructor;
use crate::{
    ArcLockExclusiveFuture, ArcLockSharedFuture, Claim, ClaimState, LockExclusiveFuture,
    LockFuture, LockSharedFuture, ManyGuard, Mode, Span,
};

/// A shared/exclusive lock on ranges of `u64` units.
///
/// A unit is whatever the caller says: a page, a byte, a block. Ranges are anything that is
/// `RangeBounds<u64>`; `..` and `n..` reach to the end, `u64::MAX` exclusive. Two claims exclude each other if
/// and only if their ranges share a unit and one of them is exclusive. A claim on an empty range is
/// granted at once and conflicts with nothing.
///
/// # Fairness
///
/// A claim waits for exactly those conflicting claims that were there before it, and is granted the
/// moment the last of them has left (first in, first out, by conflict). Claims that do not conflict
/// pass each other freely. A claim that is waiting is passed only by the few conflicting ones that were
/// already past their check when it queued, and by [`lock_shared_recursive`](RangeLock::lock_shared_recursive).
///
/// **Holding one claim and waiting for another deadlocks easily.** A thread that waits for a range of which
/// it holds a conflicting part waits for ever, and so does a reader that locks again while a writer
/// waits for its first claim. Taking ranges in ascending order is not enough either: with `0..10` held and
/// `..` queued by another, a claim on `20..30` stands behind that other. Hold one claim of a lock at a
/// time, or take several at once by [`lock_many`](RangeLock::lock_many).
///
/// # Complexity
///
/// A claim on one unit, with nobody on the same unit, is one atomic read-modify-write to lock and one to
/// unlock, whatever is held elsewhere, as long as the claims on ranges are few; up to four units take one
/// pair each. Other claims take a mutex, and time logarithmic in those claims plus linear in the ones
/// that overlap.
///
/// # Memory
///
/// 32 bytes, and nothing on the heap as long as claims are on one unit and come one at a time. The first claim
/// that needs more allocates a registry of about half a kilobyte, which grows with the most claims that it had
/// at once. The first claim on two to four units, or the eighth on one that finds the embedded slot taken,
/// allocates a table of 2 KiB, once. All is freed with the lock.
///
/// # Source
///
/// The lock that Jan Kara proposed for a file's mapping ("efficient in locking a single page range",
/// linux-mm, June 2012). Counting blockers by arrival follows his range lock patches (2013); slots and
/// board are this crate's.
///
/// # Examples
///
/// ```
/// use spanlock::RangeLock;
///
/// let lock = RangeLock::new();
/// let page = lock.lock_shared(7..8);
/// assert!(lock.try_lock_exclusive(8..).is_some());
/// assert!(lock.try_lock_exclusive(0..8).is_none());
/// # drop(page);
/// ```
pub struct RangeLock {
    pub(crate) raw: RawLock,
}

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
    /// It may also fail because another thread is about to lock one of the units, or to find that it
    /// cannot.
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
    #[inline]
    #[track_caller]
    pub fn try_lock_shared(&self, range: impl RangeBounds<u64>) -> Option<SharedGuard<'_>> {
        Guard::try_lock(self, Span::from_range(range), Shared)
    }

    /// Locks `range` shared, waiting for `timeout` at most. A claim that times out leaves no trace.
    ///
    /// A timeout of zero is a try; one too long for the clock is none.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let lock = spanlock::RangeLock::new();
    /// let writer = lock.lock_exclusive(10..20);
    /// assert!(lock.try_lock_shared_for(0..11, Duration::from_millis(1)).is_none());
    /// # drop(writer);
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_lock_shared_for(
        &self,
        range: impl RangeBounds<u64>,
        timeout: Duration,
    ) -> Option<SharedGuard<'_>> {
        Guard::lock_until(self, Span::from_range(range), Shared, after(timeout))
    }

    /// Locks `range` shared, waiting until `deadline` at most. A claim that times out leaves no trace.
    ///
    /// A deadline in the past is a try.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Instant;
    ///
    /// let lock = spanlock::RangeLock::new();
    /// let writer = lock.lock_exclusive(10..20);
    /// assert!(lock.try_lock_shared_until(0..11, Instant::now()).is_none());
    /// # drop(writer);
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_lock_shared_until(
        &self,
        range: impl RangeBounds<u64>,
        deadline: Instant,
    ) -> Option<SharedGuard<'_>> {
        Guard::lock_until(self, Span::from_range(range), Shared, Some(deadline))
    }

    /// Locks `range` shared, as a future: see [`LockFuture`] for how it waits and what dropping it does.
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

    /// As [`lock_shared`](RangeLock::lock_shared), with a guard that keeps the lock alive.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
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

    /// As [`try_lock_shared`](RangeLock::try_lock_shared), with a guard that keeps the lock alive.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(spanlock::RangeLock::new());
    /// assert!(lock.try_lock_shared_arc(10..20).is_some());
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_lock_shared_arc(
        self: &Arc<Self>,
        range: impl RangeBounds<u64>,
    ) -> Option<ArcSharedGuard> {
        Guard::try_lock(Arc::clone(self), Span::from_range(range), Shared)
    }

    /// As [`try_lock_shared_for`](RangeLock::try_lock_shared_for), with a guard that keeps the lock alive.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
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
    #[track_caller]
    pub fn try_lock_shared_for_arc(
        self: &Arc<Self>,
        range: impl RangeBounds<u64>,
        timeout: Duration,
    ) -> Option<ArcSharedGuard> {
        Guard::lock_until(Arc::clone(self), Span::from_range(range), Shared, after(timeout))
    }

    /// As [`try_lock_shared_until`](RangeLock::try_lock_shared_until), with a guard that keeps the lock alive.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
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
    #[track_caller]
    pub fn try_lock_shared_until_arc(
        self: &Arc<Self>,
        range: impl RangeBounds<u64>,
        deadline: Instant,
    ) -> Option<ArcSharedGuard> {
        Guard::lock_until(Arc::clone(self), Span::from_range(range), Shared, Some(deadline))
    }

    /// As [`lock_shared_async`](RangeLock::lock_shared_async), with a future and a guard that keep the lock
    /// alive: both are `'static`.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
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
    /// It may also fail because another thread is about to lock one of the units, or to find that it
    /// cannot.
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
    #[inline]
    #[track_caller]
    pub fn try_lock_exclusive(&self, range: impl RangeBounds<u64>) -> Option<ExclusiveGuard<'_>> {
        Guard::try_lock(self, Span::from_range(range), Exclusive)
    }

    /// Locks `range` exclusively, waiting for `timeout` at most. A claim that times out leaves no trace.
    ///
    /// A timeout of zero is a try; one too long for the clock is none.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let lock = spanlock::RangeLock::new();
    /// let writer = lock.lock_exclusive(10..20);
    /// assert!(lock.try_lock_exclusive_for(0..11, Duration::from_millis(1)).is_none());
    /// # drop(writer);
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_lock_exclusive_for(
        &self,
        range: impl RangeBounds<u64>,
        timeout: Duration,
    ) -> Option<ExclusiveGuard<'_>> {
        Guard::lock_until(self, Span::from_range(range), Exclusive, after(timeout))
    }

    /// Locks `range` exclusively, waiting until `deadline` at most. A claim that times out leaves no trace.
    ///
    /// A deadline in the past is a try.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Instant;
    ///
    /// let lock = spanlock::RangeLock::new();
    /// let writer = lock.lock_exclusive(10..20);
    /// assert!(lock.try_lock_exclusive_until(0..11, Instant::now()).is_none());
    /// # drop(writer);
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_lock_exclusive_until(
        &self,
        range: impl RangeBounds<u64>,
        deadline: Instant,
    ) -> Option<ExclusiveGuard<'_>> {
        Guard::lock_until(self, Span::from_range(range), Exclusive, Some(deadline))
    }

    /// Locks `range` exclusively, as a future: see [`LockFuture`] for how it waits and what dropping it does.
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

    /// As [`lock_exclusive`](RangeLock::lock_exclusive), with a guard that keeps the lock alive.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
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

    /// As [`try_lock_exclusive`](RangeLock::try_lock_exclusive), with a guard that keeps the lock alive.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// let lock = Arc::new(spanlock::RangeLock::new());
    /// assert!(lock.try_lock_exclusive_arc(10..20).is_some());
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_lock_exclusive_arc(
        self: &Arc<Self>,
        range: impl RangeBounds<u64>,
    ) -> Option<ArcExclusiveGuard> {
        Guard::try_lock(Arc::clone(self), Span::from_range(range), Exclusive)
    }

    /// As [`try_lock_exclusive_for`](RangeLock::try_lock_exclusive_for), with a guard that keeps the lock alive.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
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
    #[track_caller]
    pub fn try_lock_exclusive_for_arc(
        self: &Arc<Self>,
        range: impl RangeBounds<u64>,
        timeout: Duration,
    ) -> Option<ArcExclusiveGuard> {
        Guard::lock_until(Arc::clone(self), Span::from_range(range), Exclusive, after(timeout))
    }

    /// As [`try_lock_exclusive_until`](RangeLock::try_lock_exclusive_until), with a guard that keeps the lock alive.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
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
    #[track_caller]
    pub fn try_lock_exclusive_until_arc(
        self: &Arc<Self>,
        range: impl RangeBounds<u64>,
        deadline: Instant,
    ) -> Option<ArcExclusiveGuard> {
        Guard::lock_until(Arc::clone(self), Span::from_range(range), Exclusive, Some(deadline))
    }

    /// As [`lock_exclusive_async`](RangeLock::lock_exclusive_async), with a future and a guard that keep the lock
    /// alive: both are `'static`.
    ///
    /// # Panics
    ///
    /// If the range starts after its end, or includes unit `u64::MAX`.
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

    /// Locks several ranges at once if nothing is in the way of any; never waits.
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

    /// Whether any unit of `range` is held. The answer may be out of date when it arrives.
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
        self.raw.claims(Span::from_range(range)).iter().any(|claim| claim.is_held)
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
    /// prints.
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

impl Default for RangeLock {
    fn default() -> Self {
        RangeLock::new()
    }
}

impl fmt::Debug for RangeLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RangeLock")?;
        f.debug_list().entries(self.claims()).finish()
    }
}

/// When a timeout that starts now ends, if the clock reaches that far.
pub(crate) fn after(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}

#[track_caller]
fn parts<R: RangeBounds<u64>>(claims: impl IntoIterator<Item = (R, Mode)>) -> Vec<Part> {
    let mut parts = Vec::new();
    for (range, mode) in claims {
        parts.push(Part { span: Span::from_range(range), mode });
    }
    parts
}
