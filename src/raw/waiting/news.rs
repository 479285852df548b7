//! How a task that is polled for another reason finds without the mutex that nothing has happened
//! to its claim.
//!
//! A lock has a few counters, and a waiting claim uses the one that its number selects. The counter
//! changes, under the mutex, before the claim's task is woken. A task that finds its counter as it
//! was before the last check under the mutex has not been woken since: its claim was neither
//! granted nor invited. Claims that share a counter cost each other a check.

use std::task::Waker;

use crate::raw::registry::ClaimId;
use crate::sync::{AtomicU64, Ordering};

const COUNTERS: u32 = 8;

/// In a cache line of their own: they change with every task that is woken.
#[repr(align(64))]
pub(crate) struct News([AtomicU64; COUNTERS as usize]);

/// The counter of a claim, and what it was before a check under the mutex that left the claim
/// waiting, with the waker that is woken next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    count: u64,
    /// The addresses of the waker's data and functions, which the registry's clone has too. As long
    /// as the count is the same, that clone exists, so that no other task's waker has them.
    waker: (usize, usize),
}

impl Seen {
    pub(crate) fn new(count: u64, waker: &Waker) -> Seen {
        Seen { count, waker: (waker.data().addr(), std::ptr::from_ref(waker.vtable()).addr()) }
    }
}

impl News {
    pub(crate) fn new() -> News {
        News(std::array::from_fn(|_| AtomicU64::new(0)))
    }

    pub(crate) fn of(&self, claim: ClaimId) -> u64 {
        // ORDERING: Relaxed: a task that was woken is polled after the wake-up, and so after `add`.
        // If it is polled for another reason it may see an older count: it is polled once more.
        self.counter(claim).load(Ordering::Relaxed)
    }

    /// With the mutex held, before the task of the claim is woken.
    pub(crate) fn add(&self, claim: ClaimId) {
        // ORDERING: Relaxed: as in `of`.
        self.counter(claim).fetch_add(1, Ordering::Relaxed);
    }

    fn counter(&self, claim: ClaimId) -> &AtomicU64 {
        &self.0[claim.index() % self.0.len()]
    }
}
