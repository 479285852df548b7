//! What carries a file's dirty pages to its store, and tells of what went wrong there.

use std::io;
use std::ops::Range;

use super::{File, PAGE, inverted};
use crate::PathLock;
use crate::error::Request;
use crate::sync_group::Scope;

/// Every page that a file can have.
pub(super) const ALL: Range<u64> = 0..u64::MAX;

impl<L: PathLock> File<L> {
    /// Writes the dirty pages of `range` to the store and waits for it; makes nothing durable.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the range is inverted; what the store says. The pages stay dirty then.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache, Store};
    ///
    /// let store = Arc::new(MemStore::new());
    /// let file = PageCache::new(64).open(Arc::clone(&store))?;
    /// file.write_all_at(&[1; 8192], 0)?;
    /// file.writeback(0..1)?;
    /// assert_eq!(store.blocks(), 1);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn writeback(&self, range: Range<u64>) -> io::Result<()> {
        let request = self.request("writeback", &range)?;
        self.inode().check_outside(request)?;
        self.inode().flush(pages_of(&range)).map_err(|error| {
            // So this handle has heard of it.
            drop(self.inode().write_errors.tell(&self.heard));
            self.inode().failed(request, error)
        })
    }

    /// Writes the dirty pages of `range` to the store and has the store make them durable, with
    /// whatever else it was given before, as [`sync_data`](File::sync_data) does. Pages outside of the
    /// range may stay dirty, save for those that a sync which failed may have lost.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the range is inverted; else as [`sync_data`](File::sync_data).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let store = Arc::new(MemStore::new());
    /// let file = PageCache::new(64).open(Arc::clone(&store))?;
    /// file.write_all_at(&[1; 3 * 4096], 0)?;
    /// file.sync_range(4096..4097)?;
    /// assert_eq!(store.blocks(), 1);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn sync_range(&self, range: Range<u64>) -> io::Result<()> {
        self.sync(self.request("sync_range", &range)?, Scope::Data, pages_of(&range))
    }

    /// Writes all that is dirty to the store and has the store make it durable, as `fdatasync` does: the
    /// bytes and the length, and nothing that it keeps beside them ([`Store::sync_data`]).
    ///
    /// It ends with what was dirty when it began. Syncs that are under way at the same time share one
    /// sync of the store.
    ///
    /// [`Store::sync_data`]: crate::Store::sync_data
    ///
    /// # Errors
    ///
    /// What the store says; also what it said to a writeback behind the caller's back since this
    /// handle last heard of one. Every handle that was open then hears it once; so does one that was
    /// cloned since, if nobody had heard it by then.
    ///
    /// After a sync of the store has failed, the store may have lost anything that it was given since
    /// its last good one, and what was given to it meanwhile. The next sync writes that anew; if it
    /// succeeds, all is durable. But what is not in the cache any more (evicted pages, direct writes,
    /// holes, what a collapse or an insertion has moved) cannot be written anew: then every sync of every
    /// handle fails, also later ones, and names the ranges, until they were written by the caller and synced,
    /// or the file was opened anew. See [`broken_ranges`](File::broken_ranges).
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"durable", 0)?;
    /// file.sync_data()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn sync_data(&self) -> io::Result<()> {
        self.sync(Request::of_file("sync_data"), Scope::Data, ALL)
    }

    /// As [`sync_data`](File::sync_data), and what the store keeps beside the bytes, as `fsync` does
    /// ([`Store::sync`](crate::Store::sync)).
    ///
    /// # Errors
    ///
    /// As [`sync_data`](File::sync_data).
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// PageCache::new(64).open(MemStore::new())?.sync_all()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn sync_all(&self) -> io::Result<()> {
        self.sync(Request::of_file("sync_all"), Scope::All, ALL)
    }

    /// The ranges that the store may have lost in a sync that failed, and that the cache cannot write
    /// again: every sync fails until they were written anew, and synced.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// assert!(file.broken_ranges().is_empty());
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn broken_ranges(&self) -> Vec<Range<u64>> {
        self.inode().store.unstable().broken(self.len())
    }

    pub(super) fn sync(&self, request: Request, scope: Scope, pages: Range<u64>) -> io::Result<()> {
        let inode = self.inode();
        inode.check_outside(request)?;
        let outcome = inode.sync(scope, pages);
        // An error of this very sync is one of those that all handles hear of.
        let unheard = inode.write_errors.tell(&self.heard).map_or(Ok(()), Err);
        inode.unless_broken(outcome.and(unheard)).map_err(|error| inode.failed(request, error))
    }

    fn request(&self, operation: &'static str, range: &Range<u64>) -> io::Result<Request> {
        let request = Request::of_range(operation, range.start, range.end);
        match range.start > range.end {
            true => Err(self.inode().failed(request, inverted(range))),
            false => Ok(request),
        }
    }
}

fn pages_of(range: &Range<u64>) -> Range<u64> {
    if range.is_empty() { 0..0 } else { range.start / PAGE..range.end.div_ceil(PAGE) }
}
