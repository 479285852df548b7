//! loom's primitives, with tables small enough to explore.

pub(crate) use loom::sync::MutexGuard;
pub(crate) use loom::sync::atomic::{AtomicI64, AtomicPtr, AtomicU64, Ordering};

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Instant;

use loom::sync::Condvar;
use loom::sync::atomic::fence;

/// Two slots, so that two units can share one and two can differ.
pub(crate) const FIRST_TABLE_BITS: u32 = 1;

/// No table grows unless it is crowded.
pub(crate) const ROOMY_TABLE_BITS: u32 = FIRST_TABLE_BITS;

pub(crate) const FIRST_REGIONS_BITS: u32 = FIRST_TABLE_BITS;

thread_local! {
    static MOST_TABLE_BITS: Cell<u32> = const { Cell::new(FIRST_TABLE_BITS) };
}

/// The table does not grow, except in [`with_growing_table`].
pub(crate) fn most_table_bits() -> u32 {
    MOST_TABLE_BITS.get()
}

/// Explores a model in which the table grows to four slots.
#[cfg(test)]
pub(crate) fn with_growing_table(model: impl FnOnce()) {
    MOST_TABLE_BITS.set(2);
    model();
    MOST_TABLE_BITS.set(FIRST_TABLE_BITS);
}

/// Two cells, so that two ranges can conflict in them and three overflow the board.
pub(crate) const BOARD_CELLS: usize = 2;

thread_local! {
    // The thread that owns the first cell, in models that call `own_the_first_cell`.
    static OWNER: RefCell<Option<loom::thread::ThreadId>> = const { RefCell::new(None) };
}

/// The cells that belong to no thread, a bit each.
pub(crate) fn common_cells() -> u64 {
    OWNER.with_borrow(|owner| if owner.is_some() { !1 } else { u64::MAX })
}

/// The cell that belongs to this thread, if one does.
pub(crate) fn own_cell() -> Option<u32> {
    OWNER.with_borrow(|owner| (*owner == Some(loom::thread::current().id())).then_some(0))
}

/// Makes the first cell belong to this thread until the next run of the model.
#[cfg(test)]
pub(crate) fn own_the_first_cell() {
    OWNER.set(Some(loom::thread::current().id()));
}

/// No cell belongs to a thread.
#[cfg(test)]
pub(crate) fn own_no_cell() {
    OWNER.set(None);
}

/// The first cell for its owner, the second for all other threads.
pub(crate) fn home_cell() -> u32 {
    own_cell().unwrap_or(1)
}

/// A lock is opened and closed to readers' words only by models that do so explicitly.
pub(crate) fn is_hot(_: u32) -> bool {
    false
}

pub(crate) fn is_cold() -> bool {
    false
}

/// None. Which cell a claim tries first does not matter: it is taken as any other, or another is.
pub(crate) fn tried_first() -> Option<u32> {
    None
}

pub(crate) fn cells_of_others() -> u64 {
    0
}

thread_local! {
    static MOVES_CLAIMS: Cell<bool> = const { Cell::new(false) };
}

/// No claim is moved out of its cell, except in [`with_moves`].
pub(crate) fn moves_claims() -> bool {
    MOVES_CLAIMS.get()
}

/// Explores a model in which claims are moved out of their cells. That takes longer, so only models
/// of such moves do it.
#[cfg(test)]
pub(crate) fn with_moves(model: impl FnOnce()) {
    MOVES_CLAIMS.set(true);
    model();
    MOVES_CLAIMS.set(false);
}

/// A model explores every order anyway.
pub(crate) const LOOKS: u32 = 2;

thread_local! {
    static LOOKS_AT_UNITS: Cell<u32> = const { Cell::new(1) };
}

/// One look, except in [`with_two_looks`].
pub(crate) fn looks_at_units() -> u32 {
    LOOKS_AT_UNITS.get()
}

/// Explores a model in which a range looks twice at the units in its way. That takes longer.
#[cfg(test)]
pub(crate) fn with_two_looks(model: impl FnOnce()) {
    LOOKS_AT_UNITS.set(2);
    model();
    LOOKS_AT_UNITS.set(1);
}

pub(crate) use loom::thread::yield_now as pause;

thread_local! {
    // All threads of a model are coroutines of one real thread.
    static HAS_BARRIER: Cell<bool> = const { Cell::new(true) };
}

/// loom treats `SeqCst` operations as `AcqRel`; only its fences take part in the total order.
pub(crate) fn two_sided_barrier() {
    if HAS_BARRIER.get() {
        fence(Ordering::SeqCst);
    }
}

/// Natively this is a fence too.
pub(crate) fn counting_barrier() {
    two_sided_barrier();
}

/// Explores a model without the barrier. loom's fence orders more than the operations that it replaces:
/// everything before one happens before everything after the next, which hides a missing Acquire or
/// Release. Only for models without a two-sided race.
#[cfg(test)]
pub(crate) fn without_barrier(model: impl FnOnce()) {
    HAS_BARRIER.set(false);
    model();
    HAS_BARRIER.set(true);
}

/// A model explores every order anyway; spinning would only exceed loom's limit of branches.
pub(crate) struct Spins;

impl Spins {
    pub(crate) fn new() -> Spins {
        Spins
    }

    pub(crate) fn are_few(&self) -> bool {
        true
    }

    pub(crate) fn spin(&mut self) -> bool {
        false
    }
}

/// As spinning.
pub(crate) const YIELDS_WHILE_PATIENT: u32 = 0;

/// A claim is invited again after its first failed check, and due after the second.
pub(crate) const MOST_PASSES: u32 = 2;

thread_local! {
    static PATIENCE_ENDS: Cell<bool> = const { Cell::new(false) };
}

/// A model has no clock. Patience does not end, so that a lost invitation is a deadlock, except in
/// [`without_patience`].
pub(crate) fn end_of_patience() -> Option<Instant> {
    PATIENCE_ENDS.get().then(Instant::now)
}

/// Explores a model in which patience ends at once, so that it races with every invitation.
#[cfg(test)]
pub(crate) fn without_patience(model: impl FnOnce()) {
    PATIENCE_ENDS.set(true);
    model();
    PATIENCE_ENDS.set(false);
}

#[derive(Debug)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Mutex<T> {
        Mutex(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("no model panics with a mutex held")
    }
}

/// Why a wait ended; see the native type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    Granted,
    Invited,
    TimedOut,
}

const INVITED: u64 = 1;
const GRANTED: u64 = 1 << 1;

/// loom's own `thread::park` establishes happens-before unconditionally, which hides a missing Acquire
/// or Release. Here a waiter first loads its word, like a spinning one, and only then sleeps on a
/// condition variable.
#[derive(Debug)]
pub(crate) struct Parker {
    state: AtomicU64,
    asleep: loom::sync::Mutex<()>,
    changed: Condvar,
}

impl Parker {
    /// A new parker for each wait: threads keep theirs only for speed.
    pub(crate) fn for_this_thread() -> Arc<Parker> {
        Arc::new(Parker::new())
    }

    pub(crate) fn keep(self: Arc<Self>) {}

    fn new() -> Parker {
        Parker {
            state: AtomicU64::new(0),
            asleep: loom::sync::Mutex::new(()),
            changed: Condvar::new(),
        }
    }

    /// A model has no clock. A deadline passes at once, so that it races with every wake-up.
    pub(crate) fn wait_until(&self, deadline: Option<Instant>, _: u32) -> Woken {
        if let Some(woken) = self.woken() {
            return woken;
        }
        if deadline.is_some() {
            return Woken::TimedOut;
        }
        let mut asleep = self.asleep.lock().expect("no model panics with a mutex held");
        loop {
            if let Some(woken) = self.woken() {
                return woken;
            }
            asleep = self.changed.wait(asleep).expect("no model panics with a mutex held");
        }
    }

    pub(crate) fn notify(&self) {
        self.wake(GRANTED);
    }

    pub(crate) fn invite(&self) {
        self.wake(INVITED);
    }

    fn wake(&self, why: u64) {
        // ORDERING: Release, paired with the Acquire in `woken`.
        self.state.fetch_or(why, Ordering::Release);
        drop(self.asleep.lock().expect("no model panics with a mutex held"));
        self.changed.notify_one();
    }

    fn woken(&self) -> Option<Woken> {
        // ORDERING: Acquire, paired with the Release in `wake`.
        let state = self.state.load(Ordering::Acquire);
        if state & GRANTED != 0 {
            return Some(Woken::Granted);
        }
        (state & INVITED != 0).then(|| {
            // ORDERING: Relaxed: the load above was the Acquire.
            self.state.fetch_and(!INVITED, Ordering::Relaxed);
            Woken::Invited
        })
    }
}
