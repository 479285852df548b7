//! A number for each thread, so that threads write to cache lines of their own.
//!
//! No decision depends on a number, so schedulers need not see how it is given: this uses std's
//! primitives in every build.
//!
//! ORDERING: relaxed throughout: a number orders nothing, and the counters of a seat are read as statistics only.
#![allow(clippy::disallowed_types, reason = "the numbers take no part in any argument")]

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many numbers there are. Threads for which they are not enough share the last one.
pub(crate) const COUNT: usize = 32;

/// A thread's number, and whether other threads have the same.
#[derive(Clone, Copy)]
pub(crate) struct Seat {
    pub(crate) number: usize,
    company: Company,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Company {
    Alone,
    Shared,
}

/// The seat of all threads that have none of their own.
pub(crate) const SHARED: Seat = Seat { number: COUNT - 1, company: Company::Shared };

impl Seat {
    /// Adds one to a counter that only threads with this seat change.
    #[inline]
    pub(crate) fn add_one(self, counter: &AtomicU64) {
        match self.company {
            Company::Alone => {
                counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            }
            Company::Shared => drop(counter.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

/// The numbers that no thread has to itself. A mutex orders what one owner counted before what the
/// next does.
static VACANT: Mutex<Vec<usize>> = Mutex::new(Vec::new());
static SEATED: AtomicUsize = AtomicUsize::new(0);

/// A number of a thread's own, until the thread ends.
struct Seated(Seat);

impl Seated {
    fn new() -> Seated {
        let vacant = VACANT.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let number = vacant.unwrap_or_else(|| SEATED.fetch_add(1, Ordering::Relaxed));
        if number < SHARED.number {
            Seated(Seat { number, company: Company::Alone })
        } else {
            Seated(SHARED)
        }
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        if self.0.company == Company::Alone {
            VACANT.lock().unwrap_or_else(PoisonError::into_inner).push(self.0.number);
        }
    }
}

/// The seat of this thread.
#[inline]
pub(crate) fn seat() -> Seat {
    thread_local! {
        static SEAT: Seated = Seated::new();
    }
    // A thread that is ending has given its seat away.
    SEAT.try_with(|seated| seated.0).unwrap_or(SHARED)
}
