//! The real primitives: std's atomics, parking_lot's mutex, parking through parking_lot_core.

pub(crate) use crossbeam_utils::Backoff;
pub(crate) use std::sync::atomic::{AtomicI64, AtomicPtr, AtomicU64, Ordering};

use std::cell::Cell;
use std::sync::atomic::AtomicU32;
use std::time::Instant;

use parking_lot_core::{DEFAULT_PARK_TOKEN, DEFAULT_UNPARK_TOKEN, park, unpark_one};

/// How many slots the first table has, as a power of two: 32 slots are 256 bytes.
pub(crate) const FIRST_TABLE_BITS: u32 = 5;

/// How many the largest has.
pub(crate) fn most_table_bits() -> u32 {
    24
}

/// How many ranges a board shows: a power of two, at most 16.
pub(crate) const BOARD_CELLS: usize = 16;

/// The cells that belong to a thread each, from the first on; the others are anybody's.
const OWN_CELLS: u32 = 4;

/// Which of the cells are anybody's, a bit each.
#[inline]
pub(crate) fn common_cells() -> u64 {
    !((1 << OWN_CELLS) - 1)
}

/// The cell that belongs to this thread, if one does: so many threads as there are such cells have one each, until
/// they end. Then the next thread without one that asks for the first time gets it.
#[inline]
pub(crate) fn own_cell() -> Option<u32> {
    let own = OWN.get();
    if own == UNKNOWN { first_own_cell() } else { (own != NONE).then_some(own) }
}

const UNKNOWN: u32 = u32::MAX;
const NONE: u32 = u32::MAX - 1;

std::thread_local! {
    static OWN: Cell<u32> = const { Cell::new(UNKNOWN) };
    static OWNER: Owner = const { Owner };
}

/// The cells that belong to threads, a bit each. Not a part of any model: it only says who is who.
static OWNED: AtomicU32 = AtomicU32::new(0);

#[cold]
fn first_own_cell() -> Option<u32> {
    OWN.set(NONE);
    // A thread that is going away gets none.
    OWNER.try_with(|_| ()).ok()?;
    let lowest_free = |owned: u32| {
        let own = owned.trailing_ones();
        (own < OWN_CELLS).then_some(owned | 1 << own)
    };
    // ORDERING: Acquire, paired with the Release in `drop`: the thread that had the cell has seen to it that
    // its words are as it left them.
    let owned = OWNED.fetch_update(Ordering::Acquire, Ordering::Relaxed, lowest_free).ok()?;
    OWN.set(owned.trailing_ones());
    own_cell()
}

/// Gives a thread's cell back when the thread ends.
struct Owner;

impl Drop for Owner {
    fn drop(&mut self) {
        let own = OWN.replace(NONE);
        if own < OWN_CELLS {
            // ORDERING: Release, paired with the Acquire in `first_own_cell`.
            OWNED.fetch_and(!(1 << own), Ordering::Release);
        }
    }
}

/// How often a claim that somebody may be about to leave is looked at, with the mutex held.
pub(crate) const LOOKS: u32 = 64;

pub(crate) use std::hint::spin_loop as pause;

/// Stands between a store and a later load that must not pass it, on both sides of a two-sided
/// argument. Natively it is nothing: both the store and the load are `SeqCst`, which is enough. loom
/// treats `SeqCst` operations as `AcqRel`, so there it is a fence.
#[inline(always)]
pub(crate) fn two_sided_barrier() {}

/// A mutex that knows no poison: what it guards is consistent wherever its holder may panic.
#[derive(Debug)]
pub(crate) struct Mutex<T>(parking_lot::Mutex<T>);

pub(crate) type MutexGuard<'a, T> = parking_lot::MutexGuard<'a, T>;

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Mutex<T> {
        Mutex(parking_lot::Mutex::new(value))
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock()
    }
}

/// How often a waiter looks whether it may go on before it parks, each pause being twice as long as the
/// one before.
const PARKER_SPINS: u32 = 7;

const WAITING: u32 = 0;
const PARKED: u32 = 1;
const NOTIFIED: u32 = 2;

/// Where one thread waits for one event: it spins on its own word for a while, then parks.
///
/// | state    | set by              | from             |
/// |----------|---------------------|------------------|
/// | WAITING  | `new`               |                  |
/// | PARKED   | the waiter          | WAITING          |
/// | NOTIFIED | whoever notifies    | WAITING, PARKED  |
#[derive(Debug)]
pub(crate) struct Parker {
    state: AtomicU32,
}

impl Parker {
    pub(crate) fn new() -> Parker {
        Parker { state: AtomicU32::new(WAITING) }
    }

    /// Waits until [`notify`](Parker::notify) was called.
    pub(crate) fn wait(&self) {
        let notified = self.wait_until(None);
        debug_assert!(notified, "without a deadline only a notification ends the wait");
    }

    /// Waits until [`notify`](Parker::notify) was called or `deadline` has passed; whether it was the former.
    pub(crate) fn wait_until(&self, deadline: Option<Instant>) -> bool {
        // Without yielding: a yield can cost a turn of the scheduler, where parking costs a wake-up.
        for turn in 0..PARKER_SPINS {
            if self.is_notified() {
                return true;
            }
            (0..1 << turn).for_each(|_| std::hint::spin_loop());
        }
        // ORDERING: Relaxed. Going to sleep publishes nothing; a failure means NOTIFIED, and
        // `is_notified` below acquires it.
        let _ = self.state.compare_exchange(WAITING, PARKED, Ordering::Relaxed, Ordering::Relaxed);
        loop {
            if self.is_notified() {
                return true;
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return false;
            }
            let validate = || self.state.load(Ordering::Relaxed) == PARKED;
            let before_sleep = || {};
            let timed_out = |_, _| {};
            // SAFETY: the key is the address of this parker, which outlives the call and is used as
            // a key by nobody else; the callbacks neither panic nor call into parking_lot_core.
            unsafe {
                park(self.key(), validate, before_sleep, timed_out, DEFAULT_PARK_TOKEN, deadline)
            };
        }
    }

    /// Ends the wait, now or when it begins.
    pub(crate) fn notify(&self) {
        // ORDERING: Release, paired with the Acquire in `is_notified`: what the notifier did, the
        // waiter sees.
        if self.state.swap(NOTIFIED, Ordering::Release) == PARKED {
            // SAFETY: the key is ours; the callback neither panics nor calls into parking_lot_core.
            unsafe { unpark_one(self.key(), |_| DEFAULT_UNPARK_TOKEN) };
        }
    }

    fn is_notified(&self) -> bool {
        // ORDERING: Acquire, paired with the Release in `notify`.
        self.state.load(Ordering::Acquire) == NOTIFIED
    }

    fn key(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

#[cfg(test)]
mod tests;
