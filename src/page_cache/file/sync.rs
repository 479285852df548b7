//! What carries a file's dirty pages to its store, and tells of what went wrong there.

use std::io;
use std::ops::Range;

use super::{File, PAGE, inverted};
use crate::page_cache::error::Request;
use crate::page_cache::{PathLock, Store};

/// Every page that a file can have.
const ALL: Range<u64> = 0..u64::MAX;

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
    /// use spanlock::page_cache::{MemStore, PageCache, Store};
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
    /// whatever else it was given before. Pages outside of the range may stay dirty.
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
    /// use spanlock::page_cache::{MemStore, PageCache};
    ///
    /// let store = Arc::new(MemStore::new());
    /// let file = PageCache::new(64).open(Arc::clone(&store))?;
    /// file.write_all_at(&[1; 3 * 4096], 0)?;
    /// file.sync_range(4096..4097)?;
    /// assert_eq!(store.blocks(), 1);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn sync_range(&self, range: Range<u64>) -> io::Result<()> {
        self.sync(self.request("sync_range", &range)?, pages_of(&range))
    }

    /// Writes all that is dirty to the store and has the store make it durable.
    ///
    /// # Errors
    ///
    /// What the store says; also what it said to a writeback behind the caller's back since this
    /// handle last heard of one. Every handle that was open then hears it once; so does one that was
    /// cloned since, if nobody had heard it by then.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"durable", 0)?;
    /// file.sync_data()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn sync_data(&self) -> io::Result<()> {
        self.sync(Request::of_file("sync_data"), ALL)
    }

    /// As [`sync_data`](File::sync_data), and what the store keeps beside the bytes: a store has
    /// one way to sync, so there is no difference.
    ///
    /// # Errors
    ///
    /// As [`sync_data`](File::sync_data).
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::page_cache::{MemStore, PageCache};
    ///
    /// PageCache::new(64).open(MemStore::new())?.sync_all()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn sync_all(&self) -> io::Result<()> {
        self.sync(Request::of_file("sync_all"), ALL)
    }

    fn sync(&self, request: Request, pages: Range<u64>) -> io::Result<()> {
        let inode = self.inode();
        inode.check_outside(request)?;
        // An error of this very writeback is one of those that all handles hear of.
        let wrote = inode.flush(pages);
        let note = |error: &io::Error| inode.write_errors.note(error);
        let trimmed = inode.trim_at_last().inspect_err(note);
        let synced = inode.store.sync().inspect_err(note);
        let unheard = inode.write_errors.tell(&self.heard).map_or(Ok(()), Err);
        wrote.and(trimmed).and(synced).and(unheard).map_err(|error| inode.failed(request, error))
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
