//! Permits: how many frames requests may hold while they read the store or wait for a claim.
//!
//! Such a frame can be neither evicted nor written back until its request continues, which is never
//! if the store hangs. So the number of these frames is limited: a request needs a permit for each
//! of them. Three eighths of the permits are reserved for files that have no permit; each such file
//! gets one. A file that has permits gets one more as long as it has no more of them than are left
//! of the other permits: this is the rule of `dirty_limit`, with a multiple of one. If stores hang,
//! their first few files use up the other permits. Every further file whose store hangs keeps one
//! reserved permit. So a new file still gets a permit until the reserved ones are used up too.
//!
//! This limit and the one on dirty pages leave frames that are available at any time. So a request
//! with a permit gets its frame soon, and one that waits for a permit waits for requests to its own
//! file, or for many files that hang.
//!
//! A request acquires its permit with no page, no mapping claim and no other permit held. A request
//! that can use several frames waits for the first permit, and takes others only if they are
//! available at once.
//!
//! A thread that returns permits passes them to waiting requests that may have them, and wakes no
//! others. The requests to a file that has permits wait until one of these is returned: while its
//! store hangs, they sleep, whatever other files do. A file that has none is in a queue, which is
//! checked whenever a permit is returned.

use crate::diagnostics::{Wait, Waiting};
use crate::error::TryAgain;
use crate::pages::frame::WaitLimit;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::sync::blocking::{Condvar, Mutex, MutexGuard, PoisonError};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest that a file without a permit waits for other files to return theirs.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How many frames of a cache requests may hold.
pub(crate) fn most(frames: usize) -> usize {
    frames / 4
}

/// How many frames are neither to be dirty nor held by requests.
pub(crate) fn spare(frames: usize) -> usize {
    (frames / 16).max(2)
}

/// The permits of a cache.
pub(crate) struct FramePermits {
    /// ORDERING: SeqCst, as all counts here but `granted`: a waiter registers before it looks at the counts
    /// again, and a thread returns its permit before it looks for waiters; so one of the two sees the other.
    count: AtomicUsize,
    /// ORDERING: relaxed: a bound, which orders nothing.
    most: AtomicUsize,
    /// The longest that a file which has none waits for others.
    timeout: Duration,
    /// How many files are in the queue.
    queued: AtomicUsize,
    queue: Mutex<Queue>,
}

/// Files that wait and had no permit when they were queued, first in, first out.
#[derive(Default)]
struct Queue {
    files: VecDeque<Arc<FilePermits>>,
}

/// The permits that a file has, and the threads that wait for one.
#[derive(Default)]
pub(crate) struct FilePermits {
    frames: AtomicUsize,
    waiting: AtomicUsize,
    /// How many permits were issued to waiters and not taken yet.
    ///
    /// ORDERING: relaxed, this and the next: the queue's mutex guards them.
    granted: AtomicUsize,
    in_queue: AtomicBool,
    returned: Condvar,
    /// How often waiters have checked whether they may continue.
    #[cfg(test)]
    looks: AtomicUsize,
}

/// Allows a request to hold some frames. It is returned when this is dropped.
pub(crate) struct FramePermit<'a> {
    permits: &'a FramePermits,
    file: &'a Arc<FilePermits>,
    frames: usize,
}

impl FramePermits {
    pub(crate) fn new(frames: usize) -> FramePermits {
        FramePermits {
            count: AtomicUsize::new(0),
            most: AtomicUsize::new(most(frames)),
            timeout: TIMEOUT,
            queued: AtomicUsize::new(0),
            queue: Mutex::default(),
        }
    }

    /// Issues permits for a cache of another number of frames from now on.
    pub(crate) fn set_frames(&self, frames: usize) {
        self.most.store(most(frames), Ordering::Relaxed);
        // There may be more frames for the waiters.
        self.serve_queue(&mut self.lock());
    }

    /// Issues one more permit to a file, if the limits allow it, and returns whether they do.
    ///
    /// If this fails, the file seemed for a moment to have one permit more, and a waiter of the file may rely on its
    /// return. So the caller either has a permit of the file, or afterwards serves the file's waiters.
    fn issue(&self, file: &FilePermits) -> bool {
        loop {
            let count = self.count.load(Ordering::SeqCst);
            let allowed = |own| self.allows(own, count).then_some(own + 1);
            let raised = file.frames.fetch_update(Ordering::SeqCst, Ordering::SeqCst, allowed);
            let Ok(own) = raised else { return false };
            let one_more = |count| self.allows(own, count).then_some(count + 1);
            if self.count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more).is_ok() {
                return true;
            }
            // Another file has got the permit meanwhile.
            file.frames.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn allows(&self, own: usize, count: usize) -> bool {
        let most = self.most.load(Ordering::Relaxed);
        let left = most.saturating_sub(count);
        let shared = left.saturating_sub(most * 3 / 8);
        if own == 0 { left > 0 } else { own <= shared }
    }

    fn take_back(&self, file: &Arc<FilePermits>, frames: usize) {
        file.frames.fetch_sub(frames, Ordering::SeqCst);
        self.count.fetch_sub(frames, Ordering::SeqCst);
        let waits = |number: &AtomicUsize| number.load(Ordering::SeqCst) > 0;
        if waits(&file.waiting) || waits(&self.queued) {
            let mut queue = self.lock();
            self.serve(file, &mut queue);
            self.serve_queue(&mut queue);
        }
    }

    /// Issues permits to the waiters of a file, as many as it may have.
    fn serve(&self, file: &Arc<FilePermits>, queue: &mut Queue) {
        while file.is_owed() && self.issue_or_queue(file, queue) {
            file.grant();
        }
    }

    /// Issues one permit to each file that has waited for one, in turn.
    fn serve_queue(&self, queue: &mut Queue) {
        while let Some(first) = queue.files.front().map(Arc::clone) {
            if first.is_owed() {
                if self.issue(&first) {
                    first.grant();
                } else if first.has_none() {
                    return;
                }
            }
            // Its waiters still wait for its own permits.
            queue.files.pop_front();
            first.in_queue.store(false, Ordering::Relaxed);
            self.queued.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// As `issue`. If it fails, and the file has no permit whose return would serve its waiters, the file is in the
    /// queue.
    fn issue_or_queue(&self, file: &Arc<FilePermits>, queue: &mut Queue) -> bool {
        if self.issue(file) {
            return true;
        }
        if !file.has_none() {
            return false;
        }
        if !file.in_queue.swap(true, Ordering::Relaxed) {
            queue.files.push_back(Arc::clone(file));
            self.queued.fetch_add(1, Ordering::SeqCst);
        }
        // A thread that returned a permit before the file was queued did not find it in the queue.
        self.issue(file)
    }

    #[cold]
    fn wait(&self, file: &Arc<FilePermits>, wait_limit: WaitLimit) -> io::Result<()> {
        let _waiting = Waiting::new(Wait::FramePermit);
        let start = Instant::now();
        let mut queue = self.lock();
        file.waiting.fetch_add(1, Ordering::SeqCst);
        let outcome = loop {
            file.note_look();
            if file.take_granted() || self.issue_or_queue(file, &mut queue) {
                break Ok(());
            }
            // The file's own permits come back when its store answers.
            if file.has_none() && start.elapsed() >= self.timeout {
                let message =
                    "requests to stores that do not answer hold all frames that requests can have";
                break Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
            }
            if wait_limit.is_over() {
                let why = "other requests have all frames that this one can have";
                break Err(TryAgain::timed_out(why));
            }
            let waited = file.returned.wait_timeout(queue, wait_limit.bound(self.timeout));
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        };
        file.waiting.fetch_sub(1, Ordering::SeqCst);
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FilePermits {
    fn has_none(&self) -> bool {
        self.frames.load(Ordering::SeqCst) == 0
    }

    /// Whether there is a waiter to which no permit has been issued. The caller has the queue
    /// locked, as for the next two.
    fn is_owed(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > self.granted.load(Ordering::Relaxed)
    }

    /// Passes a permit that was issued to the file to one of its waiters.
    fn grant(&self) {
        self.granted.fetch_add(1, Ordering::Relaxed);
        self.returned.notify_one();
    }

    #[inline(always)]
    fn note_look(&self) {
        #[cfg(test)]
        self.looks.fetch_add(1, Ordering::SeqCst);
    }

    fn take_granted(&self) -> bool {
        let one_less = |granted: usize| granted.checked_sub(1);
        self.granted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok()
    }
}

impl FramePermits {
    /// A permit for one frame of a file; waits for it. The caller holds no page and no claim.
    pub(crate) fn acquire<'a>(
        &'a self,
        file: &'a Arc<FilePermits>,
        wait_limit: WaitLimit,
    ) -> io::Result<FramePermit<'a>> {
        if !self.issue(file) {
            self.wait(file, wait_limit)?;
        }
        Ok(FramePermit { permits: self, file, frames: 1 })
    }

    /// A permit for one frame of a file, if the limits allow it now.
    pub(crate) fn try_acquire<'a>(&'a self, file: &'a Arc<FilePermits>) -> Option<FramePermit<'a>> {
        // As after `issue`: waiters that counted on this file's permit meanwhile are considered.
        let is_issued = self.issue(file);
        if !is_issued {
            self.take_back(file, 0);
        }
        is_issued.then(|| FramePermit { permits: self, file, frames: 1 })
    }
}

impl FramePermit<'_> {
    pub(crate) fn frames(&self) -> usize {
        self.frames
    }

    /// Extends the permit to at most `most` frames, as far as the limits allow it now, and returns
    /// the number of frames.
    pub(crate) fn extend_to(&mut self, most: usize) -> usize {
        while self.frames < most && self.permits.issue(self.file) {
            self.frames += 1;
        }
        self.frames
    }
}

impl Drop for FramePermit<'_> {
    fn drop(&mut self) {
        self.permits.take_back(self.file, self.frames);
    }
}

#[cfg(test)]
mod tests;
