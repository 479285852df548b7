//! `RangeLock`: the public face of the lock.

// In the order in which rustdoc is to list what they add to the type.
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
/// A unit is whatever the caller chooses: a page, a byte, a block. Ranges are of any type that implements
/// `RangeBounds<u64>`; `..` and `n..` end at `u64::MAX`, exclusive. Two claims conflict if their ranges
/// share a unit and at least one of them is exclusive. A claim on an empty range is granted at once and
/// conflicts with nothing.
///
/// # Fairness
///
/// Claims that do not conflict never wait for each other. A claim that meets a conflicting one waits in one
/// of two ways:
///
/// - **Patient.** At first it may be overtaken. A release frees the range and wakes the first waiter. If a
///   newcomer takes the range before the waiter runs, the waiter waits again. Tries overtake too. This
///   avoids a wake-up between every two holders.
/// - **Due.** After half a millisecond, or after it was overtaken 16 times, it is due. No later claim
///   overtakes a due claim. Due claims are granted in the order in which they became due, each when the
///   last conflicting claim before it is released; its thread or task is woken as a holder.
///
/// These claims are due at once: an exclusive claim that waits only for shared claims, so that readers do
/// not starve writers; a claim on several ranges ([`lock_many`](RangeLock::lock_many)); an
/// [upgrade](crate::Guard::upgrade). In a lock made by [`RangeLock::fair`] every claim is due at once: it
/// is strictly first in, first out.
///
/// A thread measures the half millisecond itself, so it may become due later by the time that the scheduler
/// takes to run it. Before it waits it retries for some microseconds without yielding. A future has no
/// clock: it becomes due when it is polled after half a millisecond, or when due claims have overtaken it
/// 16 times. Between its wake-up and the next poll any number of claims may overtake it.
///
/// A due claim is overtaken only by conflicting claims that had already checked for it when it became due,
/// by [`lock_shared_recursive`](RangeLock::lock_shared_recursive), by
/// [`try_upgrade`](crate::Guard::try_upgrade) and by [`upgrade`](crate::Guard::upgrade).
///
/// # Deadlocks
///
/// **Do not hold one claim while you wait for another.** A thread that waits for a range of which it holds
/// a conflicting part waits for ever. So does a reader that locks the same range again while a writer
/// waits. Ascending order does not help: if a thread holds `0..10` and another waits for `..`, a claim on
/// `20..30` waits behind the second. Take several ranges at once with [`lock_many`](RangeLock::lock_many).
/// Single units that every thread claims in the same order are safe, as long as no claim covers two of
/// them; docs/nesting.md has the exact rule.
///
/// # Complexity
///
/// A claim that meets no other takes no mutex while at most twelve ranges are held or waited for. If there
/// are more, only ranges that find no free cell take the mutex, and claims near them. One unit costs one
/// atomic read-modify-write to lock and one to unlock. A range of any length costs the same for the first
/// four threads that lock ranges, otherwise three in all; and a look at the held ranges and at the slots of
/// its units, at most at all slots.
///
/// Other claims take a mutex. Their time is logarithmic in the number of registered claims plus linear in
/// those that overlap. A release of such a claim checks every overlapping claim for whether it can be
/// granted. So the release of a range for which ten thousand claims wait takes ten thousand steps under the
/// mutex.
///
/// # Panics
///
/// Each method says which ranges it rejects. Also, a claim panics if 2<sup>32</sup> - 1 claims are
/// registered already.
///
/// # Memory
///
/// 32 bytes and no heap while claims are on one unit and one at a time. The first claim that needs more
/// allocates about one and a half kilobytes, which grow with the number of registered claims. The first
/// claim on a unit while another unit is held allocates a table of 256 bytes. It grows with the number of
/// units held at the same time, to 64 to 128 bytes for each, or twice that including earlier tables.
/// Everything is freed with the lock.
///
/// # Source
///
/// The lock that Jan Kara proposed for a file's mapping ("efficient in locking a single page range",
/// linux-mm, June 2012). Counting blockers by arrival follows his range lock patches (2013). Readers of a
/// hot unit follow BRAVO (Dice and Kogan, USENIX ATC 2019). Slots and cells are this crate's.
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
    /// A lock that is as fair as this one.
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
