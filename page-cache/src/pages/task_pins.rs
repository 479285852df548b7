//! Pages that were loaded for asynchronous tasks, and stay cached until the tasks are polled.
//!
//! A task may be polled late, or never. So the number of these pages is limited, to half of the frames that are neither
//! dirty nor held by requests. A page past the limit is not kept: it may be evicted before its task is polled, and the
//! task then loads it again.

use crate::pages::frame_permits;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// ORDERING: relaxed throughout: these are numbers, and order nothing.
pub(crate) struct TaskPins {
    count: AtomicUsize,
    most: AtomicUsize,
}

impl TaskPins {
    pub(crate) fn new(frames: usize) -> TaskPins {
        TaskPins { count: AtomicUsize::new(0), most: AtomicUsize::new(most(frames)) }
    }

    /// Sets the limit for another number of frames.
    pub(crate) fn set_frames(&self, frames: usize) {
        self.most.store(most(frames), Ordering::Relaxed);
    }

    /// Counts one more page, if the limit allows it, and returns whether it does.
    pub(crate) fn admit(&self) -> bool {
        let most = self.most.load(Ordering::Relaxed);
        let one_more = |count| (count < most).then_some(count + 1);
        self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn remove(&self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

fn most(frames: usize) -> usize {
    frame_permits::spare(frames) / 2
}

#[cfg(all(test, not(spanlock_shuttle)))]
mod tests;
