//! Parking on a frame: a few buckets of condition variables, chosen by the frame's number.

use crate::sync::blocking::{Condvar, Mutex, PoisonError};
use crate::sync::{SPINS_BEFORE_PARKING, hint};

use crossbeam_utils::CachePadded;

use super::{Frame, State};

const BUCKETS: usize = 64;

#[derive(Default)]
struct Bucket {
    mutex: Mutex<()>,
    changed: Condvar,
}

pub(super) struct Waits {
    buckets: Box<[CachePadded<Bucket>]>,
}

impl Waits {
    pub(super) fn new() -> Waits {
        Waits { buckets: (0..BUCKETS).map(|_| CachePadded::default()).collect() }
    }

    /// Returns once `step` could be done on the frame's word, and was.
    pub(super) fn until(&self, frame: &Frame, step: impl Fn(State) -> Option<State>) {
        for _ in 0..SPINS_BEFORE_PARKING {
            if frame.update(&step).is_ok() {
                return;
            }
            hint::spin_loop();
        }
        let bucket = self.bucket(frame);
        let mut guard = bucket.mutex.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            // WAITERS is set under the bucket's mutex, and whoever clears it takes the mutex
            // before notifying: by then this thread waits.
            let tried = frame.update(|state| step(state).or_else(|| Some(state.announce_waiter())));
            if let Ok(before) = tried
                && step(before).is_some()
            {
                return;
            }
            guard = bucket.changed.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Wakes who waits, if a step that cleared WAITERS found it set.
    #[inline]
    pub(super) fn wake(&self, frame: &Frame, before: State) {
        if before.has_waiters() {
            self.wake_all(frame);
        }
    }

    #[cold]
    fn wake_all(&self, frame: &Frame) {
        let bucket = self.bucket(frame);
        drop(bucket.mutex.lock().unwrap_or_else(PoisonError::into_inner));
        bucket.changed.notify_all();
    }

    fn bucket(&self, frame: &Frame) -> &Bucket {
        &self.buckets[frame.id as usize % BUCKETS]
    }
}
