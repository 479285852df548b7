//! Pages in place: guards and pins.

use std::io;
use std::time::{Duration, Instant};

use crate::File;
use crate::guards::{ENDLESS, PageMut, PagePin, PageRef};
use crate::operations::guarded_page::GuardedPage;
use crate::pages::frame::Patience;
use crate::pages::frame::guard::SharedGuard;

impl File {
    /// Returns a shared guard of page `number`, which dereferences to the page's bytes in the cache: see [`PageRef`].
    /// Waits while another thread has the page exclusively.
    ///
    /// # Nesting
    ///
    /// A thread may have several guards, of one file or of several. Threads that take guards in different orders
    /// may deadlock, as with any locks: take them in one order, such as ascending ([`pages`](File::pages)) or from
    /// the root of a tree down, or [try](File::try_page). A thread may take one more shared guard of a page of which it
    /// has one.
    ///
    /// A thread that has guards waits only for other guards, for the store and for a frame. Everything else might be
    /// waiting for its own guards. So, while it has guards,
    ///
    /// - all other operations on the same file fail with `Deadlock`, also through other handles and mappings.
    ///   Other files may be used freely, as long as no thread does the same the other way round;
    /// - a further guard fails with `Deadlock` if its page is not cached and would have to wait for a change of the size
    ///   or the extents of the file, for direct IO, or for a frame that other requests have, and a further
    ///   `page_mut` also if no more pages may be dirty. The thread then releases its guards and begins again.
    ///
    /// A guard that is leaked keeps its page for ever. Whatever changes or closes the file then waits for ever.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the page lies past the end of the file. `Deadlock` if this thread has the page exclusively, or
    /// as above. `ResourceBusy` if no frame becomes free: dirty pages cannot be written back, or guards and pins keep
    /// all the others. The store's error, if the page is not cached and cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"one page", 4096)?;
    /// let (first, second) = (file.page(0)?, file.page(1)?);
    /// assert_eq!(first[..8], [0; 8]);
    /// assert_eq!(&second[..9], b"one page\0");
    /// assert_eq!(file.page(2).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    /// assert_eq!(file.write_at(b"1", 0).unwrap_err().kind(), ErrorKind::Deadlock);
    /// # std::io::Result::Ok(())
    /// ```
    #[inline]
    pub fn page(&self, number: u64) -> io::Result<PageRef<'_>> {
        Ok(PageRef::new(self.inode().page(number, Patience::Endless)?.expect(ENDLESS)))
    }

    /// Returns an exclusive guard of page `number`, which dereferences to the page's bytes in the cache: see [`PageMut`].
    /// Waits while other threads have or write the page, and while it is being written to the store.
    ///
    /// The page has to lie within the file: [`set_len`](File::set_len) makes the file longer.
    ///
    /// # Nesting
    ///
    /// As for [`page`](File::page).
    ///
    /// # Errors
    ///
    /// As [`page`](File::page), and `Deadlock` also if this thread has a shared guard of the page. `FileTooLarge` if the
    /// store cannot hold the page. `ResourceBusy` also if other files have all the pages that may be dirty. The store's
    /// error also if dirty pages of this file have to be written back first, and that fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let cache = PageCache::new(64);
    /// let file = cache.open(MemStore::new())?;
    /// file.set_len(2 * 4096)?;
    /// let mut page = file.page_mut(1)?;
    /// page[..5].copy_from_slice(b"split");
    /// // A log of another file is written meanwhile.
    /// let log = cache.open(MemStore::new())?;
    /// log.append(b"page 1 was split")?;
    /// drop(page);
    /// assert!(file.page(1)?.starts_with(b"split"));
    /// assert_eq!(file.page_mut(2).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    /// # std::io::Result::Ok(())
    /// ```
    #[inline]
    pub fn page_mut(&self, number: u64) -> io::Result<PageMut<'_>> {
        Ok(PageMut::new(self.inode().page_mut(number, Patience::Endless)?.expect(ENDLESS)))
    }

    /// Returns a shared guard of page `number` like [`page`](File::page), or `None` if that would mean to wait: the page is
    /// not cached, or is being written or held exclusively.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the page lies past the end of the file. `Deadlock` if this thread has the page exclusively.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(4096)?;
    /// assert!(file.try_page(0)?.is_none()); // not cached
    /// let page = file.page_mut(0)?;
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| assert!(file.try_page(0).unwrap().is_none()));
    /// });
    /// drop(page);
    /// assert!(file.try_page(0)?.is_some());
    /// # std::io::Result::Ok(())
    /// ```
    #[inline]
    pub fn try_page(&self, number: u64) -> io::Result<Option<PageRef<'_>>> {
        Ok(self.inode().page(number, Patience::None)?.map(PageRef::new))
    }

    /// Returns an exclusive guard of page `number` like [`page_mut`](File::page_mut), or `None` if that would mean to wait:
    /// the page is not cached, is in use or being written back, or the file may not have one more dirty page.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the page lies past the end of the file. `Deadlock` if this thread has a guard of the page.
    /// `FileTooLarge` if the store cannot hold the page.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(&[1; 4096], 0)?;
    /// let page = file.page(0)?;
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| assert!(file.try_page_mut(0).unwrap().is_none()));
    /// });
    /// drop(page);
    /// assert!(file.try_page_mut(0)?.is_some());
    /// # std::io::Result::Ok(())
    /// ```
    #[inline]
    pub fn try_page_mut(&self, number: u64) -> io::Result<Option<PageMut<'_>>> {
        Ok(self.inode().page_mut(number, Patience::None)?.map(PageMut::new))
    }

    /// Returns a shared guard of page `number` like [`page`](File::page), but waits for other threads no longer than
    /// `timeout`. An answer of the store, and a free frame, are waited for in any case.
    ///
    /// # Errors
    ///
    /// As [`page`](File::page), and `TimedOut`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use std::time::Duration;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(4096)?;
    /// let page = file.page_mut(0)?;
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         let error = file.page_within(0, Duration::from_millis(1)).unwrap_err();
    ///         assert_eq!(error.kind(), ErrorKind::TimedOut);
    ///     });
    /// });
    /// # drop(page);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn page_within(&self, number: u64, timeout: Duration) -> io::Result<PageRef<'_>> {
        Ok(PageRef::new(self.inode().page(number, until(timeout))?.expect(ENDLESS)))
    }

    /// Returns an exclusive guard of page `number` like [`page_mut`](File::page_mut), but waits for other threads no longer
    /// than `timeout`. An answer of the store, and a free frame, are waited for in any case.
    ///
    /// # Errors
    ///
    /// As [`page_mut`](File::page_mut), and `TimedOut`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(4096)?;
    /// file.page_mut_within(0, Duration::from_secs(1))?[0] = 1;
    /// assert_eq!(file.page(0)?[0], 1);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn page_mut_within(&self, number: u64, timeout: Duration) -> io::Result<PageMut<'_>> {
        Ok(PageMut::new(self.inode().page_mut(number, until(timeout))?.expect(ENDLESS)))
    }

    /// Returns shared guards of several pages, in the order of `numbers`. They are taken in ascending order, so calls do not
    /// deadlock with each other.
    ///
    /// If the thread has no guard, this waits for whatever the pages need: see [`page`](File::page) for what a thread
    /// that has guards does not wait for. Pages that were taken by then are released and taken again.
    ///
    /// # Errors
    ///
    /// As [`page`](File::page). `InvalidInput` if a number occurs twice.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(1 << 20)?;
    /// let [right, left] = file.pages([9, 3])?;
    /// assert_eq!((right.number(), left.number()), (9, 3));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn pages<const N: usize>(&self, numbers: [u64; N]) -> io::Result<[PageRef<'_>; N]> {
        let guards: [SharedGuard<'_>; N] = self.inode().pages(numbers)?;
        Ok(guards.map(PageRef::new))
    }

    /// Returns exclusive guards of several pages, in the order of `numbers`, as [`pages`](File::pages) does.
    ///
    /// # Errors
    ///
    /// As [`page_mut`](File::page_mut). `InvalidInput` if a number occurs twice.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(1 << 20)?;
    /// let [mut to, mut from] = file.pages_mut([9, 3])?;
    /// to.copy_from_slice(&from);
    /// from.fill(0);
    /// # drop((to, from));
    /// assert!(file.pages_mut([1, 1]).is_err());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn pages_mut<const N: usize>(&self, numbers: [u64; N]) -> io::Result<[PageMut<'_>; N]> {
        let pages: [GuardedPage<'_>; N] = self.inode().pages_mut(numbers)?;
        Ok(pages.map(PageMut::new))
    }

    /// Keeps page `number` in the cache until the [`PagePin`] is dropped. It locks nothing.
    ///
    /// At most a quarter as many pages may be pinned as may be dirty
    /// ([`Options::dirty_limit`](crate::Options::dirty_limit)), in all files together. Pinned pages count against that
    /// limit.
    ///
    /// # Errors
    ///
    /// As [`page`](File::page). `ResourceBusy` also if too many pages are pinned.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let cache = PageCache::new(16);
    /// let file = cache.open(MemStore::new())?;
    /// file.set_len(100 * 4096)?;
    /// let root = file.pin(0)?;
    /// for page in 1..100 {
    ///     file.page(page)?;
    /// }
    /// assert!(file.try_page(0)?.is_some());
    /// # drop(root);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn pin(&self, number: u64) -> io::Result<PagePin> {
        PagePin::new(&self.handle, number)
    }
}

/// A time that no clock has is an endless wait.
fn until(timeout: Duration) -> Patience {
    Instant::now().checked_add(timeout).map_or(Patience::Endless, Patience::Until)
}
