//! The mutex with an interval tree and blocker counts: Jan Kara's range lock for Linux (2013), with
//! the shared mode that Davidlohr Bueso added (2017).
//!
//! Every claim, held or waiting, is in one interval tree under one mutex. A new claim counts the
//! conflicting claims in the tree, enters the tree, and waits until its count is zero. A release removes
//! its claim from the tree, and decrements the count of every claim that conflicts with it: all of these
//! came later, because an earlier one would have blocked it. So conflicting claims are granted in the
//! order of their arrival.
//!
//! Differences from the kernel's: the tree is a treap in an arena instead of a red-black tree of nodes on
//! the stack (its depth is logarithmic too, and in the long run it allocates nothing either); the mutex
//! is `parking_lot`'s; and a waiting claim spins for a moment before it parks.

mod tree;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::thread::{self, Thread};

use crossbeam_utils::Backoff;
use parking_lot::Mutex;
use spanlock::Mode;

use tree::{Index, Tree};

/// A range lock that is an interval tree under a mutex.
pub struct IntervalTreeLock {
    claims: Mutex<Tree<Claim>>,
}

struct Claim {
    mode: Mode,
    /// How many conflicting claims that came before this one are still in the tree.
    blockers: usize,
    waiter: Option<Arc<Waiter>>,
}

struct Waiter {
    granted: AtomicBool,
    thread: Thread,
}

impl Waiter {
    fn wait(&self) {
        let backoff = Backoff::new();
        while !self.granted.load(Acquire) {
            if backoff.is_completed() {
                thread::park();
            } else {
                backoff.snooze();
            }
        }
    }

    fn grant(&self) {
        self.granted.store(true, Release);
        self.thread.unpark();
    }
}

/// A held claim; dropping it releases.
#[must_use]
pub struct IntervalTreeGuard<'a> {
    lock: &'a IntervalTreeLock,
    /// `None` for the empty range, which claims nothing.
    claim: Option<Index>,
}

impl IntervalTreeLock {
    /// An unlocked lock.
    pub fn new() -> IntervalTreeLock {
        IntervalTreeLock { claims: Mutex::new(Tree::new()) }
    }

    /// Claims `range` in `mode`, waiting as long as it takes.
    pub fn lock(&self, range: Range<u64>, mode: Mode) -> IntervalTreeGuard<'_> {
        if range.is_empty() {
            return IntervalTreeGuard { lock: self, claim: None };
        }
        let mut claims = self.claims.lock();
        let mut blockers = 0;
        claims.for_each_overlapping(&range, |other| {
            blockers += usize::from(other.mode.conflicts_with(mode));
        });
        let waiter = (blockers > 0).then(|| {
            Arc::new(Waiter { granted: AtomicBool::new(false), thread: thread::current() })
        });
        let claim = claims.insert(range, Claim { mode, blockers, waiter: waiter.clone() });
        drop(claims);
        if let Some(waiter) = waiter {
            waiter.wait();
        }
        IntervalTreeGuard { lock: self, claim: Some(claim) }
    }

    /// How many claims, held or waiting, share a unit with `range`.
    pub fn claims_in(&self, range: Range<u64>) -> usize {
        let mut count = 0;
        self.claims.lock().for_each_overlapping(&range, |_| count += 1);
        count
    }

    fn unlock(&self, claim: Index) {
        let mut granted = Vec::new();
        let mut claims = self.claims.lock();
        let (range, released) = claims.remove(claim);
        claims.for_each_overlapping(&range, |later| {
            if later.mode.conflicts_with(released.mode) {
                later.blockers -= 1;
                if later.blockers == 0 {
                    granted.extend(later.waiter.take());
                }
            }
        });
        drop(claims);
        for waiter in granted {
            waiter.grant();
        }
    }
}

impl Drop for IntervalTreeGuard<'_> {
    fn drop(&mut self) {
        if let Some(claim) = self.claim {
            self.lock.unlock(claim);
        }
    }
}
