//! The functions that lock a range of each of two locks.

use std::ops::RangeBounds;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{ArcPairGuard, GuardPair, LockPairFuture, PairGuard, Wanted};
use crate::lock::after;
use crate::{Mode, RangeLock};

/// Locks a range of each of two locks, blocking the current thread until both are acquired, for
/// operations on two files such as a clone or a rename.
///
/// The range of the lock with the lower address is acquired first, so two callers that name the locks in
/// opposite orders do not deadlock. The first range is held while the thread waits for the second. If both
/// are the same lock, its two ranges are acquired together ([`RangeLock::lock_many`]) and may overlap. An
/// empty range is acquired immediately.
///
/// # Fairness
///
/// That of each lock ([Fairness](RangeLock#fairness)).
///
/// # Panics
///
/// Panics if a range starts after its end or includes unit `u64::MAX`.
///
/// # Examples
///
/// ```
/// use spanlock::{Mode, RangeLock, lock_pair};
///
/// let lock = RangeLock::new();
/// let guard = lock_pair(&lock, 0..8, Mode::Shared, &lock, 4..16, Mode::Exclusive);
/// assert!(lock.try_lock_shared(0..4).is_some());
/// assert!(lock.try_lock_shared(4..8).is_none());
/// # drop(guard);
/// ```
#[track_caller]
pub fn lock_pair<'a>(
    a: &'a RangeLock,
    a_range: impl RangeBounds<u64>,
    a_mode: Mode,
    b: &'a RangeLock,
    b_range: impl RangeBounds<u64>,
    b_mode: Mode,
) -> PairGuard<'a> {
    GuardPair::lock(Wanted::new(a, a_range, a_mode), Wanted::new(b, b_range, b_mode))
}

/// Tries to lock a range of each of two locks, without waiting. If the second is not acquired, the first
/// is released. Fails as [`RangeLock::try_lock_shared`] does, in rare cases spuriously.
///
/// See [`lock_pair`] for two ranges of one lock.
///
/// # Panics
///
/// Panics if a range starts after its end or includes unit `u64::MAX`.
///
/// # Examples
///
/// ```
/// use spanlock::{Mode, RangeLock, try_lock_pair};
///
/// let (a, b) = (RangeLock::new(), RangeLock::new());
/// let reader = b.lock_shared(5..6);
/// assert!(try_lock_pair(&a, 0..8, Mode::Shared, &b, 0..8, Mode::Exclusive).is_none());
/// assert!(!a.is_locked(..));
/// drop(reader);
/// assert!(try_lock_pair(&a, 0..8, Mode::Shared, &b, 0..8, Mode::Exclusive).is_some());
/// ```
#[must_use = "if `None` is returned neither is locked"]
#[track_caller]
pub fn try_lock_pair<'a>(
    a: &'a RangeLock,
    a_range: impl RangeBounds<u64>,
    a_mode: Mode,
    b: &'a RangeLock,
    b_range: impl RangeBounds<u64>,
    b_mode: Mode,
) -> Option<PairGuard<'a>> {
    GuardPair::try_lock(Wanted::new(a, a_range, a_mode), Wanted::new(b, b_range, b_mode))
}

/// Tries to lock a range of each of two locks, waiting at most `timeout` in all. Returns `None`, with
/// neither locked, if it times out.
///
/// See [`lock_pair`] for the order in which they are acquired, and for two ranges of one lock.
///
/// # Panics
///
/// Panics if a range starts after its end or includes unit `u64::MAX`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use spanlock::{Mode, RangeLock, try_lock_pair_for};
///
/// let (a, b) = (RangeLock::new(), RangeLock::new());
/// let writer = b.lock_exclusive(5..6);
/// let timeout = Duration::from_millis(1);
/// assert!(try_lock_pair_for(&a, .., Mode::Shared, &b, .., Mode::Shared, timeout).is_none());
/// assert!(!a.is_locked(..));
/// # drop(writer);
/// ```
#[must_use = "if `None` is returned neither is locked"]
#[track_caller]
pub fn try_lock_pair_for<'a>(
    a: &'a RangeLock,
    a_range: impl RangeBounds<u64>,
    a_mode: Mode,
    b: &'a RangeLock,
    b_range: impl RangeBounds<u64>,
    b_mode: Mode,
    timeout: Duration,
) -> Option<PairGuard<'a>> {
    GuardPair::lock_until(
        Wanted::new(a, a_range, a_mode),
        Wanted::new(b, b_range, b_mode),
        after(timeout),
    )
}

/// Tries to lock a range of each of two locks, waiting at most until `deadline`. Returns `None`, with
/// neither locked, if it times out.
///
/// See [`lock_pair`] for the order in which they are acquired, and for two ranges of one lock.
///
/// # Panics
///
/// Panics if a range starts after its end or includes unit `u64::MAX`.
///
/// # Examples
///
/// ```
/// use std::time::Instant;
/// use spanlock::{Mode, RangeLock, try_lock_pair_until};
///
/// let (a, b) = (RangeLock::new(), RangeLock::new());
/// let writer = b.lock_exclusive(5..6);
/// let now = Instant::now();
/// assert!(try_lock_pair_until(&a, .., Mode::Shared, &b, .., Mode::Shared, now).is_none());
/// assert!(!a.is_locked(..));
/// # drop(writer);
/// ```
#[must_use = "if `None` is returned neither is locked"]
#[track_caller]
pub fn try_lock_pair_until<'a>(
    a: &'a RangeLock,
    a_range: impl RangeBounds<u64>,
    a_mode: Mode,
    b: &'a RangeLock,
    b_range: impl RangeBounds<u64>,
    b_mode: Mode,
    deadline: Instant,
) -> Option<PairGuard<'a>> {
    GuardPair::lock_until(
        Wanted::new(a, a_range, a_mode),
        Wanted::new(b, b_range, b_mode),
        Some(deadline),
    )
}

/// Returns a future that locks a range of each of two locks. See [`LockPairFuture`] for what dropping it
/// does.
///
/// See [`lock_pair`] for the order in which they are acquired, and for two ranges of one lock.
///
/// # Panics
///
/// Panics if a range starts after its end or includes unit `u64::MAX`.
///
/// # Examples
///
/// ```
/// use std::pin::pin;
/// use std::task::{Context, Waker};
/// use spanlock::{Mode, RangeLock, lock_pair_async};
///
/// let (a, b) = (RangeLock::new(), RangeLock::new());
/// let pair = pin!(lock_pair_async(&a, 0..8, Mode::Shared, &b, 0..8, Mode::Exclusive));
/// assert!(pair.poll(&mut Context::from_waker(Waker::noop())).is_ready());
/// ```
#[track_caller]
pub fn lock_pair_async<'a>(
    a: &'a RangeLock,
    a_range: impl RangeBounds<u64>,
    a_mode: Mode,
    b: &'a RangeLock,
    b_range: impl RangeBounds<u64>,
    b_mode: Mode,
) -> LockPairFuture<&'a RangeLock> {
    LockPairFuture::new(Wanted::new(a, a_range, a_mode), Wanted::new(b, b_range, b_mode))
}

/// Like [`lock_pair`], with a guard that owns an `Arc` of each lock.
///
/// # Panics
///
/// Panics if a range starts after its end or includes unit `u64::MAX`.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use spanlock::{Mode, RangeLock, lock_pair_arc};
///
/// let (a, b) = (Arc::new(RangeLock::new()), Arc::new(RangeLock::new()));
/// let guard = lock_pair_arc(&a, 0..8, Mode::Shared, &b, 0..8, Mode::Exclusive);
/// std::thread::spawn(move || drop(guard)).join().unwrap();
/// ```
#[track_caller]
pub fn lock_pair_arc(
    a: &Arc<RangeLock>,
    a_range: impl RangeBounds<u64>,
    a_mode: Mode,
    b: &Arc<RangeLock>,
    b_range: impl RangeBounds<u64>,
    b_mode: Mode,
) -> ArcPairGuard {
    GuardPair::lock(
        Wanted::new(Arc::clone(a), a_range, a_mode),
        Wanted::new(Arc::clone(b), b_range, b_mode),
    )
}

/// Like [`try_lock_pair`], with a guard that owns an `Arc` of each lock.
///
/// # Panics
///
/// Panics if a range starts after its end or includes unit `u64::MAX`.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use spanlock::{Mode, RangeLock, try_lock_pair_arc};
///
/// let (a, b) = (Arc::new(RangeLock::new()), Arc::new(RangeLock::new()));
/// assert!(try_lock_pair_arc(&a, 0..8, Mode::Shared, &b, 0..8, Mode::Exclusive).is_some());
/// ```
#[must_use = "if `None` is returned neither is locked"]
#[track_caller]
pub fn try_lock_pair_arc(
    a: &Arc<RangeLock>,
    a_range: impl RangeBounds<u64>,
    a_mode: Mode,
    b: &Arc<RangeLock>,
    b_range: impl RangeBounds<u64>,
    b_mode: Mode,
) -> Option<ArcPairGuard> {
    GuardPair::try_lock(
        Wanted::new(Arc::clone(a), a_range, a_mode),
        Wanted::new(Arc::clone(b), b_range, b_mode),
    )
}

/// Like [`try_lock_pair_for`], with a guard that owns an `Arc` of each lock.
///
/// # Panics
///
/// Panics if a range starts after its end or includes unit `u64::MAX`.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use spanlock::{Mode, RangeLock, try_lock_pair_for_arc};
///
/// let (a, b) = (Arc::new(RangeLock::new()), Arc::new(RangeLock::new()));
/// let timeout = Duration::from_millis(1);
/// assert!(try_lock_pair_for_arc(&a, .., Mode::Shared, &b, .., Mode::Shared, timeout).is_some());
/// ```
#[must_use = "if `None` is returned neither is locked"]
#[track_caller]
pub fn try_lock_pair_for_arc(
    a: &Arc<RangeLock>,
    a_range: impl RangeBounds<u64>,
    a_mode: Mode,
    b: &Arc<RangeLock>,
    b_range: impl RangeBounds<u64>,
    b_mode: Mode,
    timeout: Duration,
) -> Option<ArcPairGuard> {
    GuardPair::lock_until(
        Wanted::new(Arc::clone(a), a_range, a_mode),
        Wanted::new(Arc::clone(b), b_range, b_mode),
        after(timeout),
    )
}

/// Like [`try_lock_pair_until`], with a guard that owns an `Arc` of each lock.
///
/// # Panics
///
/// Panics if a range starts after its end or includes unit `u64::MAX`.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::time::Instant;
/// use spanlock::{Mode, RangeLock, try_lock_pair_until_arc};
///
/// let (a, b) = (Arc::new(RangeLock::new()), Arc::new(RangeLock::new()));
/// let now = Instant::now();
/// assert!(try_lock_pair_until_arc(&a, .., Mode::Shared, &b, .., Mode::Shared, now).is_some());
/// ```
#[must_use = "if `None` is returned neither is locked"]
#[track_caller]
pub fn try_lock_pair_until_arc(
    a: &Arc<RangeLock>,
    a_range: impl RangeBounds<u64>,
    a_mode: Mode,
    b: &Arc<RangeLock>,
    b_range: impl RangeBounds<u64>,
    b_mode: Mode,
    deadline: Instant,
) -> Option<ArcPairGuard> {
    GuardPair::lock_until(
        Wanted::new(Arc::clone(a), a_range, a_mode),
        Wanted::new(Arc::clone(b), b_range, b_mode),
        Some(deadline),
    )
}

/// Like [`lock_pair_async`], with a future and a guard that own an `Arc` of each lock.
///
/// # Panics
///
/// Panics if a range starts after its end or includes unit `u64::MAX`.
///
/// # Examples
///
/// ```
/// use std::pin::pin;
/// use std::sync::Arc;
/// use std::task::{Context, Waker};
/// use spanlock::{Mode, RangeLock, lock_pair_async_arc};
///
/// let (a, b) = (Arc::new(RangeLock::new()), Arc::new(RangeLock::new()));
/// let pair = pin!(lock_pair_async_arc(&a, 0..8, Mode::Shared, &b, 0..8, Mode::Exclusive));
/// assert!(pair.poll(&mut Context::from_waker(Waker::noop())).is_ready());
/// ```
#[track_caller]
pub fn lock_pair_async_arc(
    a: &Arc<RangeLock>,
    a_range: impl RangeBounds<u64>,
    a_mode: Mode,
    b: &Arc<RangeLock>,
    b_range: impl RangeBounds<u64>,
    b_mode: Mode,
) -> LockPairFuture<Arc<RangeLock>> {
    LockPairFuture::new(
        Wanted::new(Arc::clone(a), a_range, a_mode),
        Wanted::new(Arc::clone(b), b_range, b_mode),
    )
}
