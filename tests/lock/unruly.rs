//! A waker that panics where a test wants it to, with a payload that panics when it is dropped.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{RawWaker, RawWakerVTable, Waker};

/// What is done with a waker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Clone,
    Wake,
    Drop,
}

/// What the tests panic with: it tells from which waker it comes, and panics when it is dropped.
pub struct Bomb(pub u32);

impl Drop for Bomb {
    fn drop(&mut self) {
        panic::panic_any("a payload was dropped");
    }
}

/// The state of a waker and its clones.
#[derive(Default)]
pub struct Unruly {
    number: u32,
    panics: AtomicU64,
    wakes: AtomicU32,
}

impl Unruly {
    /// One whose panics carry this number.
    pub fn new(number: u32) -> Arc<Unruly> {
        Arc::new(Unruly { number, ..Unruly::default() })
    }

    /// From now on, each such act panics, once it is done; the waker itself can be dropped only if it is forgotten.
    pub fn panics_in(self: &Arc<Self>, act: Act) -> &Arc<Self> {
        self.panics.fetch_or(1 << act as u64, Ordering::Relaxed);
        self
    }

    /// It panics no more.
    pub fn calm(&self) {
        self.panics.store(0, Ordering::Relaxed);
    }

    /// How often it was woken.
    pub fn wakes(&self) -> u32 {
        self.wakes.load(Ordering::Relaxed)
    }

    pub fn waker(self: &Arc<Self>) -> Waker {
        // SAFETY: the table's functions treat the pointer as that of an `Arc`, of which each waker has one
        // count; what it leads to is `Send` and `Sync`.
        unsafe { Waker::from_raw(raw(Arc::clone(self))) }
    }

    /// How many wakers there are.
    pub fn wakers(self: &Arc<Self>) -> usize {
        Arc::strong_count(self) - 1
    }

    fn did(&self, act: Act) {
        if self.panics.load(Ordering::Relaxed) & (1 << act as u64) != 0 {
            panic::panic_any(Bomb(self.number));
        }
    }
}

/// Runs `code`, which must panic with a [`Bomb`]; returns its number.
#[track_caller]
pub fn bomb_of<T>(code: impl FnOnce() -> T) -> u32 {
    let Err(payload) = panic::catch_unwind(AssertUnwindSafe(code)) else {
        panic!("there was no panic")
    };
    let bomb = payload.downcast::<Bomb>().expect("a bomb");
    let number = bomb.0;
    // Moved out, it can be forgotten with no leak of its box.
    std::mem::forget(*bomb);
    number
}

fn raw(state: Arc<Unruly>) -> RawWaker {
    RawWaker::new(Arc::into_raw(state).cast(), &TABLE)
}

static TABLE: RawWakerVTable = RawWakerVTable::new(
    |state| {
        // SAFETY: the pointer of an `Arc`, one count of which is the waker's, by `waker`.
        let state = std::mem::ManuallyDrop::new(unsafe { Arc::from_raw(state.cast::<Unruly>()) });
        state.did(Act::Clone);
        raw(Arc::clone(&state))
    },
    |state| {
        // SAFETY: as above; the waker is consumed.
        let state = unsafe { Arc::from_raw(state.cast::<Unruly>()) };
        state.wakes.fetch_add(1, Ordering::Relaxed);
        state.did(Act::Wake);
    },
    |state| {
        // SAFETY: as above.
        let state = std::mem::ManuallyDrop::new(unsafe { Arc::from_raw(state.cast::<Unruly>()) });
        state.wakes.fetch_add(1, Ordering::Relaxed);
        state.did(Act::Wake);
    },
    |state| {
        // SAFETY: as above; the waker is consumed.
        let state = unsafe { Arc::from_raw(state.cast::<Unruly>()) };
        state.did(Act::Drop);
    },
);
