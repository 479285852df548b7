//! The pool: the frames that all files share, and the owners of the pages in them.
//!
//! Its code does not depend on files or operations. A page belongs to an [`Owner`], which the pool finds by
//! the number in the page's key, and informs when it has removed the page.

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::blocking::{Mutex, PoisonError, RwLock, RwLockWriteGuard};
use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use crate::options::Options;
use crate::order::leaf::lock_leaf;
use crate::page::PageSet;
use crate::pages::closers::Closers;
use crate::pages::dirty_limit::DirtyPages;
use crate::pages::eviction::Queues;
use crate::pages::flusher::Flusher;
use crate::pages::frame::{Frames, Key, LockedPage};
use crate::pages::frame_permits::FramePermits;
use crate::pages::index::Index;

use crate::pages::page_table::MappingId;
use crate::pages::task_pins::TaskPins;
use crate::pages::visit::{Visit, Visitors};
use crate::stats::{CacheStats, Counters};

/// The maximum number of frames: a frame's number has 32 bits, and the last two of these numbers are reserved.
const MOST_CAPACITY: u32 = u32::MAX - 1;

/// The numbers of the pages of an owner that are cached. The mutex is a leaf.
pub(crate) type CachedPages = Arc<Mutex<PageSet>>;

/// The owner of pages in the pool.
pub(crate) trait Owner: Any + Send + Sync {
    fn visitors(&self) -> &Arc<Visitors>;

    /// Records that one of its pages leaves the cache. The caller has it locked.
    fn page_leaves(&self, page: u64);

    /// Called after one of its pages was evicted. The caller holds no page.
    fn page_left(&self, pool: &Pool) {
        let _ = pool;
    }

    /// How many pages it has.
    fn pages(&self) -> PageCounts;
}

/// How many pages of an owner there are; of these, how many are dirty, how many are dirty until a sync writes them, how
/// many are unstable, and how many are kept for a file that is closed. And how many files it is: one, or none if it is
/// closed.
#[derive(Default)]
pub(crate) struct PageCounts {
    pub(crate) resident: u64,
    pub(crate) dirty: u64,
    pub(crate) dirty_until_sync: u64,
    pub(crate) unstable: u64,
    pub(crate) kept: u64,
    pub(crate) files: u64,
}

/// A page could not be locked without waiting for a guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Guarded;

/// The frames of a cache, and what is counted, awaited and queued for them.
pub(crate) struct Pool {
    pub(crate) frames: Frames,
    pub(crate) index: Index,
    pub(crate) counters: Counters,
    pub(crate) dirty: DirtyPages,
    pub(crate) permits: FramePermits,
    pub(crate) task_pins: TaskPins,
    pub(crate) flusher: Arc<Flusher>,
    pub(crate) closers: Arc<Closers>,
    pub(crate) queues: Mutex<Queues>,
    owners: RwLock<HashMap<u64, Arc<dyn Owner>>>,
    next_owner: AtomicU64,
    next_mapping: AtomicU64,
    /// How many pages may be dirty in a cache of this many frames.
    pub(super) dirty_part: (usize, usize),
    pub(super) resizing: Mutex<Resizing>,
}

/// The changes of the capacity.
pub(super) struct Resizing {
    /// How many calls there were.
    pub(super) calls: u64,
    /// The capacity after the last call that succeeded.
    pub(super) capacity: usize,
}

impl Pool {
    pub(crate) fn new(options: &Options) -> Pool {
        let (capacity, dirty_limit) = (options.capacity(), options.dirty_limit_in_pages());
        let most = match u32::try_from(options.max_capacity_in_pages()) {
            Ok(most) if most <= MOST_CAPACITY => most,
            _ => panic!(
                "a cache of {} pages exceeds the maximum of {MOST_CAPACITY}",
                options.max_capacity_in_pages()
            ),
        };
        let pool = Pool {
            frames: Frames::new(most, options.page_size),
            index: Index::new(most),
            counters: Counters::new(),
            dirty: DirtyPages::new(dirty_limit, capacity),
            permits: FramePermits::new(capacity),
            task_pins: TaskPins::new(capacity),
            flusher: Arc::new(Flusher::new(options.flush_interval)),
            closers: Arc::default(),
            queues: Mutex::new(Queues::new(most)),
            owners: RwLock::default(),
            next_owner: AtomicU64::new(1),
            next_mapping: AtomicU64::new(1),
            dirty_part: (dirty_limit, capacity),
            resizing: Mutex::new(Resizing { calls: 0, capacity }),
        };
        // It is at most the maximum.
        pool.frames.set_count(capacity as u32);
        lock_leaf(&pool.queues).set_frames(capacity as u32);
        pool
    }

    /// The number of a new owner.
    pub(crate) fn next_owner(&self) -> u64 {
        // ORDERING: relaxed, here and below: it only has to be unique.
        self.next_owner.fetch_add(1, Ordering::Relaxed)
    }

    /// The number of a new mapping.
    pub(crate) fn next_mapping(&self) -> MappingId {
        MappingId::new(self.next_mapping.fetch_add(1, Ordering::Relaxed))
    }

    /// Allows visits to an owner, by its number, in place of the one that had it. Visits to that one may continue.
    pub(crate) fn add_owner(&self, id: u64, owner: Arc<dyn Owner>) {
        let replaced = self.owners_mut().insert(id, owner);
        drop(replaced);
    }

    /// Allows visits to an owner in place of another, and waits until the last visit to that one has ended. The caller
    /// holds nothing.
    pub(crate) fn replace_owner(&self, id: u64, owner: Arc<dyn Owner>) {
        let replaced = self.owners_mut().insert(id, owner);
        if let Some(replaced) = replaced {
            replaced.visitors().wait_until_gone();
        }
    }

    /// Allows no more visits to an owner.
    pub(crate) fn forget_owner(&self, id: u64) {
        let removed = self.owners_mut().remove(&id);
        drop(removed);
    }

    /// A visit to an owner that still exists.
    pub(crate) fn owner(&self, id: u64) -> Option<Visit<dyn Owner>> {
        let owners = self.owners.read().unwrap_or_else(PoisonError::into_inner);
        owners.get(&id).map(|owner| Visit::new(owner.visitors(), Arc::clone(owner)))
    }

    /// The numbers of the owners, ascending: the earlier they were added, the lower they are.
    pub(crate) fn owners_by_age(&self) -> Vec<u64> {
        let owners = self.owners.read().unwrap_or_else(PoisonError::into_inner);
        let mut ids: Vec<u64> = owners.keys().copied().collect();
        drop(owners);
        ids.sort_unstable();
        ids
    }

    /// The counters, and the present numbers.
    pub(crate) fn stats(&self) -> CacheStats {
        let mut stats = self.counters.read();
        for owner in self.owners_by_age().into_iter().filter_map(|id| self.owner(id)) {
            let PageCounts { resident, dirty, unstable, kept, files, .. } = owner.pages();
            stats.files += files;
            stats.kept += kept;
            stats.resident += resident;
            stats.dirty += dirty;
            stats.unstable += unstable;
        }
        stats
    }

    /// Allows no more visits to an owner, and waits until the last one has ended. The caller holds nothing.
    pub(crate) fn remove_owner(&self, id: u64) {
        let removed = self.owners_mut().remove(&id);
        if let Some(owner) = removed {
            owner.visitors().wait_until_gone();
        }
    }

    /// The page, locked, if it is cached and no guard keeps it.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn find_unguarded(&self, key: Key) -> Result<Option<LockedPage<'_>>, Guarded> {
        loop {
            let Some(pin) = self.index.find(&self.frames, key) else { return Ok(None) };
            let locked = pin.lock_unless_guarded().map_err(|_| Guarded)?;
            if locked.key() == key {
                return Ok(Some(locked));
            }
        }
    }

    /// The page, locked, if it is cached.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn find_locked(&self, key: Key) -> Option<LockedPage<'_>> {
        loop {
            let locked = self.index.find(&self.frames, key)?.lock();
            if locked.key() == key {
                return Some(locked);
            }
        }
    }

    fn owners_mut(&self) -> RwLockWriteGuard<'_, HashMap<u64, Arc<dyn Owner>>> {
        self.owners.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the page out of every page table, and waits for the accesses through them to end.
pub(crate) fn unmap(page: &LockedPage<'_>) {
    if page.state().is_mapped() {
        page.frame().entries.unmap_all();
        // A thread that read the entry before it changed has the latch by now, or reads it again.
        drop(page.latch());
    }
    page.clear_mapped();
}

/// Removes the right to store from every page table, and waits for the stores to end.
pub(crate) fn write_protect(page: &LockedPage<'_>) {
    if page.state().is_mapped() {
        page.frame().entries.write_protect();
        page.pass_stores();
    }
}

/// As `write_protect`, but waits for no guard.
pub(crate) fn write_protect_unless_guarded(page: &LockedPage<'_>) -> Result<(), Guarded> {
    if page.state().is_mapped() {
        page.frame().entries.write_protect();
        return if page.pass_stores_unless_guarded() { Ok(()) } else { Err(Guarded) };
    }
    Ok(())
}
