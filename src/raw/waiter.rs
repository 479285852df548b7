//! What a waiting claim's owner waits on: a thread's parker or a task's waker, in one queue.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::task::Waker;

use crate::Mode;
use crate::deadlock::Waiting;
use crate::raw::counters::{Counters, Wait};
use crate::sync::Parker;

/// Whom to wake when a claim is granted.
#[derive(Debug)]
pub(crate) enum Sleeper {
    Thread(Arc<Parker>),
    Task(Waker),
}

impl Sleeper {
    fn wake(self) {
        match self {
            Sleeper::Thread(parker) => parker.notify(),
            Sleeper::Task(waker) => waker.wake(),
        }
    }
}

/// What the registry keeps for the owner of a waiting claim.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) sleeper: Sleeper,
    pub(crate) wait: Wait,
    pub(crate) record: Waiting,
}

impl Waiter {
    pub(crate) fn new(sleeper: Sleeper, mode: Mode, record: Waiting) -> Waiter {
        Waiter { sleeper, wait: Wait::begin(mode), record }
    }
}

/// Claims that were granted under the registry's mutex and whose owners are to be woken after it.
#[derive(Default)]
#[must_use = "a granted claim's owner sleeps until it is woken"]
pub(crate) struct Wakes(pub(crate) Vec<Waiter>);

impl Wakes {
    /// Strikes out the records of threads that wait no more; under the mutex, so that no claim which
    /// comes later is thought to be in their way.
    pub(crate) fn end_records(&mut self) {
        self.0.iter_mut().for_each(|waiter| waiter.record.end());
    }

    /// Wakes them all, even if one of them panics. Wakers run user code: no lock may be held here.
    #[inline]
    pub(crate) fn wake(self, counters: &Counters) {
        if !self.0.is_empty() {
            self.wake_all(counters);
        }
    }

    #[cold]
    fn wake_all(self, counters: &Counters) {
        // All of them first: a waker may take its time, which is nobody's wait, or look at the numbers.
        for waiter in &self.0 {
            counters.granted_after(&waiter.wait);
            counters.woke();
        }
        let mut first = None;
        for waiter in self.0 {
            let woken = panic::catch_unwind(AssertUnwindSafe(|| waiter.sleeper.wake()));
            first = first.or(woken.err());
        }
        if let Some(payload) = first {
            panic::resume_unwind(payload);
        }
    }
}
