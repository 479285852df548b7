//! The real primitives: std's atomics, parking_lot's mutex, parking through parking_lot_core.

pub(crate) use std::sync::atomic::{AtomicI64, AtomicPtr, AtomicU64, Ordering};

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

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

/// The cell in whose line this thread is counted as a reader: its own, if it has one.
#[inline]
pub(crate) fn home_cell() -> u32 {
    own_cell().unwrap_or_else(|| {
        OWN.with(|own| std::ptr::from_ref(own).addr() >> 6) as u32 % BOARD_CELLS as u32
    })
}

/// How often readers must be in each other's way until a unit is given a bias.
const HOT: u32 = 64;

/// Whether this thread has been in the way of other readers so often, with `retries` more, that a bias is worth its
/// while. As often again before the next: that is how long whoever takes a bias away is spared another.
#[cold]
pub(crate) fn is_hot(retries: u32) -> bool {
    let heat = HEAT.get() + retries;
    HEAT.set(if heat < HOT { heat } else { 0 });
    heat >= HOT
}

const UNKNOWN: u32 = u32::MAX;
const NONE: u32 = u32::MAX - 1;

std::thread_local! {
    static OWN: Cell<u32> = const { Cell::new(UNKNOWN) };
    static OWNER: Owner = const { Owner };
    static HEAT: Cell<u32> = const { Cell::new(0) };
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

/// How often a claim may be passed, once it waits, by those that it did not see in time.
pub(crate) const MOST_PASSES: u32 = 16;

/// For how long a claim may be passed, once it waits.
const PATIENCE: Duration = Duration::from_micros(500);

/// When a claim that begins to wait now may not be passed any more.
pub(crate) fn end_of_patience() -> Option<Instant> {
    Instant::now().checked_add(PATIENCE)
}

/// How often a claim is tried again before it waits, and how often a waiter looks whether it may go on before it parks: each pause
/// is twice as long as the one before, so that all of them take a few microseconds. Without yielding: a
/// yield can cost a turn of the scheduler, where parking costs a wake-up.
const MOST_SPINS: u32 = 7;

/// Pauses between tries.
pub(crate) struct Spins {
    turn: u32,
}

impl Spins {
    pub(crate) fn new() -> Spins {
        Spins { turn: 0 }
    }

    /// Pauses for a moment, if it is not too late for that.
    pub(crate) fn spin(&mut self) -> bool {
        if self.turn == MOST_SPINS {
            return false;
        }
        (0..1 << self.turn).for_each(|_| std::hint::spin_loop());
        self.turn += 1;
        true
    }
}

const PARKED: u32 = 1;
const INVITED: u32 = 1 << 1;
const GRANTED: u32 = 1 << 2;

/// Where one thread waits for one claim: it spins on its own word for a while, then parks.
///
/// | bit     | meaning                       | set by         | cleared by                        |
/// |---------|-------------------------------|----------------|-----------------------------------|
/// | PARKED  | the waiter sleeps             | the waiter     | the waiter                        |
/// | INVITED | the waiter is to look again   | whoever invites | the waiter, when it goes to look |
/// | GRANTED | the claim is held             | whoever grants | nobody                            |
#[derive(Debug)]
pub(crate) struct Parker {
    state: AtomicU32,
}

/// Why a wait has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The claim is held.
    Granted,
    /// The claim's turn may have come.
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

    /// A parker for a wait of this thread: that of its last one, if all who were to wake it then have forgotten it.
    pub(crate) fn for_this_thread() -> Arc<Parker> {
        // A thread that is going away has kept none.
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

    /// Waits until the claim is held.
    pub(crate) fn wait(&self) {
        while self.wait_until(None) != Woken::Granted {}
    }

    /// Waits until [`notify`](Parker::notify) or [`invite`](Parker::invite) was called or `deadline` has passed.
    pub(crate) fn wait_until(&self, deadline: Option<Instant>) -> Woken {
        let mut spins = Spins::new();
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
            // a key by nobody else; the callbacks neither panic nor call into parking_lot_core.
            unsafe {
                park(self.key(), validate, before_sleep, timed_out, DEFAULT_PARK_TOKEN, deadline)
            };
        }
    }

    /// Ends the wait for good, now or when it begins: the claim is held.
    pub(crate) fn notify(&self) {
        self.wake(GRANTED);
    }

    /// Ends the wait, now or when it begins, so that the waiter looks again.
    pub(crate) fn invite(&self) {
        self.wake(INVITED);
    }

    fn wake(&self, why: u32) {
        // ORDERING: Release, paired with the Acquire in `woken`: what the waker did, the waiter sees.
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
            // ORDERING: Relaxed: what was to be acquired has been.
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
