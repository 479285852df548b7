//! Concurrent syncs of a file share one sync of its store.
//!
//! A caller has written its pages, and needs a sync of the store that begins after that. Callers
//! that arrive while a sync is running wait until it ends, and then need only one more, which the
//! first of them to wake performs for all.

use std::io;
use std::sync::Arc;

use crate::error::SharedError;
use crate::sync::blocking::{Condvar, Mutex, MutexGuard, PoisonError};

/// What a sync makes durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    /// The bytes, and what it takes to find them, such as the length.
    #[default]
    Data,
    /// What else the store keeps beside them, too.
    All,
}

/// The threads that wait for a sync of one file's store.
#[derive(Default)]
pub(crate) struct SyncGroup {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    under_way: bool,
    /// The sync that begins next, and the widest scope that a caller requested.
    next: Arc<SharedSync>,
    scope: Scope,
}

/// One sync of the store.
#[derive(Default)]
struct SharedSync {
    outcome: Mutex<Option<Result<(), SharedError>>>,
}

/// The thread that performs the sync. When this is dropped the sync has ended, also by a panic.
struct Leader<'a> {
    group: &'a SyncGroup,
    round: Arc<SharedSync>,
    outcome: Result<(), SharedError>,
}

impl SyncGroup {
    /// Returns after one sync of the store that began after the call, by `sync` or by that of another
    /// caller.
    pub(crate) fn join(
        &self,
        scope: Scope,
        sync: impl FnOnce(Scope) -> Result<(), SharedError>,
    ) -> Result<(), SharedError> {
        let mut state = self.state();
        let round = Arc::clone(&state.next);
        state.scope = state.scope.max(scope);
        // A sync that is in progress, or has ended, is not the next one. So if none is in progress and this one has
        // not ended, this one is the next.
        while round.outcome().is_none() && state.under_way {
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(outcome) = round.outcome() {
            return outcome;
        }
        state.under_way = true;
        state.next = Arc::default();
        let scope = std::mem::take(&mut state.scope);
        drop(state);
        let panicked = io::Error::other("the sync of the store panicked");
        let mut leader = Leader { group: self, round, outcome: Err(SharedError::from(&panicked)) };
        leader.outcome = sync(scope);
        leader.outcome.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedSync {
    fn outcome(&self) -> Option<Result<(), SharedError>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        let mut state = self.group.state();
        let mut outcome = self.round.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        *outcome = Some(self.outcome.clone());
        drop(outcome);
        state.under_way = false;
        drop(state);
        self.group.ended.notify_all();
    }
}

#[cfg(test)]
mod tests;
