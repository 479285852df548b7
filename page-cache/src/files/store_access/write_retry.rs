//! `WriteRetry`: when pages are written again after their store refused a write, for example because its disk is full.
//!
//! After a failed write the cache pauses before the next one. The pause doubles with each failure, up to a second.
//! During the pause the flusher skips the file, and a writer that would have to write pages back gets the last error
//! immediately. For writers the pause is at most a quarter of a second: the store may have recovered by then. A sync
//! always writes.

use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::blocking::Mutex;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::SharedError;
use crate::order::leaf::lock_leaf;

/// The pause after the first failure.
const FIRST_PAUSE: Duration = Duration::from_millis(4);

const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The longest time after a failure in which a writer gets the same error.
const LONGEST_PAUSE_OF_WRITERS: Duration = Duration::from_millis(250);

/// Which thread would write pages back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// One of the cache's, for which other files may be waiting.
    Flusher,
    /// One that gets an error otherwise.
    Writer,
}

/// Of one file. The mutex is a leaf.
#[derive(Default)]
pub(crate) struct WriteRetry {
    /// Whether the last request failed, for callers that must not take the mutex.
    ///
    /// ORDERING: relaxed: it only decides how many dirty pages a file may have, and whether to take the mutex.
    fails: AtomicBool,
    /// How many requests have ended, with or without an error.
    answers: Arc<AtomicU64>,
    failures: Mutex<Option<Failures>>,
}

struct Failures {
    pause: Duration,
    /// When the store was asked last, as far as a pause depends on it.
    asked: Instant,
    last: SharedError,
}

impl Failures {
    /// When the store may be asked again.
    fn next(&self, asker: Asker) -> Instant {
        let pause = match asker {
            Asker::Flusher => self.pause,
            Asker::Writer => self.pause.min(LONGEST_PAUSE_OF_WRITERS),
        };
        self.asked + pause
    }
}

impl WriteRetry {
    /// Records the outcome of a request that was to clean pages.
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
                // The description is the store's own code.
                let last = SharedError::from(error);
                let mut failures = lock_leaf(&self.failures);
                let pause = failures.as_ref().map_or(FIRST_PAUSE, |before| 2 * before.pause);
                let pause = pause.min(LONGEST_PAUSE);
                let asked = Instant::now();
                *failures = Some(Failures { pause, asked, last });
                self.fails.store(true, Ordering::Relaxed);
            }
        }
    }

    /// How many requests have ended. While the number changes, the store does not hang.
    pub(crate) fn answers(&self) -> &Arc<AtomicU64> {
        &self.answers
    }

    /// Whether the last request failed.
    pub(crate) fn fails(&self) -> bool {
        self.fails.load(Ordering::Relaxed)
    }

    /// The error of the last request, if it failed.
    pub(crate) fn last(&self) -> Option<io::Error> {
        lock_leaf(&self.failures).as_ref().map(|failures| failures.last.clone().into())
    }

    /// The end of the flusher's pause, if the last request failed.
    pub(crate) fn next_attempt(&self) -> Option<Instant> {
        lock_leaf(&self.failures).as_ref().map(|failures| failures.next(Asker::Flusher))
    }

    /// The last error, during the pause. For a caller that does not itself write to the store.
    pub(crate) fn last_error(&self) -> Option<io::Error> {
        if !self.fails() {
            return None;
        }
        let failures = lock_leaf(&self.failures);
        let failures = failures.as_ref()?;
        (Instant::now() < failures.next(Asker::Writer)).then(|| failures.last.clone().into())
    }

    /// The last error, during the pause. After the pause the first caller gets `None` and must write to the store;
    /// for other callers the pause begins again.
    pub(crate) fn refusal(&self, asker: Asker) -> Option<io::Error> {
        if !self.fails() {
            return None;
        }
        let mut failures = lock_leaf(&self.failures);
        let failures = failures.as_mut()?;
        let now = Instant::now();
        if now < failures.next(asker) {
            return Some(failures.last.clone().into());
        }
        failures.asked = now;
        None
    }
}

#[cfg(all(test, not(spanlock_shuttle)))]
mod tests;
