//! Page guards.

mod owned;
mod several;

use std::io;
use std::time::Duration;

use crate::File;
use crate::guards::{PageMut, PageRef};
use crate::operations::guarded_page::NO_LIMIT;
use crate::pages::frame::WaitLimit;

impl File {
    /// Returns the size of the file's pages in bytes, as [`PageCache::page_size`](crate::PageCache::page_size) does.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, Options, PageCache};
    ///
    /// let cache = PageCache::with_options(Options::new(64).page_size(65536));
    /// let file = cache.open(MemStore::new())?;
    /// assert_eq!(file.page_size(), 65536);
    /// file.set_len(65537)?;
    /// assert_eq!(file.page(1)?.len(), 65536);
    /// assert!(file.page(2).is_err());
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn page_size(&self) -> usize {
        self.inode().page_size.len()
    }

    /// Returns a shared guard of page `number`, counted from zero, which dereferences to the page's bytes in the
    /// cache: see [`PageRef`]. A page that is not cached is read from the store. Waits while another thread has an
    /// exclusive guard of the page, or is writing to it or waits to do so.
    ///
    /// # Nesting
    ///
    /// A thread may hold several guards, of one file or of several. Threads that take guards in different orders
    /// may deadlock, as with any locks. To avoid this, take guards in one order, such as ascending
    /// ([`pages`](File::pages)) or from the root of a tree down, or use [`try_page`](File::try_page). A thread that
    /// holds a shared guard of a page may take further shared guards of it. A page can have 32,768 shared guards at once;
    /// one more fails with `ResourceBusy`.
    ///
    /// A thread that holds guards waits only for other guards, for a store and for a free frame. Where it would have to
    /// wait for anything else, which might itself be waiting for these guards, it gets an error instead. The kind of
    /// the error says what to do:
    ///
    /// - `WouldBlock`: the thread would have to wait. A request for a further guard or pin fails with it if its page is
    ///   not cached and the thread would have to wait for a size or extent change of the file, for direct IO, or for
    ///   frames that other requests use; [`page_mut`](File::page_mut) also if no more pages of the file may be dirty.
    ///   Release all guards of the thread. Request the page without guards: that waits for what it needs, or returns
    ///   the store's error. Drop that guard, and begin again: [`page_mut`](File::page_mut) has an example.
    /// - `Deadlock`: the call can never succeed while the thread holds these guards. A guard of a page fails with it if
    ///   another guard of the thread excludes it, and so do operations on the same file, through any handle or mapping.
    ///   Only `len`, `is_empty`, `page_size`, `modified`, `stats`, `last_failure`, `dirty_pages`, `broken_ranges`,
    ///   `start_writeback`, `map`, and the methods that return guards and pins work. Operations on other files work.
    ///   They can deadlock only if another thread that holds guards of those files uses this one.
    /// - Any other kind is an error of the request itself, such as the store's.
    ///
    /// A `WouldBlock` does not replace [`last_failure`](File::last_failure).
    ///
    /// A leaked guard locks its page forever. An operation that changes the page then waits forever. Reads and syncs
    /// wait forever too if the guard is exclusive, or once such an operation waits. Dropping the last handle waits for
    /// some seconds, and the store then stays open.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the page starts at or past the end of the file. `Deadlock` if this thread has an exclusive
    /// guard of the page, or a shared one of a page that must be read again, because a write-through of it failed since.
    /// `WouldBlock` as described above. `ResourceBusy` if no frame becomes free, because dirty pages
    /// cannot be written back, other requests use the frames, or guards and pins hold them: [`File`] describes when.
    /// The store's error, if the page is not cached and cannot be read.
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
        // A hit is returned as it is: an error or none beside it would have it copied.
        if let Some(guard) = self.inode().page_hit(number) {
            return Ok(PageRef::new(guard));
        }
        Ok(PageRef::new(self.inode().page_missed(number, WaitLimit::Unlimited)?.expect(NO_LIMIT)))
    }

    /// Returns an exclusive guard of page `number`, which dereferences to the page's bytes in the cache: see
    /// [`PageMut`]. Waits while other threads have guards of the page or are writing to it, and while it is being
    /// written to the store.
    ///
    /// The page must lie within the file. To add pages, call [`set_len`](File::set_len) before the
    /// thread takes guards.
    ///
    /// # Nesting
    ///
    /// As for [`page`](File::page). While the guard exists, the page counts as dirty. A file has a share of the pages
    /// that may be dirty ([`Options::dirty_limit`](crate::Options::dirty_limit)). If the share is used up, a thread
    /// without guards first writes pages of the file back. A thread that holds guards does not write pages back, but
    /// for its requests the share is larger: up to three quarters of the limit instead of two thirds, and at least
    /// four pages (fewer in a small cache in which files with failing stores have nearly all pages that can be
    /// dirty). Beyond that, the call fails with the error of the store or of the hook if writing back has just
    /// failed, and otherwise with `WouldBlock`.
    ///
    /// # Errors
    ///
    /// As [`page`](File::page), and `Deadlock` also if this thread has a shared guard of the page. `PermissionDenied`
    /// if the store is read-only. `FileTooLarge` if the store cannot hold the page. `ResourceBusy` also if other files
    /// use up the limit on dirty pages for ten seconds. `QuotaExceeded` as
    /// [`FileOptions::no_steal`](crate::FileOptions::no_steal) describes. The error of the store or of the
    /// [hook](crate::FileOptions::before_writeback) also if dirty pages of this file must be written back first and
    /// that fails.
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
    ///
    /// This changes one page while it holds another. It starts again after `WouldBlock`, and returns the store's error
    /// if the store does not accept the pages that must be written back:
    ///
    /// ```
    /// use std::io::{self, ErrorKind};
    ///
    /// use spanlock_page_cache::{File, FileOptions, MemStore, PageCache};
    ///
    /// /// Changes a page while the root is held.
    /// fn insert(file: &File, number: u64) -> io::Result<()> {
    ///     loop {
    ///         let root = file.page(0)?;
    ///         match file.page_mut(number) {
    ///             Ok(mut leaf) => {
    ///                 leaf[0] = root[0] + 1;
    ///                 return Ok(());
    ///             }
    ///             Err(error) if error.kind() == ErrorKind::WouldBlock => {}
    ///             Err(error) => return Err(error),
    ///         }
    ///         drop(root);
    ///         // Waits without guards, or returns the error.
    ///         drop(file.page_mut(number)?);
    ///     }
    /// }
    ///
    /// let cache = PageCache::new(64);
    /// let file = cache.open(MemStore::new())?;
    /// file.set_len(200 * 4096)?;
    /// (1..200).try_for_each(|number| insert(&file, number))?;
    ///
    /// let refuse = |_: &[_]| Err(io::Error::other("the log is gone"));
    /// let options = FileOptions::new().before_writeback(refuse);
    /// let file = cache.open_with(MemStore::new(), options)?;
    /// file.set_len(200 * 4096)?;
    /// let error = (1..200).try_for_each(|number| insert(&file, number)).unwrap_err();
    /// assert!(error.to_string().ends_with("the log is gone"), "{error}");
    /// # io::Result::Ok(())
    /// ```
    #[inline]
    pub fn page_mut(&self, number: u64) -> io::Result<PageMut<'_>> {
        if let Some(page) = self.inode().page_mut_hit(number) {
            return Ok(PageMut::new(page));
        }
        let page = self.inode().page_mut_missed(number, WaitLimit::Unlimited)?;
        Ok(PageMut::new(page.expect(NO_LIMIT)))
    }

    /// Returns a shared guard of page `number` like [`page`](File::page), or `None` if it would have to wait: the
    /// page is not cached, or another thread has an exclusive guard of it, or is writing to it or waits to do so.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the page starts at or past the end of the file. `Deadlock` if this thread has an
    /// exclusive guard of the page, or if a store or a hook of the cache calls this. `ResourceBusy` if the page has as
    /// many shared guards as it can have.
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
        Ok(self.inode().page(number, WaitLimit::NoWait)?.map(PageRef::new))
    }

    /// Returns an exclusive guard of page `number` like [`page_mut`](File::page_mut), or `None` if it would have to
    /// wait: the page is not cached, is in use or being written back, or no more pages of the file may be dirty.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the page starts at or past the end of the file. `Deadlock` if this thread has a guard of
    /// the page, or if a store or a hook of the cache calls this. `PermissionDenied` if the store is read-only.
    /// `FileTooLarge` if the store cannot hold the page: this may call [`Store::max_len`](crate::Store::max_len), and wait
    /// for that.
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
        Ok(self.inode().page_mut(number, WaitLimit::NoWait)?.map(PageMut::new))
    }

    /// Returns a shared guard of page `number` like [`page`](File::page), but waits at most `timeout` for other
    /// threads, whatever those wait for, and for a free frame.
    ///
    /// The timeout does not limit the time that the store takes to answer a request of this call itself: a page that is
    /// not cached is read by this thread. To limit that too, call [`will_need`](File::will_need), then repeat
    /// [`try_page`](File::try_page) until it returns a guard.
    ///
    /// # Errors
    ///
    /// As [`page`](File::page). `TimedOut` if the timeout has passed.
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
        Ok(PageRef::new(self.inode().page(number, WaitLimit::after(timeout))?.expect(NO_LIMIT)))
    }

    /// Returns an exclusive guard of page `number` like [`page_mut`](File::page_mut), but waits at most `timeout` for
    /// other threads, whatever those wait for, for a free frame, and until the file may have one more dirty page.
    /// Meanwhile threads of the cache write dirty pages back; this thread does not.
    ///
    /// As for [`page_within`](File::page_within), the timeout does not limit the time that the store takes to answer
    /// requests of this call itself, which may include [`Store::max_len`](crate::Store::max_len).
    ///
    /// # Errors
    ///
    /// As [`page_mut`](File::page_mut). `TimedOut` if the timeout has passed.
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
        Ok(PageMut::new(self.inode().page_mut(number, WaitLimit::after(timeout))?.expect(NO_LIMIT)))
    }
}
