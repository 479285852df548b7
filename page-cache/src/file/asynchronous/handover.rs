//! Work that a task passes to another thread, and waits for.
//!
//! The task and the work share the stage of the work and the task's waker, under one mutex:
//!
//! | stage | the work | the task |
//! | --- | --- | --- |
//! | `Queued` | has not begun | waits |
//! | `Running` | runs, or has panicked | waits |
//! | `Ended` | has ended, or was dropped | has not been polled since |
//! | `Over` | may still be queued, or run | has the result, or does not wait any more |
//!
//! - H1. Work that ends takes the waker as it leaves its result, and a poll that finds no result leaves its waker, each
//!   while it holds the mutex. So one of the two sees the other.
//! - H2. The work ends in every case: when it is dropped without its result, it leaves an error.
//! - H3. A task that does not wait any more takes what it finds. Work that has not begun then does nothing when it is
//!   run, and meanwhile keeps nothing. Work that has begun drops its own result.
//! - H4. User code runs without the mutex: wakers, and the drop of results, which may be errors of a user.

use std::error::Error;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::order::leaf::lock_leaf;
use crate::sync::blocking::Mutex;
use crate::unwind;

/// What the task has: a future of the result.
pub(crate) struct Awaited<W, T> {
    state: Arc<Mutex<State<W, T>>>,
}

/// What the other thread has.
pub(crate) struct Work<W, T> {
    state: Arc<Mutex<State<W, T>>>,
}

struct State<W, T> {
    stage: Stage<W, T>,
    waker: Option<Waker>,
}

enum Stage<W, T> {
    Queued(W),
    Running,
    Ended(Result<T, Lost>),
    Over,
}

/// Why work has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    Dropped,
    Panicked,
}

/// Splits some work into the two ends.
pub(crate) fn hand_over<W: FnOnce() -> T, T>(work: W) -> (Work<W, T>, Awaited<W, T>) {
    let state = Arc::new(Mutex::new(State { stage: Stage::Queued(work), waker: None }));
    (Work { state: Arc::clone(&state) }, Awaited { state })
}

impl<W: FnOnce() -> T, T> Work<W, T> {
    pub(crate) fn run(self) {
        if let Some(work) = self.begin() {
            let result = work();
            self.end(Ok(result));
        }
    }

    fn begin(&self) -> Option<W> {
        let mut state = lock_leaf(&self.state);
        match mem::replace(&mut state.stage, Stage::Running) {
            Stage::Queued(work) => Some(work),
            over => {
                state.stage = over;
                None
            }
        }
    }
}

impl<W, T> Work<W, T> {
    fn end(&self, result: Result<T, Lost>) {
        let mut state = lock_leaf(&self.state);
        if matches!(state.stage, Stage::Ended(_) | Stage::Over) {
            drop(state);
            return unwind::discard(result);
        }
        let before = mem::replace(&mut state.stage, Stage::Ended(result));
        let waker = state.waker.take();
        drop(state);
        unwind::discard(before);
        if let Err(payload) = unwind::catch(|| waker.map(Waker::wake)) {
            unwind::discard(payload);
        }
    }
}

impl<W, T> Drop for Work<W, T> {
    fn drop(&mut self) {
        let lost = match lock_leaf(&self.state).stage {
            Stage::Queued(_) => Lost::Dropped,
            Stage::Running => Lost::Panicked,
            Stage::Ended(_) | Stage::Over => return,
        };
        self.end(Err(lost));
    }
}

impl<W, T> Future for Awaited<W, T> {
    type Output = Result<T, Lost>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = lock_leaf(&self.state);
        let mut replaced = None;
        if !state.knows(context.waker()) {
            drop(state);
            let waker = context.waker().clone();
            state = lock_leaf(&self.state);
            replaced = state.waker.replace(waker);
        }
        let result = match mem::replace(&mut state.stage, Stage::Over) {
            Stage::Ended(result) => Poll::Ready(result),
            stage => {
                state.stage = stage;
                Poll::Pending
            }
        };
        drop(state);
        unwind::discard(replaced);
        result
    }
}

impl<W, T> State<W, T> {
    /// Whether it needs no other waker to wake the task. Compares pointers, and runs no user code.
    fn knows(&self, waker: &Waker) -> bool {
        let is_known = self.waker.as_ref().is_some_and(|known| known.will_wake(waker));
        is_known || matches!(self.stage, Stage::Ended(_))
    }
}

impl<W, T> Drop for Awaited<W, T> {
    fn drop(&mut self) {
        let over = State { stage: Stage::Over, waker: None };
        let left = mem::replace(&mut *lock_leaf(&self.state), over);
        unwind::discard(left.waker);
        unwind::discard(left.stage);
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Lost::Dropped => "the blocking work was dropped before it ran",
            Lost::Panicked => "the blocking work panicked",
        })
    }
}

impl Error for Lost {}

#[cfg(all(test, not(spanlock_shuttle)))]
mod tests;
