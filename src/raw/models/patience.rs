//! Patient claims: invited, overtaken, due; withdrawn in each of these states; and which claim is
//! granted next.
//!
//! No time passes in a model, except where the model says so. So a thread that sleeps although its
//! range is free sleeps for ever, and loom reports that.

use super::*;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::sync::without_patience;

/// A deadline in the future. The model's parker times out as soon as a thread waits for it.
fn soon() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

/// The holder releases and acquires again, as often as makes the patient claim due, and once more.
#[test]
fn a_patient_claim_that_is_invited_and_overtaken_becomes_due_and_is_granted() {
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

/// Two claims wait, so the second one also waits for the first; then a third one comes.
#[test]
fn two_waiting_claims_are_both_granted_although_a_third_claim_comes() {
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

/// The first claim is withdrawn while it waits, after it was invited, or once it is held. The
/// second waits for it.
#[test]
fn after_a_patient_claim_is_withdrawn_the_next_one_is_granted() {
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

/// The same if patience ends at once: the first claim is due when it is withdrawn.
#[test]
fn after_a_due_claim_is_withdrawn_the_next_one_is_granted() {
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

/// The claim becomes due while it is invited, or while the range is being released.
#[test]
fn patience_that_ends_while_the_range_is_released_loses_no_wake_up() {
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

/// A future is dropped while it waits, or after it was invited and before it is polled. A thread
/// waits for it.
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

/// The invited future is not polled: a claim that waits for it becomes due when its own patience
/// ends, and is granted.
#[test]
fn an_invited_future_that_is_not_polled_does_not_stop_the_claims_behind_it() {
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

/// Writers that wait only for readers are not overtaken.
#[test]
fn a_reader_does_not_overtake_a_writer_that_waits_for_readers() {
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

/// On a strictly fair lock the waiting claim is granted by the release, although another claim
/// comes meanwhile.
#[test]
fn a_claim_that_waits_on_a_fair_lock_is_not_overtaken() {
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
