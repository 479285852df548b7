//! Guards: held claims, released when dropped.

mod mode;
mod split_and_downgrade;
mod upgrade;

use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::ptr;
use std::sync::Arc;
use std::time::Instant;

use crate::deadlock::Held;
use crate::raw::{Hold, RawLock};
use crate::sealed::{INTERNAL, Internal};
use crate::{Mode, RangeLock, Span};

pub use mode::{Exclusive, GuardMode, Shared};
pub use upgrade::{UpgradeError, UpgradeFuture};

/// How a guard refers to its lock: by reference or by `Arc`.
///
/// This trait is sealed. It is implemented for references and `Arc`s of [`RangeLock`] and
/// [`MappingLock`](crate::MappingLock), and is useful only as a bound.
///
/// # Examples
///
/// ```
/// use spanlock::{Guard, LockRef, RangeLock, Shared};
///
/// fn units(guard: &Guard<impl LockRef, Shared>) -> u64 {
///     guard.range().end - guard.range().start
/// }
///
/// assert_eq!(units(&RangeLock::new().lock_shared(3..7)), 4);
/// ```
pub trait LockRef: sealed::Reach {}

/// Public only as a bound of a public trait. Other crates cannot name it, or call methods that take an
/// [`Internal`].
mod sealed {
    use crate::raw::RawLock;
    use crate::sealed::Internal;

    pub trait Reach {
        fn reach(&self, _: Internal) -> &RawLock;
    }
}

/// The same, for this crate.
pub(crate) trait Raw {
    fn raw(&self) -> &RawLock;
}

impl<L: LockRef> Raw for L {
    #[inline]
    fn raw(&self) -> &RawLock {
        self.reach(INTERNAL)
    }
}

/// A held claim. Dropping the guard releases it.
///
/// `L` is its reference to the lock, such as `&RangeLock` or `Arc<RangeLock>`. `M` is its mode: [`Shared`]
/// or [`Exclusive`], or [`Mode`] if the mode is chosen at run time. [`SharedGuard`], [`ExclusiveGuard`],
/// [`RangeGuard`], [`MappingGuard`](crate::MappingGuard) and their `Arc` forms are aliases for the usual
/// combinations.
///
/// Guards are `Send` and `Sync`, so the completion of an IO on another thread can drop one. A guard that
/// is forgotten ([`mem::forget`](std::mem::forget)) leaves its range locked for as long as the lock
/// lives; the rest of the lock stays usable. A guard that is dropped by a panic releases its claim as
/// usual; there is no poisoning.
///
/// # Complexity
///
/// The release of a claim in a slot or a cell ([Complexity](RangeLock#complexity)) for which no claim waits
/// takes no mutex: one atomic read-modify-write for one unit, one or two for a range. Otherwise it takes the
/// mutex, and time logarithmic in the number of registered claims plus linear in those, held or waiting,
/// that overlap the range.
///
/// # Examples
///
/// ```
/// use spanlock::RangeLock;
///
/// let lock = RangeLock::new();
/// let guard = lock.lock_exclusive(0..10);
/// std::thread::scope(|s| s.spawn(move || drop(guard)).join().unwrap());
/// assert!(lock.try_lock_exclusive(..).is_some());
/// ```
#[must_use = "a guard that is dropped immediately locks nothing"]
pub struct Guard<L: LockRef, M: GuardMode> {
    lock: L,
    span: Span,
    mode: M,
    hold: Hold,
    record: Held,
}

/// The guard of a shared claim that borrows its lock.
///
/// # Examples
///
/// ```
/// use spanlock::{RangeLock, SharedGuard};
///
/// let lock = RangeLock::new();
/// let guard: SharedGuard<'_> = lock.lock_shared(7..8);
/// assert_eq!(guard.range(), 7..8);
/// ```
pub type SharedGuard<'a> = Guard<&'a RangeLock, Shared>;

/// The guard of an exclusive claim that borrows its lock.
///
/// # Examples
///
/// ```
/// use spanlock::{ExclusiveGuard, RangeLock};
///
/// let lock = RangeLock::new();
/// let guard: ExclusiveGuard<'_> = lock.lock_exclusive(100..);
/// assert_eq!(guard.range(), 100..u64::MAX);
/// ```
pub type ExclusiveGuard<'a> = Guard<&'a RangeLock, Exclusive>;

/// The guard of a claim that borrows its lock, in a mode chosen at run time.
///
/// # Examples
///
/// ```
/// use spanlock::{Mode, RangeGuard, RangeLock};
///
/// let lock = RangeLock::new();
/// let guard: RangeGuard<'_> = lock.lock(7..8, Mode::Shared);
/// assert_eq!(guard.mode(), Mode::Shared);
/// ```
pub type RangeGuard<'a> = Guard<&'a RangeLock, Mode>;

/// The guard of a shared claim that owns an `Arc` of its lock.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use spanlock::{ArcSharedGuard, RangeLock};
///
/// let guard: ArcSharedGuard = Arc::new(RangeLock::new()).lock_shared_arc(7..8);
/// assert_eq!(guard.range(), 7..8);
/// ```
pub type ArcSharedGuard = Guard<Arc<RangeLock>, Shared>;

/// The guard of an exclusive claim that owns an `Arc` of its lock.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use spanlock::{ArcExclusiveGuard, RangeLock};
///
/// let guard: ArcExclusiveGuard = Arc::new(RangeLock::new()).lock_exclusive_arc(7..8);
/// assert_eq!(guard.range(), 7..8);
/// ```
pub type ArcExclusiveGuard = Guard<Arc<RangeLock>, Exclusive>;

/// The guard of a claim that owns an `Arc` of its lock, in a mode chosen at run time.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use spanlock::{ArcRangeGuard, Mode, RangeLock};
///
/// let guard: ArcRangeGuard = Arc::new(RangeLock::new()).lock_arc(7..8, Mode::Exclusive);
/// assert_eq!(guard.mode(), Mode::Exclusive);
/// ```
pub type ArcRangeGuard = Guard<Arc<RangeLock>, Mode>;

impl<L: LockRef, M: GuardMode> Guard<L, M> {
    // Always: returning a guard through memory would double the cost of the lock.
    #[inline(always)]
    #[cfg_attr(feature = "deadlock_detection", track_caller)]
    pub(crate) fn lock(lock: L, span: Span, mode: M) -> Self {
        let hold = lock.raw().lock(span, mode.mode());
        Guard::of_this_thread(lock, span, mode, hold)
    }

    #[inline(always)]
    #[cfg_attr(feature = "deadlock_detection", track_caller)]
    pub(crate) fn try_lock(lock: L, span: Span, mode: M) -> Option<Self> {
        let hold = lock.raw().try_lock(span, mode.mode())?;
        Some(Guard::of_this_thread(lock, span, mode, hold))
    }

    /// Without a deadline it waits without limit.
    #[inline]
    #[cfg_attr(feature = "deadlock_detection", track_caller)]
    pub(crate) fn lock_until(
        lock: L,
        span: Span,
        mode: M,
        deadline: Option<Instant>,
    ) -> Option<Self> {
        let hold = match deadline {
            Some(deadline) => lock.raw().lock_until(span, mode.mode(), deadline)?,
            None => lock.raw().lock(span, mode.mode()),
        };
        Some(Guard::of_this_thread(lock, span, mode, hold))
    }

    /// Overtakes all waiting claims.
    #[cfg_attr(feature = "deadlock_detection", track_caller)]
    pub(crate) fn lock_reentrant(lock: L, span: Span, mode: M) -> Self {
        let hold = lock.raw().lock_reentrant(span);
        Guard::of_this_thread(lock, span, mode, hold)
    }

    /// The guard of a claim that was granted to a task.
    pub(crate) fn of_task(lock: L, span: Span, mode: M, hold: Hold) -> Self {
        Guard { lock, span, mode, hold, record: Held::by_no_known_thread() }
    }

    #[inline]
    #[cfg_attr(feature = "deadlock_detection", track_caller)]
    fn of_this_thread(lock: L, span: Span, mode: M, hold: Hold) -> Self {
        let record = Held::by_this_thread(lock.raw().address(), [(span, mode.mode())]);
        Guard { lock, span, mode, hold, record }
    }

    /// Returns the range that this guard holds. For a [`MappingLock`](crate::MappingLock) it counts pages.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeLock::new();
    /// assert_eq!(lock.lock_shared(3..=5).range(), 3..6);
    /// ```
    #[inline]
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.span.range()
    }

    /// Returns the mode in which this guard holds its range.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{Mode, RangeLock};
    ///
    /// assert_eq!(RangeLock::new().lock_shared(3..5).mode(), Mode::Shared);
    /// ```
    #[inline]
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode.mode()
    }

    /// Releases the claim, like dropping the guard.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeLock::new();
    /// lock.lock_exclusive(3..5).unlock();
    /// assert!(!lock.is_locked(..));
    /// ```
    #[inline]
    pub fn unlock(self) {}

    /// Takes the guard apart without releasing the claim.
    fn into_parts(self) -> (L, M) {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is never used again and never dropped, so the lock reference is moved out
        // once; the other fields need no drop.
        (unsafe { ptr::read(&this.lock) }, this.mode)
    }
}

impl<L: LockRef, M: GuardMode> Drop for Guard<L, M> {
    #[inline(always)]
    fn drop(&mut self) {
        self.record.end();
        self.lock.raw().unlock(self.span, self.mode.mode(), self.hold);
    }
}

impl<L: LockRef, M: GuardMode> fmt::Debug for Guard<L, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("range", &self.span)
            .field("mode", &self.mode.mode())
            .finish_non_exhaustive()
    }
}

macro_rules! reach {
    ($lock:ty, $($path:tt)+) => {
        impl sealed::Reach for &$lock {
            #[inline]
            fn reach(&self, _: Internal) -> &RawLock {
                &self.$($path)+
            }
        }
        impl sealed::Reach for Arc<$lock> {
            #[inline]
            fn reach(&self, _: Internal) -> &RawLock {
                &self.$($path)+
            }
        }
        impl LockRef for &$lock {}
        impl LockRef for Arc<$lock> {}
    };
}

reach!(RangeLock, raw);
reach!(crate::MappingLock, pages.raw);
