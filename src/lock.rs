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
/// A unit is whatever the caller says: a page, a byte, a block. Ranges are anything that is
/// `RangeBounds<u64>`; `..` and `n..` reach to the end, `u64::MAX` exclusive. Two claims exclude each other if
/// and only if their ranges share a unit and one of them is exclusive. A claim on an empty range is
/// granted at once and conflicts with nothing.
///
/// # Fairness
///
/// Claims that do not conflict pass each other freely. A claim that finds a conflicting one in its way waits, in one of
/// two ways:
///
/// - **Patient.** At first a claim may be passed. A release frees the range and wakes the first in line; a newcomer that is
///   faster, a try included, has the range, and the claim waits again. This spares the lock a wake-up between each two holders.
/// - **Due.** A claim is due half a millisecond after it began to wait, or when it was passed 16 times: woken in vain, or
///   passed by claims that became due before it. Then it is passed by nobody. Due claims are granted in the order in which they
///   became due (first in, first out, by conflict), each the moment the last in its way has left: its
///   thread or task is woken when it holds the range.
///
/// An exclusive claim that waits for shared ones only is due at once: readers do not starve writers. So are claims on
/// several ranges ([`lock_many`](RangeLock::lock_many)) and [upgrades](crate::Guard::upgrade).
///
/// A thread keeps its own time: once it is due, it is passed by nobody that comes later. It may be due late by
/// as long as the scheduler takes to run it. Before it waits, it tries again for some microseconds, without yielding. A
/// future has no clock: it becomes due when it is polled and half a millisecond is over, or when it has been passed
/// 16 times by due claims. Between a wake-up and the poll that answers it any number of claims may pass.
///
/// A due claim is passed only by the few conflicting ones that were
/// already past their check when it became due, by [`lock_shared_recursive`](RangeLock::lock_shared_recursive), and by
/// [`try_upgrade`](crate::Guard::try_upgrade) and [`upgrade`](crate::Guard::upgrade).
///
/// [`RangeLock::fair`] makes a lock whose claims are all due as soon as they wait: strictly first in, first out.
///
/// **Holding one claim and waiting for another deadlocks easily.** A thread that waits for a range of which
/// it holds a conflicting part waits for ever, and so does a reader that locks again while a writer
/// waits for its first claim. Taking ranges in ascending order is not enough either: with `0..10` held and
/// `..` due for another, a claim on `20..30` stands behind that other. Hold one claim of a lock at a
/// time, or take several at once by [`lock_many`](RangeLock::lock_many). Single units that are always claimed in one order are
/// safe, if nobody claims two of them together: docs/nesting.md has the whole rule.
///
/// # Complexity
///
/// A claim that meets nobody takes no mutex, as long as no more than twelve ranges are held or waited for at once. If more are,
/// only ranges that find no place take it, and claims near those that found none. On
/// one unit it is one atomic read-modify-write to lock and one to unlock. On several units, however many, it is the
/// same for the first four threads that lock ranges, and three in all for others or for a second range; and a look at
/// the ranges that are held, and at the slots of its units, or at all slots if it has more units than there are.
/// Other claims take a mutex, and time logarithmic in those that do plus linear in the ones that overlap. Letting go
/// costs as much: it asks each claim of the registry that overlaps, held or waiting,
/// whether this was the last in its way. A range for which ten thousand wait is therefore let go of in ten
/// thousand steps, under the mutex, even if only one of them is granted; and so is a single unit, if a claim on
/// a range waits for it.
///
/// # Panics
///
/// Each method says which ranges it refuses. Apart from that, a claim panics if it is the 2^32nd in the
/// registry, held or waiting; they would take hundreds of gigabytes.
///
/// # Memory
///
/// 32 bytes, and nothing on the heap as long as claims are on one unit and come one at a time. The first claim
/// that needs more allocates cells and a registry, about one and a half kilobytes, which grow with the most claims that the
/// registry had at once. The first claim on one unit that finds the embedded slot taken allocates a table of 256 bytes; it grows with
/// the most units that were held at once, to 64 to 128 bytes for each, or twice that with the smaller tables before it. All is freed
/// with the lock.
///
/// # Source
///
/// The lock that Jan Kara proposed for a file's mapping ("efficient in locking a single page range",
/// linux-mm, June 2012). Counting blockers by arrival follows his range lock patches (2013); slots and
/// cells are this crate's.
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
