//! Kinds of access to the pages of a file, and their modes.

use crate::Mode;

/// A kind of access to the pages of a file. It determines the mode of a claim on a
/// [`MappingLock`](crate::MappingLock).
///
/// # Examples
///
/// ```
/// use spanlock::{Access, Mode};
///
/// assert_eq!(Access::Fault.mode(), Mode::Shared);
/// assert_eq!(Access::Truncate.mode(), Mode::Exclusive);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Access {
    /// A read through the cache: shared.
    BufferedRead,
    /// A write through the cache: shared.
    BufferedWrite,
    /// A page fault on a mapping: shared.
    Fault,
    /// Writing dirty pages to the store: shared.
    Writeback,
    /// Filling pages ahead of a reader: shared.
    Readahead,
    /// A read that bypasses the cache: exclusive.
    DirectRead,
    /// A write that bypasses the cache: exclusive.
    DirectWrite,
    /// A change of the file's length: exclusive.
    Truncate,
    /// Freeing the blocks of a range: exclusive.
    PunchHole,
    /// Dropping cached pages: exclusive.
    Invalidate,
    /// Moving the file's contents (collapse or insert range): exclusive.
    Shift,
    /// Allocating blocks for a range, with or without zeroing it: exclusive.
    Allocate,
}

impl Access {
    /// Returns the mode of claims for this access.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{Access, Mode};
    ///
    /// assert_eq!(Access::DirectRead.mode(), Mode::Exclusive);
    /// ```
    #[inline]
    #[must_use]
    pub const fn mode(self) -> Mode {
        use Access::{BufferedRead, BufferedWrite, Fault, Readahead, Writeback};
        match self {
            BufferedRead | BufferedWrite | Fault | Writeback | Readahead => Mode::Shared,
            _ => Mode::Exclusive,
        }
    }
}
