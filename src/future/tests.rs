use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use crate::{LockExclusiveFuture, RangeLock};

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("the waker panics");
    }
}

#[derive(Default)]
struct Counts(AtomicU32);

impl Wake for Counts {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

/// A claim that waits, and whose waker panics.
fn queue_panicking<'a>(lock: &'a RangeLock, unit: u64) -> Pin<Box<LockExclusiveFuture<'a>>> {
    let mut future = Box::pin(lock.lock_exclusive_async(unit..unit + 1));
    assert!(poll(future.as_mut(), &Arc::new(Panics).into()).is_pending());
    future
}

#[test]
fn a_waker_that_panics_keeps_no_other_from_being_woken() {
    let lock = RangeLock::new();
    let guard = lock.lock_exclusive(0..9);
    let mut panicking = queue_panicking(&lock, 1);
    let woken = Arc::new(Counts::default());
    let mut waiting = pin!(lock.lock_exclusive_async(2..3));
    assert!(poll(waiting.as_mut(), &Arc::clone(&woken).into()).is_pending());

    catch_unwind(AssertUnwindSafe(|| drop(guard))).unwrap_err();
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    assert!(poll(waiting.as_mut(), Waker::noop()).is_ready());
    assert!(poll(panicking.as_mut(), Waker::noop()).is_ready());
    assert!(!lock.is_locked(..));
}

#[test]
fn a_guard_whose_shrinking_panicked_releases_nothing_twice() {
    for units in [0..3, 0..9] {
        for to in [2..2, 2..3] {
            let lock = RangeLock::new();
            let mut guard = lock.lock_exclusive(units.clone());
            let mut waiting = queue_panicking(&lock, 0);
            catch_unwind(AssertUnwindSafe(|| guard.shrink_to(to.clone()))).unwrap_err();
            assert_eq!(guard.range(), to);
            drop(poll(waiting.as_mut(), Waker::noop()));
            // In the place, and with the number, of what was released.
            let others = [lock.lock_exclusive(0..1), lock.lock_exclusive(1..2)];
            let more = lock.lock_exclusive(3..units.end.max(9));
            drop(guard);
            assert_eq!(lock.claims().len(), 3, "{lock:?}");
            drop((others, more));
            assert!(!lock.is_locked(..));
        }
    }
}

#[test]
fn a_small_claim_whose_release_panics_is_released_as_a_whole() {
    let lock = RangeLock::new();
    let guard = lock.lock_exclusive(0..3);
    let waiting = queue_panicking(&lock, 0);
    catch_unwind(AssertUnwindSafe(|| drop(guard))).unwrap_err();
    drop(waiting);
    assert!(!lock.is_locked(..), "{lock:?}");
}

/// A clone of the waker has other data than the waker, and the two tasks' wakers have the same data, one
/// after the other, as if it had been freed and allocated again.
#[test]
fn a_task_is_woken_although_its_waker_looks_like_that_of_the_task_that_polled_before() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{RawWaker, RawWakerVTable};

    static TASK: AtomicUsize = AtomicUsize::new(1);
    static WOKEN: AtomicUsize = AtomicUsize::new(0);
    fn clone(_: *const ()) -> RawWaker {
        RawWaker::new(std::ptr::without_provenance(TASK.load(Ordering::Relaxed)), &TABLE)
    }
    fn wake(task: *const ()) {
        WOKEN.store(task.addr(), Ordering::Relaxed);
    }
    static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, |_| {});

    let lock = RangeLock::fair();
    let held = lock.lock_exclusive(0..9);
    let mut future = Box::pin(lock.lock_exclusive_async(1..2));
    let mut poll = |polls| {
        // SAFETY: the functions accept any data.
        let waker = unsafe { Waker::new(std::ptr::null(), &TABLE) };
        (0..polls).any(|_| future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready())
    };
    assert!(!poll(3));
    TASK.store(2, Ordering::Relaxed);
    assert!(!poll(1));
    drop(held);
    assert_eq!(WOKEN.load(Ordering::Relaxed), 2);
    assert!(poll(1));
}
