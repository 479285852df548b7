//! `RangeLock`: the public face of the lock.

// In the order in which rustdoc is to list what they add to the type.
mod plain;

mod mode;

mod timed;

mod several;

mod owned;

mod inspect;

use crate::raw::RawLock;

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
/// A claim waits for exactly those conflicting claims that were there before it, and is granted the
/// moment the last of them has left (first in, first out, by conflict). Claims that do not conflict
/// pass each other freely. A claim that is waiting is passed only by the few conflicting ones that were
/// already past their check when it queued, by [`lock_shared_recursive`](RangeLock::lock_shared_recursive), and by
/// [`try_upgrade`](crate::Guard::try_upgrade) and [`upgrade`](crate::Guard::upgrade).
///
/// A claim is there once it is queued. A thread that finds its range held, with nobody in the queue, spins before that, and
/// yields in between; it is passed by any number of others meanwhile. This lasts microseconds, and tens of
/// milliseconds where threads outnumber cores, since each yield may cost a turn of the scheduler. A future does not spin.
///
/// **Holding one claim and waiting for another deadlocks easily.** A thread that waits for a range of which
/// it holds a conflicting part waits for ever, and so does a reader that locks again while a writer
/// waits for its first claim. Taking ranges in ascending order is not enough either: with `0..10` held and
/// `..` queued by another, a claim on `20..30` stands behind that other. Hold one claim of a lock at a
/// time, or take several at once by [`lock_many`](RangeLock::lock_many).
///
/// # Complexity
///
/// A claim that meets nobody takes no mutex, as long as no more than twelve ranges are held or waited for at once. On
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
/// registry had at once. The eighth claim on one unit that finds the embedded slot taken allocates a table of 2 KiB,
/// once. All is freed with the lock.
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

impl Default for RangeLock {
    fn default() -> Self {
        RangeLock::new()
    }
}
