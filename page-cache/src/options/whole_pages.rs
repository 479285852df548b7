//! Files whose store receives whole pages only.

use super::FileOptions;

/// How much of a page the store receives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sends {
    /// The bytes that are dirty, if the rest was never read.
    #[default]
    Parts,
    WholePages,
}

impl FileOptions {
    /// Sends only whole pages to the store, so that each write to the store starts and ends at a page boundary. If
    /// a part of a page was written and the rest has not been read yet, the cache reads the page before it sends
    /// it.
    ///
    /// The length of the file must be a multiple of the [page size](crate::File::page_size). Opening a store of
    /// another length fails with `InvalidData`. A crash may leave such a length: call
    /// [`Store::set_len`](crate::Store::set_len) before opening the store. Operations fail with `InvalidInput` if
    /// one of these numbers is not a multiple of the page size: the new length, in
    /// [`set_len`](crate::File::set_len) and [`extend_to`](crate::File::extend_to); the end of a write that makes
    /// the file longer; the start and the end of a direct request, and of a punched, zeroed or allocated range.
    /// Opening a file with this option and [`write_through`](FileOptions::write_through) fails with `InvalidInput`.
    ///
    /// A write to a part of a page that is not cached returns before the page is read. If the page then cannot be
    /// read, it stays dirty and every sync fails, until the rest of the page is overwritten too.
    ///
    /// A write of a page is not atomic in a crash: which parts of the page survive depends on the store, usually on
    /// the sectors of a disk.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// use spanlock_page_cache::{FileOptions, MemStore, PageCache};
    ///
    /// let options = FileOptions::new().whole_pages();
    /// let file = PageCache::new(64).open_with(MemStore::new(), options)?;
    /// assert_eq!(file.write_all_at(b"short", 0).unwrap_err().kind(), ErrorKind::InvalidInput);
    /// file.set_len(4096)?;
    /// file.write_all_at(b"short", 0)?; // The store gets 4096 bytes of this.
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn whole_pages(mut self) -> FileOptions {
        self.sends = Sends::WholePages;
        self
    }
}
