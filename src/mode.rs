//! The mode of a claim.

/// The mode of a claim: shared or exclusive.
///
/// Two claims conflict if and only if their spans overlap and at least one of them is
/// [`Exclusive`](Mode::Exclusive).
///
/// # Examples
///
/// ```
/// use spanlock::Mode;
///
/// assert!(!Mode::Shared.conflicts_with(Mode::Shared));
/// assert!(Mode::Shared.conflicts_with(Mode::Exclusive));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// Many shared claims may hold a unit at the same time.
    Shared,
    /// An exclusive claim is the only one that holds its units.
    Exclusive,
}

impl Mode {
    /// Returns whether overlapping claims in these two modes conflict.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::Mode;
    ///
    /// assert!(Mode::Exclusive.conflicts_with(Mode::Exclusive));
    /// ```
    #[inline]
    #[must_use]
    pub const fn conflicts_with(self, other: Mode) -> bool {
        matches!(self, Mode::Exclusive) || matches!(other, Mode::Exclusive)
    }
}
