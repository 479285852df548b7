//! Syncs of a file whose callers wait for a limited time.
//!
//! A sync may wait for page guards, claims and the store, without a limit. So a thread of the cache performs it, and
//! only that thread waits for them. There is one at a time for each file, which ends when no caller waits for
//! another sync. Callers that arrive while a sync is in progress share the next. So whatever a sync waits for
//! occupies one thread, however many callers give up.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{SharedError, TryAgain};
use crate::files::durability::sync_group::Scope;
use crate::sync::blocking::{Condvar, Mutex, MutexGuard, PoisonError};
use crate::unwind;

/// The threads that wait for such a sync of one file.
#[derive(Default)]
pub(crate) struct TimedSyncs {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    has_thread: bool,
    /// The sync that begins next, if a caller wants one, and the widest scope that a caller wants.
    next: Option<(Arc<Outcome>, Scope)>,
}

/// What came of a sync that has ended.
type Outcome = Mutex<Option<Result<(), SharedError>>>;

impl TimedSyncs {
    /// Returns after one sync that began since the call, or fails after `timeout`; the sync continues then.
    /// `start` starts a thread that does the [`work`](TimedSyncs::work).
    pub(crate) fn join(
        &self,
        scope: Scope,
        timeout: Duration,
        start: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        // A time that the clock does not have never comes.
        let until = Instant::now().checked_add(timeout);
        let mut state = self.state();
        let (outcome, widest) = state.next.get_or_insert_default();
        *widest = scope.max(*widest);
        let outcome = Arc::clone(outcome);
        if !state.has_thread {
            start()?;
            state.has_thread = true;
        }
        loop {
            if let Some(outcome) = locked(&outcome).clone() {
                return outcome.map_err(io::Error::from);
            }
            state = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                None => self.ended.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => {
                    return Err(TryAgain::timed_out(not_ended(timeout)));
                }
                Some(left) => {
                    let waited = self.ended.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Performs syncs as long as a caller wants one.
    pub(crate) fn work(&self, sync: impl Fn(Scope) -> io::Result<()>) {
        loop {
            let mut state = self.state();
            let Some((outcome, scope)) = state.next.take() else {
                state.has_thread = false;
                return;
            };
            drop(state);
            // After a panic of the cache's own the next callers get an error, and do not wait for this thread.
            let synced = unwind::catch_as_error("the sync", || sync(scope));
            *locked(&outcome) = Some(synced.map_err(SharedError::from));
            drop(self.state());
            self.ended.notify_all();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

/// Why a caller of a sync has given up.
pub(crate) fn not_ended(timeout: Duration) -> String {
    format!("the sync had not ended after {timeout:?}, and continues")
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, not(spanlock_shuttle)))]
mod tests;
