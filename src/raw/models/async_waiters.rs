//! Tasks in the queue: dropped while they wait, or just as they are granted.

use super::*;

use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use loom::sync::Notify;

#[test]
fn a_future_dropped_while_it_is_granted_grants_the_next_claim() {
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

#[test]
fn a_task_that_changes_its_waker_is_woken_by_the_new_one() {
    model(3, || {
        let lock = Arc::new(RangeLock::new());
        let guard = lock.lock_shared(1..2);
        let other = Arc::clone(&lock);
        let thread = thread::spawn(move || {
            let mut future = other.lock_exclusive_async(0..9);
            match Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(guard) => drop(guard),
                Poll::Pending => drop(loom::future::block_on(future)),
            }
        });
        drop(guard);
        thread.join().unwrap();
        assert!(!lock.is_locked(..));
    });
}

/// Each wake-up is followed by a poll that finds nothing new, if the claim still waits. The claim is granted
/// by the release, or invited, or made due by time.
#[test]
fn a_task_that_is_polled_more_often_than_it_is_woken_misses_no_wake_up() {
    for make in [RangeLock::new, RangeLock::fair] {
        model(3, move || {
            let lock = Arc::new(make());
            let guard = lock.lock_exclusive(0..9);
            let other = Arc::clone(&lock);
            let thread = thread::spawn(move || {
                let mut future = other.lock_exclusive_async(1..2);
                let notify = Arc::new(Notify::new());
                let waker = notifying(Arc::clone(&notify));
                let mut poll =
                    || Pin::new(&mut future).poll(&mut Context::from_waker(&waker)).map(drop);
                while poll().is_pending() && poll().is_pending() {
                    notify.wait();
                }
            });
            drop(guard);
            thread.join().unwrap();
            assert!(!lock.is_locked(..));
        });
    }
}

/// The grant races with a poll that brings another waker, and with the drop that follows.
#[test]
fn a_grant_that_races_with_a_change_of_waker_is_found_or_passed_to_the_next_claim() {
    model(3, || {
        let lock = Arc::new(RangeLock::new());
        let guard = lock.lock_exclusive(0..9);
        let other = Arc::clone(&lock);
        let thread = thread::spawn(move || {
            let mut future = other.lock_exclusive_async(1..2);
            let mut poll = |waker: Waker| {
                Pin::new(&mut future).poll(&mut Context::from_waker(&waker)).map(drop).is_ready()
            };
            let _ = poll(Waker::noop().clone()) || poll(inquisitive(Arc::clone(&other)));
        });
        drop(guard);
        drop(lock.lock_exclusive(0..3));
        thread.join().unwrap();
        assert!(!lock.is_locked(..));
    });
}

/// If the mutex were held while user code runs, this would deadlock, and loom would report it.
#[test]
fn a_waker_may_use_the_lock_when_it_is_cloned_woken_or_dropped() {
    model(2, || {
        let lock = Arc::new(RangeLock::new());
        let poll = |future: &mut crate::LockExclusiveFuture<'_>| {
            let waker = inquisitive(Arc::clone(&lock));
            Pin::new(future).poll(&mut Context::from_waker(&waker)).map(drop).is_ready()
        };
        let guard = lock.lock_exclusive(0..9);
        let mut dropped = lock.lock_exclusive_async(1..2);
        assert!(!poll(&mut dropped), "queued, with a clone of the waker");
        assert!(!poll(&mut dropped), "queued, with another");
        drop(dropped);
        let mut woken = lock.lock_exclusive_async(1..2);
        assert!(!poll(&mut woken));
        drop(guard);
        assert!(poll(&mut woken));
        assert!(poll(&mut lock.lock_exclusive_async(0..9)), "held at once, its waker not needed");
        assert!(!lock.is_locked(..));
    });
}

/// A waker that inspects the lock, and so takes its mutex, whenever it is cloned, woken or dropped.
fn inquisitive(lock: Arc<RangeLock>) -> Waker {
    fn look(lock: *const ()) -> Arc<RangeLock> {
        // SAFETY: the pointer came from `Arc::into_raw` below, and the count that it stands for is
        // handed to our caller.
        let lock = unsafe { Arc::from_raw(lock.cast::<RangeLock>()) };
        assert!(lock.claims().len() < 9);
        lock
    }
    fn raw(lock: Arc<RangeLock>) -> RawWaker {
        RawWaker::new(Arc::into_raw(lock).cast(), &VTABLE)
    }
    fn clone(data: *const ()) -> RawWaker {
        let lock = look(data);
        let clone = Arc::clone(&lock);
        let _ = Arc::into_raw(lock);
        raw(clone)
    }
    fn wake_by_ref(data: *const ()) {
        let _ = Arc::into_raw(look(data));
    }
    fn wake(data: *const ()) {
        drop(look(data));
    }
    static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, wake);
    // SAFETY: each waker stands for one count of the `Arc`, which `clone` adds and `wake` and drop
    // take.
    unsafe { Waker::from_raw(raw(lock)) }
}

/// A waker whose clones have its addresses, unlike that of loom's `block_on`.
fn notifying(notify: Arc<Notify>) -> Waker {
    fn clone(notify: *const ()) -> RawWaker {
        // SAFETY: as below; the count of the waker that is cloned stays.
        let notify = ManuallyDrop::new(unsafe { Arc::from_raw(notify.cast::<Notify>()) });
        RawWaker::new(Arc::into_raw(Arc::clone(&notify)).cast(), &VTABLE)
    }
    fn wake(notify: *const ()) {
        // SAFETY: as below.
        unsafe { Arc::from_raw(notify.cast::<Notify>()) }.notify();
    }
    fn wake_by_ref(notify: *const ()) {
        // SAFETY: as below; the waker's count stays.
        ManuallyDrop::new(unsafe { Arc::from_raw(notify.cast::<Notify>()) }).notify();
    }
    fn drop_waker(notify: *const ()) {
        // SAFETY: as below.
        drop(unsafe { Arc::from_raw(notify.cast::<Notify>()) });
    }
    static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);
    // SAFETY: each waker stands for one count of the `Arc`, which `clone` adds and `wake` and drop
    // take.
    unsafe { Waker::from_raw(RawWaker::new(Arc::into_raw(notify).cast(), &VTABLE)) }
}
