//! What a page is, and which one.

/// Bytes in a page.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{MemStore, PAGE_SIZE, PageCache};
///
/// let file = PageCache::new(64).open(MemStore::new())?;
/// assert!(file.map(PAGE_SIZE as u64..u64::MAX).is_ok());
/// assert!(file.map(1..u64::MAX).is_err());
/// # std::io::Result::Ok(())
/// ```
pub const PAGE_SIZE: usize = 4096;

/// Which page a frame caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// The file's number in the cache; zero is no file.
    pub(crate) file: u64,
    /// The page's number in the file.
    pub(crate) page: u64,
}

impl Key {
    pub(crate) const NONE: Key = Key { file: 0, page: 0 };
}
