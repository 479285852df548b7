//! Parking: how a thread waits for its claim, and how it is woken.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use parking_lot_core::{DEFAULT_PARK_TOKEN, DEFAULT_UNPARK_TOKEN, park, unpark_one};

use super::{CHECK, CHECKS_BEFORE_PARKING, pause_for};

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
    /// `deadline` has passed. Yields up to `yields` times before it parks.
    pub(crate) fn wait_until(&self, deadline: Option<Instant>, yields: u32) -> Woken {
        let is_late = || deadline.is_some_and(|deadline| deadline <= Instant::now());
        for _ in 0..CHECKS_BEFORE_PARKING {
            pause_for(CHECK);
            if let Some(woken) = self.woken() {
                return woken;
            }
        }
        for _ in 0..yields {
            thread::yield_now();
            if let Some(woken) = self.woken() {
                return woken;
            }
            // A yield may take a time slice.
            if is_late() {
                break;
            }
        }
        // ORDERING: Relaxed. Going to sleep publishes nothing; `woken` acquires what it finds.
        let _ = self.state.compare_exchange(0, PARKED, Ordering::Relaxed, Ordering::Relaxed);
        loop {
            if let Some(woken) = self.woken() {
                return woken;
            }
            if is_late() {
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
