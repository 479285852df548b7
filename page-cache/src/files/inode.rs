//! `Inode`: one cached file, shared by all of its handles, its mappings and the flusher.

mod cached_pages;
mod claims;
mod dirty_pages;
mod failing;
mod refusals;

use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::sync::blocking::Mutex;
use std::any::Any;
use std::io;
use std::sync::Arc;

pub(crate) use self::claims::{IoClaim, MappingClaim};
use crate::Store;
use crate::error::MAX_LEN;
use crate::files::durability::flush_position::FlushPosition;
use crate::files::durability::sync_group::SyncGroup;
use crate::files::durability::timed_syncs::TimedSyncs;
use crate::files::failure::Failure;
use crate::files::modified_time::ModifiedTime;
use crate::files::operation_lock::InodeLock;
use crate::files::readahead_window::ReadaheadWindows;
use crate::files::store_access::checked_store::CheckedStore;
use crate::files::store_access::known_limit::KnownLimit;
use crate::files::store_access::open_stores::Registration;
use crate::files::store_access::write_retry::WriteRetry;
use crate::files::write_errors::WriteErrors;
use crate::options::{
    AtClose, BeforeWriteback, FileOptions, Sends, Steal, TimeOf, Transform, WriteMode,
};
use crate::order::leaf::lock_leaf;
use crate::order::may_wait_for_clean;
use crate::page::PageSize;
use crate::pages::dirty_pages::Unclean;
use crate::pages::dirty_ranges::PartialPages;
use crate::pages::frame::{Key, LockedPage, WaitLimit};
use crate::pages::frame_permits::{FilePermits, FramePermit};
use crate::pages::pool::{self, CachedPages, Owner, PageCounts, Pool};
use crate::pages::visit::{Visit, Visitors};
use crate::stats::Event;
use crate::stats::latency::Asks;
use crate::stats::of_file::{FileCounters, FileStats};

pub(crate) struct Inode {
    /// The file's number, as in the keys of the frames.
    pub(crate) id: u64,
    pub(crate) store: Box<CheckedStore<dyn Store>>,
    pub(crate) cache: Arc<Pool>,
    pub(crate) page_size: PageSize,
    pub(crate) write_mode: WriteMode,
    pub(crate) before_writeback: Option<BeforeWriteback>,
    pub(crate) steal: Steal,
    pub(crate) sends: Sends,
    pub(crate) transform: Option<Transform>,
    pub(crate) at_close: AtClose,
    io: InodeLock,
    mapping: InodeLock,
    size: AtomicU64,
    /// Set if the store may hold something past the end, because it refused to truncate it.
    pub(crate) untrimmed: AtomicBool,
    /// The pages that are cached. A page is added after it was linked into the index, and removed before it is
    /// unlinked, both under its lock. A page that is evicted is removed only when no thread reads it any more. So
    /// the holder of an exclusive claim finds every page of its range that can be read.
    pub(crate) resident: CachedPages,
    /// The pages that are dirty or in flight. A page is added under its lock, and removed when its writeback
    /// ends, or under its lock when it is dropped.
    pub(crate) unclean: Mutex<Unclean>,
    /// The number of these pages, for a thread that reads it before each write. It is changed with the mutex held.
    ///
    /// ORDERING: relaxed: a number, which orders nothing. What is decided by it is decided again with the mutex held.
    dirty_count: AtomicUsize,
    pub(crate) partial: PartialPages,
    pub(crate) readahead: ReadaheadWindows,
    pub(crate) write_errors: WriteErrors,
    pub(crate) modified: ModifiedTime,
    pub(crate) limit: KnownLimit,
    pub(crate) syncs: SyncGroup,
    pub(crate) timed_syncs: TimedSyncs,
    pub(crate) write_retry: WriteRetry,
    /// Set while the flusher has been asked for the file and has not begun.
    pub(crate) hastened: AtomicBool,
    pub(crate) flush_position: FlushPosition,
    counters: FileCounters,
    /// The frames that its requests may hold.
    pub(crate) permits: Arc<FilePermits>,
    /// The last failure of a request. The mutex is a leaf.
    pub(crate) last_failure: Mutex<Option<Failure>>,
    pub(crate) visitors: Arc<Visitors>,
    /// Set before closing claims the whole file exclusively: no page comes in after that.
    ///
    /// ORDERING: relaxed: the mapping lock orders it.
    pub(crate) closing: AtomicBool,
    /// Set if closing the file must not write anything.
    ///
    /// ORDERING: relaxed: the drop of the handle that set it comes before the drop of the last.
    pub(crate) discarded: AtomicBool,
    /// Dropped last: after that the store may be opened again.
    pub(crate) registration: Option<Registration>,
}

impl Inode {
    pub(crate) fn new(
        store: impl Store + 'static,
        cache: Arc<Pool>,
        options: FileOptions,
        registration: Option<Registration>,
        [io, mapping]: [InodeLock; 2],
        readahead: usize,
    ) -> io::Result<Inode> {
        let store = CheckedStore::new(store, &cache.frames, &cache.counters.store_times)?;
        let size = store.held();
        if size > MAX_LEN {
            let message =
                format!("the store has {size} bytes, more than a file can have ({MAX_LEN})");
            return Err(store.refused(io::Error::new(io::ErrorKind::InvalidData, message)));
        }
        let modified = match options.modified_time {
            TimeOf::Store => ModifiedTime::of_store(),
            TimeOf::Cache => {
                ModifiedTime::kept(store.modified().map_err(|error| store.refused(error))?)
            }
        };
        let page_size = cache.frames.page_size();
        // The number is that of the file's pages.
        let (id, resident) = match registration.as_ref().and_then(Registration::kept) {
            Some(kept) => (kept.file, Arc::clone(&kept.pages)),
            None => (cache.next_owner(), CachedPages::default()),
        };
        Ok(Inode {
            id,
            store: Box::new(store),
            page_size,
            cache,
            write_mode: options.write_mode,
            before_writeback: options.before_writeback,
            steal: options.steal,
            sends: options.sends,
            transform: options.transform,
            at_close: options.at_close,
            io,
            mapping,
            size: AtomicU64::new(size),
            resident,
            unclean: Mutex::default(),
            dirty_count: AtomicUsize::new(0),
            partial: PartialPages::default(),
            readahead: ReadaheadWindows::new(readahead, page_size.most_at_once()),
            untrimmed: AtomicBool::new(false),
            write_errors: WriteErrors::default(),
            modified,
            limit: KnownLimit::new(),
            syncs: SyncGroup::default(),
            timed_syncs: TimedSyncs::default(),
            write_retry: WriteRetry::default(),
            hastened: AtomicBool::new(false),
            flush_position: FlushPosition::new(page_size.most_at_once()),
            counters: FileCounters::default(),
            permits: Arc::default(),
            last_failure: Mutex::default(),
            visitors: Arc::default(),
            closing: AtomicBool::new(false),
            discarded: AtomicBool::new(false),
            registration,
        })
    }

    /// The size. A copy out of a page reads it after the page was found uptodate.
    #[inline]
    pub(crate) fn size(&self) -> u64 {
        // ORDERING: pairs with `set_size`: a thread that sees a size sees the bytes that it covers.
        self.size.load(Ordering::Acquire)
    }

    /// Changes the size. The caller holds the IO lock exclusively from the lesser of the two on.
    #[inline]
    pub(crate) fn set_size(&self, size: u64) {
        self.size.store(size, Ordering::Release);
    }

    #[inline]
    pub(crate) fn key(&self, page: u64) -> Key {
        Key { file: self.id, page }
    }

    /// Counts an event of one of its pages.
    #[inline]
    pub(crate) fn count(&self, event: Event) {
        self.cache.counters.count_of(&self.counters, event);
    }

    /// The file's counters, and its pages in the cache.
    pub(crate) fn stats(&self) -> FileStats {
        let times = self.store.times();
        // One leaf at a time.
        let resident = lock_leaf(&self.resident).len();
        let dirty = self.own_dirty().pages as u64;
        let unstable = self.store.unstable().pages() as u64;
        FileStats {
            resident,
            dirty,
            unstable,
            store_reads: times.read(Asks::Read),
            store_writes: times.read(Asks::Write),
            store_syncs: times.read(Asks::Sync),
            store_others: times.read(Asks::Other),
            ..self.counters.read()
        }
    }

    /// Takes the page out of every page table, and waits for the accesses through them to end.
    pub(crate) fn unmap(&self, page: &LockedPage<'_>) {
        pool::unmap(page);
    }

    /// Removes the right to store from every page table, and waits for the stores to end.
    pub(crate) fn write_protect(&self, page: &LockedPage<'_>) {
        pool::write_protect(page);
    }

    /// Waits for a permit for one frame.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn acquire_permit(&self) -> io::Result<FramePermit<'_>> {
        self.acquire_permit_within(WaitLimit::Unlimited)
    }

    /// A permit for one frame. Waits for it no longer than `wait_limit` allows.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn acquire_permit_within(
        &self,
        wait_limit: WaitLimit,
    ) -> io::Result<FramePermit<'_>> {
        may_wait_for_clean(&self.cache.frames);
        self.cache.permits.acquire(&self.permits, wait_limit)
    }

    /// A permit for one frame, if one is available immediately.
    pub(crate) fn try_acquire_permit(&self) -> Option<FramePermit<'_>> {
        self.cache.permits.try_acquire(&self.permits)
    }
}

impl Owner for Inode {
    fn visitors(&self) -> &Arc<Visitors> {
        &self.visitors
    }

    fn page_leaves(&self, page: u64) {
        self.forget_resident(page);
    }

    fn pages(&self) -> PageCounts {
        let FileStats { resident, dirty, unstable, .. } = self.stats();
        let dirty_until_sync = if self.steal == Steal::Refused { dirty } else { 0 };
        PageCounts { resident, dirty, dirty_until_sync, unstable, kept: 0, files: 1 }
    }
}

/// A visit to a file that has not been closed.
pub(crate) fn visit(pool: &Pool, id: u64) -> Option<Visit<Inode>> {
    let as_inode = |owner: Arc<dyn Owner>| {
        let owner: Arc<dyn Any + Send + Sync> = owner;
        // Otherwise it is a closed file.
        owner.downcast().ok()
    };
    pool.owner(id)?.map(as_inode)
}

#[cfg(all(test, not(spanlock_shuttle)))]
mod tests;
