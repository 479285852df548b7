//! Wakers that panic together, or on a thread that is unwinding: two panics at once would abort the process, and the
//! test with it.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::pin;
use std::task::Waker;

use spanlock::RangeLock;

use super::{Act, Unruly, bomb_of, expect_owned, poll, poll_with, queue, queue_panicking};

/// Runs `code` while the thread is unwinding from another panic, which must be the one that is resumed.
#[track_caller]
fn while_unwinding(code: impl FnOnce()) {
    struct Runs<F: FnOnce()>(Option<F>);

    impl<F: FnOnce()> Drop for Runs<F> {
        fn drop(&mut self) {
            (self.0.take().expect("dropped once"))();
        }
    }

    let payload = catch_unwind(AssertUnwindSafe(|| {
        let _runs = Runs(Some(code));
        panic_any("the panic from which the thread unwinds");
    }));
    let text = payload.expect_err("it panics").downcast::<&str>().expect("the first panic");
    assert_eq!(*text, "the panic from which the thread unwinds");
}

#[test]
fn a_waker_that_panics_while_the_thread_unwinds_aborts_nothing() {
    let lock = RangeLock::new();
    let held = lock.lock_exclusive(..);
    let waiting = queue_panicking(&lock, 3);
    while_unwinding(|| drop(held));
    expect_owned(&lock, waiting);

    let held = lock.lock_exclusive(..);
    let state = Unruly::new(1);
    let future = queue(&lock, 3, &state);
    state.panics_in(Act::Drop);
    while_unwinding(|| drop(future));
    assert_eq!(lock.claims().len(), 1, "{lock:?}");
    drop(held);
}

#[test]
fn several_guards_may_be_dropped_together_though_the_wakers_of_all_panic() {
    let lock = RangeLock::new();
    let held: Vec<_> = (0..3).map(|unit| lock.lock_exclusive(unit..unit + 1)).collect();
    let waiting = queue_panicking(&lock, 3);
    assert_eq!(bomb_of(|| drop(held)), 0);
    expect_owned(&lock, waiting);
}

#[test]
fn a_future_and_the_claim_that_it_grants_may_both_have_wakers_that_panic() {
    let lock = RangeLock::new();
    let held = lock.lock_shared(..);
    let (own, next) = (Unruly::new(1), Unruly::new(2));
    let writer = queue(&lock, 3, &own);
    let mut reader = pin!(lock.lock_shared_async(3..4));
    assert!(poll_with(reader.as_mut(), &next).is_pending());
    own.panics_in(Act::Drop);
    next.panics_in(Act::Wake);
    assert_eq!(bomb_of(|| drop(writer)), 2);
    assert!(poll(reader.as_mut(), Waker::noop()).is_ready());
    drop(held);
    assert!(!lock.is_locked(..), "{lock:?}");
}

#[test]
fn a_lock_may_be_dropped_with_forgotten_futures_whose_wakers_panic() {
    for count in 1..4 {
        let lock = RangeLock::new();
        mem::forget(lock.lock_exclusive(..));
        let states: Vec<_> = (0..count).map(Unruly::new).collect();
        for state in &states {
            mem::forget(queue(&lock, 3, state));
            state.panics_in(Act::Drop);
        }
        assert!(bomb_of(|| drop(lock)) < count);
        assert!(states.iter().all(|state| state.wakers() == 0), "a waker was leaked");
    }
}
