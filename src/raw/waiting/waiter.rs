//! What a waiting claim's owner waits on: a thread's parker or a task's waker, in one queue.

use std::sync::Arc;
use std::task::Waker;
use std::thread;

use crate::Mode;
use crate::deadlock::Waiting;
use crate::raw::Locked;
use crate::raw::counters::{Counters, Wait};
use crate::raw::registry::{Affected, ClaimId};
use crate::raw::waiting::News;
use crate::sync::Parker;
use crate::unwind;

/// The thread or the task to wake when a claim is granted.
#[derive(Debug)]
pub(crate) enum Sleeper {
    Thread(Arc<Parker>),
    Task(TaskWaker),
}

impl Sleeper {
    /// Clones the waker, which is user code: not with the mutex held.
    pub(crate) fn of_task(waker: &Waker) -> Sleeper {
        Sleeper::Task(TaskWaker(Some(waker.clone())))
    }

    /// Whether this wakes the task of `waker`. Compares two pointers, and runs no user code.
    pub(crate) fn would_wake(&self, waker: &Waker) -> bool {
        matches!(self, Sleeper::Task(TaskWaker(Some(known))) if known.will_wake(waker))
    }

    /// What to wake to let a claim's owner check again while the claim continues to wait. A task is
    /// woken only once for each of its polls.
    pub(crate) fn call(&mut self) -> Option<Sleeper> {
        match self {
            Sleeper::Thread(parker) => Some(Sleeper::Thread(Arc::clone(parker))),
            Sleeper::Task(TaskWaker(waker)) => {
                waker.take().map(|waker| Sleeper::Task(TaskWaker(Some(waker))))
            }
        }
    }
}

/// A task's waker. Dropping it is user code.
#[derive(Debug)]
pub(crate) struct TaskWaker(Option<Waker>);

impl TaskWaker {
    fn wake(mut self) {
        if let Some(waker) = self.0.take() {
            waker.wake();
        }
    }
}

impl Drop for TaskWaker {
    fn drop(&mut self) {
        let waker = self.0.take();
        if !thread::panicking() {
            drop(waker);
        } else if let Err(payload) = unwind::catch(|| drop(waker)) {
            // Two panics at once would abort the process.
            unwind::discard(payload);
        }
    }
}

/// What the registry keeps for the owner of a waiting claim.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) sleeper: Sleeper,
    pub(crate) wait: Wait,
    pub(crate) record: Waiting,
    /// The number of the claim, or of the first one of its group.
    claim: Option<ClaimId>,
}

impl Waiter {
    pub(crate) fn new(sleeper: Sleeper, mode: Mode, record: Waiting) -> Waiter {
        Waiter { sleeper, wait: Wait::begin(mode), record, claim: None }
    }

    /// Lets a task that is woken find that something has happened to its claim.
    pub(crate) fn announce(&self, news: &News) {
        if let (Sleeper::Task(_), Some(claim)) = (&self.sleeper, self.claim) {
            news.add(claim);
        }
    }
}

impl Locked<'_> {
    /// Keeps what the owner of a claim waits on.
    pub(in crate::raw) fn keep(&mut self, id: ClaimId, mut waiter: Waiter) {
        waiter.claim = Some(id);
        *self.registry().waiter_mut(id) = Some(waiter);
    }
}

/// Claims that were granted or invited under the registry's mutex, and whose owners are woken after
/// it is released.
#[derive(Default)]
#[must_use = "the owners of granted claims sleep until they are woken"]
pub(crate) struct Wakes {
    pub(crate) affected: Affected<Waiter>,
    /// The owners to wake of the claims that were invited.
    pub(crate) calls: Vec<Sleeper>,
}

impl Wakes {
    /// Ends the records of threads that do not wait any more, and makes the grants visible to tasks that are polled.
    /// With the mutex held: no later claim is reported as what a thread waits for.
    pub(crate) fn announce_grants(&mut self, news: &News) {
        for waiter in &mut self.affected.granted {
            waiter.record.end();
            waiter.announce(news);
        }
    }

    /// Wakes all of them, even if a waker panics. Wakers run user code, so the caller holds no
    /// lock.
    #[inline]
    pub(crate) fn wake(self, counters: &Counters) {
        if !self.affected.granted.is_empty() || !self.calls.is_empty() {
            self.wake_all(counters);
        }
    }

    #[cold]
    fn wake_all(self, counters: &Counters) {
        // Counted before any is woken: a waker may take long, which must not be counted as waiting,
        // or may read the counters.
        for waiter in &self.affected.granted {
            counters.granted_after(&waiter.wait);
            counters.woke();
        }
        self.calls.iter().for_each(|_| counters.woke());
        // Threads first: a waker is user code, and may never return.
        for waiter in &self.affected.granted {
            if let Sleeper::Thread(parker) = &waiter.sleeper {
                parker.notify();
            }
        }
        for sleeper in &self.calls {
            if let Sleeper::Thread(parker) = sleeper {
                parker.invite();
            }
        }
        let granted = self.affected.granted.into_iter().map(|waiter| waiter.sleeper);
        let mut first = None;
        for sleeper in granted.chain(self.calls) {
            let Sleeper::Task(waker) = sleeper else { continue };
            match unwind::catch(|| waker.wake()) {
                Ok(()) => {}
                Err(payload) if first.is_none() => first = Some(payload),
                Err(payload) => unwind::discard(payload),
            }
        }
        if let Some(payload) = first {
            unwind::resume(payload);
        }
    }
}
