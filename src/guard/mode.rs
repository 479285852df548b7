//! The mode of a guard, as a type or as a value.

use crate::Mode;

/// The mode of a guard: a type ([`Shared`], [`Exclusive`]) or a value ([`Mode`]).
///
/// This trait is sealed: no other type can implement it.
///
/// # Examples
///
/// ```
/// use spanlock::{Exclusive, GuardMode, Mode};
///
/// assert_eq!(Exclusive.mode(), Mode::Exclusive);
/// assert_eq!(Mode::Shared.mode(), Mode::Shared);
/// ```
pub trait GuardMode: Copy + sealed::Sealed {
    /// Returns the mode.
    fn mode(&self) -> Mode;
}

/// Public only as a bound of a public trait. Other crates cannot name its contents, and it has no
/// methods.
mod sealed {
    pub trait Sealed {}
}

/// The type of a guard's mode if it is always [`Mode::Shared`].
///
/// # Examples
///
/// ```
/// use spanlock::{Guard, RangeLock, Shared};
///
/// let lock = RangeLock::new();
/// let guard: Guard<&RangeLock, Shared> = lock.lock_shared(0..4);
/// # drop(guard);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared;

/// The type of a guard's mode if it is always [`Mode::Exclusive`].
///
/// # Examples
///
/// ```
/// use spanlock::{Exclusive, Guard, RangeLock};
///
/// let lock = RangeLock::new();
/// let guard: Guard<&RangeLock, Exclusive> = lock.lock_exclusive(0..4);
/// # drop(guard);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exclusive;

impl sealed::Sealed for Shared {}
impl sealed::Sealed for Exclusive {}
impl sealed::Sealed for Mode {}

impl GuardMode for Shared {
    #[inline]
    fn mode(&self) -> Mode {
        Mode::Shared
    }
}

impl GuardMode for Exclusive {
    #[inline]
    fn mode(&self) -> Mode {
        Mode::Exclusive
    }
}

impl GuardMode for Mode {
    #[inline]
    fn mode(&self) -> Mode {
        *self
    }
}
