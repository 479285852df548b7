//! What a `RangeRwLock` can contain, and how elements become cells.

use std::cell::UnsafeCell;
use std::mem::ManuallyDrop;
use std::ptr;

use crate::sealed::Internal;

/// A sequence that a [`RangeRwLock`](crate::RangeRwLock) can contain.
///
/// This trait is sealed. It is implemented for `Vec<T>`, `Box<[T]>`, `[T; N]` and `&mut [T]`, and is
/// useful only as a bound. The element type is `S::Element`. An array is moved into the lock and out of it
/// again. The elements of the other types stay where they are in memory.
///
/// # Examples
///
/// ```
/// use spanlock::{Elements, RangeRwLock};
///
/// fn sum<S: Elements<Element = u32>>(lock: &RangeRwLock<S>) -> u32 {
///     lock.read(..).iter().sum()
/// }
///
/// assert_eq!(sum(&RangeRwLock::new([1, 2, 3])), 6);
/// assert_eq!(sum(&RangeRwLock::new(&mut [4, 5][..])), 9);
/// ```
pub trait Elements: sealed::Cells {}

/// Public only as a bound of a public trait. Other crates cannot name it, or call methods that take an
/// [`Internal`].
pub(super) mod sealed {
    use std::cell::UnsafeCell;

    use crate::sealed::Internal;

    pub trait Cells: Sized {
        type Element;
        type Cells;

        fn into_cells(self, _: Internal) -> Self::Cells;
        fn cells(cells: &Self::Cells, _: Internal) -> &[UnsafeCell<Self::Element>];
        fn from_cells(cells: Self::Cells, _: Internal) -> Self;
    }
}

/// A pointer to the elements in `cells`. Reading or writing through it requires a claim on them.
pub(super) fn elements<T>(cells: &[UnsafeCell<T>]) -> *mut [T] {
    // A cell has the layout of its contents.
    ptr::from_ref(cells) as *mut [T]
}

impl<T> Elements for Vec<T> {}

impl<T> sealed::Cells for Vec<T> {
    type Element = T;
    type Cells = Vec<UnsafeCell<T>>;

    fn into_cells(self, _: Internal) -> Vec<UnsafeCell<T>> {
        let mut elements = ManuallyDrop::new(self);
        let (len, capacity) = (elements.len(), elements.capacity());
        // SAFETY: the parts of a vector that is not used again. A cell has the layout of its contents.
        unsafe { Vec::from_raw_parts(elements.as_mut_ptr().cast(), len, capacity) }
    }

    fn cells(cells: &Vec<UnsafeCell<T>>, _: Internal) -> &[UnsafeCell<T>] {
        cells
    }

    fn from_cells(cells: Vec<UnsafeCell<T>>, _: Internal) -> Vec<T> {
        let mut cells = ManuallyDrop::new(cells);
        let (len, capacity) = (cells.len(), cells.capacity());
        // SAFETY: as in `into_cells`.
        unsafe { Vec::from_raw_parts(cells.as_mut_ptr().cast(), len, capacity) }
    }
}

impl<T> Elements for Box<[T]> {}

impl<T> sealed::Cells for Box<[T]> {
    type Element = T;
    type Cells = Box<[UnsafeCell<T>]>;

    fn into_cells(self, _: Internal) -> Box<[UnsafeCell<T>]> {
        // SAFETY: the pointer came from a box. A cell has the layout of its contents.
        unsafe { Box::from_raw(Box::into_raw(self) as *mut [UnsafeCell<T>]) }
    }

    fn cells(cells: &Box<[UnsafeCell<T>]>, _: Internal) -> &[UnsafeCell<T>] {
        cells
    }

    fn from_cells(cells: Box<[UnsafeCell<T>]>, _: Internal) -> Box<[T]> {
        // SAFETY: as in `into_cells`.
        unsafe { Box::from_raw(Box::into_raw(cells) as *mut [T]) }
    }
}

impl<T, const N: usize> Elements for [T; N] {}

impl<T, const N: usize> sealed::Cells for [T; N] {
    type Element = T;
    type Cells = [UnsafeCell<T>; N];

    fn into_cells(self, _: Internal) -> [UnsafeCell<T>; N] {
        self.map(UnsafeCell::new)
    }

    fn cells(cells: &[UnsafeCell<T>; N], _: Internal) -> &[UnsafeCell<T>] {
        cells
    }

    fn from_cells(cells: [UnsafeCell<T>; N], _: Internal) -> [T; N] {
        cells.map(UnsafeCell::into_inner)
    }
}

impl<T> Elements for &mut [T] {}

impl<'a, T> sealed::Cells for &'a mut [T] {
    type Element = T;
    type Cells = &'a [UnsafeCell<T>];

    fn into_cells(self, _: Internal) -> &'a [UnsafeCell<T>] {
        // SAFETY: the exclusive borrow is not used while the shared one of the cells lives. A cell
        // has the layout of its contents.
        unsafe { &*(ptr::from_mut(self) as *const [UnsafeCell<T>]) }
    }

    fn cells<'b>(cells: &'b &'a [UnsafeCell<T>], _: Internal) -> &'b [UnsafeCell<T>] {
        cells
    }

    fn from_cells(cells: &'a [UnsafeCell<T>], _: Internal) -> &'a mut [T] {
        // SAFETY: made by `into_cells` from an exclusive borrow with the same lifetime, and the
        // lock is gone, so there is no guard.
        unsafe { &mut *elements(cells) }
    }
}
