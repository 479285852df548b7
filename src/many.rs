//! Claims on several spans of one lock, or on two locks, acquired together.

mod disjoint_spans;
mod future;
mod methods;
mod pair;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use crate::deadlock::Held;
use crate::guard::{LockRef, Raw};
use crate::raw::{Hold, Part};
use crate::{Mode, RangeLock};
use disjoint_spans::disjoint;

pub use future::LockManyFuture;
pub(crate) use methods::claims_on_many;
pub use pair::{
    ArcPairGuard, GuardPair, LockPairFuture, PairGuard, lock_pair, lock_pair_arc, lock_pair_async,
    lock_pair_async_arc, try_lock_pair, try_lock_pair_arc, try_lock_pair_for,
    try_lock_pair_for_arc, try_lock_pair_until, try_lock_pair_until_arc,
};

/// The guard of several ranges of one lock that were acquired together. Dropping it releases all of them.
///
/// `L` is its reference to the lock, such as `&RangeLock`. [`ManyGuard`] and [`ArcManyGuard`] are aliases for
/// a [`RangeLock`].
///
/// # Examples
///
/// ```
/// use spanlock::{Access, GuardSet, MappingLock};
///
/// let lock = MappingLock::new();
/// let guard: GuardSet<&MappingLock> =
///     lock.lock_many([(Access::BufferedRead, 0..8192), (Access::PunchHole, 65536..131072)]);
/// assert_eq!(guard.claims().len(), 2);
/// ```
#[must_use = "a guard that is dropped immediately locks nothing"]
pub struct GuardSet<L: LockRef> {
    lock: L,
    parts: Vec<Part>,
    hold: Hold,
    record: Held,
}

/// The guard of several ranges of a [`RangeLock`] that borrows the lock.
///
/// # Examples
///
/// ```
/// use spanlock::{ManyGuard, Mode, RangeLock};
///
/// let lock = RangeLock::new();
/// let guard: ManyGuard<'_> = lock.lock_many([(0..4, Mode::Shared), (8..9, Mode::Exclusive)]);
/// assert_eq!(guard.claims().len(), 2);
/// assert!(lock.try_lock_exclusive(4..8).is_some());
/// ```
pub type ManyGuard<'a> = GuardSet<&'a RangeLock>;

/// The guard of several ranges of a [`RangeLock`] that owns an `Arc` of the lock.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use spanlock::{ArcManyGuard, Mode, RangeLock};
///
/// let guard: ArcManyGuard = Arc::new(RangeLock::new()).lock_many_arc([(0..4, Mode::Shared)]);
/// std::thread::spawn(move || drop(guard)).join().unwrap();
/// ```
pub type ArcManyGuard = GuardSet<Arc<RangeLock>>;

impl<L: LockRef> GuardSet<L> {
    #[cfg_attr(feature = "deadlock_detection", track_caller)]
    pub(crate) fn lock(lock: L, parts: Vec<Part>) -> Self {
        Self::lock_until(lock, parts, None).expect("without a deadline it waits")
    }

    #[cfg_attr(feature = "deadlock_detection", track_caller)]
    pub(crate) fn try_lock(lock: L, parts: Vec<Part>) -> Option<Self> {
        let parts = disjoint(parts);
        let hold = lock.raw().try_lock_many(&parts)?;
        Some(Self::of_this_thread(lock, parts, hold))
    }

    /// Without a deadline it waits without limit.
    #[cfg_attr(feature = "deadlock_detection", track_caller)]
    pub(crate) fn lock_until(lock: L, parts: Vec<Part>, deadline: Option<Instant>) -> Option<Self> {
        let parts = disjoint(parts);
        let hold = lock.raw().lock_many(&parts, deadline)?;
        Some(Self::of_this_thread(lock, parts, hold))
    }

    #[cfg_attr(feature = "deadlock_detection", track_caller)]
    fn of_this_thread(lock: L, parts: Vec<Part>, hold: Hold) -> Self {
        let spans = parts.iter().map(|part| (part.span, part.mode));
        let record = Held::by_this_thread(lock.raw().address(), spans);
        GuardSet { lock, parts, hold, record }
    }

    /// The guard of a claim that was granted to a task.
    fn of_task(lock: L, parts: Vec<Part>, hold: Hold) -> Self {
        GuardSet { lock, parts, hold, record: Held::by_no_known_thread() }
    }

    /// Returns the ranges that are held, disjoint and in ascending order, each with its mode.
    ///
    /// They may differ from the ranges that were asked for: overlapping or adjacent ranges of one mode are
    /// one, a unit in ranges of both modes is in an exclusive one, and empty ranges are omitted.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{Mode, RangeLock};
    ///
    /// let lock = RangeLock::new();
    /// let guard = lock.lock_many([(0..6, Mode::Shared), (4..8, Mode::Exclusive)]);
    /// assert!(guard.claims().eq([(0..4, Mode::Shared), (4..8, Mode::Exclusive)]));
    /// ```
    pub fn claims(&self) -> impl ExactSizeIterator<Item = (Range<u64>, Mode)> {
        self.parts.iter().map(|part| (part.span.range(), part.mode))
    }

    /// Releases all claims, like dropping the guard.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{Mode, RangeLock};
    ///
    /// let lock = RangeLock::new();
    /// lock.lock_many([(0..6, Mode::Shared)]).unlock();
    /// assert!(!lock.is_locked(..));
    /// ```
    pub fn unlock(self) {}
}

impl<L: LockRef> Drop for GuardSet<L> {
    fn drop(&mut self) {
        self.record.end();
        unlock(&self.lock, &self.parts, self.hold);
    }
}

/// Releases what a claim on several spans holds. If it has one only, that may be in its slot.
fn unlock<L: LockRef>(lock: &L, parts: &[Part], hold: Hold) {
    if let Some(first) = parts.first() {
        lock.raw().unlock(first.span, first.mode, hold);
    }
}

impl<L: LockRef> fmt::Debug for GuardSet<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.claims()).finish()
    }
}
