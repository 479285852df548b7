//! `StoreHealth`: whether a file's store accepts writes, and when to try again if not.
//!
//! After a failed write the store is tried again after a pause, which doubles with each failure. Until then the flusher
//! skips the file, and a writer that would have to write its pages back gets the last error immediately. A sync always
//! tries the store.

use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::blocking::Mutex;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::Told;
use crate::order::leaf::lock_leaf;

/// The pause after the first failure.
const FIRST_PAUSE: Duration = Duration::from_millis(4);

const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Of one file. The mutex is a leaf.
#[derive(Default)]
pub(crate) struct StoreHealth {
    /// Whether the last request failed, for callers that must not take the mutex.
    ///
    /// ORDERING: relaxed: it decides how much a file may have, and no more.
    fails: AtomicBool,
    /// How many requests have ended, well or not.
    answers: Arc<AtomicU64>,
    failures: Mutex<Option<Failures>>,
}

struct Failures {
    pause: Duration,
    next: Instant,
    last: Told,
}

impl StoreHealth {
    /// Notes what went wrong with a request that was to clean pages, if anything did.
    pub(crate) fn note(&self, error: Option<&io::Error>) {
        // ORDERING: relaxed: a thread that sees the number change only continues to wait.
        self.answers.fetch_add(1, Ordering::Relaxed);
        match error {
            None if !self.fails() => {}
            None => {
                *lock_leaf(&self.failures) = None;
                self.fails.store(false, Ordering::Relaxed);
            }
            Some(error) => {
                let mut failures = lock_leaf(&self.failures);
                let pause = failures.as_ref().map_or(FIRST_PAUSE, |before| 2 * before.pause);
                let pause = pause.min(LONGEST_PAUSE);
                let next = Instant::now() + pause;
                *failures = Some(Failures { pause, next, last: Told::from(error) });
                self.fails.store(true, Ordering::Relaxed);
            }
        }
    }

    /// How many requests have ended: if that changes, the store does not hang.
    pub(crate) fn answers(&self) -> &Arc<AtomicU64> {
        &self.answers
    }

    /// Whether the last request failed.
    pub(crate) fn fails(&self) -> bool {
        self.fails.load(Ordering::Relaxed)
    }

    /// What its last request failed with, if it did.
    pub(crate) fn last(&self) -> Option<io::Error> {
        lock_leaf(&self.failures).as_ref().map(|failures| failures.last.clone().into())
    }

    /// When the store is tried again, if its last request failed.
    pub(crate) fn next_attempt(&self) -> Option<Instant> {
        lock_leaf(&self.failures).as_ref().map(|failures| failures.next)
    }

    /// The last error, if it is too early to ask the store again, for a caller that would not ask it.
    pub(crate) fn last_error(&self) -> Option<io::Error> {
        if !self.fails() {
            return None;
        }
        let failures = lock_leaf(&self.failures);
        let failures = failures.as_ref()?;
        (Instant::now() < failures.next).then(|| failures.last.clone().into())
    }

    /// The last error, if it is too early to ask the store again. If it is time, the caller asks it, and
    /// no other thread for as long as the pause was.
    pub(crate) fn refusal(&self) -> Option<io::Error> {
        if !self.fails() {
            return None;
        }
        let mut failures = lock_leaf(&self.failures);
        let failures = failures.as_mut()?;
        let now = Instant::now();
        if now < failures.next {
            return Some(failures.last.clone().into());
        }
        failures.next = now + failures.pause;
        None
    }
}

#[cfg(all(test, not(spanlock_shuttle)))]
mod tests;
