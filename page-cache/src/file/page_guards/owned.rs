//! Guards that keep their file open.

use crate::File;
use crate::guards::{OwnedPageMut, OwnedPageRef, PageMut, PageRef};

impl PageRef<'_> {
    /// Converts the guard into one that keeps the file open: see [`OwnedPageRef`]. `file` is any handle of the file of
    /// the page. The page is not released in between.
    ///
    /// # Panics
    ///
    /// Panics if the page is not one of `file`.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, OwnedPageRef, PageCache};
    ///
    /// fn open_and_guard() -> std::io::Result<OwnedPageRef> {
    ///     let file = PageCache::new(64).open(MemStore::new())?;
    ///     file.write_all_at(b"root", 0)?;
    ///     Ok(file.page(0)?.into_owned(&file))
    /// }
    ///
    /// assert!(open_and_guard()?.starts_with(b"root"));
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn into_owned(self, file: &File) -> OwnedPageRef {
        self.kept_by(&file.handle)
    }
}

impl PageMut<'_> {
    /// Converts the guard into one that keeps the file open: see [`OwnedPageMut`]. `file` is any handle of the file of
    /// the page. The page is not released in between.
    ///
    /// # Panics
    ///
    /// Panics if the page is not one of `file`.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(4096)?;
    /// let mut page = file.page_mut(0)?.into_owned(&file);
    /// page[0] = 1;
    /// drop(file);
    /// assert_eq!(page[0], 1);
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn into_owned(self, file: &File) -> OwnedPageMut {
        self.kept_by(&file.handle)
    }
}
