//! The real primitives: std's atomics, parking_lot's mutex, and parking through parking_lot_core.

mod own_cells;
mod parker;

pub(crate) use std::sync::atomic::{AtomicI64, AtomicPtr, AtomicU64, Ordering};

use std::cell::Cell;
use std::time::{Duration, Instant};

pub(crate) use own_cells::{cells_of_others, common_cells, home_cell, own_cell, tried_first};
pub(crate) use parker::{Parker, Woken};

/// The binary logarithm of the number of slots of the first table: 32 slots are 256 bytes.
pub(crate) const FIRST_TABLE_BITS: u32 = 5;

/// The same of a table in which the units of a few threads seldom collide: 256 slots are two kibibytes.
pub(crate) const ROOMY_TABLE_BITS: u32 = 8;

/// The same of the first array of counters of regions.
pub(crate) const FIRST_REGIONS_BITS: u32 = 7;

/// The binary logarithm of the number of slots of the largest table.
pub(crate) fn most_table_bits() -> u32 {
    24
}

/// The number of cells: a power of two, at most 16.
pub(crate) const BOARD_CELLS: usize = 16;

/// After this many conflicts of a thread's readers with other threads, the lock is opened to readers' words.
const HOT: u32 = 64;

/// After this many exclusive claims of a thread that had to check readers' words, the lock is
/// closed to them again.
const COLD: u32 = 4_096;

std::thread_local! {
    static HEAT: Cell<u32> = const { Cell::new(0) };
    static CHECKS: Cell<u32> = const { Cell::new(0) };
}

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

/// Whether a claim that finds every cell taken moves another claim out of its cell.
#[inline(always)]
pub(crate) fn moves_claims() -> bool {
    true
}

/// How often a tentative claim is checked, with the mutex held, before it is treated as a conflict.
pub(crate) const LOOKS: u32 = 64;

/// How often a tentative claim on a range looks for a conflicting claim on a unit before it is taken back:
/// for about half a microsecond.
pub(crate) fn looks_at_units() -> u32 {
    16
}

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

/// After how many of these pauses a claim that only units block is queued: about five microseconds.
const FEW_SPINS: u32 = 4;

/// The first pause, as a power of two. Checking earlier would slow down the thread that is about to release.
const FIRST_SPIN: u32 = 3;

/// How often a waiter checks its word before it parks, which costs a wake-up: for about five
/// microseconds. Only the thread that wakes it writes the word, so the checks slow down no other thread.
const CHECKS_BEFORE_PARKING: u32 = 15;

/// The pause before each of these checks.
const CHECK: u32 = 3;

/// How often the thread of a patient claim yields before it parks. With more threads than processors the
/// claim often waits for a thread that has lost its processor, and a yield costs less than a wake-up.
pub(crate) const YIELDS_WHILE_PATIENT: u32 = 4;

/// Pauses for 2^`exponent` spin hints.
fn pause_for(exponent: u32) {
    (0..1 << exponent).for_each(|_| std::hint::spin_loop());
}

/// Pauses between attempts of a claim that is not queued.
pub(crate) struct Spins(u32);

impl Spins {
    pub(crate) fn new() -> Spins {
        Spins(0)
    }

    /// Whether it has paused for about as long as a waiter does before it parks, or less.
    pub(crate) fn are_few(&self) -> bool {
        self.0 < FEW_SPINS
    }

    /// Pauses, or returns false if it has paused often enough.
    pub(crate) fn spin(&mut self) -> bool {
        if self.0 == SPINS_BEFORE_QUEUEING {
            return false;
        }
        pause_for(FIRST_SPIN + self.0);
        self.0 += 1;
        true
    }
}
