//! Guards of several pages at once.

use std::io;

use crate::File;
use crate::guards::{PageMut, PageRef};
use crate::operations::guarded_page::GuardedPage;
use crate::pages::frame::guard::SharedGuard;

impl File {
    /// Returns shared guards of several pages, in the order of `numbers`. The guards are taken in ascending order
    /// of the pages, so concurrent calls do not deadlock with each other. An empty array is allowed.
    ///
    /// If a page is not available and the thread held no guards before the call, this releases the guards that it
    /// has taken, waits for whatever the page needs, and takes all guards again. If the thread held guards, it
    /// fails as [`page`](File::page) does.
    ///
    /// All the pages are in the cache at once, so there can be at most as many as the cache has frames, and fewer if
    /// some of these are in use.
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

    /// Returns exclusive guards of several pages, in the order of `numbers`. Otherwise like [`pages`](File::pages).
    ///
    /// All the pages count as dirty at once, so there can be at most as many as three quarters of the pages that may
    /// be dirty ([`Options::dirty_limit`](crate::Options::dirty_limit)), or four if that is more. While other files
    /// have many dirty pages, for instance because their stores fail, there can be fewer, but at least four. To make
    /// room for them, a thread that holds no guards writes other pages of the file back.
    ///
    /// # Errors
    ///
    /// As [`page_mut`](File::page_mut). `InvalidInput` if a number occurs twice, or if there are more pages than can be
    /// dirty at once. `ResourceBusy` also if other threads keep the file, or other files the cache, at the limit of dirty
    /// pages for ten seconds.
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

    /// Returns shared guards of several pages, in the order of `numbers`. Like [`pages`](File::pages), for a number of
    /// pages that is known only at run time.
    ///
    /// # Errors
    ///
    /// As [`pages`](File::pages).
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(1 << 20)?;
    /// let wanted = vec![9, 3, 4];
    /// let guards = file.page_list(&wanted)?;
    /// assert!(guards.iter().map(|page| page.number()).eq(wanted));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn page_list(&self, numbers: &[u64]) -> io::Result<Vec<PageRef<'_>>> {
        Ok(self.inode().page_list(numbers)?.into_iter().map(PageRef::new).collect())
    }

    /// Returns exclusive guards of several pages, in the order of `numbers`. Like [`pages_mut`](File::pages_mut), for a
    /// number of pages that is known only at run time.
    ///
    /// # Errors
    ///
    /// As [`pages_mut`](File::pages_mut).
    ///
    /// # Examples
    ///
    /// Rotates the contents of some pages:
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(&[[1; 4096], [2; 4096], [3; 4096]].concat(), 0)?;
    /// let mut guards = file.page_list_mut(&[0, 1, 2])?;
    /// for pair in 1..guards.len() {
    ///     let (left, right) = guards.split_at_mut(pair);
    ///     left[pair - 1].swap_with_slice(&mut right[0]);
    /// }
    /// assert_eq!(guards.iter().map(|page| page[0]).collect::<Vec<_>>(), [2, 3, 1]);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn page_list_mut(&self, numbers: &[u64]) -> io::Result<Vec<PageMut<'_>>> {
        Ok(self.inode().page_list_mut(numbers)?.into_iter().map(PageMut::new).collect())
    }
}
