//! Wakers are user code. They may panic when they are cloned, woken or dropped, and so may their panic
//! payloads. The panic is resumed, every claim keeps its owner or is released, and every waiter is
//! woken.

mod unwinding;

use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use spanlock::{
    Access, ClaimState, LockExclusiveFuture, MappingLock, Mode, RangeLock, RangeRwLock, lock_pair,
};

use super::unruly::{Act, Bomb, Unruly, bomb_of};
use super::watchdog::Watchdog;

fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

/// Polls once, with a waker of `state` that is dropped before any of its acts panics.
fn poll_with<F: Future>(future: Pin<&mut F>, state: &Arc<Unruly>) -> Poll<F::Output> {
    let waker = mem::ManuallyDrop::new(state.waker());
    let polled = poll(future, &waker);
    drop(mem::ManuallyDrop::into_inner(waker));
    polled
}

/// A claim on one unit that waits, with a waker of `state`.
fn queue<'a>(
    lock: &'a RangeLock,
    unit: u64,
    state: &Arc<Unruly>,
) -> Pin<Box<LockExclusiveFuture<'a>>> {
    let mut future = Box::pin(lock.lock_exclusive_async(unit..unit + 1));
    assert!(poll_with(future.as_mut(), state).is_pending());
    future
}

/// Claims on the units from 0 on that wait, and whose wakers panic when they are woken.
fn queue_panicking(
    lock: &RangeLock,
    count: u32,
) -> Vec<(Arc<Unruly>, Pin<Box<LockExclusiveFuture<'_>>>)> {
    (0..count)
        .map(|number| {
            let state = Unruly::new(number);
            let future = queue(lock, number.into(), &state);
            state.panics_in(Act::Wake);
            (state, future)
        })
        .collect()
}

/// Polls in a way that panics, with a waker that is forgotten.
fn bomb_of_poll<F: Future>(future: Pin<&mut F>, state: &Arc<Unruly>) -> u32 {
    let waker = mem::ManuallyDrop::new(state.waker());
    bomb_of(|| poll(future, &waker).is_ready())
}

/// Lets each future acquire its claim, and checks that nothing else is locked.
#[track_caller]
fn expect_owned(lock: &RangeLock, futures: Vec<(Arc<Unruly>, Pin<Box<LockExclusiveFuture<'_>>>)>) {
    for (state, mut future) in futures {
        assert_eq!(state.wakes(), 1, "one that was granted sleeps on");
        assert!(poll(future.as_mut(), Waker::noop()).is_ready());
    }
    assert!(!lock.is_locked(..), "{lock:?}");
}

#[test]
fn a_claim_granted_immediately_is_released_if_dropping_the_unused_waker_panics() {
    fn check<F: Future>(future: F, is_locked: impl Fn() -> bool) {
        let state = Unruly::new(1);
        let mut future = pin!(future);
        state.panics_in(Act::Drop);
        assert_eq!(bomb_of_poll(future.as_mut(), &state), 1);
        assert!(!is_locked(), "a claim has no owner");
        assert_eq!(state.wakers(), 1, "a waker was leaked, beside the test's own");
        // It has not resolved, and may be polled again.
        assert!(poll(future.as_mut(), Waker::noop()).is_ready());
        assert!(!is_locked());
    }
    let lock = RangeLock::new();
    let others = crowd(&lock);
    check(lock.lock_exclusive_async(0..9), || lock.is_locked(0..9));
    check(lock.lock_shared_async(0..9), || lock.is_locked(0..9));
    drop(others);
    let lock = Arc::new(RangeLock::new());
    let others = crowd(&lock);
    check(lock.lock_exclusive_async_arc(0..9), || lock.is_locked(0..9));
    drop(others);
    let lock = MappingLock::new();
    let others = crowd(lock.pages());
    check(lock.lock_async(Access::Truncate, 0..9 * 4096), || lock.pages().is_locked(0..9));
    drop(others);
    let lock = RangeRwLock::new([0; 9]);
    let _others = crowd(lock.indices());
    check(lock.write_async(..), || lock.indices().is_locked(0..9));
    check(lock.read_async(..), || lock.indices().is_locked(0..9));
}

/// Claims because of which one on 0..9 asks the registry, and so clones its waker before it knows that it need not wait:
/// some fill the cells that belong to no thread, so those near it have none.
fn crowd(lock: &RangeLock) -> impl Sized {
    let far = (100..120).map(|at| (1_000 * at..1_000 * at + 2, Mode::Exclusive));
    let far = lock.lock_many(far);
    (lock.lock_many([(20..30, Mode::Exclusive), (40..50, Mode::Exclusive)]), far)
}

#[test]
fn a_claim_behind_one_that_a_panicking_drop_cancelled_is_woken() {
    let watchdog = Watchdog::over("a thread behind a poll that panics");
    for _ in 0..100 {
        let lock = RangeLock::new();
        thread::scope(|scope| {
            let waiter = scope.spawn(|| drop(lock.lock_exclusive(5..6)));
            let state = Unruly::new(1);
            let mut future = pin!(lock.lock_exclusive_async(0..9));
            state.panics_in(Act::Drop);
            let waker = mem::ManuallyDrop::new(state.waker());
            let _ = catch_unwind(AssertUnwindSafe(|| {
                assert!(poll(future.as_mut(), &waker).is_pending());
            }))
            .map_err(mem::forget);
            state.calm();
            waiter.join().expect("the waiter");
        });
        watchdog.moved();
    }
}

#[test]
fn a_waker_whose_clone_panics_leaves_the_claim_as_it_was() {
    let lock = RangeLock::new();
    let held = lock.lock_exclusive(3..4);
    let state = Unruly::new(1);
    let mut future = pin!(lock.lock_exclusive_async(0..9));
    state.panics_in(Act::Clone);
    assert_eq!(bomb_of_poll(future.as_mut(), &state), 1);
    assert_eq!(lock.claims().len(), 1, "{lock:?}");

    state.calm();
    assert!(poll_with(future.as_mut(), &state).is_pending());
    let another = Unruly::new(2);
    another.panics_in(Act::Clone);
    assert_eq!(bomb_of_poll(future.as_mut(), &another), 2);
    drop(held);
    assert_eq!((state.wakes(), another.wakes()), (1, 0), "woken by the waker that it has");
    assert!(poll(future.as_mut(), Waker::noop()).is_ready());
    assert!(!lock.is_locked(..));
}

#[test]
fn a_replaced_waker_that_panics_when_it_is_dropped_has_been_replaced() {
    let lock = RangeLock::new();
    let held = lock.lock_exclusive(3..4);
    let (old, new) = (Unruly::new(1), Unruly::new(2));
    let mut future = queue(&lock, 3, &old);
    old.panics_in(Act::Drop);
    assert_eq!(bomb_of_poll(future.as_mut(), &new), 1);
    drop(held);
    assert_eq!((old.wakes(), new.wakes()), (0, 1));

    // Granted by now: the poll has no use for another waker.
    let unused = Unruly::new(3);
    unused.panics_in(Act::Clone);
    let waker = mem::ManuallyDrop::new(unused.waker());
    assert!(poll(future.as_mut(), &waker).is_ready());
    assert!(!lock.is_locked(..));
}

/// Its range became free for an earlier claim, which was invited, and in the poll the later one became due and overtook
/// that. Nobody woke the task, so the next poll has to find out by itself that the claim is held.
#[test]
fn a_claim_that_is_granted_in_a_poll_whose_old_waker_panics_is_returned_by_the_next_poll() {
    let lock = RangeLock::new();
    let held = lock.lock_exclusive(3..4);
    let (first, second) = (Unruly::new(1), Unruly::new(2));
    let invited = queue(&lock, 3, &first);
    let mut future = queue(&lock, 3, &second);
    let waker = mem::ManuallyDrop::new(second.waker());
    assert!(poll(future.as_mut(), &waker).is_pending());
    drop(held);
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    thread::sleep(Duration::from_millis(2));
    second.panics_in(Act::Drop);
    assert_eq!(bomb_of_poll(future.as_mut(), &second), 2);
    second.calm();
    assert!(poll(future.as_mut(), &waker).is_ready());
    drop(invited);
    assert!(!lock.is_locked(..));
}

#[test]
fn a_poll_by_the_task_that_polled_last_clones_no_waker() {
    let lock = RangeLock::new();
    let held = lock.lock_exclusive(3..4);
    let state = Unruly::new(1);
    let mut future = queue(&lock, 3, &state);
    state.panics_in(Act::Clone);
    let waker = mem::ManuallyDrop::new(state.waker());
    assert!(poll(future.as_mut(), &waker).is_pending());
    state.calm();
    drop(held);
    assert_eq!(state.wakes(), 1);
    assert!(poll(future.as_mut(), &waker).is_ready());
}

#[test]
fn a_future_whose_waker_panics_when_it_is_dropped_leaves_the_queue() {
    let lock = RangeLock::new();
    let held = lock.lock_exclusive(3..4);
    let state = Unruly::new(1);
    let future = queue(&lock, 3, &state);
    state.panics_in(Act::Drop);
    assert_eq!(bomb_of(|| drop(future)), 1);
    assert_eq!(lock.claims().len(), 1, "{lock:?}");
    drop(held);
    assert!(!lock.is_locked(..));
}

#[test]
fn all_are_woken_whatever_panics_and_the_first_panic_is_resumed() {
    let lock = RangeLock::new();
    let held = lock.lock_exclusive(..);
    let waiting = queue_panicking(&lock, 4);
    let first = bomb_of(|| drop(held));
    assert_eq!(first, 0, "in the order in which they were granted");
    expect_owned(&lock, waiting);
}

#[test]
fn a_thread_is_woken_beside_wakers_whose_panics_panic() {
    let watchdog = Watchdog::over("a thread beside tasks");
    let lock = RangeLock::new();
    let held = lock.lock_exclusive(..);
    let waiting = queue_panicking(&lock, 4);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| drop(lock.lock_exclusive(5..6)));
        while lock.claims().iter().filter(|claim| claim.state == ClaimState::Waiting).count() < 5 {
            thread::yield_now();
        }
        bomb_of(|| drop(held));
        waiter.join().expect("the waiter");
    });
    watchdog.moved();
    expect_owned(&lock, waiting);
}

/// A waker that blocks until it is told to return.
struct Blocks(std::sync::Mutex<mpsc::Receiver<()>>);

impl Wake for Blocks {
    fn wake(self: Arc<Self>) {
        self.0.lock().expect("no thread panics with it").recv().expect("a message");
    }
}

#[test]
fn threads_are_woken_before_wakers_run() {
    let _watchdog = Watchdog::over("a thread beside a waker that blocks");
    let lock = RangeLock::new();
    let held = lock.lock_exclusive(..);
    let (sender, receiver) = mpsc::channel();
    let waker = Arc::new(Blocks(std::sync::Mutex::new(receiver))).into();
    let mut future = pin!(lock.lock_exclusive_async(0..1));
    assert!(poll(future.as_mut(), &waker).is_pending());
    thread::scope(|scope| {
        scope.spawn(|| {
            let _claim = lock.lock_exclusive(5..6);
            sender.send(()).expect("the waker waits");
        });
        while lock.claims().iter().filter(|claim| claim.state == ClaimState::Waiting).count() < 2 {
            thread::yield_now();
        }
        drop(held);
    });
    assert!(poll(future.as_mut(), Waker::noop()).is_ready());
}

/// Each way to release units 0 to 2, or some of them, that wakes others.
#[test]
fn each_way_to_release_releases_everything_though_a_waker_panics() {
    type Way = fn(&RangeLock, std::ops::Range<u64>) -> Box<dyn FnOnce() + '_>;
    let ways: [(&str, Way); 8] = [
        ("drop", |lock, range| {
            let guard = lock.lock_exclusive(range);
            Box::new(|| drop(guard))
        }),
        ("unlock", |lock, range| {
            let guard = lock.lock_exclusive(range);
            Box::new(|| guard.unlock())
        }),
        ("shrink", |lock, range| {
            let mut guard = lock.lock_exclusive(range.clone());
            Box::new(move || guard.shrink_to(range.end..range.end))
        }),
        ("split", |lock, range| {
            let guard = lock.lock_exclusive(range);
            Box::new(|| {
                let (lower, upper) = guard.split_at(1);
                drop((upper, lower));
            })
        }),
        ("many", |lock, range| {
            let guard = lock.lock_many([(range, Mode::Exclusive), (20..30, Mode::Exclusive)]);
            Box::new(|| drop(guard))
        }),
        ("pair", |lock, range| {
            static OTHER: RangeLock = RangeLock::new();
            let guard = lock_pair(lock, range, Mode::Exclusive, &OTHER, .., Mode::Shared);
            Box::new(|| drop(guard))
        }),
        ("future", |lock, range| {
            let mut future = Box::pin(lock.lock_exclusive_async(range));
            let held = lock.lock_exclusive(0..1);
            assert!(poll(future.as_mut(), Waker::noop()).is_pending());
            drop(held);
            Box::new(|| drop(future))
        }),
        ("guard of a future", |lock, range| {
            let mut future = Box::pin(lock.lock_exclusive_async(range));
            let Poll::Ready(guard) = poll(future.as_mut(), Waker::noop()) else { panic!("waits") };
            Box::new(|| drop(guard))
        }),
    ];
    for (name, way) in ways {
        for end in [1, 3, 4, 9] {
            // A fair one: what was released stays with the waiter, polled or not.
            let lock = RangeLock::fair();
            let let_go = way(&lock, 0..end);
            let waiting = queue_panicking(&lock, end.min(3) as u32);
            assert!(bomb_of(let_go) < 3, "{name} of 0..{end}");
            expect_owned(&lock, waiting);
        }
    }
}

#[test]
fn a_downgrade_whose_waker_panics_releases_the_claim() {
    for end in [1, 3, 9] {
        let lock = RangeLock::new();
        let guard = lock.lock_exclusive(0..end);
        let state = Unruly::new(1);
        let mut readers: Vec<_> = (0..end)
            .map(|unit| {
                let mut reader = Box::pin(lock.lock_shared_async(unit..unit + 1));
                assert!(poll_with(reader.as_mut(), &state).is_pending());
                reader
            })
            .collect();
        state.panics_in(Act::Wake);
        bomb_of(|| guard.downgrade());
        assert_eq!(u64::from(state.wakes()), end);
        assert!(readers.iter_mut().all(|reader| poll(reader.as_mut(), Waker::noop()).is_ready()));
        assert!(!lock.is_locked(..), "{lock:?}");
    }
}

#[test]
fn a_cancelled_claim_leaves_the_queue_though_it_grants_one_whose_waker_panics() {
    // Until the reader is behind the writer before that gives up.
    let mut patience = Duration::from_millis(10);
    while !try_to_queue_behind_one_that_gives_up(patience) {
        patience *= 2;
    }
}

/// Tries to queue a claim behind a writer with this timeout. Returns whether it succeeded.
fn try_to_queue_behind_one_that_gives_up(patience: Duration) -> bool {
    let lock = RangeLock::new();
    let held = lock.lock_shared(0..9);
    let state = Unruly::new(1);
    thread::scope(|scope| {
        let lock = &lock;
        let writer = scope.spawn(move || {
            let panicked = catch_unwind(|| lock.try_lock_exclusive_for(0..9, patience).is_none());
            panicked.map_err(mem::forget)
        });
        while lock.claims().len() == 1 && !writer.is_finished() {
            thread::yield_now();
        }
        let mut reader = pin!(lock.lock_shared_async(0..9));
        let waker = state.waker();
        state.panics_in(Act::Wake);
        if poll(reader.as_mut(), &waker).is_ready() {
            assert_eq!(writer.join().expect("it is caught"), Ok(true));
            return false;
        }
        assert_eq!(writer.join().expect("it is caught"), Err(()));
        assert!(poll(reader.as_mut(), Waker::noop()).is_ready());
        drop(held);
        assert!(!lock.is_locked(..), "{lock:?}");
        true
    })
}

/// A waker that acquires the claim for which it is woken and releases it, like one that runs its task
/// inline.
struct Inline {
    lock: Arc<RangeLock>,
    ran: AtomicBool,
}

impl Wake for Inline {
    fn wake(self: Arc<Self>) {
        assert!(self.lock.try_lock_shared(100..101).is_some());
        self.ran.store(true, Ordering::Relaxed);
        panic_any(Bomb(7));
    }
}

#[test]
fn a_waker_may_use_the_lock_and_then_panic() {
    let lock = Arc::new(RangeLock::new());
    let held = lock.lock_exclusive(0..9);
    let inline = Arc::new(Inline { lock: Arc::clone(&lock), ran: AtomicBool::new(false) });
    let mut future = pin!(lock.lock_exclusive_async(3..4));
    assert!(poll(future.as_mut(), &Arc::clone(&inline).into()).is_pending());
    assert_eq!(bomb_of(|| drop(held)), 7);
    assert!(inline.ran.load(Ordering::Relaxed));
    assert!(poll(future.as_mut(), Waker::noop()).is_ready());
}
