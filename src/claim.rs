//! A claim in a snapshot of a lock.

use std::fmt;
use std::ops::Range;

use crate::Mode;
use crate::span::Shown;

/// A claim in a snapshot of a lock, made by [`RangeLock::claims`](crate::RangeLock::claims).
///
/// Several readers of one unit may be shown as one claim.
///
/// # Examples
///
/// ```
/// use spanlock::{Claim, ClaimState, Mode, RangeLock};
///
/// let lock = RangeLock::new();
/// let guard = lock.lock_exclusive(3..9);
/// let [Claim { range, mode, state, .. }] = &lock.claims()[..] else { panic!() };
/// assert_eq!((range, *mode, *state), (&(3..9), Mode::Exclusive, ClaimState::Held));
/// # drop(guard);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Claim {
    /// The claimed units.
    pub range: Range<u64>,
    /// The mode.
    pub mode: Mode,
    /// Whether the claim is held or waits.
    pub state: ClaimState,
}

/// Whether a claim is held or waits.
///
/// # Examples
///
/// ```
/// use spanlock::{ClaimState, RangeLock};
///
/// let lock = RangeLock::new();
/// let guard = lock.lock_shared(0..10);
/// assert!(lock.claims().iter().all(|claim| claim.state == ClaimState::Held));
/// # drop(guard);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClaimState {
    /// The claim is held.
    Held,
    /// The claim waits.
    Waiting,
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?} {:?}", Shown(&self.range), self.mode, self.state)
    }
}
