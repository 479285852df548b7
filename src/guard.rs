//! Guards: a claim that is held, and let go of when dropped.

use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Range, RangeBounds};
use std::ptr;
use std::sync::Arc;
use std::time::Instant;

use crate::deadlock::Held;
use crate::raw::{Hold, RawLock};
use crate::{Mode, RangeLock, Span};

/// The mode of a guard: in its type ([`Shared`], [`Exclusive`]) or in its value ([`Mode`]).
///
/// Sealed: no other type can implement it.
///
/// # Examples
///
/// ```
/// use spanlock::{Exclusive, GuardMode, Mode};
///
/// assert_eq!(Exclusive.mode(), Mode::Exclusive);
/// assert_eq!(Mode::Shared.mode(), Mode::Shared);
/// ```
pub trait GuardMode: Copy + sealed::Sealed {
    /// The mode in which the guard's span is held.
    fn mode(&self) -> Mode;
}

/// How a guard reaches its lock: by reference or through an `Arc`.
///
/// Sealed: implemented for references and `Arc`s of [`RangeLock`] and
/// [`MappingLock`](crate::MappingLock).
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

/// Public only as bounds of public traits: nobody outside can name what is in here.
mod sealed {
    use crate::raw::RawLock;

    pub trait Sealed {}

    pub trait Reach {
        fn raw(&self) -> &RawLock;
    }
}

/// Marks a guard that holds its span in [`Mode::Shared`].
///
/// # Examples
///
/// ```
/// use spanlock::{Guard, RangeLock, Shared};
///
/// let lock = RangeLock::new();
/// let guard: Guard<&RangeLock, Shared> = lock.lock_shared(0..4);
/// # drop(guard);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared;

/// Marks a guard that holds its span in [`Mode::Exclusive`].
///
/// # Examples
///
/// ```
/// use spanlock::{Exclusive, Guard, RangeLock};
///
/// let lock = RangeLock::new();
/// let guard: Guard<&RangeLock, Exclusive> = lock.lock_exclusive(0..4);
/// # drop(guard);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exclusive;

impl sealed::Sealed for Shared {}
impl sealed::Sealed for Exclusive {}
impl sealed::Sealed for Mode {}

impl GuardMode for Shared {
    #[inline]
    fn mode(&self) -> Mode {
        Mode::Shared
    }
}

impl GuardMode for Exclusive {
    #[inline]
    fn mode(&self) -> Mode {
        Mode::Exclusive
    }
}

impl GuardMode for Mode {
    #[inline]
    fn mode(&self) -> Mode {
        *self
    }
}

/// A held claim on a span of a lock; dropping it lets go.
///
/// `L` is how it reaches its lock, `M` its mode; the aliases ([`SharedGuard`], [`ExclusiveGuard`],
/// [`MappingGuard`](crate::MappingGuard) and their `Arc` forms) name the usual ones. Guards are `Send` and
/// `Sync`: the completion of an IO on another thread may drop one. A guard that is forgotten
/// (`mem::forget`) leaves its span locked for as long as the lock lives, and nothing else broken. A
/// guard that is dropped by a panic lets go as usual; there is no poisoning.
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
#[must_use = "a guard that is dropped at once locks nothing"]
pub struct Guard<L: LockRef, M: GuardMode> {
    lock: L,
    span: Span,
    mode: M,
    hold: Hold,
    record: Held,
}

/// A shared claim that borrows its lock.
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

/// An exclusive claim that borrows its lock.
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

/// A shared claim that owns a reference to its lock.
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

/// An exclusive claim that owns a reference to its lock.
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

impl<L: LockRef, M: GuardMode> Guard<L, M> {
    #[inline]
    #[cfg_attr(feature = "deadlock_detection", track_caller)]
    pub(crate) fn lock(lock: L, span: Span, mode: M) -> Self {
        let hold = lock.raw().lock(span, mode.mode());
        Guard::of_this_thread(lock, span, mode, hold)
    }

    #[inline]
    #[cfg_attr(feature = "deadlock_detection", track_caller)]
    pub(crate) fn try_lock(lock: L, span: Span, mode: M) -> Option<Self> {
        let hold = lock.raw().try_lock(span, mode.mode())?;
        Some(Guard::of_this_thread(lock, span, mode, hold))
    }

    /// Without a deadline it waits as long as it takes.
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

    /// Locks past the claims that wait.
    #[cfg_attr(feature = "deadlock_detection", track_caller)]
    pub(crate) fn lock_reentrant(lock: L, span: Span, mode: M) -> Self {
        let hold = lock.raw().lock_reentrant(span);
        Guard::of_this_thread(lock, span, mode, hold)
    }

    /// The guard of a claim that a task was granted.
    pub(crate) fn of_task(lock: L, span: Span, mode: M, hold: Hold) -> Self {
        Guard { lock, span, mode, hold, record: Held::by_somebody() }
    }

    #[inline]
    #[cfg_attr(feature = "deadlock_detection", track_caller)]
    fn of_this_thread(lock: L, span: Span, mode: M, hold: Hold) -> Self {
        let record = Held::by_this_thread(lock.raw().address(), [(span, mode.mode())]);
        Guard { lock, span, mode, hold, record }
    }

    /// The units that this guard holds.
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

    /// The mode in which this guard holds them.
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

    /// Lets go of the claim: the same as dropping the guard, by name.
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

    /// Splits the claim in two at unit `at`; neither part is let go of meanwhile. A part may be empty.
    ///
    /// # Complexity
    ///
    /// Free for a claim on a few units; otherwise logarithmic in the claims that are not on single
    /// units, plus linear in those that wait across `at`.
    ///
    /// # Panics
    ///
    /// If `at` is neither in the range nor at its end.
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
    pub fn split_at(self, at: u64) -> (Self, Self)
    where
        L: Clone,
    {
        let Range { start, end } = self.span.range();
        assert!(start <= at && at <= end, "cannot split {start}..{end} at {at}");
        let (lower, upper) = self.span.split_at(at);
        let (lower_hold, upper_hold) = self.lock.raw().split(self.span, self.hold, at);
        let record = self.record;
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

    /// Lets go of everything outside `range`; who waits for that part alone is granted at once.
    ///
    /// # Complexity
    ///
    /// As for letting go.
    ///
    /// # Panics
    ///
    /// If `range` is not a part of the guard's range, or not a range ([`Span::new`]).
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
        assert!(from.contains(to), "cannot shrink {from:?} to {to:?}, which is not a part of it");
        // First the guard, then the lock: a waker that panics must not have the rest let go of twice.
        self.span = to;
        let hold = self.hold;
        if to.is_empty() {
            self.hold = Hold::Nothing;
        }
        self.record.shrink_to(to);
        self.lock.raw().shrink(from, self.mode.mode(), hold, to);
    }

    /// Takes the guard apart without letting go.
    fn into_parts(self) -> (L, M) {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is never used again and never dropped, so the lock reference is moved out
        // once; the other fields need no drop.
        (unsafe { ptr::read(&this.lock) }, this.mode)
    }

    fn with_mode<N: GuardMode>(self, mode: N) -> Guard<L, N> {
        let (span, hold, record) = (self.span, self.hold, self.record);
        Guard { lock: self.into_parts().0, span, mode, hold, record }
    }

    fn try_upgrade_to<N: GuardMode>(self, mode: N) -> Result<Guard<L, N>, Self> {
        if self.mode() == mode.mode() || self.lock.raw().try_upgrade(self.span, self.hold) {
            self.record.set_mode(mode.mode());
            Ok(self.with_mode(mode))
        } else {
            Err(self)
        }
    }

    fn downgrade_to<N: GuardMode>(self, mode: N) -> Guard<L, N> {
        if self.mode() != mode.mode() {
            self.record.set_mode(mode.mode());
            self.lock.raw().downgrade(self.span, self.hold);
        }
        self.with_mode(mode)
    }
}

impl<L: LockRef> Guard<L, Exclusive> {
    /// Turns the exclusive claim into a shared one without letting go; waiting readers are let in.
    ///
    /// # Fairness
    ///
    /// Readers that wait behind an exclusive claim which came before them go on waiting.
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
    /// Turns the shared claim into an exclusive one, if no other claim is held on any of its units.
    ///
    /// It never waits: two holders who both waited for the other would wait for ever. To repair
    /// something under an exclusive claim, let go, lock exclusively, and verify again.
    ///
    /// # Fairness
    ///
    /// An upgrade passes the claims that wait; those that conflict wait for it as they would have for
    /// the shared claim.
    ///
    /// # Errors
    ///
    /// Gives the guard back, still shared, if another claim is held.
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
    /// Turns the claim into a shared one without letting go; does nothing if it is shared.
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

    /// Turns the claim into an exclusive one, if no other claim is held on any of its units; does
    /// nothing if it is exclusive.
    ///
    /// # Errors
    ///
    /// Gives the guard back, unchanged, if another claim is held.
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

impl<L: LockRef, M: GuardMode> Drop for Guard<L, M> {
    #[inline]
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
            fn raw(&self) -> &RawLock {
                &self.$($path)+
            }
        }
        impl sealed::Reach for Arc<$lock> {
            #[inline]
            fn raw(&self) -> &RawLock {
                &self.$($path)+
            }
        }
        impl LockRef for &$lock {}
        impl LockRef for Arc<$lock> {}
    };
}

reach!(RangeLock, raw);
reach!(crate::MappingLock, pages.raw);
