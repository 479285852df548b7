//! `RangeRwLock`: a lock that contains data, and whose guards are slices.
//!
//! This module and its children use `unsafe` to turn a claim on indices into references to the elements.
//! Only the claim prevents aliasing.

mod acquire;
mod bounds;
mod elements;
mod future;
mod guard;
mod many;

use std::cell::UnsafeCell;
use std::fmt;
use std::ops::{Range, RangeBounds};

use crate::sealed::INTERNAL;
use crate::{RangeLock, Span};

pub use bounds::BoundsError;
pub use elements::Elements;
pub use future::{RangeReadFuture, RangeRwFuture, RangeWriteFuture};
pub use guard::{RangeReadGuard, RangeRwGuard, RangeWriteGuard};
pub use many::{RangeReadManyGuard, RangeRwManyGuard, RangeWriteManyGuard};

/// A range lock that contains a sequence of elements. Locking a range for reading or writing gives a
/// slice of it.
///
/// It locks parts of a slice, as [`std::sync::RwLock`] locks a value. It owns the elements (a `Vec<T>`, a
/// `Box<[T]>` or an array) or borrows them exclusively (`&mut [T]`). Writers of disjoint ranges do not
/// wait for each other. Ranges count elements, as in slicing: `..` is the whole sequence. An empty range
/// is acquired immediately. The number of elements never changes, so a range that was
/// [`checked`](RangeRwLock::checked) once stays valid.
///
/// There is no poisoning: a guard that is dropped by a panic releases its range and leaves the elements
/// as they are. Fairness, deadlocks, complexity and memory are those of [`RangeLock`], with elements as
/// units.
///
/// # Examples
///
/// ```
/// use spanlock::RangeRwLock;
///
/// let lock = RangeRwLock::new(vec![0; 100]);
/// std::thread::scope(|s| {
///     s.spawn(|| lock.write(..50).fill(1));
///     s.spawn(|| lock.write(50..).fill(2));
/// });
/// assert_eq!(lock.read(49..51)[..], [1, 2]);
/// ```
pub struct RangeRwLock<S: Elements> {
    indices: RangeLock,
    cells: S::Cells,
}

// SAFETY: sending the lock sends its elements.
unsafe impl<S: Elements> Send for RangeRwLock<S> where S::Element: Send {}

// SAFETY: threads that share the lock can have `&[T]` at the same time (`Sync`), and `&mut [T]`, through which
// elements can be moved out (`Send`). Claims exclude readers and writers from each other.
unsafe impl<S: Elements> Sync for RangeRwLock<S> where S::Element: Send + Sync {}

impl<S: Elements> RangeRwLock<S> {
    /// Creates an unlocked lock that contains `elements`.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::RangeRwLock;
    ///
    /// let mut buffer = [0; 16];
    /// let lock = RangeRwLock::new(&mut buffer[..]);
    /// lock.write(3..5).fill(7);
    /// assert_eq!(buffer[2..6], [0, 7, 7, 0]);
    /// ```
    #[must_use]
    pub fn new(elements: S) -> RangeRwLock<S> {
        RangeRwLock { indices: RangeLock::new(), cells: elements.into_cells(INTERNAL) }
    }

    /// Creates an unlocked lock that contains `elements` and is strictly first in, first out; see
    /// [`RangeLock::fair`].
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeRwLock::fair([1, 2, 3]);
    /// assert_eq!(lock.read(..)[1], 2);
    /// ```
    #[must_use]
    pub fn fair(elements: S) -> RangeRwLock<S> {
        RangeRwLock { indices: RangeLock::fair(), cells: elements.into_cells(INTERNAL) }
    }

    /// Consumes the lock and returns the elements.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeRwLock::new(vec![1, 2, 3]);
    /// lock.write(1..2)[0] = 20;
    /// assert_eq!(lock.into_inner(), [1, 20, 3]);
    /// ```
    #[must_use]
    pub fn into_inner(self) -> S {
        S::from_cells(self.cells, INTERNAL)
    }

    /// Returns all elements, without locking: the exclusive borrow proves that there is no guard.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut lock = spanlock::RangeRwLock::new([1, 2, 3]);
    /// lock.get_mut()[0] = 10;
    /// assert_eq!(lock.into_inner(), [10, 2, 3]);
    /// ```
    #[must_use]
    pub fn get_mut(&mut self) -> &mut [S::Element] {
        // SAFETY: the exclusive borrow of the lock proves that there is no guard, and that none is made while
        // the result lives.
        unsafe { &mut *elements::elements(self.cells()) }
    }

    /// Unlocks all ranges of guards that were forgotten ([`mem::forget`](std::mem::forget)), and returns all
    /// elements. The exclusive borrow proves that there is no other guard.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut lock = spanlock::RangeRwLock::new([1, 2, 3]);
    /// std::mem::forget(lock.write(..2));
    /// assert!(lock.try_read(..).is_none());
    /// lock.undo_leak();
    /// assert!(lock.try_read(..).is_some());
    /// ```
    pub fn undo_leak(&mut self) -> &mut [S::Element] {
        self.indices = self.indices.with_nobody();
        self.get_mut()
    }

    /// Returns the number of elements.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(spanlock::RangeRwLock::new([1, 2, 3]).len(), 3);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells().len()
    }

    /// Returns whether there are no elements.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!spanlock::RangeRwLock::new([1, 2, 3]).is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells().is_empty()
    }

    /// Checks that a range is within the elements, and returns it as `start..end`. Methods that panic for a range
    /// outside of the elements do not panic for the returned one. ([`write_many`](RangeRwLock::write_many) still
    /// panics if two ranges overlap.)
    ///
    /// # Errors
    ///
    /// [`BoundsError`], with the numbers, if the range starts after its end or ends after the last element.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{BoundsError, RangeRwLock};
    ///
    /// fn sum(lock: &RangeRwLock<Vec<u32>>, first: usize, count: usize) -> Result<u32, BoundsError> {
    ///     let range = lock.checked(first..first.saturating_add(count))?;
    ///     Ok(lock.read(range).iter().sum())
    /// }
    ///
    /// let lock = RangeRwLock::new(vec![1, 2, 3]);
    /// assert_eq!(sum(&lock, 1, 2), Ok(5));
    /// assert_eq!(sum(&lock, 1, 3), Err(BoundsError::PastEnd { end: 4, len: 3 }));
    /// ```
    pub fn checked(&self, range: impl RangeBounds<usize>) -> Result<Range<usize>, BoundsError> {
        bounds::check(range, self.len())
    }

    /// Returns the underlying lock, whose units are indices.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeRwLock::new([1, 2, 3]);
    /// let guard = lock.read(1..);
    /// assert!(lock.indices().is_locked(2..3));
    /// # drop(guard);
    /// ```
    #[must_use]
    pub fn indices(&self) -> &RangeLock {
        &self.indices
    }

    fn cells(&self) -> &[UnsafeCell<S::Element>] {
        S::cells(&self.cells, INTERNAL)
    }
}

fn span_of(range: &Range<usize>) -> Span {
    Span::from_range(range.start as u64..range.end as u64)
}

impl<S: Elements> From<S> for RangeRwLock<S> {
    fn from(elements: S) -> Self {
        RangeRwLock::new(elements)
    }
}

impl<S: Elements + Default> Default for RangeRwLock<S> {
    fn default() -> Self {
        RangeRwLock::new(S::default())
    }
}

impl<S: Elements> fmt::Debug for RangeRwLock<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RangeRwLock")
            .field("len", &self.len())
            .field("indices", &self.indices)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
