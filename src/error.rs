//! Why a range cannot be a [`Span`](crate::Span).

use std::fmt;

/// A range that names no set of lockable units.
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
        /// The first unit asked for.
        start: u64,
        /// The exclusive end asked for.
        end: u64,
    },
    /// A bound names unit `u64::MAX`, one past the last lockable unit.
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
