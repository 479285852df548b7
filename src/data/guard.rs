//! Guards of a `RangeRwLock`.

use std::cell::UnsafeCell;
use std::fmt;
use std::ops::{Deref, DerefMut, Range, RangeBounds};

use super::bounds;
use super::elements::elements;
use crate::RangeLock;
use crate::guard::{Exclusive, Guard, GuardMode, Shared};

/// The guard of a locked range of a [`RangeRwLock`](crate::RangeRwLock), which dereferences to a slice.
/// Dropping it releases the range.
///
/// [`RangeReadGuard`] dereferences to `&[T]`, [`RangeWriteGuard`] also to `&mut [T]`. The functions of a
/// guard are associated functions (`RangeWriteGuard::downgrade(guard)`), so that they do not hide methods of
/// the slice. Unless they say otherwise, their indices count from the first locked element, like those of
/// the slice. The default guard is empty and locks nothing, so that [`std::mem::take`] can take a guard out
/// of a variable.
///
/// A guard can be sent to another thread, and change its mode there, if `T` is `Send` and `Sync`. It is
/// invariant in `T`, even when shared, because it may become exclusive:
///
/// ```compile_fail
/// use spanlock::RangeReadGuard;
///
/// fn shorten<'a, 's>(guard: RangeReadGuard<'a, &'static str>) -> RangeReadGuard<'a, &'s str> {
///     guard
/// }
/// ```
///
/// # Examples
///
/// ```
/// use spanlock::{RangeRwLock, RangeWriteGuard};
///
/// let lock = RangeRwLock::new(vec![1, 2, 3, 4, 5]);
/// let mut rest = lock.write(..);
/// let mut pairs = Vec::new();
/// while rest.len() >= 2 {
///     let (pair, after) = RangeWriteGuard::split_at(std::mem::take(&mut rest), 2);
///     (pairs.push(pair), rest = after);
/// }
/// assert_eq!((pairs.len(), &*rest), (2, &[5][..]));
/// ```
#[must_use = "a guard that is dropped immediately locks nothing"]
pub struct RangeRwGuard<'a, T, M: GuardMode> {
    cells: &'a [UnsafeCell<T>],
    /// The claim on exactly these cells; the default guard has neither.
    claim: Option<Guard<&'a RangeLock, M>>,
}

/// The guard of a range locked for reading.
///
/// # Examples
///
/// ```
/// use spanlock::{RangeReadGuard, RangeRwLock};
///
/// let lock = RangeRwLock::new([1, 2, 3]);
/// let guard: RangeReadGuard<'_, i32> = lock.read(1..);
/// assert_eq!(*guard, [2, 3]);
/// ```
pub type RangeReadGuard<'a, T> = RangeRwGuard<'a, T, Shared>;

/// The guard of a range locked for writing.
///
/// # Examples
///
/// ```
/// use spanlock::{RangeRwLock, RangeWriteGuard};
///
/// let lock = RangeRwLock::new([1, 2, 3]);
/// let mut guard: RangeWriteGuard<'_, i32> = lock.write(1..);
/// guard[0] = 20;
/// drop(guard);
/// assert_eq!(lock.into_inner(), [1, 20, 3]);
/// ```
pub type RangeWriteGuard<'a, T> = RangeRwGuard<'a, T, Exclusive>;

// SAFETY: a guard that is sent gives its new thread `&[T]` while others may have the same, so `T`
// must be `Sync`. It can be made exclusive there, and elements moved out, so `T` must be `Send`. A
// write guard can be made shared while other threads read, so `Send` alone is not enough for it.
unsafe impl<T: Send + Sync, M: GuardMode> Send for RangeRwGuard<'_, T, M> {}

// SAFETY: a shared reference to a guard gives `&[T]` and no more: a change of mode consumes the guard.
unsafe impl<T: Sync, M: GuardMode> Sync for RangeRwGuard<'_, T, M> {}

impl<'a, T, M: GuardMode> RangeRwGuard<'a, T, M> {
    /// The guard of a claim on exactly the indices of these cells.
    pub(super) fn of_claim(cells: &'a [UnsafeCell<T>], claim: Guard<&'a RangeLock, M>) -> Self {
        debug_assert_eq!(claim.range().end - claim.range().start, cells.len() as u64);
        RangeRwGuard { cells, claim: Some(claim) }
    }

    /// Returns the locked range, in indices of the lock.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{RangeReadGuard, RangeRwLock};
    ///
    /// let lock = RangeRwLock::new([0; 10]);
    /// assert_eq!(RangeReadGuard::range(&lock.read(3..=5)), 3..6);
    /// ```
    #[must_use]
    pub fn range(this: &Self) -> Range<usize> {
        let start = this.claim.as_ref().map_or(0, |claim| claim.range().start as usize);
        start..start + this.cells.len()
    }

    /// Splits the guard in two at index `mid` of its slice, without releasing the range. The cost is that of
    /// [`Guard::split_at`].
    ///
    /// # Panics
    ///
    /// Panics if `mid` is greater than the slice's length.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{RangeRwLock, RangeWriteGuard};
    ///
    /// let lock = RangeRwLock::new([0; 10]);
    /// let (head, tail) = RangeWriteGuard::split_at(lock.write(2..8), 1);
    /// drop(tail);
    /// assert!(lock.try_write(3..).is_some());
    /// assert_eq!(RangeWriteGuard::range(&head), 2..3);
    /// ```
    #[track_caller]
    pub fn split_at(this: Self, mid: usize) -> (Self, Self) {
        let len = this.cells.len();
        assert!(mid <= len, "cannot split {len} elements at {mid}");
        let (head, tail) = this.cells.split_at(mid);
        let Some(claim) = this.claim else { return Default::default() };
        let at = claim.range().start + mid as u64;
        let (lower, upper) = claim.split_at(at);
        (Self::of_claim(head, lower), Self::of_claim(tail, upper))
    }

    /// Releases everything outside `range`, or everything if `range` is empty. Indices count from the first
    /// locked element. The cost is that of [`Guard::shrink_to`].
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or ends after the slice.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{RangeRwLock, RangeWriteGuard};
    ///
    /// let lock = RangeRwLock::new([0; 10]);
    /// let mut guard = lock.write(2..8);
    /// RangeWriteGuard::shrink_to(&mut guard, 1..3);
    /// assert_eq!(RangeWriteGuard::range(&guard), 3..5);
    /// assert!(lock.try_read(..3).is_some());
    /// ```
    #[track_caller]
    pub fn shrink_to(this: &mut Self, range: impl RangeBounds<usize>) {
        let Range { start, end } = bounds::expect(range, this.cells.len());
        this.cells = &this.cells[start..end];
        if let Some(claim) = &mut this.claim {
            let first = claim.range().start;
            claim.shrink_to(first + start as u64..first + end as u64);
        }
    }
}

impl<'a, T> RangeRwGuard<'a, T, Exclusive> {
    /// Turns the guard into a shared one without releasing the range. Readers that waited only for this
    /// guard are granted, or woken to retry.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{RangeRwLock, RangeWriteGuard};
    ///
    /// let lock = RangeRwLock::new([0; 10]);
    /// let mut guard = lock.write(..);
    /// guard.fill(1);
    /// let guard = RangeWriteGuard::downgrade(guard);
    /// assert_eq!(*lock.read(..), *guard);
    /// ```
    pub fn downgrade(this: Self) -> RangeReadGuard<'a, T> {
        RangeRwGuard { cells: this.cells, claim: this.claim.map(|claim| claim.downgrade()) }
    }
}

impl<'a, T> RangeRwGuard<'a, T, Shared> {
    /// Tries to turn the guard into an exclusive one, without waiting. Succeeds if no other guard holds any
    /// of its elements.
    ///
    /// # Errors
    ///
    /// Returns the guard, still shared, if another guard holds one of the elements. In rare cases it fails
    /// spuriously: if another thread tries to lock one of them at the same moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{RangeReadGuard, RangeRwLock};
    ///
    /// let lock = RangeRwLock::new([0; 10]);
    /// let guard = lock.read(..5);
    /// let mut guard = RangeReadGuard::try_upgrade(guard).unwrap();
    /// guard[4] = 1;
    /// ```
    pub fn try_upgrade(this: Self) -> Result<RangeWriteGuard<'a, T>, Self> {
        let cells = this.cells;
        match this.claim.map(|claim| claim.try_upgrade()).transpose() {
            Ok(claim) => Ok(RangeRwGuard { cells, claim }),
            Err(claim) => Err(RangeRwGuard { cells, claim: Some(claim) }),
        }
    }
}

impl<T, M: GuardMode> Deref for RangeRwGuard<'_, T, M> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: the claim on these cells lives at least as long as `self` is borrowed. It
        // excludes every writer but this guard, which would need `&mut self`. Without a claim there
        // are no cells.
        unsafe { &*elements(self.cells) }
    }
}

impl<T> DerefMut for RangeRwGuard<'_, T, Exclusive> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: the exclusive claim on these cells lives at least as long as `self` is borrowed.
        // It excludes everything but this guard, whose references borrow `self`. Without a claim
        // there are no cells.
        unsafe { &mut *elements(self.cells) }
    }
}

impl<T, M: GuardMode> AsRef<[T]> for RangeRwGuard<'_, T, M> {
    fn as_ref(&self) -> &[T] {
        self
    }
}

impl<T> AsMut<[T]> for RangeRwGuard<'_, T, Exclusive> {
    fn as_mut(&mut self) -> &mut [T] {
        self
    }
}

impl<T, M: GuardMode> Default for RangeRwGuard<'_, T, M> {
    fn default() -> Self {
        RangeRwGuard { cells: &[], claim: None }
    }
}

impl<T: fmt::Debug, M: GuardMode> fmt::Debug for RangeRwGuard<'_, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
