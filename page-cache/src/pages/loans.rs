//! Loans: the frames that requests hold while they read the store or wait for a claim.
//!
//! Such a frame can be neither evicted nor written back. It is returned when its request continues, which is never if a store
//! hangs. So their number is bounded. Three eighths of the bound are for files that have no loan: each gets one frame of these.
//! The rest is shared by the rule for dirty pages, with a multiple of one: see `dirty_limit`. A few hanging files take the
//! rest among them. Each further one takes one frame, and the next file still gets one, until as many files hang as the three
//! eighths have frames.
//!
//! Together the two bounds leave frames that are available at any time. So a request with a loan gets its frame soon, and one
//! that waits for a loan waits for requests to its own file, or for many files that hang.
//!
//! A request takes its loan with no page, no mapping claim and no other loan held. A request that can use several frames waits
//! for the first, and takes others only if they are available at once.
//!
//! A thread that returns loans passes them to waiting requests that may have them, and wakes no others. A file that has loans
//! waits for its own: while its store hangs, its requests sleep whatever others do. A file that has none is in a
//! queue, which every return examines.

use crate::diagnostics::{Wait, Waiting};
use crate::pages::frame::Patience;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::sync::blocking::{Condvar, Mutex, MutexGuard, PoisonError};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest that a file without a loan waits for other files to return theirs.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many frames of a cache may be on loan.
pub(crate) fn most(frames: usize) -> usize {
    frames / 4
}

/// How many frames are neither to be dirty nor on loan.
pub(crate) fn spare(frames: usize) -> usize {
    (frames / 16).max(2)
}

/// The loans of a cache.
pub(crate) struct Loans {
    /// ORDERING: SeqCst, as all counts here but `granted`: a waiter registers before it looks at the loans
    /// again, and a thread returns its loan before it looks for waiters; so one of the two sees the other.
    count: AtomicUsize,
    /// ORDERING: relaxed: a bound, which orders nothing.
    most: AtomicUsize,
    /// The longest that a file which has none waits for others.
    patience: Duration,
    /// How many files are in the queue.
    queued: AtomicUsize,
    queue: Mutex<Queue>,
}

/// Files that wait and had no loan when they were put in, first come, first served.
#[derive(Default)]
struct Queue {
    files: VecDeque<Arc<Account>>,
}

/// The loans of a file, and the threads that wait for one.
#[derive(Default)]
pub(crate) struct Account {
    frames: AtomicUsize,
    waiting: AtomicUsize,
    /// How many frames were lent to waiters and not taken yet.
    ///
    /// ORDERING: relaxed, this and the next: the queue's mutex guards them.
    granted: AtomicUsize,
    in_queue: AtomicBool,
    returned: Condvar,
    /// How often waiters have checked whether they may continue.
    #[cfg(test)]
    looks: AtomicUsize,
}

/// Frames that a request may hold. They are returned when it is dropped.
pub(crate) struct Loan<'a> {
    loans: &'a Loans,
    account: &'a Arc<Account>,
    frames: usize,
}

impl Loans {
    pub(crate) fn new(frames: usize) -> Loans {
        Loans {
            count: AtomicUsize::new(0),
            most: AtomicUsize::new(most(frames)),
            patience: PATIENCE,
            queued: AtomicUsize::new(0),
            queue: Mutex::default(),
        }
    }

    /// Lends of another number of frames from now on.
    pub(crate) fn set_frames(&self, frames: usize) {
        self.most.store(most(frames), Ordering::Relaxed);
        // There may be more frames for the waiters.
        self.serve_queue(&mut self.lock());
    }

    /// Lends one more frame to a file, if the limits allow it, and returns whether they do.
    ///
    /// If this fails, the file seemed for a moment to have one loan more, and a waiter of the file may rely on its
    /// return. So the caller either has a loan of the file, or afterwards serves the file's waiters.
    fn lend(&self, account: &Account) -> bool {
        loop {
            let count = self.count.load(Ordering::SeqCst);
            let allowed = |own| self.allows(own, count).then_some(own + 1);
            let raised = account.frames.fetch_update(Ordering::SeqCst, Ordering::SeqCst, allowed);
            let Ok(own) = raised else { return false };
            let one_more = |count| self.allows(own, count).then_some(count + 1);
            if self.count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more).is_ok() {
                return true;
            }
            // Another file was faster.
            account.frames.fetch_sub(1, Ordering::SeqCst);
        }
    }

    fn allows(&self, own: usize, count: usize) -> bool {
        let most = self.most.load(Ordering::Relaxed);
        let left = most.saturating_sub(count);
        let shared = left.saturating_sub(most * 3 / 8);
        if own == 0 { left > 0 } else { own <= shared }
    }

    fn take_back(&self, account: &Arc<Account>, frames: usize) {
        account.frames.fetch_sub(frames, Ordering::SeqCst);
        self.count.fetch_sub(frames, Ordering::SeqCst);
        let waits = |number: &AtomicUsize| number.load(Ordering::SeqCst) > 0;
        if waits(&account.waiting) || waits(&self.queued) {
            let mut queue = self.lock();
            self.serve(account, &mut queue);
            self.serve_queue(&mut queue);
        }
    }

    /// Lends to the waiters of a file as much as it may have.
    fn serve(&self, account: &Arc<Account>, queue: &mut Queue) {
        while account.is_owed() && self.lend_or_queue(account, queue) {
            account.grant();
        }
    }

    /// Lends one frame to each file that has waited for one, in turn.
    fn serve_queue(&self, queue: &mut Queue) {
        while let Some(first) = queue.files.front().map(Arc::clone) {
            if first.is_owed() {
                if self.lend(&first) {
                    first.grant();
                } else if first.has_none() {
                    return;
                }
            }
            // Its waiters still wait for its own loans.
            queue.files.pop_front();
            first.in_queue.store(false, Ordering::Relaxed);
            self.queued.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// As `lend`. If it fails, and the file has no loan whose return would serve its waiters, the file is in the
    /// queue.
    fn lend_or_queue(&self, account: &Arc<Account>, queue: &mut Queue) -> bool {
        if self.lend(account) {
            return true;
        }
        if !account.has_none() {
            return false;
        }
        if !account.in_queue.swap(true, Ordering::Relaxed) {
            queue.files.push_back(Arc::clone(account));
            self.queued.fetch_add(1, Ordering::SeqCst);
        }
        // A thread that returned a loan before the file was queued did not find it in the queue.
        self.lend(account)
    }

    #[cold]
    fn wait(&self, account: &Arc<Account>, patience: Patience) -> io::Result<()> {
        let _waiting = Waiting::new(Wait::Loan);
        let start = Instant::now();
        let mut queue = self.lock();
        account.waiting.fetch_add(1, Ordering::SeqCst);
        let outcome = loop {
            account.note_look();
            if account.take_granted() || self.lend_or_queue(account, &mut queue) {
                break Ok(());
            }
            // Loans of the file's own come back when its store answers.
            if account.has_none() && start.elapsed() >= self.patience {
                let message =
                    "requests to stores that do not answer hold all frames that requests can have";
                break Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
            }
            if patience.is_over() {
                let message = "other requests have all frames that this one can have";
                break Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            let waited = account.returned.wait_timeout(queue, patience.bound(self.patience));
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        };
        account.waiting.fetch_sub(1, Ordering::SeqCst);
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn has_none(&self) -> bool {
        self.frames.load(Ordering::SeqCst) == 0
    }

    /// Whether there is a waiter to which nothing has been lent. The caller has the queue locked, as for the next two.
    fn is_owed(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > self.granted.load(Ordering::Relaxed)
    }

    /// Passes a frame that was lent to the file to one of its waiters.
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

impl Loans {
    /// A loan of one frame for a file; waits for it. The caller holds no page and no claim.
    pub(crate) fn borrow<'a>(
        &'a self,
        account: &'a Arc<Account>,
        patience: Patience,
    ) -> io::Result<Loan<'a>> {
        if !self.lend(account) {
            self.wait(account, patience)?;
        }
        Ok(Loan { loans: self, account, frames: 1 })
    }

    /// A loan of one frame for a file, if the limits allow it now.
    pub(crate) fn try_borrow<'a>(&'a self, account: &'a Arc<Account>) -> Option<Loan<'a>> {
        // As after `lend`: waiters that counted on this file's loan meanwhile are considered.
        let lent = self.lend(account);
        if !lent {
            self.take_back(account, 0);
        }
        lent.then(|| Loan { loans: self, account, frames: 1 })
    }
}

impl Loan<'_> {
    pub(crate) fn frames(&self) -> usize {
        self.frames
    }

    /// Extends the loan to at most `most` frames, as far as the limits allow it now, and returns
    /// the number of frames.
    pub(crate) fn extend_to(&mut self, most: usize) -> usize {
        while self.frames < most && self.loans.lend(self.account) {
            self.frames += 1;
        }
        self.frames
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        self.loans.take_back(self.account, self.frames);
    }
}

#[cfg(test)]
mod tests;
