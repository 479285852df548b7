//! `PageRef`, `PageMut` and `PagePin`: what users hold of a page.
//!
//! Layers: the public types (here), their acquisition and release (`operations/guarded_page`), and
//! the bits of the frame (`pages/frame/guard.rs`).

mod owned;
mod task_pin;

use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::files::handle::Handle;
use crate::operations::guarded_page::{GuardedPage, NO_LIMIT};
use crate::pages::frame::guard::SharedGuard;
use crate::pages::frame::{DetachedPin, WaitLimit};
pub use owned::{OwnedPageMut, OwnedPageRef};
pub(crate) use task_pin::TaskPin;

/// A shared guard of a page. It dereferences to all bytes of the page
/// ([`File::page_size`](crate::File::page_size)) in the cache, without a copy. Returned by
/// [`File::page`](crate::File::page).
///
/// Bytes past the end of the file are zero. (While a truncation waits for the guard, [`len`](crate::File::len) is
/// already the new length, and the guard still has the old bytes.) While the guard exists, the page is not evicted
/// and its bytes do not change: buffered writes, stores through mappings, direct writes, and changes of the size or
/// the extents of the file wait for the guard if they affect the page. Reads and writeback of the page do not wait
/// for the guard. But once one of those operations waits for it, later reads, guards and writeback of the page wait
/// for that operation.
///
/// A guard is not `Send`. [`File::page`](crate::File::page) describes what its thread cannot do while it exists.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{MemStore, PAGE_SIZE, PageCache};
///
/// let file = PageCache::new(64).open(MemStore::new())?;
/// file.write_all_at(b"a node", 0)?;
/// let page = file.page(0)?;
/// assert_eq!(page.len(), PAGE_SIZE);
/// assert!(page.starts_with(b"a node\0"));
/// # std::io::Result::Ok(())
/// ```
#[must_use = "a guard that is dropped immediately holds nothing"]
pub struct PageRef<'a> {
    guard: SharedGuard<'a>,
}

/// An exclusive guard of a page. It dereferences to all bytes of the page
/// ([`File::page_size`](crate::File::page_size)) in the cache, which can be read and changed
/// without a copy. Returned by [`File::page_mut`](crate::File::page_mut).
///
/// While the guard exists, no other thread reads or writes the page, and the page is not written back, so the store
/// never receives a half-changed page. If the guard has been dereferenced mutably, the page is dirty once the guard
/// is dropped; otherwise the guard does not make it dirty. Bytes past the end of the file are zero, and what is
/// written there is discarded.
///
/// The cache does not know which bytes were written through the dereferenced guard. So these bytes do not repair
/// ranges that a failed sync has lost ([`File::broken_ranges`](crate::File::broken_ranges)). Bytes that are written
/// with [`write`](PageMut::write) do.
///
/// A guard is not `Send`. [`File::page`](crate::File::page) describes what its thread cannot do while it exists.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{MemStore, PageCache};
///
/// let file = PageCache::new(64).open(MemStore::new())?;
/// file.set_len(8192)?;
/// file.page_mut(1)?[..4].copy_from_slice(b"leaf");
/// let mut seen = [0; 4];
/// file.read_exact_at(&mut seen, 4096)?;
/// assert_eq!(&seen, b"leaf");
/// # std::io::Result::Ok(())
/// ```
#[must_use = "a guard that is dropped immediately holds nothing"]
pub struct PageMut<'a> {
    page: GuardedPage<'a>,
}

/// A pin of a page, which keeps the page in the cache until the pin is dropped. Returned by
/// [`File::pin`](crate::File::pin).
///
/// A pin does not lock the page: it may be read, written and written back. It keeps the file open. While the page
/// is cached, [`page`](PagePin::page) and [`page_mut`](PagePin::page_mut) need no lookup, and `page` does not wait for
/// the store.
///
/// A pin is `Send`, `Sync` and `'static`, unlike guards. So a task may hold pins across an `.await`, and take a guard
/// where it uses the bytes: see [`File::pin_async`](crate::File::pin_async).
///
/// An operation that removes the page from the file or from the cache ends the effect of the pin: a truncation, a
/// punched or zeroed range, a direct write, a collapse, an insert, a write-through that fails, or
/// [`File::drop_cached`](crate::File::drop_cached). After that, `page` and `page_mut` do the same as the methods of
/// [`File`](crate::File).
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{MemStore, PageCache};
///
/// let file = PageCache::new(64).open(MemStore::new())?;
/// file.write_all_at(b"root", 0)?;
/// let root = file.pin(0)?;
/// assert!(root.page()?.starts_with(b"root"));
/// root.page_mut()?[0] = b'b';
/// assert!(file.page(0)?.starts_with(b"boot"));
/// # std::io::Result::Ok(())
/// ```
#[must_use = "a pin that is dropped immediately keeps nothing"]
pub struct PagePin {
    handle: Arc<Handle>,
    /// `None` only during the drop.
    pin: Option<DetachedPin>,
    number: u64,
}

impl<'a> PageRef<'a> {
    #[inline]
    pub(crate) fn new(guard: SharedGuard<'a>) -> PageRef<'a> {
        PageRef { guard }
    }

    /// Returns the number of the page in its file.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(1 << 20)?;
    /// assert_eq!(file.page(17)?.number(), 17);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn number(&self) -> u64 {
        self.guard.key().page
    }
}

impl<'a> PageMut<'a> {
    #[inline]
    pub(crate) fn new(page: GuardedPage<'a>) -> PageMut<'a> {
        PageMut { page }
    }

    /// Returns the number of the page in its file.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(1 << 20)?;
    /// assert_eq!(file.page_mut(17)?.number(), 17);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn number(&self) -> u64 {
        self.page.number()
    }

    /// Copies `bytes` into the page, from byte `at` on. With no bytes this has no effect.
    ///
    /// Unlike for bytes that are written through the dereferenced guard, the cache knows which bytes these are. So
    /// they repair what a failed sync has lost ([`File::broken_ranges`](crate::File::broken_ranges)), as bytes that
    /// are written by [`File::write_at`](crate::File::write_at) do.
    ///
    /// # Panics
    ///
    /// Panics if `at + bytes.len()` exceeds the [page size](crate::File::page_size).
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PAGE_SIZE, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(4096)?;
    /// let node = [7; PAGE_SIZE];
    /// file.page_mut(0)?.write(0, &node);
    /// assert_eq!(file.page(0)?[..], node);
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn write(&mut self, at: usize, bytes: &[u8]) {
        self.page.write(at, bytes);
    }

    /// Sets the tag of what is written through this guard, such as the number of a log record: see
    /// [`File::write_at_tagged`](crate::File::write_at_tagged). Zero means no tag. If this is called several times,
    /// only the last tag is used. The tag takes effect when the guard is dropped or downgraded, and only if
    /// [`write`](PageMut::write) was called with bytes or the guard was dereferenced mutably.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(4096)?;
    /// let mut page = file.page_mut(0)?;
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
    /// let mut page = file.page_mut(0)?;
    /// page[0] = 7;
    /// let page = page.downgrade();
    /// assert_eq!((page[0], file.page(0)?[0]), (7, 7));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn downgrade(self) -> PageRef<'a> {
        PageRef::new(self.page.downgrade())
    }
}

impl PagePin {
    /// `None` if the pin would have to wait and must not.
    pub(crate) fn new(
        handle: &Arc<Handle>,
        number: u64,
        wait_limit: WaitLimit,
    ) -> io::Result<Option<PagePin>> {
        let Some(pin) = handle.inode.pin(number, wait_limit)? else { return Ok(None) };
        Ok(Some(PagePin { handle: Arc::clone(handle), pin: Some(pin.detach()), number }))
    }

    /// Returns the number of the page in its file.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(1 << 20)?;
    /// assert_eq!(file.pin(17)?.number(), 17);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns a shared guard of the page.
    ///
    /// # Errors
    ///
    /// As [`File::page`](crate::File::page).
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"root", 0)?;
    /// let root = file.pin(0)?;
    /// assert!(root.page()?.starts_with(b"root"));
    /// # std::io::Result::Ok(())
    /// ```
    #[inline]
    pub fn page(&self) -> io::Result<PageRef<'_>> {
        let inode = &self.handle.inode;
        if let Some(pin) = &self.pin
            && let Some(guard) = inode.page_in(inode.cache.frames.pinned(pin), self.number)
        {
            return Ok(PageRef::new(guard));
        }
        Ok(PageRef::new(inode.page(self.number, WaitLimit::Unlimited)?.expect(NO_LIMIT)))
    }

    /// Returns an exclusive guard of the page.
    ///
    /// # Errors
    ///
    /// As [`File::page_mut`](crate::File::page_mut).
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(4096)?;
    /// let root = file.pin(0)?;
    /// root.page_mut()?[0] = 1;
    /// assert_eq!(root.page()?[0], 1);
    /// # std::io::Result::Ok(())
    /// ```
    #[inline]
    pub fn page_mut(&self) -> io::Result<PageMut<'_>> {
        let inode = &self.handle.inode;
        if let Some(pin) = &self.pin
            && let Some(page) = inode.page_mut_in(inode.cache.frames.pinned(pin), self.number)
        {
            return Ok(PageMut::new(page));
        }
        Ok(PageMut::new(inode.page_mut(self.number, WaitLimit::Unlimited)?.expect(NO_LIMIT)))
    }
}

impl Drop for PagePin {
    fn drop(&mut self) {
        if let Some(pin) = self.pin.take() {
            drop(self.handle.inode.cache.frames.attach(pin));
            self.handle.inode.cache.dirty.remove_pin();
        }
    }
}

impl Deref for PageRef<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.guard.bytes()
    }
}

impl Deref for PageMut<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.page.bytes()
    }
}

impl DerefMut for PageMut<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        self.page.bytes_mut()
    }
}

impl AsRef<[u8]> for PageRef<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl AsRef<[u8]> for PageMut<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl AsMut<[u8]> for PageMut<'_> {
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl fmt::Debug for PageRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageRef").field("number", &self.number()).finish_non_exhaustive()
    }
}

impl fmt::Debug for PageMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageMut").field("number", &self.number()).finish_non_exhaustive()
    }
}

impl fmt::Debug for PagePin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PagePin").field("number", &self.number).finish_non_exhaustive()
    }
}

const _: () = {
    const fn is_sync<T: Sync>() {}
    const fn is_send_and_sync<T: Send + Sync>() {}
    is_sync::<PageRef<'_>>();
    is_sync::<PageMut<'_>>();
    is_send_and_sync::<PagePin>();
};
