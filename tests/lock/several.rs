//! Waiting claims on several ranges, and on two locks: all or nothing, however the wait ends.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use spanlock::{
    Access, ClaimState, MappingLock, Mode, RangeLock, lock_pair, lock_pair_arc, lock_pair_async,
    lock_pair_async_arc, try_lock_pair, try_lock_pair_arc, try_lock_pair_for,
    try_lock_pair_for_arc, try_lock_pair_until, try_lock_pair_until_arc,
};

use super::unruly::{Act, Unruly, bomb_of};
use super::watchdog::Watchdog;

const BOTH: [(std::ops::Range<u64>, Mode); 2] = [(0..3, Mode::Exclusive), (7..9, Mode::Exclusive)];

fn poll<F: Future>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Checks that `held` claims are held and that none waits.
#[track_caller]
fn expect_claims(lock: &RangeLock, held: usize) {
    let claims = lock.claims();
    assert_eq!(claims.len(), held, "{lock:?}");
    assert!(claims.iter().all(|claim| claim.state == ClaimState::Held), "{lock:?}");
}

#[test]
fn a_claim_on_several_ranges_that_times_out_leaves_the_queue() {
    let lock = Arc::new(RangeLock::new());
    let held = lock.lock_shared(8..9);
    let soon = Duration::from_micros(50);
    assert!(lock.try_lock_many_for(BOTH, soon).is_none());
    assert!(lock.try_lock_many_until(BOTH, Instant::now() + soon).is_none());
    assert!(lock.try_lock_many_for_arc(BOTH, soon).is_none());
    assert!(lock.try_lock_many_until_arc(BOTH, Instant::now() + soon).is_none());
    expect_claims(&lock, 1);
    assert!(lock.try_lock_exclusive(0..8).is_some());
    drop(held);
    assert!(lock.try_lock_many_for(BOTH, soon).is_some());
    assert!(lock.try_lock_many_for(BOTH, Duration::MAX).is_some());
    expect_claims(&lock, 0);
}

#[test]
fn a_claim_on_several_ranges_with_a_deadline_is_granted_as_a_whole() {
    let _watchdog = Watchdog::over("a claim on several ranges with a deadline");
    let lock = RangeLock::new();
    let held = lock.lock_shared(8..9);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let guard = lock.try_lock_many_for(BOTH, Duration::from_secs(1_000));
            guard.expect("granted").claims().len()
        });
        while lock.claims().iter().filter(|claim| claim.state == ClaimState::Waiting).count() < 2 {
            thread::yield_now();
        }
        assert!(!lock.is_locked(0..3), "a part is held before the whole is");
        drop(held);
        assert_eq!(waiter.join().expect("the waiter"), 2);
    });
    expect_claims(&lock, 0);
}

#[test]
fn a_dropped_future_of_several_ranges_releases_all_of_them_granted_or_not() {
    let lock = Arc::new(RangeLock::new());
    let held = lock.lock_shared(8..9);
    let mut waits = Box::pin(lock.lock_many_async(BOTH));
    assert!(poll(&mut waits).is_pending());
    assert!(!lock.is_locked(0..3));
    let mut behind = Box::pin(lock.lock_shared_async(0..1));
    assert!(poll(&mut behind).is_pending(), "the part is queued");
    drop(waits);
    assert!(poll(&mut behind).is_ready());
    expect_claims(&lock, 1);

    let mut granted = Box::pin(lock.lock_many_async_arc(BOTH));
    assert!(poll(&mut granted).is_pending());
    let mut behind = Box::pin(lock.lock_shared_async(0..9));
    assert!(poll(&mut behind).is_pending());
    drop(held);
    assert!(lock.is_locked(0..3) && lock.is_locked(7..9));
    drop(granted);
    assert!(poll(&mut behind).is_ready());
    expect_claims(&lock, 0);
}

#[test]
fn a_future_of_several_ranges_survives_wakers_that_panic() {
    let lock = RangeLock::new();
    let held = lock.lock_shared(8..9);
    let state = Unruly::new(1);
    let waker = std::mem::ManuallyDrop::new(state.waker());
    let mut future = Box::pin(lock.lock_many_async(BOTH));
    let poll_with = |future: &mut Pin<Box<_>>| {
        Future::poll(Pin::as_mut(future), &mut Context::from_waker(&waker)).is_ready()
    };
    state.panics_in(Act::Clone);
    assert_eq!(bomb_of(|| poll_with(&mut future)), 1);
    expect_claims(&lock, 1);
    state.calm();
    assert!(!poll_with(&mut future));
    state.panics_in(Act::Wake);
    assert_eq!(bomb_of(|| drop(held)), 1);
    assert!(lock.is_locked(0..3), "the granted claim holds it");
    state.calm();
    assert!(poll_with(&mut future));
    expect_claims(&lock, 0);

    let held = lock.lock_shared(8..9);
    let mut future = Box::pin(lock.lock_many_async(BOTH));
    assert!(!poll_with(&mut future));
    state.panics_in(Act::Drop);
    assert_eq!(bomb_of(|| drop(future)), 1);
    expect_claims(&lock, 1);
    drop(held);
}

#[test]
fn a_future_of_several_ranges_that_is_polled_after_it_has_resolved_panics() {
    let lock = RangeLock::new();
    let mut future = Box::pin(lock.lock_many_async(BOTH));
    assert!(poll(&mut future).is_ready());
    catch_unwind(AssertUnwindSafe(|| poll(&mut future).is_ready())).unwrap_err();
    expect_claims(&lock, 0);
}

#[test]
fn a_pair_that_times_out_on_one_lock_leaves_the_other_free() {
    let locks = [Arc::new(RangeLock::new()), Arc::new(RangeLock::new())];
    let soon = Duration::from_micros(50);
    for (free, taken) in [(0, 1), (1, 0)] {
        let (a, b) = (&locks[free], &locks[taken]);
        let held = b.lock_shared(3..4);
        let (one, all) = (0..1, 0..9);
        let [x, y] = [Mode::Exclusive; 2];
        assert!(try_lock_pair(a, one.clone(), x, b, all.clone(), y).is_none());
        assert!(try_lock_pair_arc(a, one.clone(), x, b, all.clone(), y).is_none());
        assert!(try_lock_pair_for(a, one.clone(), x, b, all.clone(), y, soon).is_none());
        assert!(try_lock_pair_for_arc(a, one.clone(), x, b, all.clone(), y, soon).is_none());
        let at = Instant::now() + soon;
        assert!(try_lock_pair_until(a, one.clone(), x, b, all.clone(), y, at).is_none());
        assert!(try_lock_pair_until_arc(a, one.clone(), x, b, all.clone(), y, at).is_none());
        let mut future = Box::pin(lock_pair_async(a, one.clone(), x, b, all.clone(), y));
        assert!(poll(&mut future).is_pending());
        drop(future);
        let mut future = Box::pin(lock_pair_async_arc(a, one.clone(), x, b, all.clone(), y));
        assert!(poll(&mut future).is_pending());
        drop(future);
        expect_claims(a, 0);
        expect_claims(b, 1);
        drop(held);
    }
}

#[test]
fn a_pair_on_one_lock_may_overlap_in_every_way_of_claiming_it() {
    let lock = Arc::new(RangeLock::new());
    let [x, y] = [Mode::Shared, Mode::Exclusive];
    let never = Instant::now();
    let held = |guard: &dyn std::fmt::Debug| {
        assert!(lock.try_lock_shared(0..4).is_some(), "{guard:?}");
        assert!(lock.try_lock_shared(8..9).is_none(), "{guard:?}");
    };
    held(&lock_pair(&lock, 0..9, x, &lock, 4..12, y));
    held(&lock_pair_arc(&lock, 0..9, x, &lock, 4..12, y));
    held(&try_lock_pair(&lock, 0..9, x, &lock, 4..12, y).expect("free"));
    held(&try_lock_pair_arc(&lock, 0..9, x, &lock, 4..12, y).expect("free"));
    held(&try_lock_pair_until(&lock, 0..9, x, &lock, 4..12, y, never).expect("free"));
    held(&try_lock_pair_until_arc(&lock, 0..9, x, &lock, 4..12, y, never).expect("free"));
    let none = Duration::ZERO;
    held(&try_lock_pair_for(&lock, 0..9, x, &lock, 4..12, y, none).expect("free"));
    held(&try_lock_pair_for_arc(&lock, 0..9, x, &lock, 4..12, y, none).expect("free"));
    let Poll::Ready(guard) = poll(&mut Box::pin(lock_pair_async(&lock, 0..9, x, &lock, 4..12, y)))
    else {
        panic!("waits for itself")
    };
    held(&guard);
    drop(guard);
    expect_claims(&lock, 0);
}

#[test]
fn futures_of_pairs_in_opposite_order_do_not_wait_for_each_other() {
    let (a, b) = (RangeLock::new(), RangeLock::new());
    let [x, y] = [Mode::Exclusive; 2];
    let mut one = Box::pin(lock_pair_async(&a, .., x, &b, .., y));
    let mut other = Box::pin(lock_pair_async(&b, .., y, &a, .., x));
    let Poll::Ready(guard) = poll(&mut one) else { panic!("no claim conflicts") };
    assert!(poll(&mut other).is_pending());
    drop(guard);
    assert!(poll(&mut other).is_ready());
    expect_claims(&a, 0);
    expect_claims(&b, 0);
}

#[test]
fn a_mapping_rounds_each_of_several_ranges_out_to_pages() {
    let lock = MappingLock::new();
    assert_eq!(lock.page_size(), 4096);
    let guard = lock.lock_many([(Access::Fault, 4095..4097), (Access::Truncate, 20_000..20_001)]);
    assert!(guard.claims().eq([(0..2, Mode::Shared), (4..5, Mode::Exclusive)]));
    assert!(lock.is_locked(8191..8192) && !lock.is_locked(8192..16384));
    assert!(lock.conflicts(Access::Fault, 16384..16385));
    assert!(!lock.conflicts(Access::Fault, 0..16384));
    assert!(lock.conflicts(Access::PunchHole, 0..16384));
    assert_eq!(lock.claims(), lock.pages().claims());
}

#[test]
#[should_panic(expected = "a recursive claim must be shared, but Truncate is exclusive")]
fn a_recursive_claim_of_a_mapping_is_shared() {
    let _ = MappingLock::new().lock_recursive(Access::Truncate, 0..1);
}
