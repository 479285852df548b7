//! Write errors, each reported once to every handle that was open when it happened.
//!
//! Writeback often runs in the background, so the file keeps its error until a handle syncs. A handle remembers up to which
//! error it has been told. It is told of the most recent later one, as one error, and then of no other until the next.
//!
//! A new handle starts from the most recent error if that was reported to any handle. If not, the new handle is told of it
//! too: otherwise the error would be lost if the handles that were open when it happened were dropped without a sync.

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::blocking::Mutex;
use std::io;

use crate::error::Told;
use crate::order::leaf::lock_leaf;

/// The write errors of one file. The mutex is a leaf.
#[derive(Default)]
pub(crate) struct WriteErrors {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many there were.
    count: u64,
    /// How many there were when a handle was last told.
    told: u64,
    last: Option<Told>,
}

/// Up to which error one handle has been told.
#[derive(Default)]
pub(crate) struct Heard {
    count: AtomicU64,
}

impl WriteErrors {
    pub(crate) fn note(&self, error: &io::Error) {
        let mut state = lock_leaf(&self.state);
        state.count += 1;
        state.last = Some(Told::from(error));
    }

    /// Returns the last error to a handle, if the handle has not been told of it.
    pub(crate) fn tell(&self, handle: &Heard) -> Option<io::Error> {
        let mut state = lock_leaf(&self.state);
        // ORDERING: relaxed, here and below, since all of it happens under the mutex.
        let before = handle.count.swap(state.count, Ordering::Relaxed);
        if before == state.count {
            return None;
        }
        state.told = state.count;
        state.last.clone().map(io::Error::from)
    }

    /// What a handle counts as told when the file is opened again while it is open.
    pub(crate) fn heard_by_new_handle(&self) -> Heard {
        self.heard_by_clone_of(&Heard::default())
    }

    /// What a clone of a handle counts as told.
    pub(crate) fn heard_by_clone_of(&self, handle: &Heard) -> Heard {
        let state = lock_leaf(&self.state);
        let count = match state.told == state.count {
            true => state.count,
            false => handle.count.load(Ordering::Relaxed),
        };
        Heard { count: AtomicU64::new(count) }
    }
}
