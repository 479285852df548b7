//! How a claim waits for the release of another one.

use std::ptr;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;

use crossbeam_utils::Backoff;
use parking_lot_core::{DEFAULT_PARK_TOKEN, DEFAULT_UNPARK_TOKEN};

/// How the claims of one lock wait.
pub trait Waiting: Default + Sync + 'static {
    /// Returns when `released` is true; it never becomes false again. It becomes true by a SeqCst write, after
    /// which [`after_release`](Waiting::after_release) is called.
    fn until(&self, released: impl Fn() -> bool);

    /// Wakes the claims that may wait for the claim that was just released.
    fn after_release(&self);
}

/// Spins, then yields the processor.
#[derive(Default)]
pub struct Yielding;

impl Waiting for Yielding {
    #[inline]
    fn until(&self, released: impl Fn() -> bool) {
        let backoff = Backoff::new();
        while !released() {
            backoff.snooze();
        }
    }

    #[inline]
    fn after_release(&self) {}
}

/// Sleeps. All claims of a lock sleep in one place, and each release wakes all of them.
#[derive(Default)]
pub struct Sleeping {
    /// Whether any thread may sleep.
    sleepers: AtomicBool,
}

impl Waiting for Sleeping {
    fn until(&self, released: impl Fn() -> bool) {
        while !released() {
            // SeqCst: a claim sets the flag and then checks whether the other claim is released; a release is recorded
            // first, and then checks the flag. At least one of the two sees the other.
            let validate = || {
                self.sleepers.store(true, SeqCst);
                !released()
            };
            // SAFETY: the key is the address of a field of the lock, which outlives the wait;
            // the closures neither panic nor call into the parking lot.
            unsafe {
                let key = ptr::from_ref(self).addr();
                parking_lot_core::park(key, validate, || (), |_, _| (), DEFAULT_PARK_TOKEN, None);
            }
        }
    }

    #[inline]
    fn after_release(&self) {
        if self.sleepers.load(SeqCst) {
            self.wake_all();
        }
    }
}

impl Sleeping {
    #[cold]
    fn wake_all(&self) {
        self.sleepers.store(false, SeqCst);
        // SAFETY: the key is the address of a field of the lock, which no other thread parks at.
        unsafe { parking_lot_core::unpark_all(ptr::from_ref(self).addr(), DEFAULT_UNPARK_TOKEN) };
    }
}
