//! The explored primitives: shuttle's. Each operation on one is a point where its scheduler may let
//! another thread go on, so that the gallery can run the real lock and the real page cache in any
//! order that it likes.
//!
//! shuttle runs one thread at a time and knows sequential consistency only: it says nothing about
//! orderings, which are loom's to check. Memory between two of these points is plain memory.
#![allow(clippy::disallowed_types, reason = "it is here that std's are wrapped")]

pub(crate) use shuttle::sync::MutexGuard;
pub(crate) use shuttle::sync::atomic::{AtomicI64, AtomicPtr, AtomicU64, Ordering};

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

/// Who looks again lets the others go on in between.
pub(crate) const LOOKS: u32 = 2;

pub(crate) fn pause() {
    shuttle::thread::yield_now();
}

/// All operations are sequentially consistent here.
#[inline(always)]
pub(crate) fn two_sided_barrier() {}

/// Who spins lets the others go on, or the one that it waits for never would.
pub(crate) struct Backoff;

impl Backoff {
    pub(crate) fn new() -> Backoff {
        Backoff
    }

    pub(crate) fn is_completed(&self) -> bool {
        true
    }

    pub(crate) fn snooze(&self) {
        shuttle::thread::yield_now();
    }
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
    notified: shuttle::sync::Mutex<bool>,
    woken: Condvar,
}

impl Parker {
    pub(crate) fn new() -> Parker {
        Parker { notified: shuttle::sync::Mutex::new(false), woken: Condvar::new() }
    }

    pub(crate) fn wait(&self) {
        let notified = self.notified.lock().expect("nothing panics with a mutex held");
        let waited = self.woken.wait_while(notified, |notified| !*notified);
        drop(waited.expect("nothing panics with a mutex held"));
    }

    /// There is no clock: a deadline passes at once, which races it with every grant.
    pub(crate) fn wait_until(&self, deadline: Option<Instant>) -> bool {
        if deadline.is_none() {
            self.wait();
        }
        *self.notified.lock().expect("nothing panics with a mutex held")
    }

    pub(crate) fn notify(&self) {
        *self.notified.lock().expect("nothing panics with a mutex held") = true;
        self.woken.notify_one();
    }
}
