//! How claims wait: overtaken, due, withdrawn; and how that is shown.

use std::future::Future;
use std::ops::{ControlFlow, Range};
use std::panic::catch_unwind;
use std::sync::Arc;
use std::task::{Context, RawWaker, RawWakerVTable, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use super::{assert_idle, look_again, queue, span};
use crate::Mode::{Exclusive, Shared};
use crate::raw::place::Hold;
use crate::raw::waiting::Patience;
use crate::raw::{Queued, RawLock};
use crate::sync::MOST_PASSES;
use crate::{RangeLock, Span};

/// The summary shows whether claims wait. If any does, a new claim that is blocked does not spin.
#[test]
fn the_summary_shows_that_claims_wait_for_as_long_as_one_does() {
    let lock = RangeLock::fair();
    let is_shown = || lock.raw.summary_hint().has_queue();
    let held = lock.lock_exclusive(0..9);
    let mut waiting = [0..3, 3..6].map(|range| Box::pin(lock.lock_exclusive_async(range)));
    assert!(!is_shown());
    for future in &mut waiting {
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert!(is_shown());
    }
    let [first, second] = waiting;
    drop(first);
    assert!(is_shown());
    drop(held);
    assert!(!is_shown(), "it is granted");
    drop(second);
}

/// Spans with units 3 and 4.
const WIDE: [Range<u64>; 2] = [3..5, 0..1 << 60];

#[test]
fn a_patient_claim_is_overtaken_a_limited_number_of_times() {
    for wanted in WIDE {
        let lock = RawLock::new();
        let (unit, wanted) = (span(3, 4), Span::from_range(wanted));
        let mut hold = lock.lock(unit, Exclusive);
        let pending = queue(&lock, wanted);
        for passes in 1..=MOST_PASSES {
            assert!(!look_again(&lock, pending, Patience::Lasts), "it was not woken");
            assert!(!lock.conflicts(span(4, 5), Shared), "it may be overtaken");
            lock.unlock(unit, Exclusive, hold);
            hold = lock.try_lock(unit, Exclusive).expect("it may be overtaken");
            assert!(!look_again(&lock, pending, Patience::Lasts));
            assert_eq!(lock.conflicts(span(4, 5), Shared), passes == MOST_PASSES, "{passes}");
        }
        lock.unlock(unit, Exclusive, hold);
        assert!(look_again(&lock, pending, Patience::Lasts), "it was not granted");
        lock.unlock(wanted, Exclusive, Hold::claim(pending.id));
        assert_idle(&lock);
    }
}

#[test]
fn a_claim_whose_patience_is_over_is_not_overtaken_whether_or_not_it_was_woken() {
    for wanted in WIDE {
        let lock = RawLock::new();
        let (unit, wanted) = (span(3, 4), Span::from_range(wanted));
        let hold = lock.lock(unit, Exclusive);
        let pending = queue(&lock, wanted);
        assert!(!look_again(&lock, pending, Patience::IsOver));
        assert!(lock.conflicts(span(4, 5), Shared) && lock.try_lock(span(4, 5), Shared).is_none());
        lock.unlock(unit, Exclusive, hold);
        assert!(look_again(&lock, pending, Patience::Lasts), "it was not granted");
        lock.unlock(wanted, Exclusive, Hold::claim(pending.id));
        assert_idle(&lock);
    }
}

/// Readers that overlap one another in time could starve it.
#[test]
fn a_writer_that_is_woken_and_finds_only_readers_is_not_overtaken_again() {
    for wanted in WIDE {
        let lock = RawLock::new();
        let (unit, wanted) = (span(3, 4), Span::from_range(wanted));
        let hold = lock.lock(unit, Exclusive);
        let pending = queue(&lock, wanted);
        lock.unlock(unit, Exclusive, hold);
        let reader = lock.try_lock(unit, Shared).expect("it may be overtaken");
        assert!(!look_again(&lock, pending, Patience::Lasts));
        assert!(lock.conflicts(span(4, 5), Shared), "readers pass it");
        lock.unlock(unit, Shared, reader);
        assert!(look_again(&lock, pending, Patience::Lasts), "it was not granted");
        lock.unlock(wanted, Exclusive, Hold::claim(pending.id));
        assert_idle(&lock);
    }
}

/// The task has no clock, and is not polled.
#[test]
fn a_task_is_due_once_enough_later_claims_have_become_due_before_it() {
    for wanted in WIDE {
        let lock = RangeLock::new();
        let mut context = Context::from_waker(Waker::noop());
        let held = lock.lock_exclusive(3..4);
        let mut task = Box::pin(lock.lock_exclusive_async(wanted));
        assert!(task.as_mut().poll(&mut context).is_pending());
        let mut others = Vec::new();
        for passes in 1..=MOST_PASSES {
            assert!(!lock.conflicts(4..5, Shared));
            let mut other = Box::pin(lock.lock_many_async([(3..4, Shared)]));
            assert!(other.as_mut().poll(&mut context).is_pending());
            others.push(other);
            assert_eq!(lock.conflicts(4..5, Shared), passes == MOST_PASSES, "{passes}");
        }
        drop(held);
        assert!(lock.is_locked(3..4) && !lock.is_locked(4..5), "it is behind the others");
        drop(others);
        assert!(lock.is_locked(4..5), "it was not granted");
        drop(task);
        assert_idle(&lock.raw);
    }
}

#[test]
fn held_claims_are_listed_before_waiting_ones_on_the_same_span() {
    for wanted in [span(3, 4), span(3, 5), Span::ALL] {
        let lock = RawLock::fair();
        let hold = lock.lock(wanted, Shared);
        let pending = queue(&lock, wanted);
        let claims: Vec<bool> = lock.claims(Span::ALL).iter().map(|claim| claim.is_held).collect();
        assert_eq!(claims, [true, false]);
        assert!(lock.withdraw(pending).is_none());
        lock.unlock(wanted, Shared, hold);
        assert_idle(&lock);
    }
}

/// Whether any claim is watched.
fn is_watched(lock: &RawLock) -> bool {
    let slots = lock.visit_slots(Span::ALL, |_, word| match word.has_waiters() {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    });
    let proxies = &lock.core().protected.lock().proxies;
    slots.is_break() || proxies.iter().any(Option::is_some)
}

#[test]
fn a_claim_is_not_watched_any_more_once_the_claims_that_it_blocked_are_withdrawn() {
    let spans = [span(3, 4), span(3, 5), span(0, 1 << 50)];
    for (held, mode) in spans.into_iter().flat_map(|held| [(held, Shared), (held, Exclusive)]) {
        let lock = RawLock::new();
        let hold = lock.lock(held, mode);
        let unit_3 = span(3, 4);
        assert!(lock.try_lock(Span::ALL, Exclusive).is_none() && !is_watched(&lock));
        assert!(lock.try_lock(unit_3, Exclusive).is_none() && !is_watched(&lock));
        assert!(lock.conflicts(span(2, 9), Exclusive) && !is_watched(&lock));
        assert_eq!(lock.claims(Span::ALL).len(), 1);
        assert!(!is_watched(&lock));
        let [waits, also] = [span(2, 4), unit_3].map(|span| queue(&lock, span));
        assert!(is_watched(&lock));
        assert!(lock.withdraw(waits).is_none() && is_watched(&lock));
        assert!(lock.withdraw(also).is_none() && !is_watched(&lock));
        lock.unlock(held, mode, hold);
        assert_idle(&lock);
    }
}

/// A waker whose clones have its addresses in every build, unlike [`Waker::noop`].
fn waker() -> Waker {
    static TABLE: RawWakerVTable =
        RawWakerVTable::new(|data| RawWaker::new(data, &TABLE), |_| {}, |_| {}, |_| {});
    // SAFETY: the functions do nothing.
    unsafe { Waker::new(std::ptr::null(), &TABLE) }
}

/// For each of three claims: the poll after nothing has happened ends although another thread has the
/// mutex, and the poll after a wake-up finds the claim.
#[test]
fn a_task_that_is_polled_without_having_been_woken_takes_no_mutex() {
    let lock = RangeLock::fair();
    let held = lock.lock_exclusive(0..9);
    let other = lock.lock_shared(20..30);
    let upgraded = lock.lock_shared(25..26);
    let mut one = Box::pin(lock.lock_exclusive_async(2..3));
    let mut several = Box::pin(lock.lock_many_async([(5..6, Shared), (7..9, Exclusive)]));
    let mut upgrade = Box::pin(upgraded.upgrade_async());
    let mut poll_all = || {
        let waker = waker();
        let context = &mut Context::from_waker(&waker);
        [
            one.as_mut().poll(context).is_ready(),
            several.as_mut().poll(context).is_ready(),
            upgrade.as_mut().poll(context).is_ready(),
        ]
    };
    assert_eq!([poll_all(), poll_all()], [[false; 3]; 2]);
    let ended = thread::scope(|scope| {
        let locked = lock.raw.core().enter(&lock.raw);
        let polling = scope.spawn(&mut poll_all);
        let until = Instant::now() + Duration::from_secs(20);
        while !polling.is_finished() && Instant::now() < until {
            thread::yield_now();
        }
        let ended = polling.is_finished();
        locked.close();
        assert_eq!(polling.join().expect("polled"), [false; 3]);
        ended
    });
    assert!(ended, "a poll waited for the mutex");
    drop((held, other));
    assert_eq!(poll_all(), [true; 3]);
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("while it is woken");
    }
}

/// The next claim finds the cell free.
#[test]
fn a_cell_for_which_a_task_waits_is_freed_though_waking_the_task_panics() {
    let lock = RawLock::new();
    let waker = Waker::from(Arc::new(Panics));
    let holds = [(); 2].map(|()| {
        let hold = lock.lock(span(3, 9), Exclusive);
        let queued = lock.lock_or_queue(span(3, 9), Exclusive, &waker);
        let Queued::Waiting(pending) = queued else { panic!("{queued:?}") };
        catch_unwind(|| lock.unlock(span(3, 9), Exclusive, hold)).unwrap_err();
        assert_eq!(lock.withdraw(pending), None);
        hold
    });
    assert_eq!(holds[0], holds[1], "a cell was lost");
    assert_idle(&lock);
}

/// A shared claim waits there, and is due. The exclusive one will find it.
#[test]
fn a_unit_that_has_to_leave_its_slot_refuses_no_try() {
    let lock = RawLock::fair();
    let holder = lock.lock(span(100, 102), Exclusive);
    let queued = lock.lock_or_queue(span(5, 101), Shared, Waker::noop());
    let Queued::Waiting(pending) = queued else { panic!("{queued:?}") };
    let (entered, _) = lock.enter_slot(5, Exclusive).expect("the slot is free");
    let tried = lock.try_lock(span(5, 6), Shared).expect("what is in the slot is not held");
    assert_eq!(lock.claims(span(5, 6)).iter().filter(|claim| claim.is_held).count(), 1);
    lock.unlock(span(5, 6), Exclusive, entered);
    lock.unlock(span(5, 6), Shared, tried);
    assert_eq!(lock.withdraw(pending), None);
    lock.unlock(span(100, 102), Exclusive, holder);
    assert_idle(&lock);
}

/// It may still be taken back.
#[test]
fn a_tentative_claim_in_a_cell_is_not_shown() {
    let lock = RawLock::new();
    let core = lock.core();
    let taken = core.cells.take(|| lock.summary_hint().unused()).expect("all cells are free");
    lock.show_in_cell(core, taken.cell(), span(3, 9), Exclusive);
    assert!(lock.claims(Span::ALL).is_empty() && !lock.is_locked(span(3, 4)));
    core.cells.settle(taken);
    assert!(lock.is_locked(span(3, 4)));
    lock.unlock(span(3, 9), Exclusive, Hold::cell(taken));
    assert_idle(&lock);
}
