//! Tasks in the queue: dropped while they wait, or just as they are granted.

use super::*;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

#[test]
fn a_future_dropped_while_it_is_granted_hands_the_grant_on() {
    for (held, wanted) in [(1..2, 1..2), (0..9, 1..2)] {
        model(3, move || {
            let lock = Arc::new(RangeLock::new());
            let guard = lock.lock_exclusive(held.clone());
            let other = Arc::clone(&lock);
            let wanted = wanted.clone();
            let thread = thread::spawn(move || {
                let mut future = other.lock_exclusive_async(wanted);
                let mut context = Context::from_waker(Waker::noop());
                match Pin::new(&mut future).poll(&mut context) {
                    Poll::Ready(guard) => drop(guard),
                    Poll::Pending => drop(future),
                }
            });
            drop(guard);
            drop(lock.lock_exclusive(0..3));
            thread.join().unwrap();
            assert!(!lock.is_locked(..));
        });
    }
}

#[test]
fn a_task_that_waits_is_granted_and_finds_it_when_polled() {
    model(3, || {
        let lock = Arc::new(RangeLock::new());
        let guard = lock.lock_shared(1..2);
        let other = Arc::clone(&lock);
        let thread = thread::spawn(move || {
            loom::future::block_on(other.lock_exclusive_async(0..9)).unlock()
        });
        drop(guard);
        thread.join().unwrap();
        assert!(!lock.is_locked(..));
    });
}
