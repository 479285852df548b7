//! What a waiting claim's owner waits on: a thread's parker or a task's waker, in one queue.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::task::Waker;

use crate::sync::Parker;

/// Whom to wake when a claim is granted.
#[derive(Debug)]
pub(crate) enum Waiter {
    Thread(Arc<Parker>),
    Task(Waker),
}

impl Waiter {
    fn wake(self) {
        match self {
            Waiter::Thread(parker) => parker.notify(),
            Waiter::Task(waker) => waker.wake(),
        }
    }
}

/// Claims that were granted under the registry's mutex and whose owners are to be woken after it.
#[derive(Default)]
#[must_use = "a granted claim's owner sleeps until it is woken"]
pub(crate) struct Wakes(pub(crate) Vec<Waiter>);

impl Wakes {
    /// Wakes them all, even if one of them panics. Wakers run user code: no lock may be held here.
    pub(crate) fn wake(self) {
        let mut first = None;
        for waiter in self.0 {
            let woken = panic::catch_unwind(AssertUnwindSafe(|| waiter.wake()));
            first = first.or(woken.err());
        }
        if let Some(payload) = first {
            panic::resume_unwind(payload);
        }
    }
}
