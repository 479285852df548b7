//! shuttle's primitives. At each operation its scheduler may switch threads, so the gallery can run the
//! real lock and the real page cache in any order.
//!
//! shuttle runs one thread at a time, with sequential consistency only: it does not check orderings,
//! which loom does.
#![allow(clippy::disallowed_types, reason = "it is here that std's are wrapped")]

pub(crate) use shuttle::sync::MutexGuard;
pub(crate) use shuttle::sync::atomic::{AtomicI64, AtomicPtr, AtomicU64, Ordering};

use std::sync::Arc;
use std::time::Instant;

use shuttle::sync::Condvar;

/// Four slots, so that units collide and scans are short.
pub(crate) const FIRST_TABLE_BITS: u32 = 2;

/// No table grows unless it is crowded.
pub(crate) const ROOMY_TABLE_BITS: u32 = FIRST_TABLE_BITS;

pub(crate) const FIRST_REGIONS_BITS: u32 = FIRST_TABLE_BITS;

/// The table grows once.
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

pub(crate) fn moves_claims() -> bool {
    true
}

/// The first conflict between readers opens the lock to readers' words.
pub(crate) fn is_hot(_: u32) -> bool {
    true
}

/// The first exclusive claim closes it again.
pub(crate) fn is_cold() -> bool {
    true
}

/// None. Which cell a claim tries first does not matter: it is taken as any other, or another is.
pub(crate) fn tried_first() -> Option<u32> {
    None
}

pub(crate) fn cells_of_others() -> u64 {
    0
}

/// A thread that checks again lets the others run in between.
pub(crate) const LOOKS: u32 = 2;

/// One look: the scheduler may run the others before it.
pub(crate) fn looks_at_units() -> u32 {
    1
}

pub(crate) fn pause() {
    shuttle::thread::yield_now();
}

/// All operations are sequentially consistent here.
#[inline(always)]
pub(crate) fn two_sided_barrier() {}

#[inline(always)]
pub(crate) fn counting_barrier() {}

/// The scheduler chooses whether a claim is acquired while spinning or after waiting.
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

/// There is no clock. Patience ends at once, so that it races with every invitation.
pub(crate) fn end_of_patience() -> Option<Instant> {
    Some(Instant::now())
}

/// Why a wait ended; see the native type.
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
    /// A new parker for each wait: threads keep theirs only for speed.
    pub(crate) fn for_this_thread() -> Arc<Parker> {
        Arc::new(Parker::new())
    }

    pub(crate) fn keep(self: Arc<Self>) {}

    fn new() -> Parker {
        Parker { woken: shuttle::sync::Mutex::new(None), changed: Condvar::new() }
    }

    /// There is no clock. A deadline passes at once, so that it races with every wake-up.
    pub(crate) fn wait_until(&self, deadline: Option<Instant>, _: u32) -> Woken {
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
