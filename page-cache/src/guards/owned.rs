//! Guards that keep their file open, and so borrow nothing.

mod kept;

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::files::handle::Handle;
use crate::files::inode::Inode;
use crate::guards::{PageMut, PageRef};
use kept::Kept;

/// A shared guard of a page that keeps its file open. It is a [`PageRef`] without a lifetime, for a struct that
/// contains the guard, such as a cursor. Returned by [`PageRef::into_owned`].
///
/// Like every guard it belongs to its thread, and is not `Send`: the cache notes the guards of each thread, so that
/// the thread does not wait for itself. To keep a page in the cache from any thread, or across an `.await`, use a
/// [`PagePin`](crate::PagePin), and take a guard of it where the bytes are used.
///
/// The drop releases the page. If the guard is the last that keeps the file open, it also closes the file.
///
/// # Examples
///
/// ```
/// use std::io;
///
/// use spanlock_page_cache::{File, MemStore, OwnedPageRef, PageCache};
///
/// /// Walks through the pages of a file, one of which is guarded.
/// struct Cursor {
///     file: File,
///     page: OwnedPageRef,
/// }
///
/// impl Cursor {
///     fn first(file: File) -> io::Result<Cursor> {
///         let page = file.page(0)?.into_owned(&file);
///         Ok(Cursor { file, page })
///     }
///
///     /// Takes the guard of the next page before it releases that of this one.
///     fn advance(&mut self) -> io::Result<()> {
///         self.page = self.file.page(self.page.number() + 1)?.into_owned(&self.file);
///         Ok(())
///     }
/// }
///
/// let file = PageCache::new(64).open(MemStore::new())?;
/// file.write_all_at(&[[1; 4096], [2; 4096]].concat(), 0)?;
/// let mut cursor = Cursor::first(file)?;
/// assert_eq!(cursor.page[0], 1);
/// cursor.advance()?;
/// assert_eq!(cursor.page[0], 2);
/// # io::Result::Ok(())
/// ```
///
/// It stays on its thread:
///
/// ```compile_fail,E0277
/// use spanlock_page_cache::{MemStore, PageCache};
///
/// let file = PageCache::new(64).open(MemStore::new()).unwrap();
/// file.set_len(4096).unwrap();
/// let page = file.page(0).unwrap().into_owned(&file);
/// std::thread::spawn(move || drop(page));
/// ```
#[must_use = "a guard that is dropped immediately holds nothing"]
pub struct OwnedPageRef {
    page: Kept<PageRef<'static>>,
}

/// An exclusive guard of a page that keeps its file open. It is a [`PageMut`] without a lifetime, as [`OwnedPageRef`]
/// is a [`PageRef`] without one. Returned by [`PageMut::into_owned`].
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{MemStore, OwnedPageMut, PageCache};
///
/// /// A page that is being filled with records.
/// struct Filling {
///     page: OwnedPageMut,
///     used: usize,
/// }
///
/// impl Filling {
///     fn push(&mut self, record: &[u8]) {
///         self.page[self.used..][..record.len()].copy_from_slice(record);
///         self.used += record.len();
///     }
/// }
///
/// let file = PageCache::new(64).open(MemStore::new())?;
/// file.set_len(4096)?;
/// let mut filling = Filling { page: file.page_mut(0)?.into_owned(&file), used: 0 };
/// filling.push(b"one");
/// filling.push(b"two");
/// drop(filling);
/// assert!(file.page(0)?.starts_with(b"onetwo\0"));
/// # std::io::Result::Ok(())
/// ```
#[must_use = "a guard that is dropped immediately holds nothing"]
pub struct OwnedPageMut {
    page: Kept<PageMut<'static>>,
}

impl PageRef<'_> {
    #[track_caller]
    pub(crate) fn kept_by(self, handle: &Arc<Handle>) -> OwnedPageRef {
        let inode = &handle.inode;
        let is_of_file = self.guard.is_in(&inode.cache.frames) && self.guard.key().file == inode.id;
        if !is_of_file {
            not_of_the_file(self.number(), inode);
        }
        // SAFETY: O1: the page is one of the file.
        OwnedPageRef { page: unsafe { Kept::shared(self, Arc::clone(handle)) } }
    }
}

impl PageMut<'_> {
    #[track_caller]
    pub(crate) fn kept_by(self, handle: &Arc<Handle>) -> OwnedPageMut {
        if !self.page.is_of(&handle.inode) {
            not_of_the_file(self.number(), &handle.inode);
        }
        // SAFETY: O1: the page is one of the file.
        OwnedPageMut { page: unsafe { Kept::exclusive(self, Arc::clone(handle)) } }
    }
}

#[cold]
#[track_caller]
fn not_of_the_file(number: u64, file: &Inode) -> ! {
    let label = file.store.label_at_open();
    panic!("into_owned: the guard is of page {number} of another file than {label:?}")
}

impl OwnedPageRef {
    /// Returns the number of the page in its file.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(1 << 20)?;
    /// assert_eq!(file.page(17)?.into_owned(&file).number(), 17);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn number(&self) -> u64 {
        self.page.number()
    }
}

impl OwnedPageMut {
    /// Returns the number of the page in its file.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(1 << 20)?;
    /// assert_eq!(file.page_mut(17)?.into_owned(&file).number(), 17);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn number(&self) -> u64 {
        self.page.number()
    }

    /// Copies `bytes` into the page, as [`PageMut::write`] does.
    ///
    /// # Panics
    ///
    /// Panics if `at + bytes.len()` exceeds the [page size](crate::File::page_size).
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(4096)?;
    /// file.page_mut(0)?.into_owned(&file).write(4092, b"tail");
    /// assert!(file.page(0)?.ends_with(b"tail"));
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn write(&mut self, at: usize, bytes: &[u8]) {
        self.page.write(at, bytes);
    }

    /// Sets the tag of what is written through this guard, as [`PageMut::set_tag`] does.
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
    /// page.set_tag(17);
    /// drop(page);
    /// assert_eq!(file.dirty_pages()[0].newest_tag, 17);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_tag(&mut self, tag: u64) {
        self.page.set_tag(tag);
    }

    /// Converts the guard into a shared one. No other thread can change the page in between.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(4096)?;
    /// let mut page = file.page_mut(0)?.into_owned(&file);
    /// page[0] = 7;
    /// let page = page.downgrade();
    /// assert_eq!((page[0], file.page(0)?[0]), (7, 7));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn downgrade(self) -> OwnedPageRef {
        OwnedPageRef { page: self.page.downgrade() }
    }
}

impl Deref for OwnedPageRef {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.page
    }
}

impl Deref for OwnedPageMut {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.page
    }
}

impl DerefMut for OwnedPageMut {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.page
    }
}

impl AsRef<[u8]> for OwnedPageRef {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl AsRef<[u8]> for OwnedPageMut {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl AsMut<[u8]> for OwnedPageMut {
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl fmt::Debug for OwnedPageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPageRef").field("number", &self.number()).finish_non_exhaustive()
    }
}

impl fmt::Debug for OwnedPageMut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPageMut").field("number", &self.number()).finish_non_exhaustive()
    }
}

const _: () = {
    const fn is_sync<T: Sync>() {}
    is_sync::<OwnedPageRef>();
    is_sync::<OwnedPageMut>();
};
