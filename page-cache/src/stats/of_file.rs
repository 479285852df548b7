//! Counters of what a cache did for one file, and what it has of it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

use super::latency::StoreRequests;
use super::{Event, SHARDS};
use crate::seat::Seat;

/// Statistics of a file since it was opened, returned by [`File::stats`](crate::File::stats).
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{MemStore, PageCache};
///
/// let cache = PageCache::new(64);
/// let (file, other) = (cache.open(MemStore::new())?, cache.open(MemStore::new())?);
/// file.write_all_at(&[1; 3 * 4096], 0)?;
/// file.read_exact_at(&mut [0; 10], 0)?;
/// let stats = file.stats();
/// assert_eq!((stats.resident, stats.dirty), (3, 3));
/// assert_eq!((stats.misses, stats.hits), (3, 1));
/// assert_eq!(other.stats().resident, 0);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileStats {
    /// Pages in the cache now.
    pub resident: u64,
    /// Pages that are dirty now, including those that are being written to the store.
    pub dirty: u64,
    /// Pages in the cache now that were written to the store since its last successful sync.
    pub unstable: u64,
    /// Pages that reads, writes, faults and page guards found in the cache.
    pub hits: u64,
    /// Pages that reads, writes, faults and page guards did not find in the cache. If a read fetches several
    /// pages at once, each of them that it then returns is a miss, not a hit.
    pub misses: u64,
    /// Pages read from the store.
    pub fills: u64,
    /// Pages read by readahead or because of [`File::will_need`](crate::File::will_need), included in `fills`.
    pub read_ahead: u64,
    /// Pages of the cache that were written to the store.
    pub writebacks: u64,
    /// Reads from the store.
    pub store_reads: StoreRequests,
    /// Writes to the store.
    pub store_writes: StoreRequests,
    /// Syncs of the store.
    pub store_syncs: StoreRequests,
    /// Other requests to the store: those that change its length, its blocks or the time of its last change.
    pub store_others: StoreRequests,
}

/// What of the events is counted for each file: those up to `Writeback`.
const FILE_EVENTS: usize = Event::Writeback as usize + 1;

/// The counters behind [`FileStats`]. A file that was never used has none.
#[derive(Default)]
pub(crate) struct FileCounters {
    shards: OnceLock<Box<[CachePadded<[AtomicU64; FILE_EVENTS]>]>>,
}

impl FileCounters {
    #[inline]
    pub(super) fn count(&self, seat: Seat, event: Event) {
        let shards =
            self.shards.get_or_init(|| (0..SHARDS).map(|_| CachePadded::default()).collect());
        seat.add_one(&shards[seat.number][event as usize]);
    }

    /// What was counted; the rest of the statistics is for the caller to add.
    pub(crate) fn read(&self) -> FileStats {
        let events = |event: Event| {
            let shards = self.shards.get().into_iter().flatten();
            // ORDERING: relaxed: a counter, which orders nothing else.
            shards.map(|shard| shard[event as usize].load(Ordering::Relaxed)).sum()
        };
        FileStats {
            hits: events(Event::Hit),
            misses: events(Event::Miss),
            fills: events(Event::Fill),
            read_ahead: events(Event::ReadAhead),
            writebacks: events(Event::Writeback),
            ..FileStats::default()
        }
    }
}
