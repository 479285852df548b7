//! K10b: the same with claims that overtake waiting ones. There is no cycle then, and no end to the
//! waiting either.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::gallery::explore::{Fault, found};
use crate::gallery::stage::play;
use crate::gallery::{Entry, HUNT, Protocol, SURVIVE_MORE};
use crate::order::trace::{self, Resource, Ticket, does};
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::sync::thread::yield_now;
use spanlock::{Mode, RangeLock, SharedGuard};

pub(in crate::gallery) const ENTRY: Entry = Entry {
    id: "K10b",
    title: "a shared claim above and below the mm lock, readers first",
    seed: "002: the same, with the other kind of rwlock",
    mistake: "shared claims that never wait behind an exclusive one starve it",
    broken: Protocol {
        steps: &[
            "A shared claim waits for held exclusive claims, but not for waiting ones, so \
             that a holder may take it again.",
            "Two faulting threads claim the page in turn, each before the other releases it.",
            "An exclusive claim waits until neither holds the page.",
        ],
        plans: HUNT,
        scenario: broken,
    },
    right: Protocol {
        steps: &[
            "A shared claim waits behind an earlier exclusive one. So no thread may take it \
             again, or take it both above and below the mm lock.",
            "Two faulting threads claim the page in turn.",
            "An exclusive claim waits for earlier claims only.",
        ],
        plans: SURVIVE_MORE,
        scenario: right,
    },
};

/// How often each of the two claims, in three runs.
const ROUNDS: [usize; 3] = [16, 8, 4];

fn broken() {
    flood(|lock| lock.lock_shared_recursive(0..1));
}

fn right() {
    flood(|lock| lock.lock_shared(0..1));
}

fn flood(claim: fn(&RangeLock) -> SharedGuard<'_>) {
    let overtaken = ROUNDS.map(|rounds| overtakes(claim, rounds));
    // As often as there were claims to overtake it, but for those that came before it: no bound.
    if overtaken.iter().zip(ROUNDS).all(|(&times, rounds)| times >= rounds) {
        let [many, some, few] = overtaken;
        found(Fault::NoProgress(format!(
            "punch is overtaken {few}, {some} and {many} times by two threads that claim {}, {} and \
             {} times each: as often as they go on",
            ROUNDS[2], ROUNDS[1], ROUNDS[0],
        )));
    }
}

/// How many shared claims that came after an exclusive one were granted before it.
fn overtakes(claim: fn(&RangeLock) -> SharedGuard<'_>, rounds: usize) -> usize {
    // Only the last and shortest run is told.
    trace::begin();
    let lock = RangeLock::new();
    let (queued, granted) = (AtomicBool::new(false), AtomicBool::new(false));
    let overtakes = AtomicUsize::new(0);
    // Of each of the two: when it last came, of all times that either did; whether it waits.
    let clock = AtomicUsize::new(1);
    let came = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let waits = [AtomicBool::new(false), AtomicBool::new(false)];
    let fault = |own: usize| {
        let other = 1 - own;
        for _ in 0..rounds {
            let is_after_punch = queued.load(Ordering::Relaxed);
            let ticket = Ticket::asks(mapping_lock(Mode::Shared));
            let now = clock.fetch_add(1, Ordering::Relaxed);
            came[own].store(now, Ordering::Relaxed);
            waits[own].store(true, Ordering::Relaxed);
            let claimed = claim(&lock);
            waits[own].store(false, Ordering::Relaxed);
            ticket.gets();
            if is_after_punch && !granted.load(Ordering::Relaxed) {
                does("overtakes punch");
                overtakes.fetch_add(1, Ordering::Relaxed);
            }
            // Until the other one has come after this one did, or is kept out.
            while came[other].load(Ordering::Relaxed) < now && !waits[other].load(Ordering::Relaxed)
            {
                yield_now();
            }
            drop(ticket);
            drop(claimed);
        }
        came[own].store(usize::MAX, Ordering::Relaxed);
    };
    play(|stage| {
        stage.thread("fault 1", || fault(0));
        stage.thread("fault 2", || fault(1));
        stage.thread("punch", || {
            let ticket = Ticket::asks(mapping_lock(Mode::Exclusive));
            let mut claim = pin!(lock.lock_exclusive_async(0..1));
            // Polled once, it is in the queue.
            let at_once = claim.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            queued.store(true, Ordering::Relaxed);
            let _claimed = match at_once {
                Poll::Ready(claimed) => claimed,
                Poll::Pending => shuttle::future::block_on(claim),
            };
            granted.store(true, Ordering::Relaxed);
            ticket.gets();
        });
    });
    overtakes.load(Ordering::Relaxed)
}

fn mapping_lock(mode: Mode) -> Resource {
    Resource { lock: "mapping lock", owner: 1, part: Some(("page", 0..1)), mode }
}
