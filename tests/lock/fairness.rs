//! The order in which claims are granted.
//!
//! The lock's snapshot shows the claim of a thread that waits. So a test knows when the thread has
//! queued, without a sleep. A try would not do: it may fail because of a claim that has not queued yet.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use spanlock::{Claim, ClaimState, LockExclusiveFuture, Mode, RangeLock};

use super::watchdog::Watchdog;

/// Ranges to hold or to wait for: one unit, a few, many. Each contains unit 7.
const SPANS: [Range<u64>; 5] = [7..8, 7..9, 5..8, 6..10, 0..50];

/// The ends of claims that start at 7, to distinguish them.
const TAILS: Range<u64> = 100..106;

/// Returns when that many claims wait.
fn until_waiting(lock: &RangeLock, count: usize) {
    let waits = |claim: &&Claim| claim.state == ClaimState::Waiting;
    while lock.claims().iter().filter(waits).count() != count {
        thread::yield_now();
    }
}

fn while_held(lock: &RangeLock, span: Range<u64>, mode: Mode, work: impl FnOnce()) {
    match mode {
        Mode::Shared => {
            let _held = lock.lock_shared(span);
            work();
        }
        Mode::Exclusive => {
            let _held = lock.lock_exclusive(span);
            work();
        }
    }
}

/// The claims that were granted, in order.
#[derive(Default)]
struct Arrivals(Mutex<Vec<u64>>);

impl Arrivals {
    fn note(&self, who: u64) {
        self.0.lock().expect("a note cannot panic").push(who);
    }

    fn into_order(self) -> Vec<u64> {
        self.0.into_inner().expect("a note cannot panic")
    }
}

#[test]
fn a_queued_exclusive_claim_is_not_overtaken_by_later_readers() {
    let watchdog = Watchdog::over("a writer among readers");
    for held in SPANS {
        for wanted in SPANS {
            let lock = RangeLock::new();
            let arrivals = Arrivals::default();
            let reader = lock.lock_shared(held.clone());
            thread::scope(|scope| {
                let (lock, arrivals) = (&lock, &arrivals);
                let writer = wanted.clone();
                scope.spawn(move || {
                    while_held(lock, writer, Mode::Exclusive, || arrivals.note(0));
                });
                until_waiting(lock, 1);
                for (before, tail) in TAILS.enumerate() {
                    scope.spawn(move || {
                        while_held(lock, 7..tail + 1, Mode::Shared, || arrivals.note(tail));
                    });
                    until_waiting(lock, before + 2);
                }
                drop(reader);
            });
            assert_eq!(arrivals.into_order()[0], 0, "{wanted:?} waits for {held:?}");
            watchdog.moved();
        }
    }
}

#[test]
fn conflicting_claims_on_a_fair_lock_are_granted_in_arrival_order() {
    let watchdog = Watchdog::over("a queue of writers");
    for held in SPANS {
        let lock = RangeLock::fair();
        let arrivals = Arrivals::default();
        let holder = lock.lock_exclusive(held);
        thread::scope(|scope| {
            let (lock, arrivals) = (&lock, &arrivals);
            for (before, tail) in TAILS.enumerate() {
                let mode = if tail % 2 == 0 { Mode::Exclusive } else { Mode::Shared };
                scope.spawn(move || {
                    while_held(lock, 7..tail + 1, mode, || arrivals.note(tail));
                });
                until_waiting(lock, before + 1);
            }
            drop(holder);
        });
        assert_eq!(arrivals.into_order(), TAILS.collect::<Vec<_>>());
        watchdog.moved();
    }
}

#[test]
fn readers_that_waited_for_a_writer_are_granted_together() {
    let watchdog = Watchdog::over("readers behind a writer");
    for held in SPANS {
        let lock = RangeLock::new();
        let all_are_in = Barrier::new(TAILS.count());
        let holder = lock.lock_exclusive(held);
        thread::scope(|scope| {
            let (lock, all_are_in) = (&lock, &all_are_in);
            for (before, tail) in TAILS.enumerate() {
                scope.spawn(move || {
                    while_held(lock, 7..tail + 1, Mode::Shared, || {
                        all_are_in.wait();
                    });
                });
                until_waiting(lock, before + 1);
            }
            drop(holder);
        });
        watchdog.moved();
    }
}

#[test]
fn a_release_grants_the_claims_that_waited_for_it_while_others_keep_waiting() {
    let watchdog = Watchdog::over("waiters of two holders");
    let elsewhere = [207..208, 207..209, 204..209, 200..300];
    for one in SPANS {
        for other in elsewhere.clone() {
            for [stays, goes] in [[one.clone(), other.clone()], [other.clone(), one.clone()]] {
                let lock = RangeLock::new();
                let kept = lock.lock_shared(stays.clone());
                let dropped = lock.lock_shared(goes.clone());
                thread::scope(|scope| {
                    let lock = &lock;
                    scope.spawn(move || drop(lock.lock_exclusive(stays)));
                    until_waiting(lock, 1);
                    let waiter = scope.spawn(move || drop(lock.lock_exclusive(goes)));
                    until_waiting(lock, 2);
                    drop(dropped);
                    waiter.join().expect("the waiter");
                    drop(kept);
                });
                watchdog.moved();
            }
        }
    }
}

#[test]
fn a_claim_beside_a_waiting_one_is_granted_immediately() {
    let watchdog = Watchdog::over("claims beside a waiting one");
    for held in SPANS {
        let lock = RangeLock::new();
        let holder = lock.lock_shared(held.clone());
        thread::scope(|scope| {
            let (lock, held) = (&lock, &held);
            scope.spawn(move || drop(lock.lock_exclusive(held.clone())));
            until_waiting(lock, 1);
            assert!(lock.try_lock_exclusive(held.end..).is_some());
            assert!(lock.try_lock_exclusive(held.end..held.end + 1).is_some());
            assert!(lock.try_lock_exclusive(..held.start).is_some());
            assert!(lock.try_lock_shared(held.end - 1..held.end + 1).is_none());
            drop(holder);
        });
        watchdog.moved();
    }
}

#[test]
fn a_claim_that_timed_out_blocks_no_other() {
    for held in SPANS {
        for wanted in SPANS {
            let lock = RangeLock::new();
            let reader = lock.lock_shared(held.clone());
            assert!(lock.try_lock_exclusive_for(wanted, Duration::from_millis(2)).is_none());
            assert!(lock.try_lock_shared(..).is_some(), "a claim that gave up is in the way");
            drop(reader);
            assert!(lock.try_lock_exclusive(..).is_some());
        }
    }
}

#[test]
fn readers_behind_a_cancelled_writer_are_granted() {
    let watchdog = Watchdog::over("readers behind a writer that gives up");
    for held in SPANS {
        let lock = RangeLock::new();
        let reader = lock.lock_shared(held.clone());
        thread::scope(|scope| {
            let (lock, held) = (&lock, &held);
            // The second reader is queued behind the writer, or comes when the writer has timed out. In either case
            // it is granted while the first one still reads.
            let writer = scope.spawn(move || {
                lock.try_lock_exclusive_for(held.clone(), Duration::from_millis(50)).is_none()
            });
            let second = scope.spawn(move || drop(lock.lock_shared(held.clone())));
            assert!(writer.join().expect("the writer"), "let in beside a reader");
            second.join().expect("the second reader");
            drop(reader);
        });
        watchdog.moved();
    }
}

#[test]
fn a_writer_of_everything_gets_its_turns_under_a_flood_of_readers() {
    const TURNS: u64 = 200;
    let watchdog = Watchdog::over("a writer under a flood of readers");
    let lock = RangeLock::new();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for unit in [0, 1] {
            let (lock, over) = (&lock, &over);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    drop(lock.lock_shared(unit..unit + 1));
                }
            });
        }
        for _ in 0..TURNS {
            drop(lock.lock_exclusive(..));
            watchdog.moved();
        }
        over.store(true, Ordering::Relaxed);
    });
}

/// Counts the wake-ups of its task.
#[derive(Default)]
struct Wakes(AtomicU32);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Releases `held` and tries to lock it again, until that fails because of the claim that waits. Returns
/// how often it succeeded.
fn passes<'a>(
    lock: &'a RangeLock,
    held: Range<u64>,
    mut waits: Pin<Box<LockExclusiveFuture<'a>>>,
) -> u32 {
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let mut context = Context::from_waker(&waker);
    let mut holder = lock.lock_exclusive(held.clone());
    let mut passes = 0;
    loop {
        assert!(waits.as_mut().poll(&mut context).is_pending());
        drop(holder);
        assert_eq!(wakes.0.load(Ordering::Relaxed), passes + 1, "it is woken each time");
        let Some(again) = lock.try_lock_exclusive(held.clone()) else { break };
        holder = again;
        passes += 1;
    }
    assert!(lock.is_locked(held), "it was not handed over");
    assert!(waits.as_mut().poll(&mut context).is_ready());
    passes
}

#[test]
fn a_claim_is_overtaken_at_most_16_times_and_then_granted() {
    for held in SPANS {
        for wanted in SPANS {
            let lock = RangeLock::new();
            let passed = passes(&lock, held.clone(), Box::pin(lock.lock_exclusive_async(wanted)));
            // Fewer than 16 if half a millisecond is over before.
            assert!((1..=16).contains(&passed), "passed {passed} times");
        }
    }
}

#[test]
fn a_claim_on_a_fair_lock_is_not_overtaken() {
    for held in SPANS {
        for wanted in SPANS {
            let lock = RangeLock::fair();
            let waits = Box::pin(lock.lock_exclusive_async(wanted));
            assert_eq!(passes(&lock, held.clone(), waits), 0);
        }
    }
}

#[test]
fn only_a_due_claim_conflicts_with_new_ones_while_it_waits() {
    for (lock, waits_due) in [(RangeLock::new(), false), (RangeLock::fair(), true)] {
        let holder = lock.lock_exclusive(3..5);
        let mut waits = Box::pin(lock.lock_exclusive_async(0..9));
        let mut context = Context::from_waker(Waker::noop());
        assert!(waits.as_mut().poll(&mut context).is_pending());
        assert_eq!(lock.conflicts(0..1, Mode::Shared), waits_due);
        assert_eq!(lock.try_lock_shared(0..1).is_none(), waits_due);
        drop(holder);
        assert_eq!(lock.is_locked(0..1), waits_due, "a due claim is granted, a patient one woken");
        assert!(waits.as_mut().poll(&mut context).is_ready());
    }
}

#[test]
fn a_claim_on_several_ranges_overtakes_patient_ones_and_is_not_overtaken() {
    let lock = RangeLock::new();
    let holder = lock.lock_exclusive(3..5);
    let mut context = Context::from_waker(Waker::noop());
    let mut patient = Box::pin(lock.lock_exclusive_async(0..9));
    assert!(patient.as_mut().poll(&mut context).is_pending());
    let mut many = Box::pin(lock.lock_many_async([(4..6, Mode::Shared), (8..9, Mode::Shared)]));
    assert!(many.as_mut().poll(&mut context).is_pending());
    assert!(lock.try_lock_exclusive(8..9).is_none(), "no later claim overtakes it");
    drop(holder);
    assert!(patient.as_mut().poll(&mut context).is_pending());
    let Poll::Ready(held) = many.as_mut().poll(&mut context) else { panic!("not granted") };
    assert!(patient.as_mut().poll(&mut context).is_pending());
    drop(held);
    assert!(patient.as_mut().poll(&mut context).is_ready());
}

#[test]
fn a_patient_task_that_is_woken_and_not_polled_blocks_no_due_claim() {
    let watchdog = Watchdog::over("a thread behind a task");
    for held in SPANS {
        let lock = RangeLock::new();
        let holder = lock.lock_exclusive(held.clone());
        let mut task = Box::pin(lock.lock_exclusive_async(7..8));
        let mut context = Context::from_waker(Waker::noop());
        assert!(task.as_mut().poll(&mut context).is_pending());
        thread::scope(|scope| {
            let lock = &lock;
            scope.spawn(move || drop(lock.lock_exclusive(held)));
            until_waiting(lock, 2);
            drop(holder);
        });
        assert!(lock.try_lock_exclusive(..).is_some());
        assert!(task.as_mut().poll(&mut context).is_ready());
        watchdog.moved();
    }
}
