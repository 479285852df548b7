//! A half-open range of units, validated once.

use std::fmt;
use std::ops::{Bound, Range, RangeBounds};

use crate::SpanError;

/// A half-open range of units, `start..end`, with `start <= end`.
///
/// A claim is on one span or on several. The caller decides what a unit is: a page, a byte, a block.
/// The last unit is `u64::MAX - 1`: `..` and `n..` end at `u64::MAX`, exclusive.
///
/// # Examples
///
/// ```
/// use spanlock::Span;
///
/// let span = Span::new(3..10).unwrap();
/// assert_eq!((span.start(), span.end(), span.len()), (3, 10, 7));
/// assert!(span.overlaps(Span::new(9..).unwrap()));
/// assert!(Span::new(10..3).is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    start: u64,
    end: u64,
}

impl Span {
    /// All units: `0..u64::MAX`.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(spanlock::Span::ALL, spanlock::Span::new(..).unwrap());
    /// ```
    pub const ALL: Span = Span { start: 0, end: u64::MAX };

    /// No unit.
    pub(crate) const EMPTY: Span = Span { start: 0, end: 0 };

    /// Creates a span from any range of `u64`.
    ///
    /// # Errors
    ///
    /// [`SpanError::Inverted`] if the range starts after its end. [`SpanError::NoSuchUnit`] if it
    /// includes unit `u64::MAX`, as `..=u64::MAX` does.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::Span;
    ///
    /// assert!(Span::new(5..5).unwrap().is_empty());
    /// assert_eq!(Span::new(5..).unwrap().end(), u64::MAX);
    /// assert!(Span::new(..=u64::MAX).is_err());
    /// ```
    #[inline]
    pub fn new(range: impl RangeBounds<u64>) -> Result<Span, SpanError> {
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&before) => before.checked_add(1).ok_or(SpanError::NoSuchUnit)?,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last.checked_add(1).ok_or(SpanError::NoSuchUnit)?,
            Bound::Excluded(&end) => end,
            Bound::Unbounded => u64::MAX,
        };
        if start <= end { Ok(Span { start, end }) } else { Err(SpanError::Inverted { start, end }) }
    }

    /// The span of a range. Panics if [`Span::new`] fails.
    #[inline]
    #[track_caller]
    pub(crate) fn from_range(range: impl RangeBounds<u64>) -> Span {
        match Span::new(range) {
            Ok(span) => span,
            Err(error) => refuse(error),
        }
    }

    /// Creates the span of one unit. Returns `None` for `u64::MAX`, which is not a unit.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::Span;
    ///
    /// assert_eq!(Span::of_unit(7), Span::new(7..8).ok());
    /// assert_eq!(Span::of_unit(u64::MAX), None);
    /// ```
    #[inline]
    #[must_use]
    pub const fn of_unit(unit: u64) -> Option<Span> {
        match unit.checked_add(1) {
            Some(end) => Some(Span { start: unit, end }),
            None => None,
        }
    }

    /// Returns the start: the first unit, unless the span is empty.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(spanlock::Span::new(3..10).unwrap().start(), 3);
    /// ```
    #[inline]
    #[must_use]
    pub const fn start(self) -> u64 {
        self.start
    }

    /// Returns the exclusive end: one past the last unit.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(spanlock::Span::new(3..10).unwrap().end(), 10);
    /// ```
    #[inline]
    #[must_use]
    pub const fn end(self) -> u64 {
        self.end
    }

    /// Returns the number of units.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(spanlock::Span::new(3..10).unwrap().len(), 7);
    /// ```
    #[inline]
    #[must_use]
    pub const fn len(self) -> u64 {
        self.end - self.start
    }

    /// Returns whether the span has no units. A claim on it is granted immediately and conflicts with
    /// nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(spanlock::Span::new(4..4).unwrap().is_empty());
    /// ```
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Returns whether the two spans share a unit. An empty span overlaps nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::Span;
    ///
    /// let span = Span::new(3..10).unwrap();
    /// assert!(!span.overlaps(Span::new(10..20).unwrap()));
    /// assert!(!span.overlaps(Span::new(5..5).unwrap()));
    /// ```
    #[inline]
    #[must_use]
    pub const fn overlaps(self, other: Span) -> bool {
        self.start < other.end && other.start < self.end && !self.is_empty() && !other.is_empty()
    }

    /// Returns whether every unit of `other` is in this span. Every span contains every empty span.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::Span;
    ///
    /// assert!(Span::ALL.contains(Span::new(3..10).unwrap()));
    /// ```
    #[inline]
    #[must_use]
    pub const fn contains(self, other: Span) -> bool {
        other.is_empty() || (self.start <= other.start && other.end <= self.end)
    }

    #[inline]
    pub(crate) const fn contains_unit(self, unit: u64) -> bool {
        self.start <= unit && unit < self.end
    }

    /// The part below `at` and the part from `at` on. `at` must be within the span or at one of its
    /// ends.
    #[inline]
    pub(crate) fn split_at(self, at: u64) -> (Span, Span) {
        debug_assert!(self.start <= at && at <= self.end);
        (Span { start: self.start, end: at }, Span { start: at, end: self.end })
    }

    /// Returns the span as a standard range.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(spanlock::Span::new(3..=9).unwrap().range(), 3..10);
    /// ```
    #[inline]
    #[must_use]
    pub const fn range(self) -> Range<u64> {
        self.start..self.end
    }
}

impl RangeBounds<u64> for Span {
    fn start_bound(&self) -> Bound<&u64> {
        Bound::Included(&self.start)
    }

    fn end_bound(&self) -> Bound<&u64> {
        Bound::Excluded(&self.end)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Shown(&self.range()), f)
    }
}

/// A range as messages show it: without an end if it reaches to the last unit.
pub(crate) struct Shown<'a>(pub(crate) &'a Range<u64>);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self.0 {
            Range { start, end: u64::MAX } => write!(f, "{start}.."),
            Range { start, end } => write!(f, "{start}..{end}"),
        }
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn refuse(error: SpanError) -> ! {
    panic!("{error}")
}
