//! Parking on a frame: a few buckets of condition variables, chosen by the frame's number.

use crate::sync::blocking::{Condvar, Mutex, PoisonError};
use crate::sync::{SPINS_BEFORE_PARKING, hint};
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use super::{Frame, State};
use crate::sync::atomic::Ordering;

const BUCKETS: usize = 64;

#[derive(Default)]
struct Bucket {
    mutex: Mutex<()>,
    changed: Condvar,
}

pub(super) struct Waits {
    buckets: Box<[CachePadded<Bucket>]>,
}

/// What a waiting thread does after it has read a frame's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It performs this step, and continues.
    Step(State),
    /// It continues without a step.
    Leave,
    /// It waits for the word to change.
    Wait,
}

/// How long a thread waits at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitLimit {
    /// Not at all.
    NoWait,
    Until {
        end: Instant,
        /// How long that was when the wait began.
        timeout: Duration,
    },
    Unlimited,
}

impl WaitLimit {
    /// At most `timeout` from now on. A time that the clock cannot represent means no timeout.
    pub(crate) fn after(timeout: Duration) -> WaitLimit {
        let end = Instant::now().checked_add(timeout);
        end.map_or(WaitLimit::Unlimited, |end| WaitLimit::Until { end, timeout })
    }

    /// Whether the thread must not wait any longer.
    pub(crate) fn is_over(self) -> bool {
        match self {
            WaitLimit::NoWait => true,
            WaitLimit::Until { end, .. } => end <= Instant::now(),
            WaitLimit::Unlimited => false,
        }
    }

    /// The time that is left, but at most `time`.
    pub(crate) fn bound(self, time: Duration) -> Duration {
        match self {
            WaitLimit::NoWait => Duration::ZERO,
            WaitLimit::Until { end, .. } => time.min(end.saturating_duration_since(Instant::now())),
            WaitLimit::Unlimited => time,
        }
    }
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// The step was done.
    Stepped,
    Left,
    TimedOut,
}

impl From<Option<State>> for Look {
    fn from(step: Option<State>) -> Look {
        step.map_or(Look::Wait, Look::Step)
    }
}

impl Waits {
    pub(super) fn new() -> Waits {
        Waits { buckets: (0..BUCKETS).map(|_| CachePadded::default()).collect() }
    }

    /// Returns once `step` could be done on the frame's word, and was.
    pub(super) fn until(&self, frame: &Frame, step: impl Fn(State) -> Option<State>) {
        self.wait(frame, WaitLimit::Unlimited, |state| step(state).into());
    }

    /// Calls `look` with the frame's word until it does a step, leaves, or the time to wait is over.
    pub(super) fn wait(
        &self,
        frame: &Frame,
        wait_limit: WaitLimit,
        look: impl Fn(State) -> Look,
    ) -> Waited {
        let step = |state| match look(state) {
            Look::Step(to) => Some(to),
            Look::Leave | Look::Wait => None,
        };
        for _ in 0..SPINS_BEFORE_PARKING {
            match frame.update(step) {
                Ok(_) => return Waited::Stepped,
                Err(state) if look(state) == Look::Leave => return Waited::Left,
                Err(_) => hint::spin_loop(),
            }
        }
        if wait_limit == WaitLimit::NoWait {
            return Waited::TimedOut;
        }
        let bucket = self.bucket(frame);
        let mut guard = bucket.mutex.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            // WAITERS is set under the bucket's mutex, and the thread that clears it takes the mutex
            // before notifying: by then this thread waits.
            let tried = frame.update(|state| match look(state) {
                Look::Step(to) => Some(to),
                Look::Leave => None,
                Look::Wait => Some(state.announce_waiter()),
            });
            match tried.map(&look) {
                Ok(Look::Step(_)) => return Waited::Stepped,
                Err(_) => return Waited::Left,
                Ok(Look::Leave | Look::Wait) => {}
            }
            guard = match wait_limit {
                WaitLimit::Until { end, .. } => {
                    let left = end.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Waited::TimedOut;
                    }
                    let waited = bucket.changed.wait_timeout(guard, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                _ => bucket.changed.wait(guard).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Wakes the waiting threads, if a step that cleared WAITERS found it set.
    #[inline]
    pub(super) fn wake(&self, frame: &Frame, before: State) {
        if before.has_waiters() {
            self.wake_all(frame);
        }
    }

    /// Wakes the thread that waits for the last shared guard, after a step that did not clear WAITERS.
    #[cold]
    pub(super) fn clear_and_wake(&self, frame: &Frame) {
        // ORDERING: relaxed: the step before released what there was, and nothing relies on this one. The frame may be
        // free by now, or cache another page: then this changes nothing, or wakes threads that look again.
        frame.state.fetch_and(State::NO_WAITERS, Ordering::Relaxed);
        self.wake_all(frame);
    }

    #[cold]
    fn wake_all(&self, frame: &Frame) {
        let bucket = self.bucket(frame);
        drop(bucket.mutex.lock().unwrap_or_else(PoisonError::into_inner));
        bucket.changed.notify_all();
    }

    fn bucket(&self, frame: &Frame) -> &Bucket {
        &self.buckets[frame.id() as usize % BUCKETS]
    }
}
