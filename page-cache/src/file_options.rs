//! `FileOptions`: how one file is cached.

/// The options of a file; see [`PageCache::open_with`](super::PageCache::open_with).
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use spanlock_page_cache::{FileOptions, MemStore, PageCache, Store};
///
/// let store = Arc::new(MemStore::new());
/// let options = FileOptions::new().write_through();
/// let file = PageCache::new(64).open_with(Arc::clone(&store), options)?;
/// file.write_all_at(b"at once", 0)?;
/// assert_eq!(store.len()?, 7);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileOptions {
    pub(super) write_mode: WriteMode,
}

/// When the bytes of a write reach the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum WriteMode {
    /// By writeback, after the write has returned.
    #[default]
    Back,
    /// Before the write returns.
    Through,
}

impl FileOptions {
    /// The default options: writes reach the store by writeback, after they have returned.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{FileOptions, MemStore, PageCache};
    ///
    /// let cache = PageCache::new(64);
    /// let file = cache.open_with(MemStore::new(), FileOptions::new())?;
    /// file.write_all_at(b"later", 0)?;
    /// assert_eq!(file.len(), 5);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn new() -> FileOptions {
        FileOptions::default()
    }

    /// Makes writes return only when the store has their bytes, or with the store's error. The bytes are
    /// cached too, and durable after the next sync. Stores through a mapping still wait for writeback.
    ///
    /// The option applies to the file, not to one handle: otherwise one page could be dirty with bytes of
    /// handles of both kinds.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use spanlock_page_cache::{FileOptions, MemStore, PageCache, Store};
    ///
    /// let store = Arc::new(MemStore::new());
    /// let options = FileOptions::new().write_through();
    /// let file = PageCache::new(64).open_with(Arc::clone(&store), options)?;
    /// file.append(b"entry")?;
    /// let mut stored = [0; 5];
    /// store.read_at(&mut stored, 0)?;
    /// assert_eq!(&stored, b"entry");
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn write_through(mut self) -> FileOptions {
        self.write_mode = WriteMode::Through;
        self
    }
}
