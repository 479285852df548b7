//! Pins: pages that stay cached.

use std::io;

use super::File;
use crate::PagePin;
use crate::operations::guarded_page::NO_LIMIT;
use crate::pages::frame::WaitLimit;

impl File {
    /// Keeps page `number` in the cache until the returned [`PagePin`] is dropped. A pin does not lock the page. A
    /// page that is not cached is read from the store.
    ///
    /// All files of a cache together can have a quarter as many pins as they may have dirty pages
    /// ([`Options::dirty_limit`](crate::Options::dirty_limit)). Each pin reduces the number of pages that may be
    /// dirty by one.
    ///
    /// # Errors
    ///
    /// As [`page`](File::page). `ResourceBusy` also if the cache has as many pins as it can have.
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
        Ok(PagePin::new(&self.handle, number, WaitLimit::Unlimited)?.expect(NO_LIMIT))
    }

    /// Pins page `number` like [`pin`](File::pin), or returns `None` if it would have to wait: the page is not cached,
    /// or another thread has an exclusive guard of it or is writing to it.
    ///
    /// # Errors
    ///
    /// As [`try_page`](File::try_page). `ResourceBusy` if the cache has as many pins as it can have.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(8192)?;
    /// assert!(file.try_pin(1)?.is_none()); // not cached
    /// drop(file.page(1)?);
    /// assert!(file.try_pin(1)?.is_some());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn try_pin(&self, number: u64) -> io::Result<Option<PagePin>> {
        PagePin::new(&self.handle, number, WaitLimit::NoWait)
    }
}
