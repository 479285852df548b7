//! The explored primitives: shuttle's. Each operation on one is a point where its scheduler may let
//! another thread go on, so that the gallery can run the real lock and the real page cache in any
//! order that it likes.
//!
//! shuttle runs one thread at a time and knows sequential consistency only: it says nothing about
//! orderings, which are loom's to check. Memory between two of these points is plain memory.
#![allow(clippy::disallowed_types, reason = "it is here that std's are wrapped")]

pub(crate) use shuttle::sync::MutexGuard;
pub(crate) use shuttle::sync::atomic::{AtomicI64, AtomicPtr, AtomicU64, Ordering};

use std::sync::Arc;
use std::time::Instant;

use shuttle::sync::Condvar;

/// Four slots, so that units collide, and a span is looked for in few of them.
pub(crate) const FIRST_TABLE_BITS: u32 = 2;

/// The table is exchanged for a larger one, once.
pub(crate) fn most_table_bits() -> u32 {
    3
}

/// Two cells, so that a third claim overflows the board.
pub(crate) const BOARD_CELLS: usize = 2;

/// No cell belongs to a thread.
pub(crate) fn common_cells() -> u64 {
    u64::MAX
}

pub(crate) fn own_cell() -> Option<u32> {
    None
}

pub(crate) fn home_cell() -> u32 {
    0
}

/// Whoever meets another reader gives the unit a bias.
pub(crate) fn is_hot(_: u32) -> bool {
    true
}

/// Who looks again lets the others go on in between.
pub(crate) const LOOKS: u32 = 2;

pub(crate) fn pause() {
    shuttle::thread::yield_now();
}

/// All operations are sequentially consistent here.
#[inline(always)]
pub(crate) fn two_sided_barrier() {}

/// Whether a lock is had while spinning or after waiting is the scheduler's choice.
pub(crate) struct Spins;

impl Spins {
    pub(crate) fn new() -> Spins {
        Spins
    }

    pub(crate) fn spin(&mut self) -> bool {
        false
    }
}

/// Twice: a claim that looks in vain is invited again, and due when it has looked in vain again.
pub(crate) const MOST_PASSES: u32 = 2;

/// There is no clock: patience ends at once, which races it with every invitation.
pub(crate) fn end_of_patience() -> Option<Instant> {
    Some(Instant::now())
}

/// Why a wait has ended; see the native one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    Granted,
    Invited,
    TimedOut,
}

#[derive(Debug)]
pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Mutex<T> {
        Mutex(shuttle::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("nothing panics with a mutex held")
    }
}

#[derive(Debug)]
pub(crate) struct Parker {
    woken: shuttle::sync::Mutex<Option<Woken>>,
    changed: Condvar,
}

impl Parker {
    /// One for each wait: that threads keep theirs is for speed only.
    pub(crate) fn for_this_thread() -> Arc<Parker> {
        Arc::new(Parker::new())
    }

    pub(crate) fn keep(self: Arc<Self>) {}

    fn new() -> Parker {
        Parker { woken: shuttle::sync::Mutex::new(None), changed: Condvar::new() }
    }

    /// Waits until the claim is held.
    pub(crate) fn wait(&self) {
        while self.wait_until(None) != Woken::Granted {}
    }

    /// There is no clock: a deadline passes at once, which races it with every wake-up.
    pub(crate) fn wait_until(&self, deadline: Option<Instant>) -> Woken {
        let mut woken = self.woken.lock().expect("nothing panics with a mutex held");
        if deadline.is_none() {
            let waited = self.changed.wait_while(woken, |woken| woken.is_none());
            woken = waited.expect("nothing panics with a mutex held");
        }
        match *woken {
            Some(Woken::Granted) => Woken::Granted,
            _ => woken.take().unwrap_or(Woken::TimedOut),
        }
    }

    pub(crate) fn notify(&self) {
        *self.woken.lock().expect("nothing panics with a mutex held") = Some(Woken::Granted);
        self.changed.notify_one();
    }

    pub(crate) fn invite(&self) {
        self.woken.lock().expect("nothing panics with a mutex held").get_or_insert(Woken::Invited);
        self.changed.notify_one();
    }
}
