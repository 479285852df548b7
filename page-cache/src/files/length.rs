//! `Length`: whether an operation changes a file's length.

/// Whether an operation on a range past the end changes the length of the file.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{Length, MemStore, PageCache};
///
/// let file = PageCache::new(64).open(MemStore::new())?;
/// file.allocate(0, 4096, Length::Keep)?;
/// assert_eq!(file.len(), 0);
/// file.allocate(0, 4096, Length::Extend)?;
/// assert_eq!(file.len(), 4096);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Length {
    /// The length does not change. The part of the range past the end is ignored.
    Keep,
    /// The file grows to the end of the range.
    Extend,
}

impl Length {
    /// Where a range that ends at `end` ends, in a file of `size` bytes.
    pub(crate) fn bounds(self, end: u64, size: u64) -> u64 {
        match self {
            Length::Keep => end.min(size),
            Length::Extend => end,
        }
    }
}
