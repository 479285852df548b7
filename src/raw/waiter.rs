//! What a waiting claim's owner waits on: a thread's parker or a task's waker, in one queue.

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
    /// Wakes them all. Wakers run user code: no lock may be held here.
    pub(crate) fn wake(self) {
        self.0.into_iter().for_each(Waiter::wake);
    }
}
