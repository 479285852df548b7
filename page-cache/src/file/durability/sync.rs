//! Writeback and syncs on request, and what a failed sync may have lost.

use std::io;
use std::ops::Range;
use std::time::Duration;

use crate::error::{Request, TryAgain};
use crate::file::{File, inverted};
use crate::files::durability::sync_group::Scope;
use crate::files::inode::visit;
use crate::sync::thread;
use crate::unwind;

/// Every page that a file can have.
pub(in crate::file) const ALL: Range<u64> = 0..u64::MAX;

impl File {
    /// Writes the dirty pages that `range` touches to the store and waits until they are written. Nothing becomes
    /// durable. An empty range has no effect.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the range is inverted. The store's error; the pages that could not be written stay dirty.
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
        self.inode().flush(self.pages_of(&range)).map_err(|error| {
            // The caller gets this error, so it counts as reported to this handle.
            drop(self.inode().write_errors.report_to(&self.reported));
            self.inode().failed(request, error)
        })
    }

    /// Like [`sync_data`](File::sync_data), but writes only the dirty pages that `range` touches. Other pages may
    /// stay dirty, except those that a failed sync may have lost. Whatever was written to the store before becomes
    /// durable too, so an empty range also syncs the store. The length becomes durable as far as the written pages
    /// reach: if the range lies in a hole before dirty pages that made the file longer, a crash may leave a file that
    /// ends before the range.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the range is inverted. Otherwise as [`sync_data`](File::sync_data).
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
        self.sync(self.request("sync_range", &range)?, Scope::Data, self.pages_of(&range))
    }

    /// Writes all dirty pages to the store and makes the bytes and the length of the file durable, as `fdatasync`
    /// does ([`Store::sync_data`]).
    ///
    /// It writes the pages that were dirty when it began, so it ends even if other threads keep writing. Concurrent
    /// syncs share one sync of the store.
    ///
    /// [`Store::sync_data`]: crate::Store::sync_data
    ///
    /// # Errors
    ///
    /// The store's error. Also an error of background writeback that this handle has not returned yet. Each handle
    /// that was open when the error happened returns it once. A handle that is opened or cloned later returns it
    /// only if no handle had returned it by then.
    ///
    /// When a sync of the store fails, the store may have lost everything that it received since its last successful
    /// sync. The next sync writes these bytes again; if it succeeds, everything is durable. Bytes that are no longer
    /// in the cache (evicted pages, direct writes, holes, bytes moved by a collapse or insert) cannot be written
    /// again. Then every sync of every handle fails and names the ranges, without an errno, until the ranges have
    /// been repaired: see [`broken_ranges`](File::broken_ranges). Closing the file discards the list of ranges: after
    /// it is opened again, syncs no longer report them, and the bytes there may be wrong. The same holds for bytes that
    /// were written and not synced before the file was closed by a drop: [`close`](File::close) syncs them.
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

    /// Like [`sync_data`](File::sync_data), and also makes the store's other metadata durable, as `fsync`
    /// does ([`Store::sync`](crate::Store::sync)).
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

    /// Like [`sync_data`](File::sync_data), but waits at most `timeout`. A thread of the cache performs the sync, so
    /// this thread waits neither for page guards nor for the store.
    ///
    /// # Errors
    ///
    /// As [`sync_data`](File::sync_data). `TimedOut` if the sync has not ended by then. Nothing is known to be durable
    /// then. The sync continues in the background; until it ends, it may hold what any sync holds, and the file stays
    /// open. If the store fails it, the next sync of each handle returns the error. If a
    /// [hook](crate::FileOptions::before_writeback) refuses it, no later sync reports that, but the pages stay dirty, and
    /// the next sync calls the hook again. Calls during that time wait for another sync, which begins when this one ends
    /// and which they share, so there is one thread for each file. The error of the system if no thread can be started.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"durable", 0)?;
    /// file.sync_data_for(Duration::from_secs(30))?;
    /// assert_eq!((file.stats().dirty, file.stats().unstable), (0, 0));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn sync_data_for(&self, timeout: Duration) -> io::Result<()> {
        self.sync_for(Request::of_file("sync_data"), Scope::Data, timeout)
    }

    /// Like [`sync_all`](File::sync_all), but waits at most `timeout`, like [`sync_data_for`](File::sync_data_for).
    ///
    /// # Errors
    ///
    /// As [`sync_data_for`](File::sync_data_for).
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
    /// file.write_all_at(&[1; 4096], 0)?;
    /// let page = file.page_mut(0)?;
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         let error = file.sync_all_for(Duration::from_millis(1)).unwrap_err();
    ///         assert_eq!(error.kind(), ErrorKind::TimedOut);
    ///     });
    /// });
    /// drop(page);
    /// file.sync_all_for(Duration::from_secs(30))?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn sync_all_for(&self, timeout: Duration) -> io::Result<()> {
        self.sync_for(Request::of_file("sync_all"), Scope::All, timeout)
    }

    /// Returns the ranges that the store may have lost in a failed sync and that the cache cannot write again. Every
    /// sync fails until all of them have been repaired. A range is repaired if it is written again by
    /// [`write_at`](File::write_at) or another write, by [`PageMut::write`](crate::PageMut::write) or through a
    /// mapping, or if it is punched, zeroed or removed from the file. A repaired range is still returned until the
    /// next sync, which makes it durable.
    ///
    /// Other changes through a [`PageMut`](crate::PageMut) do not repair a range: the cache does not know which bytes
    /// they changed, and the rest of the page may be out of date.
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

    pub(in crate::file) fn sync(
        &self,
        request: Request,
        scope: Scope,
        pages: Range<u64>,
    ) -> io::Result<()> {
        self.sync_tagged(request, scope, pages, u64::MAX)
    }

    /// As `sync`, for the pages whose least tag is not above `tag`.
    pub(in crate::file) fn sync_tagged(
        &self,
        request: Request,
        scope: Scope,
        pages: Range<u64>,
        tag: u64,
    ) -> io::Result<()> {
        let inode = self.inode();
        inode.check_outside(request)?;
        self.outcome_for_handle(request, inode.sync(scope, pages, tag))
    }

    /// As `sync`, for all pages, by a thread of the cache. This one waits for it at most `timeout`.
    fn sync_for(&self, request: Request, scope: Scope, timeout: Duration) -> io::Result<()> {
        let inode = self.inode();
        inode.check_outside(request)?;
        let outcome = inode.timed_syncs.join(scope, timeout, || {
            let file = visit(&inode.cache, inode.id).expect("this handle keeps the file open");
            let work = move || file.timed_syncs.work(|scope| file.sync(scope, ALL, u64::MAX));
            thread::Builder::new().name("page-syncer".into()).spawn(work).map(drop)
        });
        match outcome {
            // Errors of the sync are for the next one.
            Err(error) if TryAgain::is(&error) => Err(inode.failed(request, error)),
            outcome => self.outcome_for_handle(request, outcome),
        }
    }

    /// The outcome of a sync, and errors that were not reported to this handle before. The error of a sync is reported
    /// to all handles.
    fn outcome_for_handle(&self, request: Request, outcome: io::Result<()>) -> io::Result<()> {
        let inode = self.inode();
        let unreported = inode.write_errors.report_to(&self.reported).map_or(Ok(()), Err);
        inode
            .unless_broken(unwind::first(outcome, unreported))
            .map_err(|error| inode.failed(request, error))
    }

    fn pages_of(&self, range: &Range<u64>) -> Range<u64> {
        self.inode().page_size.touched(range)
    }

    fn request(&self, operation: &'static str, range: &Range<u64>) -> io::Result<Request> {
        let request = Request::of_range(operation, range.start, range.end);
        match range.start > range.end {
            true => Err(self.inode().failed(request, inverted(range))),
            false => Ok(request),
        }
    }
}
