//! Loans: the frames that requests have while they read the store, or wait for a claim.
//!
//! Such a frame can neither be evicted nor cleaned. It comes back when its request goes on, and if a store hangs
//! it never does. So there is a bound on them, of which three eighths are for files that have no loan: each
//! gets one frame of these. The rest is shared by the rule that dirty pages have, with a multiple of one: see
//! `dirty`. Files that hang, one after the other, take the rest between a few of them; then each takes one
//! frame, and a file that comes later still gets one, until as many hang as the three eighths have frames.
//!
//! Together the two bounds leave frames that can be had at any time. So who has a loan gets its frame
//! soon, and whoever waits for a loan waits for requests to its own file, or for many files that hang.
//!
//! A request takes its loan with no page, no mapping claim and no other loan held. One that can make use of several
//! frames waits for the first, and tries to get the others.

use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::blocking::{Condvar, Mutex, PoisonError};
use std::io;
use std::time::{Duration, Instant};

use super::PathLock;
use super::inode::Inode;
use super::order::may_wait_for_clean;

/// The longest that a file which has no loan waits for others to give theirs back.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many frames of a cache may be on loan.
pub(super) fn most(frames: usize) -> usize {
    frames / 4
}

/// How many frames are neither to be dirty nor on loan.
pub(super) fn spare(frames: usize) -> usize {
    (frames / 16).max(2)
}

/// The loans of a cache.
pub(super) struct Loans {
    /// ORDERING: SeqCst, as `waiting`: who waits has said so before it looks at the loans again, and
    /// who returns one has done so before it looks who waits; so one of the two sees the other.
    count: AtomicUsize,
    most: usize,
    waiting: AtomicUsize,
    mutex: Mutex<()>,
    returned: Condvar,
}

/// Frames that a request may have. They are given back when it is dropped.
pub(super) struct Loan<'a> {
    loans: &'a Loans,
    of_file: &'a AtomicUsize,
    frames: usize,
}

impl Loans {
    pub(super) fn new(frames: usize) -> Loans {
        Loans {
            count: AtomicUsize::new(0),
            most: most(frames),
            waiting: AtomicUsize::new(0),
            mutex: Mutex::default(),
            returned: Condvar::new(),
        }
    }

    /// Lends one more frame to a file; whether it may have it.
    fn lend(&self, of_file: &AtomicUsize) -> bool {
        let own = of_file.fetch_add(1, Ordering::SeqCst);
        let one_more = |count| self.allows(own, count).then_some(count + 1);
        let lent = self.count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more);
        if lent.is_err() {
            of_file.fetch_sub(1, Ordering::SeqCst);
        }
        lent.is_ok()
    }

    fn allows(&self, own: usize, count: usize) -> bool {
        let left = self.most.saturating_sub(count);
        let shared = left.saturating_sub(self.most * 3 / 8);
        if own == 0 { left > 0 } else { own <= shared }
    }

    #[cold]
    fn wait(&self, of_file: &AtomicUsize) -> io::Result<()> {
        let start = Instant::now();
        let mut guard = self.mutex.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let outcome = loop {
            if self.lend(of_file) {
                break Ok(());
            }
            // Loans of the file's own come back when its store answers.
            if of_file.load(Ordering::SeqCst) == 0 && start.elapsed() >= PATIENCE {
                let message = "the frames that requests may have are all with stores that hang";
                break Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
            }
            let waited = self.returned.wait_timeout(guard, PATIENCE);
            guard = waited.unwrap_or_else(PoisonError::into_inner).0;
        };
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        outcome
    }
}

impl<L: PathLock> Inode<L> {
    /// A loan of one frame; waits for it.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(super) fn borrow_frame(&self) -> io::Result<Loan<'_>> {
        may_wait_for_clean(&self.cache.frames);
        let (loans, of_file) = (&self.cache.loans, &self.on_loan);
        if !loans.lend(of_file) {
            loans.wait(of_file)?;
        }
        Ok(Loan { loans, of_file, frames: 1 })
    }
}

impl Loan<'_> {
    pub(super) fn frames(&self) -> usize {
        self.frames
    }

    /// Makes it a loan of more frames, `most` at most, as far as that can be had at once; how many
    /// they are then.
    pub(super) fn extend_to(&mut self, most: usize) -> usize {
        while self.frames < most && self.loans.lend(self.of_file) {
            self.frames += 1;
        }
        self.frames
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        self.of_file.fetch_sub(self.frames, Ordering::SeqCst);
        self.loans.count.fetch_sub(self.frames, Ordering::SeqCst);
        if self.loans.waiting.load(Ordering::SeqCst) > 0 {
            drop(self.loans.mutex.lock().unwrap_or_else(PoisonError::into_inner));
            self.loans.returned.notify_all();
        }
    }
}
