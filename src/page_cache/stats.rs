//! Counters of what a cache did.

use std::sync::atomic::{AtomicU64, Ordering};

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
/// assert_eq!(cache.stats().claims(Access::BufferedWrite).taken, 1);
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

/// The counters behind [`Stats`].
#[derive(Default)]
pub(super) struct Counters {
    io_claims: ClaimCounters,
    mapping_claims: [ClaimCounters; PATHS],
}

#[derive(Default)]
struct ClaimCounters {
    taken: AtomicU64,
    waited: AtomicU64,
}

impl ClaimCounters {
    fn read(&self) -> Claims {
        Claims {
            taken: self.taken.load(Ordering::Relaxed),
            waited: self.waited.load(Ordering::Relaxed),
        }
    }
}

impl Counters {
    pub(super) fn mapping_claim(&self, access: Access) {
        self.mapping_claims[index_of(access)].taken.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Stats {
        Stats {
            io_claims: self.io_claims.read(),
            mapping_claims: std::array::from_fn(|path| self.mapping_claims[path].read()),
            ..Stats::default()
        }
    }
}
