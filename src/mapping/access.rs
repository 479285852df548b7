//! The paths of a page cache, and the mode in which each claims.

use crate::Mode;

/// Which path of a page cache asks for the mapping lock; it decides the mode.
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
    /// A write through the cache: shared, page by page.
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
    /// A change of the size: exclusive.
    Truncate,
    /// Freeing a range's blocks: exclusive.
    PunchHole,
    /// Dropping cached pages: exclusive.
    Invalidate,
    /// Shifting the file's contents (collapse, insert): exclusive.
    Shift,
    /// Giving a range blocks, with what it holds or with zeroes in them: exclusive.
    Allocate,
}

impl Access {
    /// The mode in which this path claims its range.
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
