//! Several ranges of a `RangeRwLock`, locked together.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut, Range, RangeBounds};

use super::elements::elements;
use super::{Elements, RangeRwLock, bounds, span_of};
use crate::guard::{Exclusive, GuardMode, Shared};
use crate::raw::Part;
use crate::{ManyGuard, Mode};

impl<S: Elements> RangeRwLock<S> {
    /// Locks several ranges for reading at once, blocking the current thread until all of them are
    /// acquired together. The ranges may overlap.
    ///
    /// While it waits it holds none of them, so their order does not matter. The guard's slices are in the
    /// order of the ranges. An empty range is an empty slice. Fairness and complexity are those of
    /// [`RangeLock::lock_many`](crate::RangeLock::lock_many).
    ///
    /// # Panics
    ///
    /// Panics if a range starts after its end or ends after the last element.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeRwLock::new([1, 2, 3, 4, 5, 6]);
    /// let guard = lock.read_many([4..6, 0..2]);
    /// assert_eq!((&guard[0], &guard[1]), (&[5, 6][..], &[1, 2][..]));
    /// assert!(lock.try_write(2..4).is_some());
    /// ```
    #[track_caller]
    pub fn read_many<R: RangeBounds<usize>>(
        &self,
        ranges: impl IntoIterator<Item = R>,
    ) -> RangeReadManyGuard<'_, S::Element> {
        let ranges = self.expect_all(ranges);
        let claim = ManyGuard::lock(&self.indices, parts(&ranges, Mode::Shared));
        RangeRwManyGuard::of_claim(self.cells(), &ranges, claim)
    }

    /// Tries to lock several ranges for reading at once, without waiting. Locks none of them if one cannot
    /// be locked. Fails as [`RangeLock::try_lock_shared`](crate::RangeLock::try_lock_shared) does, in rare
    /// cases spuriously.
    ///
    /// # Panics
    ///
    /// Panics if a range starts after its end or ends after the last element.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeRwLock::new([1, 2, 3, 4, 5, 6]);
    /// let writer = lock.write(1..2);
    /// assert!(lock.try_read_many([4..6, 0..2]).is_none());
    /// # drop(writer);
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[track_caller]
    pub fn try_read_many<R: RangeBounds<usize>>(
        &self,
        ranges: impl IntoIterator<Item = R>,
    ) -> Option<RangeReadManyGuard<'_, S::Element>> {
        let ranges = self.expect_all(ranges);
        let claim = ManyGuard::try_lock(&self.indices, parts(&ranges, Mode::Shared))?;
        Some(RangeRwManyGuard::of_claim(self.cells(), &ranges, claim))
    }

    /// Locks several ranges for writing at once, blocking the current thread until all of them are
    /// acquired together. Examples are two records that are swapped, and one column of a matrix that is
    /// stored by rows.
    ///
    /// While it waits it holds none of them, so their order does not matter. The guard's slices are in the
    /// order of the ranges. An empty range is an empty slice. Fairness and complexity are those of
    /// [`RangeLock::lock_many`](crate::RangeLock::lock_many).
    ///
    /// # Panics
    ///
    /// Panics if a range starts after its end or ends after the last element, or if two ranges overlap.
    ///
    /// # Examples
    ///
    /// ```
    /// let (rows, columns) = (3, 4);
    /// let lock = spanlock::RangeRwLock::new(vec![0; rows * columns]);
    /// let second_column = (0..rows).map(|row| row * columns + 1);
    /// let mut guard = lock.write_many(second_column.map(|index| index..index + 1));
    /// guard.iter_mut().for_each(|cell| cell[0] = 7);
    /// drop(guard);
    /// assert_eq!(lock.into_inner(), [0, 7, 0, 0, 0, 7, 0, 0, 0, 7, 0, 0]);
    /// ```
    #[track_caller]
    pub fn write_many<R: RangeBounds<usize>>(
        &self,
        ranges: impl IntoIterator<Item = R>,
    ) -> RangeWriteManyGuard<'_, S::Element> {
        let ranges = self.expect_all(ranges);
        expect_disjoint(&ranges);
        let claim = ManyGuard::lock(&self.indices, parts(&ranges, Mode::Exclusive));
        RangeRwManyGuard::of_claim(self.cells(), &ranges, claim)
    }

    /// Tries to lock several ranges for writing at once, without waiting. Locks none of them if one cannot
    /// be locked. Fails as [`RangeLock::try_lock_shared`](crate::RangeLock::try_lock_shared) does, in rare
    /// cases spuriously.
    ///
    /// # Panics
    ///
    /// Panics if a range starts after its end or ends after the last element, or if two ranges overlap.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeRwLock::new([1, 2, 3, 4, 5, 6]);
    /// let mut guard = lock.try_write_many([0..1, 5..6]).unwrap();
    /// let mut parts = guard.iter_mut();
    /// parts.next().unwrap().swap_with_slice(parts.next().unwrap());
    /// drop(parts);
    /// drop(guard);
    /// assert_eq!(lock.into_inner(), [6, 2, 3, 4, 5, 1]);
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[track_caller]
    pub fn try_write_many<R: RangeBounds<usize>>(
        &self,
        ranges: impl IntoIterator<Item = R>,
    ) -> Option<RangeWriteManyGuard<'_, S::Element>> {
        let ranges = self.expect_all(ranges);
        expect_disjoint(&ranges);
        let claim = ManyGuard::try_lock(&self.indices, parts(&ranges, Mode::Exclusive))?;
        Some(RangeRwManyGuard::of_claim(self.cells(), &ranges, claim))
    }

    #[track_caller]
    fn expect_all<R: RangeBounds<usize>>(
        &self,
        ranges: impl IntoIterator<Item = R>,
    ) -> Vec<Range<usize>> {
        let mut checked = Vec::new();
        for range in ranges {
            checked.push(bounds::expect(range, self.len()));
        }
        checked
    }
}

fn parts(ranges: &[Range<usize>], mode: Mode) -> Vec<Part> {
    ranges.iter().map(|range| Part { span: span_of(range), mode }).collect()
}

#[track_caller]
fn expect_disjoint(ranges: &[Range<usize>]) {
    let mut sorted: Vec<&Range<usize>> = ranges.iter().filter(|range| !range.is_empty()).collect();
    sorted.sort_unstable_by_key(|range| range.start);
    for pair in sorted.windows(2) {
        assert!(pair[0].end <= pair[1].start, "ranges {:?} and {:?} overlap", pair[0], pair[1]);
    }
}

/// The guard of several locked ranges of a [`RangeRwLock`]. It gives a slice for each range, in the order in
/// which the ranges were passed: `guard[0]` is the slice of the first. An index that is too large panics.
/// Dropping the guard releases all ranges.
///
/// # Examples
///
/// ```
/// use spanlock::RangeRwLock;
///
/// let lock = RangeRwLock::new([1, 2, 3, 4]);
/// let mut guard = lock.write_many([0..2, 3..4]);
/// guard[1][0] += guard[0][1];
/// assert_eq!(guard[1], [6]);
/// ```
#[must_use = "a guard that is dropped immediately locks nothing"]
pub struct RangeRwManyGuard<'a, T, M: GuardMode> {
    parts: Box<[Cells<'a, T>]>,
    _claim: ManyGuard<'a>,
    mode: PhantomData<M>,
}

type Cells<'a, T> = &'a [UnsafeCell<T>];

/// The guard of several ranges locked for reading.
///
/// # Examples
///
/// ```
/// use spanlock::{RangeReadManyGuard, RangeRwLock};
///
/// let lock = RangeRwLock::new([1, 2, 3]);
/// let guard: RangeReadManyGuard<'_, i32> = lock.read_many([0..1, 2..3]);
/// assert_eq!(guard.len(), 2);
/// ```
pub type RangeReadManyGuard<'a, T> = RangeRwManyGuard<'a, T, Shared>;

/// The guard of several ranges locked for writing.
///
/// # Examples
///
/// ```
/// use spanlock::{RangeRwLock, RangeWriteManyGuard};
///
/// let lock = RangeRwLock::new([1, 2, 3]);
/// let mut guard: RangeWriteManyGuard<'_, i32> = lock.write_many([0..1, 2..3]);
/// guard[1][0] = 30;
/// ```
pub type RangeWriteManyGuard<'a, T> = RangeRwManyGuard<'a, T, Exclusive>;

// SAFETY: if a shared guard is sent, other threads may read the same elements (`Sync`); if an
// exclusive one is sent, its new thread can move elements out (`Send`). Both have both bounds, like
// `RangeRwGuard`.
unsafe impl<T: Send + Sync, M: GuardMode> Send for RangeRwManyGuard<'_, T, M> {}

// SAFETY: a shared reference to a guard gives `&[T]` and no more.
unsafe impl<T: Sync, M: GuardMode> Sync for RangeRwManyGuard<'_, T, M> {}

impl<'a, T, M: GuardMode> RangeRwManyGuard<'a, T, M> {
    /// The guard of a claim on these ranges of the cells; disjoint ones, if it is exclusive.
    fn of_claim(cells: Cells<'a, T>, ranges: &[Range<usize>], claim: ManyGuard<'a>) -> Self {
        let parts = ranges.iter().map(|range| &cells[range.clone()]).collect();
        RangeRwManyGuard { parts, _claim: claim, mode: PhantomData }
    }

    /// Returns the number of ranges.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeRwLock::new([1, 2, 3]);
    /// assert_eq!(lock.read_many([0..1, 1..3]).len(), 2);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Returns whether there are no ranges.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeRwLock::new([1, 2, 3]);
    /// assert!(!lock.read_many([0..1]).is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Returns the slices, in the order in which their ranges were passed.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeRwLock::new([1, 2, 3]);
    /// assert!(lock.read_many([1..3, 0..1]).iter().eq([&[2, 3][..], &[1][..]]));
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[T]> {
        // SAFETY: the claim lives at least as long as `self` is borrowed. It excludes every writer
        // from these cells but this guard, which would need `&mut self`.
        self.parts.iter().map(|cells| unsafe { &*elements(cells) })
    }
}

impl<T> RangeRwManyGuard<'_, T, Exclusive> {
    /// Returns the slices, in the order in which their ranges were passed.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeRwLock::new([1, 2, 3]);
    /// lock.write_many([1..3, 0..1]).iter_mut().for_each(|part| part.fill(9));
    /// assert_eq!(lock.into_inner(), [9; 3]);
    /// ```
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = &mut [T]> {
        // SAFETY: the exclusive claim lives at least as long as `self` is borrowed, and excludes
        // everything else from these cells. No two of the ranges overlap (`expect_disjoint`).
        self.parts.iter().map(|cells| unsafe { &mut *elements(cells) })
    }
}

impl<T, M: GuardMode> Index<usize> for RangeRwManyGuard<'_, T, M> {
    type Output = [T];

    #[track_caller]
    fn index(&self, range: usize) -> &[T] {
        // SAFETY: as in `iter`.
        unsafe { &*elements(self.parts[range]) }
    }
}

impl<T> IndexMut<usize> for RangeRwManyGuard<'_, T, Exclusive> {
    #[track_caller]
    fn index_mut(&mut self, range: usize) -> &mut [T] {
        // SAFETY: as in `iter_mut`.
        unsafe { &mut *elements(self.parts[range]) }
    }
}

impl<T: fmt::Debug, M: GuardMode> fmt::Debug for RangeRwManyGuard<'_, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
