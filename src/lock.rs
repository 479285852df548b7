//! `RangeLock`.

// In the order in which rustdoc lists their methods.
mod plain;

mod mode;

mod timed;

mod several;

mod owned;

mod inspect;

use crate::raw::{Fairness, RawLock};

pub(crate) use timed::after;

/// A shared/exclusive lock on ranges of `u64` units.
///
/// The caller decides what a unit is: a page, a byte, a block. A range can be of any type that implements
/// `RangeBounds<u64>`; `..` and `n..` end at `u64::MAX`, exclusive. Two claims conflict if their ranges
/// share a unit and at least one of them is exclusive. A claim on an empty range is granted immediately and
/// conflicts with nothing.
///
/// # Fairness
///
/// Claims that do not conflict never wait for each other. A conflicting claim waits in one of two states:
///
/// - **Patient.** At first a claim may be overtaken. A release frees the range and wakes the first waiter.
///   If a new claim takes the range before the waiter runs, the waiter waits again. This avoids a wake-up
///   between every two holders.
/// - **Due.** After half a millisecond, or after it was overtaken 16 times, the claim is due. No later claim
///   overtakes a due claim. Conflicting due claims are granted in the order in which they became due, each
///   when the last conflicting claim before it is released. The releasing thread grants the claim, then
///   wakes its thread or task.
///
/// These claims are due immediately: an exclusive claim that waits only for shared claims, so that readers do
/// not starve writers; a claim on several ranges ([`lock_many`](RangeLock::lock_many)); an
/// [upgrade](crate::Guard::upgrade). In a lock made by [`RangeLock::fair`] every claim is due immediately: it
/// is strictly first in, first out.
///
/// A thread measures the half millisecond itself, so its claim may become due later by the time that the
/// scheduler takes to run it. Before a thread queues it retries for some microseconds without yielding. A
/// future has no clock: it becomes due when it is polled after half a millisecond, or when 16 due claims
/// have overtaken it. Between its wake-up and the next poll any number of claims may overtake it.
///
/// A due claim is overtaken only by conflicting claims that were past their check for waiting claims when it
/// became due, by [`lock_shared_recursive`](RangeLock::lock_shared_recursive), by
/// [`try_upgrade`](crate::Guard::try_upgrade) and by [`upgrade`](crate::Guard::upgrade).
///
/// # Deadlocks
///
/// **Do not hold one claim while you wait for another on the same lock.** A thread that waits for a range
/// and holds a conflicting claim on a part of it waits for ever. So does a reader that locks the same range
/// again while a writer waits. Ascending order does not help: if one thread holds `0..10` and another waits
/// for `..`, the first thread's claim on `20..30` waits for the second, which waits for the first. Lock
/// several ranges at once with [`lock_many`](RangeLock::lock_many). Single units that every thread locks in
/// the same order are safe, as long as no claim covers two of them; `docs/nesting.md` in the source has the
/// exact rule.
///
/// # Complexity
///
/// A claim that conflicts with no other takes no mutex while at most twelve ranges come and go at the
/// same time, however many more stay held. A range that finds no free cell takes the mutex once, to
/// move an older one out of its cell, whose release then takes the mutex. One unit
/// costs one atomic read-modify-write to lock and one to unlock. A range of any length costs the same for
/// the first four threads that lock ranges, and two more for others. In addition it reads the held ranges,
/// and the slots of its units, at most all slots.
///
/// Other claims take a mutex. Their time is logarithmic in the number of registered claims plus linear in
/// those that overlap. The release of such a claim visits every overlapping claim that waits. So the release
/// of a range for which ten thousand claims wait takes ten thousand steps under the mutex.
///
/// # Panics
///
/// Each method documents the ranges for which it panics. A claim also panics if 2<sup>32</sup> claims are
/// registered already.
///
/// # Memory
///
/// A lock has 32 bytes. It uses no heap while only single units are locked, one at a time. The first claim
/// that needs more allocates about 2.3 kilobytes, which grow with the number of registered claims. The first
/// claim on a unit while another unit is held allocates a table of 1 KiB. The table grows with the
/// number of units that are held at the same time, to at most 128 bytes for each, or twice that including
/// earlier tables. All memory is freed when the lock is dropped.
///
/// # Source
///
/// The idea is Jan Kara's, who proposed a range lock for a file's mapping ("efficient in locking a single
/// page range", linux-mm, June 2012). Counting blockers by arrival follows his range lock patches (2013).
/// The path of readers of a hot unit follows BRAVO (Dice and Kogan, USENIX ATC 2019). Slots and cells are
/// new in this crate.
///
/// # Examples
///
/// ```
/// use spanlock::RangeLock;
///
/// let lock = RangeLock::new();
/// let page = lock.lock_shared(7..8);
/// assert!(lock.try_lock_exclusive(8..).is_some());
/// assert!(lock.try_lock_exclusive(0..8).is_none());
/// # drop(page);
/// ```
pub struct RangeLock {
    pub(crate) raw: RawLock,
}

impl RangeLock {
    /// An unlocked lock that is as fair as this one.
    pub(crate) fn with_nobody(&self) -> RangeLock {
        match self.raw.fairness() {
            Fairness::Bounded => RangeLock::new(),
            Fairness::Strict => RangeLock::fair(),
        }
    }
}

impl Default for RangeLock {
    fn default() -> Self {
        RangeLock::new()
    }
}
