//! The real primitives: std's atomics, parking_lot's mutex, and parking through parking_lot_core.

pub(crate) use std::sync::atomic::{AtomicI64, AtomicPtr, AtomicU64, Ordering};

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

use parking_lot_core::{DEFAULT_PARK_TOKEN, DEFAULT_UNPARK_TOKEN, park, unpark_one};

/// The binary logarithm of the number of slots of the first table: 128 slots are a kibibyte.
pub(crate) const FIRST_TABLE_BITS: u32 = 7;

/// The binary logarithm of the number of slots of the largest table.
pub(crate) fn most_table_bits() -> u32 {
    24
}

/// The number of cells: a power of two, at most 16.
pub(crate) const BOARD_CELLS: usize = 16;

/// The number of cells that belong to one thread each; they are the first ones.
const OWN_CELLS: u32 = 4;

/// The cells that belong to no thread, a bit each.
#[inline]
pub(crate) fn common_cells() -> u64 {
    !((1 << OWN_CELLS) - 1)
}

/// The cell that belongs to this thread, if any. A thread gets a free one when it first calls this, and
/// keeps it until it ends.
#[inline]
pub(crate) fn own_cell() -> Option<u32> {
    let own = OWN.get();
    if own == UNKNOWN { first_own_cell() } else { (own != NONE).then_some(own) }
}

/// The cell in whose cache line this thread is counted as a reader: its own, if it has one.
#[inline]
pub(crate) fn home_cell() -> u32 {
    own_cell().unwrap_or_else(|| {
        // Scattered, since the addresses of threads differ in their upper bits only.
        let address = OWN.with(|own| std::ptr::from_ref(own).addr()) as u64;
        (address.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32 % BOARD_CELLS as u32
    })
}

/// The cells that belong to other threads, a bit each.
pub(crate) fn cells_of_others() -> u64 {
    let own = own_cell().map_or(0, |own| 1 << own);
    !common_cells() & !own
}

/// After this many conflicts of a thread's readers with other threads, the lock is opened to readers' words.
const HOT: u32 = 64;

/// After this many exclusive claims of a thread that had to check readers' words, the lock is
/// closed to them again.
const COLD: u32 = 4_096;

/// Counts such conflicts of this thread, and returns whether they are many. If so, counting starts again.
#[cold]
pub(crate) fn is_hot(conflicts: u32) -> bool {
    let heat = HEAT.get() + conflicts;
    HEAT.set(if heat < HOT { heat } else { 0 });
    heat >= HOT
}

/// Counts a check of this thread, and returns whether there were many. If so, counting starts again.
pub(crate) fn is_cold() -> bool {
    let checks = CHECKS.get() + 1;
    CHECKS.set(checks % COLD);
    checks == COLD
}

const UNKNOWN: u32 = u32::MAX;
const NONE: u32 = u32::MAX - 1;

std::thread_local! {
    static OWN: Cell<u32> = const { Cell::new(UNKNOWN) };
    static OWNER: Owner = const { Owner };
    static HEAT: Cell<u32> = const { Cell::new(0) };
    static CHECKS: Cell<u32> = const { Cell::new(0) };
}

/// The cells that belong to a thread, a bit each. No model needs it: it only identifies threads.
static OWNED: AtomicU32 = AtomicU32::new(0);

#[cold]
fn first_own_cell() -> Option<u32> {
    OWN.set(NONE);
    // A thread that is being torn down gets none.
    OWNER.try_with(|_| ()).ok()?;
    let lowest_free = |owned: u32| {
        let own = owned.trailing_ones();
        (own < OWN_CELLS).then_some(owned | 1 << own)
    };
    // ORDERING: Acquire, paired with the Release in `drop`: we see what the thread that had the
    // cell wrote to it.
    let owned = OWNED.fetch_update(Ordering::Acquire, Ordering::Relaxed, lowest_free).ok()?;
    OWN.set(owned.trailing_ones());
    own_cell()
}

/// Frees a thread's cell when the thread ends.
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

/// Whether a claim that finds every cell taken moves another claim out of its cell.
#[inline(always)]
pub(crate) fn moves_claims() -> bool {
    true
}

/// How often a tentative claim is checked, with the mutex held, before it is treated as a conflict.
pub(crate) const LOOKS: u32 = 64;

pub(crate) use std::hint::spin_loop as pause;

/// Separates a store from a later load that must not be reordered before it, on both sides of a
/// two-sided argument. Natively it does nothing: store and load are `SeqCst`, which suffices. loom
/// treats `SeqCst` operations as `AcqRel`, so there it is a fence.
#[inline(always)]
pub(crate) fn two_sided_barrier() {}

/// The same for stores that are not `SeqCst`.
#[inline]
pub(crate) fn counting_barrier() {
    std::sync::atomic::fence(Ordering::SeqCst);
}

/// A mutex without poisoning: its contents are consistent wherever its holder may panic.
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

/// How often a waiting claim may be overtaken.
pub(crate) const MOST_PASSES: u32 = 16;

/// For how long a waiting claim may be overtaken.
const PATIENCE: Duration = Duration::from_micros(500);

/// When a claim that begins to wait now becomes due.
pub(crate) fn end_of_patience() -> Option<Instant> {
    Instant::now().checked_add(PATIENCE)
}

/// How often a claim is tried again before it is queued. Each pause is twice as long as the one
/// before; together they take about twenty microseconds. The thread does not yield, because that
/// can cost a time slice.
const SPINS_BEFORE_QUEUEING: u32 = 6;

/// How often a waiter checks its word before it parks, which costs a wake-up: for about five microseconds.
const SPINS_BEFORE_PARKING: u32 = 4;

/// The first pause, as a power of two. Checking earlier would slow down the thread that is about to release.
const FIRST_SPIN: u32 = 3;

/// Pauses between attempts.
pub(crate) struct Spins {
    turn: u32,
    most: u32,
}

impl Spins {
    /// The pauses of a claim that is not queued.
    pub(crate) fn new() -> Spins {
        Spins { turn: 0, most: SPINS_BEFORE_QUEUEING }
    }

    /// Whether it has paused for less than a waiter does before it parks.
    pub(crate) fn are_few(&self) -> bool {
        self.turn < SPINS_BEFORE_PARKING
    }

    /// Pauses, or returns false if it has paused often enough.
    pub(crate) fn spin(&mut self) -> bool {
        if self.turn == self.most {
            return false;
        }
        (0..1 << (FIRST_SPIN + self.turn)).for_each(|_| std::hint::spin_loop());
        self.turn += 1;
        true
    }
}

const PARKED: u32 = 1;
const INVITED: u32 = 1 << 1;
const GRANTED: u32 = 1 << 2;

/// A thread that waits for a claim: it spins on its own word, then parks.
///
/// | bit     | meaning                     | set by                     | cleared by                   |
/// |---------|-----------------------------|----------------------------|------------------------------|
/// | PARKED  | the waiter sleeps           | the waiter                 | the waiter                   |
/// | INVITED | the waiter must check again | [`invite`](Parker::invite) | the waiter, before it checks |
/// | GRANTED | the claim is held           | [`notify`](Parker::notify) | no thread                    |
#[derive(Debug)]
pub(crate) struct Parker {
    state: AtomicU32,
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The claim is held.
    Granted,
    /// The claim is to check again.
    Invited,
    TimedOut,
}

std::thread_local! {
    /// The parker of this thread's last wait.
    static KEPT: Cell<Option<Arc<Parker>>> = const { Cell::new(None) };
}

impl Parker {
    fn new() -> Parker {
        Parker { state: AtomicU32::new(0) }
    }

    /// A parker for a wait of this thread: that of the last wait, if no other thread refers to it any
    /// more.
    pub(crate) fn for_this_thread() -> Arc<Parker> {
        // A thread that is being torn down has kept none.
        let mut kept = KEPT.try_with(Cell::take).ok().flatten();
        match kept.as_mut().and_then(Arc::get_mut) {
            Some(parker) => *parker = Parker::new(),
            None => kept = None,
        }
        kept.unwrap_or_else(|| Arc::new(Parker::new()))
    }

    /// Keeps a parker for the next wait of this thread.
    pub(crate) fn keep(self: Arc<Self>) {
        let _ = KEPT.try_with(|kept| kept.set(Some(self)));
    }

    /// Waits until [`notify`](Parker::notify) or [`invite`](Parker::invite) was called or
    /// `deadline` has passed.
    pub(crate) fn wait_until(&self, deadline: Option<Instant>) -> Woken {
        let mut spins = Spins { turn: 0, most: SPINS_BEFORE_PARKING };
        while spins.spin() {
            if let Some(woken) = self.woken() {
                return woken;
            }
        }
        // ORDERING: Relaxed. Going to sleep publishes nothing; `woken` acquires what it finds.
        let _ = self.state.compare_exchange(0, PARKED, Ordering::Relaxed, Ordering::Relaxed);
        loop {
            if let Some(woken) = self.woken() {
                return woken;
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                // ORDERING: Relaxed, as above.
                self.state.fetch_and(!PARKED, Ordering::Relaxed);
                return self.woken().unwrap_or(Woken::TimedOut);
            }
            let validate = || self.state.load(Ordering::Relaxed) == PARKED;
            let before_sleep = || {};
            let timed_out = |_, _| {};
            // SAFETY: the key is the address of this parker, which outlives the call and is used as
            // a key by no other thread; the callbacks neither panic nor call into parking_lot_core.
            unsafe {
                park(self.key(), validate, before_sleep, timed_out, DEFAULT_PARK_TOKEN, deadline)
            };
        }
    }

    /// Ends the wait because the claim is held.
    pub(crate) fn notify(&self) {
        self.wake(GRANTED);
    }

    /// Ends the wait so that the owner checks again.
    pub(crate) fn invite(&self) {
        self.wake(INVITED);
    }

    fn wake(&self, why: u32) {
        // ORDERING: Release, paired with the Acquire in `woken`: the waiter sees what was done
        // before the wake-up.
        if self.state.fetch_or(why, Ordering::Release) == PARKED {
            // SAFETY: the key is ours; the callback neither panics nor calls into parking_lot_core.
            unsafe { unpark_one(self.key(), |_| DEFAULT_UNPARK_TOKEN) };
        }
    }

    fn woken(&self) -> Option<Woken> {
        // ORDERING: Acquire, paired with the Release in `wake`.
        let state = self.state.load(Ordering::Acquire);
        if state & GRANTED != 0 {
            return Some(Woken::Granted);
        }
        (state & INVITED != 0).then(|| {
            // ORDERING: Relaxed: the load above was the Acquire.
            self.state.fetch_and(!(INVITED | PARKED), Ordering::Relaxed);
            Woken::Invited
        })
    }

    fn key(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

#[cfg(test)]
mod tests;
