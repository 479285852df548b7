//! Closers: threads that close files and drop their stores, so that no store can keep the thread that drops a file.
//!
//! Starting a thread for each file would cost more than closing the file. So a closer that has closed
//! a file stays idle for a moment, and takes the next one. A file is queued only if an idle closer takes it
//! immediately; otherwise a closer is started for it. So no file waits for a store that hangs while
//! another file is closed, and an idle cache has no closers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::sync::blocking::{Condvar, Mutex, MutexGuard, PoisonError};
use crate::sync::thread;

/// How long a closer is idle before it ends.
const LEISURE: Duration = Duration::from_millis(100);

/// The closing of a file.
pub(crate) type Closing = Box<dyn FnOnce() + Send>;

#[derive(Default)]
pub(crate) struct Closers {
    state: Mutex<State>,
    queued: Condvar,
}

/// The queue is never longer than the number of idle closers.
#[derive(Default)]
struct State {
    queue: VecDeque<Closing>,
    /// The closers that wait for the queue, including those that were woken and have not read it yet.
    idle: usize,
}

impl Closers {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a closer close a file, without waiting for it. Returns the closing if there is no
    /// closer and none can be started.
    pub(crate) fn close(self: &Arc<Self>, closing: Closing) -> Result<(), Closing> {
        let mut state = self.state();
        if state.idle <= state.queue.len() {
            drop(state);
            return self.start(closing);
        }
        state.queue.push_back(closing);
        drop(state);
        self.queued.notify_one();
        Ok(())
    }

    #[cold]
    fn start(self: &Arc<Self>, closing: Closing) -> Result<(), Closing> {
        let first = Arc::new(Mutex::new(Some(closing)));
        let (closers, its_first) = (Arc::clone(self), Arc::clone(&first));
        let run = move || {
            let mut next = take(&its_first);
            while let Some(closing) = next {
                closing();
                next = closers.next();
            }
        };
        match thread::Builder::new().name("page-closer".into()).spawn(run) {
            Ok(_) => Ok(()),
            Err(_) => Err(take(&first).expect("no thread has taken it")),
        }
    }

    /// Waits for the next file to close. `None` if there is none for a while.
    fn next(&self) -> Option<Closing> {
        let mut state = self.state();
        state.idle += 1;
        let none = |state: &mut State| state.queue.is_empty();
        let waited = self.queued.wait_timeout_while(state, LEISURE, none);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.idle -= 1;
        state.queue.pop_front()
    }
}

fn take(first: &Mutex<Option<Closing>>) -> Option<Closing> {
    first.lock().unwrap_or_else(PoisonError::into_inner).take()
}

#[cfg(all(test, not(spanlock_shuttle)))]
mod tests;
