//! The error of a range that is not a [`Span`](crate::Span).

use std::fmt;

/// The error for a range that is not a valid [`Span`](crate::Span).
///
/// Units are numbered from 0 to `u64::MAX - 1`, so that the exclusive end of every span fits in a
/// `u64`.
///
/// # Examples
///
/// ```
/// use spanlock::{Span, SpanError};
///
/// let error = Span::new(9..3).unwrap_err();
/// assert_eq!(error, SpanError::Inverted { start: 9, end: 3 });
/// assert_eq!(error.to_string(), "range starts at 9 but ends at 3");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SpanError {
    /// The range starts after its end.
    Inverted {
        /// The start of the range.
        start: u64,
        /// The exclusive end of the range.
        end: u64,
    },
    /// The range includes unit `u64::MAX`; the last unit is `u64::MAX - 1`.
    NoSuchUnit,
}

impl fmt::Display for SpanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpanError::Inverted { start, end } => {
                write!(f, "range starts at {start} but ends at {end}")
            }
            SpanError::NoSuchUnit => {
                write!(f, "range includes unit {}, but the last unit is {}", u64::MAX, u64::MAX - 1)
            }
        }
    }
}

impl std::error::Error for SpanError {}
