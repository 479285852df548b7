//! `PageSize`: how long the pages of a cache are, and the arithmetic that depends on it.

use std::fmt;
use std::ops::Range;

use crate::PAGE_SIZE;

/// The greatest page size.
const MOST: usize = 64 << 10;

/// The most bytes that are read or written back at once.
const MOST_AT_ONCE: usize = 256 << 10;

/// The size of all pages of a cache: a power of two.
///
/// Offsets are bytes of a file; pages have numbers. The arithmetic assumes offsets that a file can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize {
    len: u32,
    /// The logarithm of that: kept, since every access needs both.
    shift: u32,
}

impl PageSize {
    pub(crate) const DEFAULT: PageSize = match PageSize::new(PAGE_SIZE) {
        Some(size) => size,
        None => unreachable!(),
    };

    /// The size of a page of `bytes` bytes; `None` if a page cannot have that size.
    pub(crate) const fn new(bytes: usize) -> Option<PageSize> {
        if bytes.is_power_of_two() && bytes >= PAGE_SIZE && bytes <= MOST {
            return Some(PageSize { len: bytes as u32, shift: bytes.trailing_zeros() });
        }
        None
    }

    #[inline]
    pub(crate) const fn len(self) -> usize {
        self.len as usize
    }

    #[inline]
    pub(crate) const fn bytes(self) -> u64 {
        self.len as u64
    }

    /// The number of whole pages in `bytes` bytes.
    pub(crate) const fn pages_in(self, bytes: usize) -> usize {
        bytes >> self.shift
    }

    /// The most pages that are read or written back at once.
    pub(crate) const fn most_at_once(self) -> u64 {
        self.pages_in(MOST_AT_ONCE) as u64
    }

    /// The page that a byte is in.
    #[inline]
    pub(crate) fn number(self, at: u64) -> u64 {
        at >> self.shift
    }

    /// Where in its page a byte is.
    #[inline]
    pub(crate) fn within(self, at: u64) -> usize {
        (at & (self.bytes() - 1)) as usize
    }

    /// The page that a byte is in, and where in it.
    #[inline]
    pub(crate) fn place(self, at: u64) -> (u64, usize) {
        (self.number(at), self.within(at))
    }

    /// How many bytes there are from an offset to the end of its page.
    #[inline]
    pub(crate) fn left(self, at: u64) -> usize {
        self.len() - self.within(at)
    }

    /// Where a page starts.
    #[inline]
    pub(crate) fn start(self, page: u64) -> u64 {
        debug_assert!(page <= u64::MAX >> self.shift, "page {page} of {self}");
        page << self.shift
    }

    /// Where a page ends, or the greatest offset if it ends after that.
    #[inline]
    pub(crate) fn end(self, page: u64) -> u64 {
        page.saturating_add(1).saturating_mul(self.bytes())
    }

    /// How many pages some bytes from the start of a file on touch.
    #[inline]
    pub(crate) fn count(self, bytes: u64) -> u64 {
        self.number(bytes) + u64::from(!self.is_start(bytes))
    }

    /// The pages that a range of bytes touches: none if it is empty.
    #[inline]
    pub(crate) fn touched(self, bytes: &Range<u64>) -> Range<u64> {
        let first = self.number(bytes.start);
        first..if bytes.is_empty() { first } else { self.count(bytes.end) }
    }

    /// The pages of which a range of bytes has every byte. Its start is past its end if the range lies within one page.
    #[inline]
    pub(crate) fn covered(self, bytes: &Range<u64>) -> Range<u64> {
        self.count(bytes.start)..self.number(bytes.end)
    }

    /// The bytes of some pages.
    #[inline]
    pub(crate) fn bytes_of(self, pages: &Range<u64>) -> Range<u64> {
        self.start(pages.start)..self.start(pages.end)
    }

    /// Whether a page starts at an offset.
    #[inline]
    pub(crate) fn is_start(self, at: u64) -> bool {
        self.within(at) == 0
    }

    /// The last offset up to this one at which a page starts.
    #[inline]
    pub(crate) fn round_down(self, at: u64) -> u64 {
        at & !(self.bytes() - 1)
    }

    /// The first offset from this one on at which a page starts.
    #[inline]
    pub(crate) fn round_up(self, at: u64) -> u64 {
        self.round_down(at + (self.bytes() - 1))
    }

    /// A range of bytes, rounded out to whole pages, as far as offsets go.
    #[cfg(feature = "model")]
    pub(crate) fn round_out(self, bytes: &Range<u64>) -> Range<u64> {
        let end = bytes.end.checked_next_multiple_of(self.bytes());
        self.round_down(bytes.start)..end.unwrap_or(u64::MAX)
    }
}

/// As messages have it: a number of bytes.
impl fmt::Display for PageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.bytes())
    }
}

#[cfg(test)]
mod tests;
