//! How long stores take to answer.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// One for requests below two nanoseconds, one for those below four, and so on, and one for the rest.
const BUCKETS: usize = 40;

/// The requests of one kind to a store, or to all stores of a cache.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{MemStore, PageCache};
///
/// let file = PageCache::new(64).open(MemStore::new())?;
/// file.write_all_at(b"bytes", 0)?;
/// file.sync_data()?;
/// let writes = file.stats().store_writes;
/// assert_eq!((writes.requests, writes.errors), (1, 0));
/// assert!(writes.quantile(0.5) >= writes.longest);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreRequests {
    /// The number of requests that were answered, successfully or with an error.
    pub requests: u64,
    /// The number of requests that failed, included in `requests`.
    pub errors: u64,
    /// The sum of the times that the requests took.
    pub total: Duration,
    /// The time that the longest request took.
    pub longest: Duration,
    buckets: [u64; BUCKETS],
}

impl Default for StoreRequests {
    fn default() -> StoreRequests {
        let (total, longest) = (Duration::ZERO, Duration::ZERO);
        StoreRequests { requests: 0, errors: 0, total, longest, buckets: [0; BUCKETS] }
    }
}

impl StoreRequests {
    /// Returns a time within which the fraction `share` of the requests was answered, such as 0.99 of them. It is
    /// at most twice the exact quantile. A share below 0 counts as 0, and one above 1 as 1. Returns zero if there
    /// were no requests. A request of more than 2<sup>40</sup> nanoseconds (about 18 minutes) counts as one of that
    /// time.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// assert_eq!(file.stats().store_reads.quantile(0.99), Duration::ZERO);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = (self.requests as f64 * share.clamp(0.0, 1.0)).ceil() as u64;
        let mut so_far = 0;
        for (bucket, &count) in self.buckets.iter().enumerate() {
            so_far += count;
            if so_far > 0 && so_far >= wanted {
                return Duration::from_nanos(1 << (bucket + 1));
            }
        }
        Duration::ZERO
    }
}

/// The kinds of requests to a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    Read,
    Write,
    Sync,
    Other,
}

impl Asks {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Asks::Read => "read",
            Asks::Write => "write",
            Asks::Sync => "sync",
            Asks::Other => "change of length or blocks",
        }
    }
}

struct Times {
    requests: AtomicU64,
    errors: AtomicU64,
    total: AtomicU64,
    longest: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

impl Times {
    fn new() -> Times {
        let zero = || AtomicU64::new(0);
        let buckets = std::array::from_fn(|_| zero());
        Times { requests: zero(), errors: zero(), total: zero(), longest: zero(), buckets }
    }

    fn note(&self, took: Duration, outcome: Answer) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let bucket = (nanos.max(1).ilog2() as usize).min(BUCKETS - 1);
        // ORDERING: relaxed, here and below: counters, which order nothing else.
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.total.fetch_add(nanos, Ordering::Relaxed);
        self.longest.fetch_max(nanos, Ordering::Relaxed);
        self.errors.fetch_add(u64::from(outcome == Answer::Error), Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> StoreRequests {
        let load = |number: &AtomicU64| number.load(Ordering::Relaxed);
        StoreRequests {
            requests: load(&self.requests),
            errors: load(&self.errors),
            total: Duration::from_nanos(load(&self.total)),
            longest: Duration::from_nanos(load(&self.longest)),
            buckets: std::array::from_fn(|bucket| load(&self.buckets[bucket])),
        }
    }
}

/// How a store answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Well,
    Error,
}

/// The times of a store, or of all stores of a cache. One that was never asked has none.
#[derive(Default)]
pub(crate) struct StoreTimes {
    kinds: OnceLock<Box<[Times; 4]>>,
}

impl StoreTimes {
    pub(crate) fn note(&self, asks: Asks, took: Duration, answer: Answer) {
        let kinds = self.kinds.get_or_init(|| Box::new(std::array::from_fn(|_| Times::new())));
        kinds[asks as usize].note(took, answer);
    }

    pub(crate) fn read(&self, asks: Asks) -> StoreRequests {
        self.kinds.get().map(|kinds| kinds[asks as usize].read()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
