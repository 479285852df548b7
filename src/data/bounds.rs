//! Ranges of indices, and their validation.

use std::fmt;
use std::ops::{Bound, Range, RangeBounds};

/// A range that is not within the elements of a [`RangeRwLock`](crate::RangeRwLock).
///
/// # Examples
///
/// ```
/// use spanlock::{BoundsError, RangeRwLock};
///
/// let lock = RangeRwLock::new([0; 10]);
/// let error = lock.checked(3..12).unwrap_err();
/// assert_eq!(error, BoundsError::PastEnd { end: 12, len: 10 });
/// assert_eq!(error.to_string(), "range ends at 12, but there are 10 elements");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BoundsError {
    /// The range starts after its end.
    Inverted {
        /// The start of the range.
        start: usize,
        /// The exclusive end of the range.
        end: usize,
    },
    /// The range ends after the last element.
    PastEnd {
        /// The exclusive end of the range.
        end: usize,
        /// The number of elements.
        len: usize,
    },
    /// The range includes index `usize::MAX`, which no element can have.
    NoSuchIndex {
        /// The number of elements.
        len: usize,
    },
}

impl fmt::Display for BoundsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BoundsError::Inverted { start, end } => {
                write!(f, "range starts at {start} but ends at {end}")
            }
            BoundsError::PastEnd { end, len } => {
                write!(f, "range ends at {end}, but there are {len} elements")
            }
            BoundsError::NoSuchIndex { len } => {
                write!(f, "range includes index {}, but there are {len} elements", usize::MAX)
            }
        }
    }
}

impl std::error::Error for BoundsError {}

/// The range as start and end, if it is within `len` elements.
pub(super) fn check(
    range: impl RangeBounds<usize>,
    len: usize,
) -> Result<Range<usize>, BoundsError> {
    let after = |index: usize| index.checked_add(1).ok_or(BoundsError::NoSuchIndex { len });
    let start = match range.start_bound() {
        Bound::Included(&start) => start,
        Bound::Excluded(&before) => after(before)?,
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => after(last)?,
        Bound::Excluded(&end) => end,
        Bound::Unbounded => len,
    };
    match start..end {
        Range { start, end } if end > len && start <= end => Err(BoundsError::PastEnd { end, len }),
        Range { start, end } if start > end => Err(BoundsError::Inverted { start, end }),
        range => Ok(range),
    }
}

/// The range as start and end. Panics if [`check`] fails, like slicing.
#[track_caller]
pub(super) fn expect(range: impl RangeBounds<usize>, len: usize) -> Range<usize> {
    match check(range, len) {
        Ok(range) => range,
        Err(error) => refuse(error),
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn refuse(error: BoundsError) -> ! {
    panic!("{error}")
}
