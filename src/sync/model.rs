//! The modelled primitives: loom's, in tables small enough to explore.

pub(crate) use loom::sync::MutexGuard;
pub(crate) use loom::sync::atomic::{AtomicI64, AtomicPtr, AtomicU64, Ordering};

use std::cell::{Cell, RefCell};
use std::time::Instant;

use loom::sync::Condvar;
use loom::sync::atomic::{AtomicBool, fence};

/// Two slots, so that two units can share one and two can differ.
pub(crate) const FIRST_TABLE_BITS: u32 = 1;

thread_local! {
    static MOST_TABLE_BITS: Cell<u32> = const { Cell::new(FIRST_TABLE_BITS) };
}

/// The table stays as it was made, but in models that say otherwise.
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

/// Two cells, so that two ranges can meet in them, and three overflow the board.
pub(crate) const BOARD_CELLS: usize = 2;

thread_local! {
    // The thread that has the first cell for itself, in models that say so.
    static OWNER: RefCell<Option<loom::thread::ThreadId>> = const { RefCell::new(None) };
}

/// Which of the cells are anybody's, a bit each.
pub(crate) fn common_cells() -> u64 {
    OWNER.with_borrow(|owner| if owner.is_some() { !1 } else { u64::MAX })
}

/// The cell that belongs to this thread, if one does.
pub(crate) fn own_cell() -> Option<u32> {
    OWNER.with_borrow(|owner| (*owner == Some(loom::thread::current().id())).then_some(0))
}

/// From now on, until the model's next run says it anew, the first cell belongs to this thread.
#[cfg(test)]
pub(crate) fn own_the_first_cell() {
    OWNER.set(Some(loom::thread::current().id()));
}

/// No cell belongs to a thread.
#[cfg(test)]
pub(crate) fn own_no_cell() {
    OWNER.set(None);
}

/// A model explores every order in any case.
pub(crate) const LOOKS: u32 = 2;

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

/// Explores a model without the barrier. loom's fence orders more than the operations for which it
/// stands: all that came before one happens before all that follows the next, which hides a missing
/// Acquire or Release. Only for models in which no two-sided race decides anything.
#[cfg(test)]
pub(crate) fn without_barrier(model: impl FnOnce()) {
    HAS_BARRIER.set(false);
    model();
    HAS_BARRIER.set(true);
}

/// A model explores every order in any case; spinning would only run it into loom's branch limit.
pub(crate) struct Backoff;

impl Backoff {
    pub(crate) fn new() -> Backoff {
        Backoff
    }

    pub(crate) fn is_completed(&self) -> bool {
        true
    }

    pub(crate) fn snooze(&self) {}
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

/// loom's own `thread::park` joins causality unconditionally and so hides a missing Acquire or Release.
/// Here a waiter first looks at its word, as a spinning one does, and only then sleeps on a
/// condition variable.
#[derive(Debug)]
pub(crate) struct Parker {
    notified: AtomicBool,
    asleep: loom::sync::Mutex<()>,
    woken: Condvar,
}

impl Parker {
    pub(crate) fn new() -> Parker {
        Parker {
            notified: AtomicBool::new(false),
            asleep: loom::sync::Mutex::new(()),
            woken: Condvar::new(),
        }
    }

    pub(crate) fn wait(&self) {
        if self.is_notified() {
            return;
        }
        let mut asleep = self.asleep.lock().expect("no model panics with a mutex held");
        while !self.is_notified() {
            asleep = self.woken.wait(asleep).expect("no model panics with a mutex held");
        }
    }

    /// A model has no clock: the deadline passes at once, which races it with every grant.
    pub(crate) fn wait_until(&self, deadline: Option<Instant>) -> bool {
        if deadline.is_none() {
            self.wait();
        }
        self.is_notified()
    }

    pub(crate) fn notify(&self) {
        // ORDERING: Release, paired with the Acquire in `is_notified`.
        self.notified.store(true, Ordering::Release);
        drop(self.asleep.lock().expect("no model panics with a mutex held"));
        self.woken.notify_one();
    }

    fn is_notified(&self) -> bool {
        // ORDERING: Acquire, paired with the Release in `notify`.
        self.notified.load(Ordering::Acquire)
    }
}
