//! Counters of what a cache did.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crossbeam_utils::CachePadded;

use crate::Access;

/// What a cache did since it was made.
///
/// # Examples
///
/// ```
/// use spanlock::Access;
/// use spanlock::page_cache::{MemStore, PageCache};
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
pub struct Stats {
    /// Pages found in the cache, by reads, writes and faults.
    pub hits: u64,
    /// Pages that were not, and had to be brought in or made.
    pub misses: u64,
    /// Pages read from a store.
    pub fills: u64,
    /// Pages written to a store.
    pub writebacks: u64,
    /// Pages taken out to make room.
    pub evictions: u64,
    /// Claims on IO locks.
    pub io_claims: Claims,
    mapping_claims: [Claims; PATHS],
}

/// How many claims were made, and how many of them could not be granted at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// Claims granted.
    pub taken: u64,
    /// Those among them that had to wait.
    pub waited: u64,
}

impl Stats {
    /// The claims on mapping locks made by one path.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::Access;
    /// use spanlock::page_cache::PageCache;
    ///
    /// assert_eq!(PageCache::new(64).stats().claims(Access::Fault).taken, 0);
    /// ```
    #[must_use]
    pub fn claims(&self, access: Access) -> Claims {
        self.mapping_claims[index_of(access)]
    }
}

const PATHS: usize = 11;

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
    }
}

/// The counters behind [`Stats`]: a few shards, so that threads do not share their lines.
pub(super) struct Counters {
    shards: Box<[CachePadded<Shard>]>,
}

const SHARDS: usize = 16;

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

/// What is counted, claims apart.
#[derive(Clone, Copy)]
pub(super) enum Event {
    Hit,
    Miss,
    Fill,
    Writeback,
    Eviction,
}

const EVENTS: usize = 5;

/// How a claim was granted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Grant {
    AtOnce,
    AfterWaiting,
}

impl ClaimCounters {
    #[inline]
    fn count(&self, grant: Grant) {
        self.taken.fetch_add(1, Ordering::Relaxed);
        if grant == Grant::AfterWaiting {
            self.waited.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn add_to(&self, claims: &mut Claims) {
        claims.taken += self.taken.load(Ordering::Relaxed);
        claims.waited += self.waited.load(Ordering::Relaxed);
    }
}

impl Counters {
    pub(super) fn new() -> Counters {
        Counters { shards: (0..SHARDS).map(|_| CachePadded::default()).collect() }
    }

    #[inline]
    pub(super) fn count(&self, event: Event) {
        self.shard().events[event as usize].fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn io_claim(&self, grant: Grant) {
        self.shard().io_claims.count(grant);
    }

    #[inline]
    pub(super) fn mapping_claim(&self, access: Access, grant: Grant) {
        self.shard().mapping_claims[index_of(access)].count(grant);
    }

    pub(super) fn read(&self) -> Stats {
        let events = |event: Event| {
            self.shards
                .iter()
                .map(|shard| shard.events[event as usize].load(Ordering::Relaxed))
                .sum()
        };
        let mut stats = Stats {
            hits: events(Event::Hit),
            misses: events(Event::Miss),
            fills: events(Event::Fill),
            writebacks: events(Event::Writeback),
            evictions: events(Event::Eviction),
            ..Stats::default()
        };
        for shard in &self.shards {
            shard.io_claims.add_to(&mut stats.io_claims);
            for (path, claims) in shard.mapping_claims.iter().zip(&mut stats.mapping_claims) {
                path.add_to(claims);
            }
        }
        stats
    }

    #[inline]
    fn shard(&self) -> &Shard {
        &self.shards[SHARD.with(|shard| *shard) % SHARDS]
    }
}

thread_local! {
    static SHARD: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    };
}
