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
/// - **Patient.** At first later claims may overtake it. When its range is free, and no earlier waiting claim
///   conflicts with it, its thread or task is woken and tries to lock the range. If a later claim has taken the
///   range meanwhile, the patient claim waits again. So the lock can be used while the waiter wakes up.
/// - **Due.** A claim becomes due when it has waited for half a millisecond, or has been overtaken 16 times.
///   It is counted as overtaken once whenever it is woken and finds its range taken, even if several claims
///   took the range in the meantime, and once whenever a later conflicting claim becomes due before it. No
///   later claim overtakes a due claim. Conflicting due claims are granted in the order in which they became
///   due, each when the last conflicting claim before it is released. The releasing thread grants the claim,
///   then wakes its thread or task.
///
/// These claims are due immediately: an exclusive claim that waits only for shared claims, so that readers do
/// not starve writers; a claim on several ranges ([`lock_many`](RangeLock::lock_many)); an
/// [upgrade](crate::Guard::upgrade). In a lock made by [`RangeLock::fair`] every claim is due immediately: it
/// is strictly first in, first out.
///
/// A thread measures the half millisecond itself, so its claim becomes due later if the scheduler does not run the
/// thread in time. Before a thread queues, it retries for about 20 microseconds without yielding, unless another
/// claim is due. The thread of a patient claim yields a few times before it parks. A future has no clock: it becomes
/// due when it is polled after half a millisecond, or when it has been overtaken 16 times. Any number of claims may
/// overtake it between its wake-up and the next poll.
///
/// A due claim can be overtaken only by a claim that had already checked for due claims when this one became
/// due, by [`lock_shared_recursive`](RangeLock::lock_shared_recursive), and by upgrades, whether they wait
/// ([`upgrade`](crate::Guard::upgrade)) or not ([`try_upgrade`](crate::Guard::try_upgrade)).
///
/// # Deadlocks
///
/// **Do not hold one claim while you wait for another on the same lock.** A thread that waits for a range
/// and holds a conflicting claim on a part of it waits forever. So does a reader that locks the same range
/// again while a writer waits. Ascending order does not help: if one thread holds `0..10` and another waits
/// for `..`, the first thread's claim on `20..30` waits for the second, which waits for the first. Lock
/// several ranges at once with [`lock_many`](RangeLock::lock_many). Single units that every thread locks in
/// the same order are safe, as long as no claim covers two of them; `docs/nesting.md` in the source has the
/// exact rule.
///
/// # Complexity
///
/// A claim on one unit is usually stored in a *slot*, one atomic word, and a claim on a range in one of 16
/// *cells*. Neither takes a mutex. Any other claim is *registered*, in a tree behind a mutex: a claim that
/// waits, a claim on several ranges, a range that finds no cell, and most claims that were changed while they
/// were held.
///
/// One unit takes one atomic read-modify-write to lock and one to unlock. A range of any length takes as many
/// if its thread has a free cell of its own, and two more if not: the first four threads that need one have
/// one cell each in every lock, until they end. A claim also reads the cells in use, and a range the slots of
/// its units, at most all slots. Units from 2<sup>48</sup> on are treated as ranges.
///
/// Twelve of the cells are for all threads. If they are all taken, a new range takes the mutex once, to move
/// an older range to the tree and use its cell; the release of that older range then takes the mutex too. So
/// twelve ranges can be locked and unlocked at the same time without the mutex, however many more stay held.
///
/// A registered claim takes time logarithmic in the number of registered claims plus linear in those that
/// overlap. Its release visits every overlapping claim that waits. So the release of a range for which ten
/// thousand claims wait takes ten thousand steps under the mutex.
///
/// # Panics
///
/// Each method documents the ranges for which it panics. A method that locks also panics if 2<sup>32</sup>
/// claims are registered already.
///
/// # Memory
///
/// A lock has 24 bytes. It uses no heap while only single units are locked, one at a time. The first claim on
/// a range, the first that waits, or the first on a unit while another unit is held allocates about 2.6
/// kilobytes; this grows with the number of registered claims. The first claim on a unit while another unit
/// is held also allocates a table of slots, of 256 bytes. The table grows to 2 KiB if different units often
/// need the same slot at the same time. It also grows with the number of units that are held at the same time,
/// to at most 128 bytes for each, or twice that including earlier tables. Each range that is held at the same
/// time as 16 others takes from 1 to 4 KiB: the more regions of the lock it touches (1 to 9), the more. Later
/// claims use this memory again. All of it is freed when the lock is dropped.
///
/// # Source
///
/// The idea is Jan Kara's, who proposed a range lock for a file's mapping ("efficient in locking a single
/// page range", linux-mm, June 2012). That each waiting claim counts the claims that block it follows his
/// range lock patches (2013). How readers on several threads avoid writing the same cache line follows BRAVO
/// (Dice and Kogan, USENIX ATC 2019). Slots and cells are new in this crate.
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
