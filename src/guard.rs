//! Guards: a claim that is held, and let go of when dropped.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use crate::raw::Hold;
use crate::{Mode, RangeLock, Span};

/// The mode of a guard, in its type or, for [`Mode`] itself, in its value.
pub trait GuardMode: sealed::Sealed {
    /// The mode in which the guard's span is held.
    fn mode(&self) -> Mode;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Shared {}
    impl Sealed for super::Exclusive {}
    impl Sealed for crate::Mode {}
}

/// Marks a guard that holds its span in [`Mode::Shared`].
#[derive(Debug)]
pub struct Shared;

/// Marks a guard that holds its span in [`Mode::Exclusive`].
#[derive(Debug)]
pub struct Exclusive;

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

/// A held claim on a span of a [`RangeLock`]; dropping it lets go.
///
/// `L` is how it reaches its lock (`&RangeLock` or `Arc<RangeLock>`), `M` its mode.
#[must_use = "a guard that is dropped at once locks nothing"]
pub struct Guard<L: Deref<Target = RangeLock>, M: GuardMode> {
    lock: L,
    span: Span,
    mode: M,
    hold: Hold,
}

/// A shared claim that borrows its lock.
pub type SharedGuard<'a> = Guard<&'a RangeLock, Shared>;
/// An exclusive claim that borrows its lock.
pub type ExclusiveGuard<'a> = Guard<&'a RangeLock, Exclusive>;
/// A shared claim that owns a reference to its lock.
pub type ArcSharedGuard = Guard<Arc<RangeLock>, Shared>;
/// An exclusive claim that owns a reference to its lock.
pub type ArcExclusiveGuard = Guard<Arc<RangeLock>, Exclusive>;

impl<L: Deref<Target = RangeLock>, M: GuardMode> Guard<L, M> {
    #[inline]
    pub(crate) fn new(lock: L, span: Span, mode: M, hold: Hold) -> Self {
        Guard { lock, span, mode, hold }
    }

    /// The units that this guard holds.
    #[inline]
    pub fn range(&self) -> Range<u64> {
        self.span.range()
    }

    /// Lets go of the claim; the same as dropping the guard, by name.
    #[inline]
    pub fn unlock(self) {}
}

impl<L: Deref<Target = RangeLock>, M: GuardMode> Drop for Guard<L, M> {
    #[inline]
    fn drop(&mut self) {
        self.lock.raw.unlock(self.span, self.mode.mode(), self.hold);
    }
}

impl<L: Deref<Target = RangeLock>, M: GuardMode> fmt::Debug for Guard<L, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("span", &self.span).field("mode", &self.mode.mode()).finish()
    }
}
