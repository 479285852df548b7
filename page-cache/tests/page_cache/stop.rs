//! Stops threads when a test ends, also when it fails.

use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Default)]
pub struct Stop {
    asked_for: AtomicBool,
}

/// Requests the stop when it is dropped.
#[must_use]
pub struct StopWhenDropped<'a>(&'a Stop);

impl Stop {
    pub fn is_asked_for(&self) -> bool {
        self.asked_for.load(Ordering::Relaxed)
    }

    pub fn when_dropped(&self) -> StopWhenDropped<'_> {
        StopWhenDropped(self)
    }
}

impl Drop for StopWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.asked_for.store(true, Ordering::Relaxed);
    }
}
