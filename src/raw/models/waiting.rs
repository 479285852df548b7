//! Waiting: no lost wakeups, first in first out, cancellation.

use super::*;

use std::task::Waker;
use std::time::{Duration, Instant};

use crate::raw::Queued;

/// A deadline in the future. The model's parker times out as soon as a thread waits for it.
fn soon() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

/// The holder's release races with the waiter that sets WAITERS and goes to sleep.
#[test]
fn a_waiter_on_a_slot_is_woken() {
    for mode in [Shared, Exclusive] {
        race(Units::with_table, (span(1, 2), mode), (span(1, 2), Exclusive));
    }
}

#[test]
fn the_last_of_two_readers_wakes_the_range_that_waits_for_both() {
    model(2, || {
        let units = Units::with_table();
        let mine = units.lock.lock(span(1, 2), Shared);
        let theirs = units.lock.lock(span(1, 2), Shared);
        let reader = Arc::clone(&units);
        let reader = thread::spawn(move || {
            reader.touch(span(1, 2), Shared);
            reader.lock.unlock(span(1, 2), Shared, theirs);
        });
        let writer = Arc::clone(&units);
        let writer = thread::spawn(move || writer.locked(span(0, 9), Exclusive));
        units.touch(span(1, 2), Shared);
        units.lock.unlock(span(1, 2), Shared, mine);
        reader.join().unwrap();
        writer.join().unwrap();
        units.assert_idle();
    });
}

#[test]
fn a_waiter_on_a_cell_is_woken() {
    for (held, mode) in [(span(0, 2), Shared), (span(0, 2), Exclusive)] {
        for wanted in [span(1, 3), span(1, 2)] {
            race(Units::with_table, (held, mode), (wanted, Exclusive));
        }
    }
}

/// A thread that releases a watched cell takes the mutex only after its claim has left the board.
/// If the cell were free by then, the registry could take the cell's next claim for the one that
/// has left, and grant a conflicting claim.
#[test]
fn a_release_of_a_cell_wakes_no_claim_that_waits_for_the_next_claim_in_it() {
    model(2, || {
        let units = Units::fair_with_table();
        let held = units.lock.lock(span(0, 2), Exclusive);
        let [next, last] = std::array::from_fn(|_| Arc::clone(&units));
        let next = thread::spawn(move || {
            if let Some(hold) = next.lock.lock_until(span(0, 2), Exclusive, soon()) {
                return next.lock.unlock(span(0, 2), Exclusive, hold);
            }
            next.try_locked(span(0, 2), Exclusive);
        });
        let last = thread::spawn(move || last.locked(span(0, 2), Exclusive));
        units.lock.unlock(span(0, 2), Exclusive, held);
        next.join().unwrap();
        last.join().unwrap();
        units.assert_idle();
    });
}

/// FIFO: a queued writer is not overtaken by a later reader.
#[test]
fn a_reader_does_not_overtake_a_writer_that_is_queued() {
    model(2, || {
        let units = Units::with_table();
        let held = units.lock.lock(span(1, 2), Shared);
        let writer = Arc::clone(&units);
        let writer = thread::spawn(move || writer.locked(span(1, 2), Exclusive));
        let is_queued = units.lock.claims(Span::ALL).iter().any(|claim| !claim.is_held);
        let late = units.lock.try_lock(span(1, 2), Shared);
        assert!(!(is_queued && late.is_some()), "a late reader overtook the queue");
        if let Some(late) = late {
            units.touch(span(1, 2), Shared);
            units.lock.unlock(span(1, 2), Shared, late);
        }
        units.lock.unlock(span(1, 2), Shared, held);
        writer.join().unwrap();
        units.assert_idle();
    });
}

/// Cancel against grant: the timeout and the release race; either way nothing is left behind.
#[test]
fn a_timeout_that_races_with_a_grant_takes_it_or_leaves_no_trace() {
    for (held, wanted) in [(span(1, 2), span(1, 2)), (span(0, 9), span(1, 2))] {
        model(3, move || {
            let units = Units::with_table();
            let hold = units.lock.lock(held, Exclusive);
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || {
                if let Some(hold) = other.lock.lock_until(wanted, Exclusive, soon()) {
                    other.touch(wanted, Exclusive);
                    other.lock.unlock(wanted, Exclusive, hold);
                }
            });
            units.touch(held, Exclusive);
            units.lock.unlock(held, Exclusive, hold);
            thread.join().unwrap();
            units.assert_idle();
        });
    }
}

/// A cancelled writer lets in the readers that had queued behind it.
#[test]
fn a_writer_that_is_withdrawn_lets_in_the_reader_behind_it() {
    model(2, || {
        let units = Units::with_table();
        let held = units.lock.lock(span(0, 9), Shared);
        let writer = Arc::clone(&units);
        let writer = thread::spawn(move || {
            assert!(writer.lock.lock_until(span(0, 9), Exclusive, soon()).is_none());
        });
        let reader = Arc::clone(&units);
        let reader = thread::spawn(move || reader.locked(span(1, 9), Shared));
        writer.join().unwrap();
        reader.join().unwrap();
        units.lock.unlock(span(0, 9), Shared, held);
        units.assert_idle();
    });
}

/// A claim on a unit enters its slot, is watched after the re-entrant claim was queued, and is
/// taken back. That must not decrement the count of the re-entrant claim, which still waits for the
/// writer.
#[test]
fn a_reentrant_claim_waits_for_the_writer_although_another_claim_comes_and_is_taken_back() {
    model(1, || {
        let units = Units::fair_with_table();
        let writer = units.lock.lock(span(1, 2), Exclusive);
        let [holder, tried, reader] = std::array::from_fn(|_| Arc::clone(&units));
        let tried = thread::spawn(move || tried.try_locked(span(2, 3), Exclusive));
        let reader = thread::spawn(move || reader.locked(span(2, 3), Shared));
        let holder = thread::spawn(move || {
            holder.touch(span(1, 2), Exclusive);
            holder.lock.unlock(span(1, 2), Exclusive, writer);
        });
        let hold = units.lock.lock_reentrant(span(1, 4));
        units.touch(span(1, 4), Shared);
        units.lock.unlock(span(1, 4), Shared, hold);
        [holder, tried, reader].into_iter().for_each(|thread| thread.join().unwrap());
        units.assert_idle();
    });
}

/// Without re-entry this would be a deadlock: the reader waits for the writer, which waits for the
/// reader.
#[test]
fn a_reader_that_re_enters_overtakes_the_writer_that_waits_for_it() {
    for theirs in [span(1, 2), span(0, 9)] {
        model(3, move || {
            let units = Units::with_table();
            let outer = units.lock.lock(span(1, 2), Shared);
            let writer = Arc::clone(&units);
            let writer = thread::spawn(move || writer.locked(theirs, Exclusive));
            let inner = units.lock.lock_reentrant(span(1, 2));
            units.lock.unlock(span(1, 2), Shared, outer);
            units.touch(span(1, 2), Shared);
            units.lock.unlock(span(1, 2), Shared, inner);
            writer.join().unwrap();
            units.assert_idle();
        });
    }
}

/// A reader waits, so the writer must be taken back, and another reader is granted meanwhile. By
/// the time the writer checks, the claim that it saw has left: it finds that it is watched.
#[test]
fn a_claim_that_is_overtaken_because_it_must_leave_does_leave() {
    model(3, || {
        let units = Units::fair_with_table();
        let elsewhere = units.lock.lock(span(2, 3), Exclusive);
        let Queued::Waiting(reader) = units.lock.lock_or_queue(span(1, 3), Shared, Waker::noop())
        else {
            unreachable!("a writer is there")
        };
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || other.try_locked(span(1, 2), Exclusive));
        let ours =
            units.lock.try_lock(span(0, 2), Shared).expect("the other claim must be taken back");
        units.touch(span(0, 2), Shared);
        assert!(units.lock.withdraw(reader).is_none());
        let far = units.lock.try_lock(span(20, 30), Shared);
        units.touch(span(0, 2), Shared);
        units.lock.unlock(span(0, 2), Shared, ours);
        far.into_iter().for_each(|far| units.lock.unlock(span(20, 30), Shared, far));
        units.lock.unlock(span(2, 3), Exclusive, elsewhere);
        thread.join().unwrap();
        units.assert_idle();
    });
}
