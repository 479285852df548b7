//! `AnswerTimeout`: how long a slow store is waited for. A thread waits as long as the store answers requests, and for
//! five seconds after its last answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::sync::atomic::{AtomicU64, Ordering};

/// The longest time without an answer of the store.
const LIMIT: Duration = Duration::from_secs(5);

/// The time between two checks whether the store has answered.
const STEP: Duration = Duration::from_millis(100);

/// Measures the time since a store last answered.
pub(crate) struct AnswerTimeout {
    answers: Arc<AtomicU64>,
    seen: u64,
    since: Instant,
}

impl AnswerTimeout {
    /// Begins now. `answers` changes whenever the store has answered.
    pub(crate) fn new(answers: &Arc<AtomicU64>) -> AnswerTimeout {
        // ORDERING: relaxed: only whether the number has changed matters.
        let seen = answers.load(Ordering::Relaxed);
        AnswerTimeout { answers: Arc::clone(answers), seen, since: Instant::now() }
    }

    pub(crate) fn is_for(&self, answers: &Arc<AtomicU64>) -> bool {
        Arc::ptr_eq(&self.answers, answers)
    }

    /// How long to wait before the next check; `None` if the store has not answered for five seconds.
    pub(crate) fn next_wait(&mut self) -> Option<Duration> {
        // ORDERING: relaxed: only whether the number has changed matters.
        let seen = self.answers.load(Ordering::Relaxed);
        if seen != self.seen {
            (self.seen, self.since) = (seen, Instant::now());
        }
        let left = LIMIT.checked_sub(self.since.elapsed())?;
        (!left.is_zero()).then(|| left.min(STEP))
    }
}

#[cfg(all(test, not(spanlock_shuttle)))]
mod tests;
