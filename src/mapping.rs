//! `MappingLock`: the mapping range lock that Jan Kara proposed in 2012.

use std::ops::Range;

use crate::{Guard, Mode, RangeLock, Span};

/// Which path of a page cache asks for the mapping lock; it decides the mode.
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
}

impl Access {
    /// The mode in which this path claims its range.
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

/// A held claim on the pages of a mapping.
pub type MappingGuard<'a> = Guard<&'a RangeLock, Mode>;

/// The lock over one file's mapping: byte ranges, rounded out to pages.
pub struct MappingLock {
    pages: RangeLock,
    page_shift: u32,
}

impl MappingLock {
    /// A lock over pages of 4096 bytes.
    #[must_use]
    pub const fn new() -> MappingLock {
        MappingLock { pages: RangeLock::new(), page_shift: 12 }
    }

    /// Locks every page that `bytes` touches, waiting as long as it takes.
    #[inline]
    #[track_caller]
    pub fn lock(&self, access: Access, bytes: Range<u64>) -> MappingGuard<'_> {
        let pages = self.pages_of(bytes);
        let hold = self.pages.raw.lock(pages, access.mode());
        Guard::new(&self.pages, pages, access.mode(), hold)
    }

    /// Locks every page that `bytes` touches, if that can be done at once.
    #[inline]
    #[track_caller]
    pub fn try_lock(&self, access: Access, bytes: Range<u64>) -> Option<MappingGuard<'_>> {
        let pages = self.pages_of(bytes);
        let hold = self.pages.raw.try_lock(pages, access.mode())?;
        Some(Guard::new(&self.pages, pages, access.mode(), hold))
    }

    #[inline]
    #[track_caller]
    fn pages_of(&self, bytes: Range<u64>) -> Span {
        let bytes = Span::from_range(bytes);
        if bytes.is_empty() {
            return bytes;
        }
        let first = bytes.start() >> self.page_shift;
        let last = (bytes.end() - 1) >> self.page_shift;
        Span::from_range(first..last + 1)
    }
}

impl Default for MappingLock {
    fn default() -> Self {
        MappingLock::new()
    }
}
