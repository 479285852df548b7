//! Statistics of a lock.

use std::fmt;
use std::time::Duration;

/// The number of buckets of a histogram. The last one begins at 2^38 ns, more than four minutes.
pub(crate) const BUCKETS: usize = 40;

/// Statistics of a lock since it was created, returned by [`RangeLock::stats`](crate::RangeLock::stats).
///
/// The numbers are read one after the other. While other threads use the lock, they may be inconsistent with
/// each other by a few claims.
///
/// # Examples
///
/// ```
/// use spanlock::RangeLock;
///
/// let lock = RangeLock::new();
/// drop((lock.lock_shared(7..8), lock.lock_exclusive(100..200)));
/// let stats = lock.stats();
/// assert_eq!((stats.shared.by_slot, stats.exclusive.by_cell), (1, 1));
/// assert_eq!(stats.wakes, 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Statistics of claims in [`Mode::Shared`](crate::Mode::Shared).
    pub shared: ModeStats,
    /// Statistics of claims in [`Mode::Exclusive`](crate::Mode::Exclusive).
    pub exclusive: ModeStats,
    /// The number of times that a thread or a task was woken: because its claim had been granted, or
    /// because its range was free and it could retry. A claim may retry several times.
    pub wakes: u64,
}

/// Statistics of the claims in one mode.
///
/// A claim is counted when it is granted, whether it waited or not. A claim on several ranges counts
/// once, as exclusive if one of them is. An upgrade that waits counts as an exclusive claim. Claims on empty
/// ranges, failed tries, and all other changes of a held claim are not counted.
///
/// # Examples
///
/// ```
/// use std::pin::pin;
/// use std::task::{Context, Waker};
///
/// let lock = spanlock::RangeLock::new();
/// let reader = lock.lock_shared(3..5);
/// {
///     let mut gives_up = pin!(lock.lock_exclusive_async(0..100));
///     assert!(gives_up.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
/// }
/// let stats = lock.stats();
/// assert_eq!((stats.shared.granted(), stats.shared.withdrawn), (1, 0));
/// assert_eq!((stats.exclusive.withdrawn, stats.exclusive.granted()), (1, 0));
/// # drop(reader);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModeStats {
    /// Claims on one unit that were stored in a slot ([Complexity](crate::RangeLock#complexity)), or in a
    /// word that readers use instead. They usually take no mutex.
    pub by_slot: u64,
    /// Claims that were stored in a cell, such as those on ranges. They usually take no mutex.
    pub by_cell: u64,
    /// The same as [`by_cell`](ModeStats::by_cell), which replaces it.
    #[deprecated(note = "renamed to `by_cell`")]
    pub by_small_range: u64,
    /// Claims that were registered, in the tree behind the mutex. All claims that waited are among them.
    pub by_registry: u64,
    /// Claims that waited and were not granted, because they timed out or their future was dropped.
    pub withdrawn: u64,
    /// The waiting times of the claims that waited and were granted.
    pub waits: WaitHistogram,
}

impl ModeStats {
    /// Returns the number of claims that were granted.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeLock::new();
    /// (0..9).for_each(|unit| drop(lock.lock_shared(unit..unit + 1)));
    /// assert_eq!(lock.stats().shared.granted(), 9);
    /// ```
    #[must_use]
    pub fn granted(&self) -> u64 {
        self.by_slot + self.by_cell + self.by_registry
    }
}

/// A histogram of waiting times, from when a claim was queued until it was granted, in powers of two.
///
/// The time until a granted thread or task runs is not included.
///
/// # Examples
///
/// ```
/// use std::pin::pin;
/// use std::task::{Context, Waker};
///
/// let lock = spanlock::RangeLock::new();
/// let held = lock.lock_shared(0..10);
/// let mut future = pin!(lock.lock_exclusive_async(5..6));
/// assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
/// drop(held);
/// let waits = lock.stats().exclusive.waits;
/// assert_eq!(waits.count(), 1);
/// assert!(waits.quantile_bound(1.0) >= waits.mean());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct WaitHistogram {
    buckets: [u64; BUCKETS],
    nanoseconds: u64,
}

impl WaitHistogram {
    pub(crate) fn new(buckets: [u64; BUCKETS], nanoseconds: u64) -> WaitHistogram {
        WaitHistogram { buckets, nanoseconds }
    }

    /// The bucket of a wait: bucket `i` counts the waits below 2^i ns that are in no earlier bucket.
    pub(crate) fn bucket_of(nanoseconds: u64) -> usize {
        let bits = u64::BITS - nanoseconds.leading_zeros();
        (bits as usize).min(BUCKETS - 1)
    }

    /// Returns the number of claims that waited.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(spanlock::RangeLock::new().stats().shared.waits.count(), 0);
    /// ```
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Returns the mean waiting time, or zero if no claim waited.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(spanlock::RangeLock::new().stats().shared.waits.mean().is_zero());
    /// ```
    #[must_use]
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.checked_div(self.count()).unwrap_or(0))
    }

    /// Returns an upper bound of a quantile of the waiting times: the end of its bucket, which is at
    /// most twice the quantile. Returns zero if no claim waited, and [`Duration::MAX`] for the last
    /// bucket, which has no end.
    ///
    /// # Panics
    ///
    /// Panics if `quantile` is not between 0 and 1.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(spanlock::RangeLock::new().stats().shared.waits.quantile_bound(0.99).is_zero());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn quantile_bound(&self, quantile: f64) -> Duration {
        assert!((0.0..=1.0).contains(&quantile), "quantile {quantile} is not between 0 and 1");
        let wanted = (self.count() as f64 * quantile).ceil() as u64;
        let mut counted = 0;
        for (bound, claims) in self.buckets() {
            counted += claims;
            if counted >= wanted.max(1) {
                return bound;
            }
        }
        Duration::ZERO
    }

    /// Returns the buckets in ascending order: the exclusive end of each, and the number of claims in
    /// it. The last bucket ends at [`Duration::MAX`].
    ///
    /// # Examples
    ///
    /// ```
    /// let waits = spanlock::RangeLock::new().stats().exclusive.waits;
    /// assert!(waits.buckets().all(|(_, claims)| claims == 0));
    /// ```
    pub fn buckets(&self) -> impl ExactSizeIterator<Item = (Duration, u64)> {
        self.buckets.iter().enumerate().map(|(bits, &claims)| match bits {
            _ if bits == BUCKETS - 1 => (Duration::MAX, claims),
            _ => (Duration::from_nanos(1 << bits), claims),
        })
    }
}

impl Default for WaitHistogram {
    fn default() -> Self {
        WaitHistogram::new([0; BUCKETS], 0)
    }
}

impl fmt::Debug for WaitHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = self.buckets().filter(|&(_, claims)| claims != 0);
        let labelled = used.map(|(bound, claims)| (format!("<{bound:?}"), claims));
        f.debug_map().entries(labelled).finish()
    }
}

#[cfg(test)]
mod tests;
