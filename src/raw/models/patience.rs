//! Waiting patiently: invited, passed, due; given up at each of these points; and the succession.
//!
//! No time passes in a model, but where it says so: who sleeps while his range is free sleeps for
//! ever, and loom reports it.

use super::*;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::sync::without_patience;

/// A deadline that is not in the past; the model's parker lets it pass as soon as it is waited for.
fn soon() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

/// The holder lets go and comes again, as often as it takes to make the heir due, and once more.
#[test]
fn an_heir_that_is_woken_and_passed_becomes_due_and_is_handed_the_lock() {
    for (held, wanted) in
        [(span(1, 2), span(1, 2)), (span(0, 2), span(1, 3)), (span(0, 9), span(1, 2))]
    {
        model(2, move || {
            let units = Units::with_table();
            let hold = units.lock.lock(held, Exclusive);
            let heir = Arc::clone(&units);
            let heir = thread::spawn(move || heir.locked(wanted, Exclusive));
            units.touch(held, Exclusive);
            units.lock.unlock(held, Exclusive, hold);
            units.locked(held, Exclusive);
            units.try_locked(held, Exclusive);
            heir.join().unwrap();
            units.assert_idle();
        });
    }
}

/// Two wait, so the second is behind the first as well; a third comes by.
#[test]
fn of_two_that_wait_each_gets_its_turn_whoever_comes_by() {
    model(1, || {
        let units = Units::with_table();
        let hold = units.lock.lock(span(0, 2), Exclusive);
        let affected = [span(0, 2), span(1, 2)].map(|wanted| {
            let heir = Arc::clone(&units);
            thread::spawn(move || heir.locked(wanted, Exclusive))
        });
        units.touch(span(0, 2), Exclusive);
        units.lock.unlock(span(0, 2), Exclusive, hold);
        units.try_locked(span(1, 2), Exclusive);
        affected.into_iter().for_each(|heir| heir.join().unwrap());
        units.assert_idle();
    });
}

/// The first gives up while it waits, after it was invited, or has the claim; the second is behind
/// it.
#[test]
fn an_heir_that_gives_up_is_followed_by_the_next() {
    model(2, || {
        let units = Units::with_table();
        let hold = units.lock.lock(span(0, 2), Exclusive);
        let [first, second] = std::array::from_fn(|_| Arc::clone(&units));
        let first = thread::spawn(move || {
            if let Some(hold) = first.lock.lock_until(span(0, 2), Exclusive, soon()) {
                first.touch(span(0, 2), Exclusive);
                first.lock.unlock(span(0, 2), Exclusive, hold);
            }
        });
        let second = thread::spawn(move || second.locked(span(1, 2), Exclusive));
        units.touch(span(0, 2), Exclusive);
        units.lock.unlock(span(0, 2), Exclusive, hold);
        first.join().unwrap();
        second.join().unwrap();
        units.assert_idle();
    });
}

/// The same when patience ends at once: the first is due by the time that it gives up.
#[test]
fn a_due_claim_that_gives_up_is_followed_by_the_next() {
    without_patience(|| {
        model(2, || {
            let units = Units::with_table();
            let hold = units.lock.lock(span(0, 2), Exclusive);
            let [first, second] = std::array::from_fn(|_| Arc::clone(&units));
            let first = thread::spawn(move || {
                if let Some(hold) = first.lock.lock_until(span(0, 2), Exclusive, soon()) {
                    first.touch(span(0, 2), Exclusive);
                    first.lock.unlock(span(0, 2), Exclusive, hold);
                }
            });
            let second = thread::spawn(move || second.locked(span(1, 2), Exclusive));
            units.touch(span(0, 2), Exclusive);
            units.lock.unlock(span(0, 2), Exclusive, hold);
            first.join().unwrap();
            second.join().unwrap();
            units.assert_idle();
        });
    });
}

/// It becomes due while it is invited, or while the range is being released.
#[test]
fn patience_that_ends_while_the_range_is_let_go_of_loses_no_wake_up() {
    without_patience(|| {
        for (held, wanted) in [(span(1, 2), span(1, 2)), (span(0, 2), span(1, 3))] {
            model(3, move || {
                let units = Units::with_table();
                let hold = units.lock.lock(held, Exclusive);
                let heir = Arc::clone(&units);
                let heir = thread::spawn(move || heir.locked(wanted, Exclusive));
                units.touch(held, Exclusive);
                units.lock.unlock(held, Exclusive, hold);
                units.try_locked(held, Exclusive);
                heir.join().unwrap();
                units.assert_idle();
            });
        }
    });
}

/// A future is dropped while it waits, or after it was invited and before it looks; a thread is
/// behind it.
#[test]
fn a_future_dropped_while_it_is_invited_lets_the_next_in() {
    model(2, || {
        let lock = Arc::new(RangeLock::new());
        let guard = lock.lock_exclusive(0..2);
        let mut future = Box::pin(lock.lock_exclusive_async(0..2));
        assert!(poll(future.as_mut()).is_pending());
        let [holder, next] = std::array::from_fn(|_| Arc::clone(&lock));
        let next = thread::spawn(move || drop(next.lock_exclusive(1..2)));
        drop(guard);
        let holder = thread::spawn(move || drop(holder.try_lock_exclusive(0..1)));
        drop(future);
        next.join().unwrap();
        holder.join().unwrap();
        assert!(!lock.is_locked(..));
    });
}

/// Nobody polls the future that is invited: who waited behind it is not held up for longer than his
/// patience lasts.
#[test]
fn a_future_that_does_not_answer_its_invitation_is_in_nobodys_way() {
    without_patience(|| {
        model(2, || {
            let lock = Arc::new(RangeLock::new());
            let guard = lock.lock_exclusive(0..2);
            let mut future = Box::pin(lock.lock_exclusive_async(0..2));
            assert!(poll(future.as_mut()).is_pending());
            let next = Arc::clone(&lock);
            let next = thread::spawn(move || drop(next.lock_exclusive(1..2)));
            drop(guard);
            next.join().unwrap();
            assert!(poll(future.as_mut()).is_ready(), "it still has its turn");
            assert!(!lock.is_locked(..));
        });
    });
}

/// Writers that wait for readers only are passed by nobody.
#[test]
fn a_reader_does_not_pass_a_writer_that_waits_for_readers() {
    model(2, || {
        let lock = Arc::new(RangeLock::new());
        let guard = lock.lock_shared(0..2);
        let mut writer = Box::pin(lock.lock_exclusive_async(0..2));
        assert!(poll(writer.as_mut()).is_pending());
        let reader = Arc::clone(&lock);
        let reader = thread::spawn(move || {
            assert!(reader.try_lock_shared(1..2).is_none());
            assert!(reader.try_lock_shared(0..9).is_none());
        });
        reader.join().unwrap();
        drop(guard);
        assert!(lock.is_locked(0..1), "it was handed over");
        assert!(poll(writer.as_mut()).is_ready());
    });
}

/// On a fair lock a claim that waits is handed over, whoever comes meanwhile.
#[test]
fn a_claim_on_a_fair_lock_is_handed_over() {
    for (held, wanted) in [(1..2, 1..2), (0..2, 1..3), (0..9, 1..2)] {
        model(2, move || {
            let lock = Arc::new(RangeLock::fair());
            let guard = lock.lock_exclusive(held.clone());
            let (other, wanted) = (Arc::clone(&lock), wanted.clone());
            let thread = thread::spawn(move || drop(other.lock_exclusive(wanted)));
            let is_queued =
                !lock.claims().iter().all(|claim| claim.state == crate::ClaimState::Held);
            drop(guard);
            let passed = lock.try_lock_exclusive(held.clone());
            // It may be over already.
            assert!(!is_queued || passed.is_none() || lock.claims().len() == 1);
            drop(passed);
            thread.join().unwrap();
            assert!(!lock.is_locked(..));
        });
    }
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
