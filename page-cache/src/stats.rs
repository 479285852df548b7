//! Counters of what a cache did.
//!
//! ORDERING: relaxed throughout, because counters order nothing else. No decision depends on them,
//! so schedulers need not see them: they use std's atomics in every build.
#![allow(clippy::disallowed_types, reason = "counters take no part in any argument")]

mod display;
pub(crate) mod latency;
pub(crate) mod of_file;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

use self::latency::{Asks, StoreRequests, StoreTimes};
use self::of_file::FileCounters;
use crate::seat::{self, SHARED, seat};
use spanlock::Access;

/// Statistics of a cache since it was created.
///
/// # Examples
///
/// ```
/// use spanlock::Access;
/// use spanlock_page_cache::{MemStore, PageCache};
///
/// let cache = PageCache::new(64);
/// let file = cache.open(MemStore::new())?;
/// file.write_all_at(b"bytes", 0)?;
/// file.read_exact_at(&mut [0; 5], 0)?;
/// let stats = cache.stats();
/// assert_eq!((stats.misses, stats.hits), (1, 1));
/// assert_eq!(stats.claims(Access::BufferedRead).taken, 0);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStats {
    /// Pages in the cache now.
    pub resident: u64,
    /// Pages that are dirty now, including those that are being written to a store.
    pub dirty: u64,
    /// Pages in the cache now that were written to a store since its last successful sync.
    pub unstable: u64,
    /// Pages in the cache now of files that were closed
    /// ([`FileOptions::keep_pages`](crate::FileOptions::keep_pages)), included in `resident`.
    pub kept: u64,
    /// Files that are open now.
    pub files: u64,
    /// Pages that reads, writes, faults and page guards found in the cache.
    pub hits: u64,
    /// Pages that reads, writes, faults and page guards did not find in the cache. If a read fetches several pages at
    /// once, each of them that it then returns is a miss, not a hit.
    pub misses: u64,
    /// Pages read from a store.
    pub fills: u64,
    /// Pages read by readahead or because of [`File::will_need`](crate::File::will_need), included in `fills`.
    pub read_ahead: u64,
    /// Pages of the cache that were written to a store.
    pub writebacks: u64,
    /// Writebacks of a dirty page, and of the dirty pages after it, that were started so that the page could be
    /// evicted.
    pub pageouts: u64,
    /// Pages that were evicted.
    pub evictions: u64,
    /// Pages that lost bytes when the last handle or mapping of a file was dropped: dirty bytes that were not written
    /// to the store, and bytes that the store may have lost in a failed sync. [`File::close`](crate::File::close)
    /// reports these as an error instead.
    pub lost_pages: u64,
    /// Bytes lost in the pages that `lost_pages` counts.
    pub lost_bytes: u64,
    /// Reads from the stores.
    pub store_reads: StoreRequests,
    /// Writes to the stores.
    pub store_writes: StoreRequests,
    /// Syncs of the stores.
    pub store_syncs: StoreRequests,
    /// Other requests to the stores: those that change the length, the blocks or the time of the last change.
    pub store_others: StoreRequests,
    /// Claims on the IO locks of files: the range locks that order writes, direct requests, and size and extent
    /// changes.
    pub io_claims: ClaimCounts,
    mapping_claims: [ClaimCounts; PATHS],
}

/// The number of claims on a lock, and how many of them had to wait. A claim is one acquisition of a range of a
/// file's range lock.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{MemStore, PageCache};
///
/// let cache = PageCache::new(64);
/// cache.open(MemStore::new())?.write_at(b"bytes", 0)?;
/// let claims = cache.stats().io_claims;
/// assert_eq!((claims.taken, claims.waited), (1, 0));
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClaimCounts {
    /// Claims granted.
    pub taken: u64,
    /// Claims that had to wait, included in `taken`.
    pub waited: u64,
}

impl CacheStats {
    /// Returns the claims on the mapping locks of files by one kind of access. The mapping lock is the range lock
    /// that orders the operations that read pages into the cache, write them back, or remove them.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::Access;
    /// use spanlock_page_cache::PageCache;
    ///
    /// assert_eq!(PageCache::new(64).stats().claims(Access::Fault).taken, 0);
    /// ```
    #[must_use]
    pub fn claims(&self, access: Access) -> ClaimCounts {
        self.mapping_claims[index_of(access)]
    }
}

/// One for each kind of access, and one for those that a later lock may have and the cache never makes.
const PATHS: usize = 13;

const fn index_of(access: Access) -> usize {
    match access {
        Access::BufferedRead => 0,
        Access::BufferedWrite => 1,
        Access::Fault => 2,
        Access::Writeback => 3,
        Access::Readahead => 4,
        Access::DirectRead => 5,
        Access::DirectWrite => 6,
        Access::Truncate => 7,
        Access::PunchHole => 8,
        Access::Invalidate => 9,
        Access::Shift => 10,
        Access::Allocate => 11,
        _ => 12,
    }
}

/// The counters behind [`CacheStats`].
///
/// A thread that has a shard to itself counts by a load and a store, without an atomic
/// read-modify-write: what is counted is over in a few dozen nanoseconds. Threads beyond those
/// that the shards are enough for share the last one.
pub(crate) struct Counters {
    shards: Box<[CachePadded<Shard>]>,
    pub(crate) store_times: Arc<StoreTimes>,
}

const SHARDS: usize = seat::COUNT;

#[derive(Default)]
struct Shard {
    events: [AtomicU64; EVENTS],
    io_claims: ClaimCounters,
    mapping_claims: [ClaimCounters; PATHS],
}

#[derive(Default)]
struct ClaimCounters {
    taken: AtomicU64,
    waited: AtomicU64,
}

/// What is counted, claims apart; first what is counted for each file.
#[derive(Clone, Copy)]
pub(crate) enum Event {
    Hit,
    Miss,
    Fill,
    ReadAhead,
    Writeback,
    Eviction,
    Pageout,
    LostPage,
    LostByte,
}

const EVENTS: usize = Event::LostByte as usize + 1;

/// How a claim was granted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grant {
    AtOnce,
    AfterWaiting,
}

impl ClaimCounters {
    #[inline]
    fn counter(&self, grant: Grant) -> [Option<&AtomicU64>; 2] {
        [Some(&self.taken), (grant == Grant::AfterWaiting).then_some(&self.waited)]
    }

    fn add_to(&self, claims: &mut ClaimCounts) {
        claims.taken += self.taken.load(Ordering::Relaxed);
        claims.waited += self.waited.load(Ordering::Relaxed);
    }
}

impl Counters {
    pub(crate) fn new() -> Counters {
        let shards = (0..SHARDS).map(|_| CachePadded::default()).collect();
        Counters { shards, store_times: Arc::default() }
    }

    #[inline]
    pub(crate) fn count(&self, event: Event) {
        let seat = seat();
        seat.add_one(&self.shards[seat.number].events[event as usize]);
    }

    /// Counts an event, up to a writeback, that concerns a page of a file.
    #[inline]
    pub(crate) fn count_of(&self, file: &FileCounters, event: Event) {
        let seat = seat();
        seat.add_one(&self.shards[seat.number].events[event as usize]);
        file.count(seat, event);
    }

    /// Counts an event that happened so many times, in the shard that all threads share.
    #[cold]
    pub(crate) fn count_many(&self, event: Event, times: u64) {
        let counter = &self.shards[SHARED.number].events[event as usize];
        counter.fetch_add(times, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn io_claim(&self, grant: Grant) {
        let seat = seat();
        let claims = &self.shards[seat.number].io_claims;
        claims.counter(grant).into_iter().flatten().for_each(|counter| seat.add_one(counter));
    }

    #[inline]
    pub(crate) fn mapping_claim(&self, access: Access, grant: Grant) {
        let seat = seat();
        let claims = &self.shards[seat.number].mapping_claims[index_of(access)];
        claims.counter(grant).into_iter().flatten().for_each(|counter| seat.add_one(counter));
    }

    /// What was counted; what there is now is for the caller to add.
    pub(crate) fn read(&self) -> CacheStats {
        let events = |event: Event| {
            let of_shard =
                |shard: &CachePadded<Shard>| shard.events[event as usize].load(Ordering::Relaxed);
            self.shards.iter().map(of_shard).sum()
        };
        let mut stats = CacheStats {
            hits: events(Event::Hit),
            misses: events(Event::Miss),
            fills: events(Event::Fill),
            read_ahead: events(Event::ReadAhead),
            writebacks: events(Event::Writeback),
            pageouts: events(Event::Pageout),
            evictions: events(Event::Eviction),
            lost_pages: events(Event::LostPage),
            lost_bytes: events(Event::LostByte),
            store_reads: self.store_times.read(Asks::Read),
            store_writes: self.store_times.read(Asks::Write),
            store_syncs: self.store_times.read(Asks::Sync),
            store_others: self.store_times.read(Asks::Other),
            ..CacheStats::default()
        };
        for shard in &self.shards {
            shard.io_claims.add_to(&mut stats.io_claims);
            for (path, claims) in shard.mapping_claims.iter().zip(&mut stats.mapping_claims) {
                path.add_to(claims);
            }
        }
        stats
    }
}
