//! Write errors, each reported once to every handle that was open when it happened.
//!
//! Writeback often runs in the background, so the file keeps its error until a handle syncs. A
//! handle remembers the last error that was reported to it. All later errors are reported to it
//! once, as one error: the most recent of them.
//!
//! A new handle starts from the most recent error if that was reported to any handle. If not, it is
//! reported to the new handle too: otherwise the error would be lost if the handles that were open
//! when it happened were dropped without a sync.

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::blocking::Mutex;
use std::io;

use crate::error::SharedError;
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
    /// How many there were when an error was last reported to a handle.
    reported: u64,
    last: Option<SharedError>,
}

/// The last error that was reported to one handle.
#[derive(Default)]
pub(crate) struct Reported {
    count: AtomicU64,
}

impl WriteErrors {
    pub(crate) fn note(&self, error: &io::Error) {
        // The description is the store's own code.
        let error = SharedError::from(error);
        let mut state = lock_leaf(&self.state);
        state.count += 1;
        state.last = Some(error);
    }

    /// Returns the last error, if it has not been reported to the handle.
    pub(crate) fn report_to(&self, handle: &Reported) -> Option<io::Error> {
        let mut state = lock_leaf(&self.state);
        // ORDERING: relaxed, here and below, since all of it happens under the mutex.
        let before = handle.count.swap(state.count, Ordering::Relaxed);
        if before == state.count {
            return None;
        }
        state.reported = state.count;
        state.last.clone().map(io::Error::from)
    }

    /// The errors that count as reported to a new handle of a file that is open already.
    pub(crate) fn reported_to_new_handle(&self) -> Reported {
        self.reported_to_clone_of(&Reported::default())
    }

    /// The errors that count as reported to a clone of a handle.
    pub(crate) fn reported_to_clone_of(&self, handle: &Reported) -> Reported {
        let state = lock_leaf(&self.state);
        let count = match state.reported == state.count {
            true => state.count,
            false => handle.count.load(Ordering::Relaxed),
        };
        Reported { count: AtomicU64::new(count) }
    }
}
