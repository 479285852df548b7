//! The counters of the feature `stats`.

#![cfg(all(feature = "stats", not(spanlock_loom)))]

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use spanlock::{Access, MappingLock, Mode, RangeLock, Stats};

#[test]
fn a_lock_that_was_never_used_has_counted_nothing() {
    assert_eq!(RangeLock::new().stats(), Stats::default());
    assert!(size_of::<RangeLock>() <= 64);
}

#[test]
fn claims_are_counted_by_path_and_by_mode() {
    let lock = RangeLock::new();
    for unit in 0..5 {
        drop(lock.lock_shared(unit..unit + 1));
        drop(lock.try_lock_exclusive(unit..unit + 1));
    }
    let beyond_the_slots = 1 << 48;
    drop(lock.lock_shared(beyond_the_slots..beyond_the_slots + 1));
    for _ in 0..2 {
        drop(lock.lock_exclusive(100..200));
        drop(lock.lock_shared(..));
    }
    drop(lock.lock_many([(0..1, Mode::Shared), (5..6, Mode::Exclusive)]));
    drop(lock.lock_shared_recursive(0..9));
    drop(lock.lock_shared(7..7));
    drop(lock.lock_many([(7..7, Mode::Shared)]));
    let stats = lock.stats();
    assert_eq!((stats.shared.by_slot, stats.exclusive.by_slot), (5, 5));
    assert_eq!((stats.shared.by_cell, stats.exclusive.by_cell), (3, 2));
    assert_eq!((stats.shared.by_registry, stats.exclusive.by_registry), (1, 1));
    assert_eq!((stats.shared.granted(), stats.exclusive.granted()), (9, 8));
    assert_eq!((stats.wakes, stats.shared.waits.count()), (0, 0));
}

/// The number of claims that took a mutex.
fn registered(lock: &RangeLock) -> u64 {
    let stats = lock.stats();
    stats.shared.by_registry + stats.exclusive.by_registry
}

#[test]
fn claims_without_a_conflict_take_no_mutex_whatever_else_is_held() {
    let lock = RangeLock::new();
    let ranges: Vec<_> =
        (0..12).map(|at| lock.lock_exclusive(1_000 * at..1_000 * at + 500)).collect();
    let units: Vec<_> =
        (0..300).map(|at| lock.lock_shared(1 << 40 | at..(1 << 40 | at) + 1)).collect();
    assert!(lock.stats().shared.by_slot >= 150, "{:?}", lock.stats());
    drop(units);
    let before = registered(&lock);
    for at in 0..12 {
        drop(lock.lock_exclusive(1_000 * at + 500..1_000 * at + 501));
        drop(lock.lock_exclusive(1_000 * at + 600..1_000 * at + 1_000));
        drop(lock.try_lock_shared(1_000 * at + 600..1_000 * at + 602));
    }
    drop(ranges);
    assert_eq!(registered(&lock), before);
}

#[test]
fn most_of_many_units_that_are_held_are_in_slots() {
    let lock = RangeLock::new();
    let hold = |at: u64| lock.lock_exclusive(97 * at..97 * at + 1);
    let held: Vec<_> = (0..5_000).map(hold).collect();
    assert!(registered(&lock) < 1_000, "{:?}", lock.stats());
    let before = registered(&lock);
    (5_000..10_000).for_each(|at| drop(hold(at)));
    assert!(registered(&lock) - before < 1_000, "{:?}", lock.stats());
    drop(held);
}

#[test]
fn the_cost_of_a_range_for_others_ends_with_it() {
    for long in [None, Some(1_000_000..2_000_000)] {
        let lock = RangeLock::new();
        let long = long.map(|long| lock.lock_shared(long));
        let mut hand = lock.lock_shared(0..2);
        drop(long);
        for at in 1..1_000 {
            hand = lock.lock_shared(10 * at..10 * at + 2);
        }
        drop(hand);
        assert_eq!(registered(&lock), 0);
    }
    // More than find a cell, and all of them gone. Those that are held as one are not moved out of their cells.
    let lock = RangeLock::new();
    let ranges = (0..16).map(|at| (10 * at..10 * at + 2, Mode::Exclusive));
    let (own, many) = (lock.lock_exclusive(900..902), lock.lock_many(ranges));
    let rest: Vec<_> = (40..60).map(|at| lock.lock_exclusive(10 * at..10 * at + 2)).collect();
    drop((own, many, rest));
    let before = registered(&lock);
    assert_ne!(before, 0, "all found a cell");
    (0..40).for_each(|at| drop(lock.lock_exclusive(10 * at..10 * at + 9)));
    assert_eq!(registered(&lock), before);
}

#[test]
fn a_cancelled_claim_costs_later_claims_nothing() {
    for wanted in [7..8, 0..9] {
        let lock = RangeLock::new();
        let first = lock.lock_shared(7..8);
        let come_and_go = || (0..100).for_each(|_| drop(lock.lock_shared(7..8)));
        assert!(lock.try_lock_exclusive_for(wanted.clone(), Duration::from_millis(1)).is_none());
        come_and_go();
        let first = first.try_upgrade().expect("it is the only reader").downgrade();
        let second = lock.lock_shared(wanted.clone());
        let second = second.try_upgrade().expect_err("the first is there");
        come_and_go();
        {
            let mut dropped = pin!(lock.lock_exclusive_async(wanted));
            assert!(dropped.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        come_and_go();
        assert_eq!(registered(&lock), 0);
        drop((first, second));
    }
}

#[test]
fn claims_that_wait_are_counted_with_their_time_and_their_wake() {
    let lock = RangeLock::fair();
    let held = lock.lock_exclusive(0..10);
    let mut shared = pin!(lock.lock_shared_async(5..6));
    let mut exclusive = pin!(lock.lock_exclusive_async(9..20));
    let mut context = Context::from_waker(Waker::noop());
    let before = Instant::now();
    assert!(shared.as_mut().poll(&mut context).is_pending());
    assert!(exclusive.as_mut().poll(&mut context).is_pending());
    assert_eq!(lock.stats().wakes, 0);
    drop(held);
    let most = before.elapsed();
    let stats = lock.stats();
    assert_eq!((stats.wakes, stats.exclusive.by_registry, stats.shared.by_registry), (2, 1, 1));
    for waits in [&stats.shared.waits, &stats.exclusive.waits] {
        assert_eq!(waits.count(), 1);
        assert!(waits.mean() <= most && waits.quantile_bound(0.0) <= 2 * most);
    }
    assert!(shared.poll(&mut context).is_ready() && exclusive.poll(&mut context).is_ready());
}

/// What a lock has counted when a waker is called: claims that waited, and wake-ups.
struct Looks {
    lock: Arc<RangeLock>,
    seen: Mutex<Vec<(u64, u64)>>,
}

impl Wake for Looks {
    fn wake(self: Arc<Self>) {
        let stats = self.lock.stats();
        self.seen.lock().unwrap().push((stats.shared.waits.count(), stats.wakes));
    }
}

#[test]
fn all_claims_granted_together_are_counted_before_the_first_waiter_is_woken() {
    let lock = Arc::new(RangeLock::fair());
    let looks = Arc::new(Looks { lock: Arc::clone(&lock), seen: Mutex::default() });
    let waker = Waker::from(Arc::clone(&looks));
    let mut context = Context::from_waker(&waker);
    let held = lock.lock_exclusive(0..10);
    let mut first = pin!(lock.lock_shared_async(3..7));
    let mut second = pin!(lock.lock_shared_async(5..9));
    assert!(first.as_mut().poll(&mut context).is_pending());
    assert!(second.as_mut().poll(&mut context).is_pending());
    drop(held);
    assert_eq!(*looks.seen.lock().unwrap(), [(2, 2), (2, 2)]);
}

#[test]
fn claims_that_give_up_are_counted_as_withdrawn() {
    let lock = RangeLock::new();
    let held = lock.lock_shared(0..10);
    assert!(lock.try_lock_exclusive(..).is_none());
    for claim in [0..100, 9..10] {
        let mut dropped = pin!(lock.lock_exclusive_async(claim));
        assert!(dropped.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    drop(held);
    let stats = lock.stats();
    assert_eq!((stats.exclusive.withdrawn, stats.exclusive.granted(), stats.wakes), (2, 0, 0));
}

#[test]
fn every_claim_of_many_threads_is_counted() {
    const CLAIMS: u64 = if cfg!(miri) { 48 } else { 20_000 };
    for (lock, is_fair) in [(RangeLock::new(), false), (RangeLock::fair(), true)] {
        thread::scope(|scope| {
            for thread in 0..4 {
                let lock = &lock;
                scope.spawn(move || {
                    for turn in 0..CLAIMS {
                        let unit = (turn * 3 + thread) % 16;
                        match turn % 4 {
                            0 => drop(lock.lock_exclusive(unit..unit + 1)),
                            1 => drop(lock.lock_exclusive(unit..unit + 9)),
                            2 => drop(lock.lock_shared(unit..unit + 3)),
                            _ => drop(lock.lock_shared(unit..unit + 1)),
                        }
                    }
                });
            }
        });
        let stats = lock.stats();
        assert_eq!(stats.shared.granted(), 2 * CLAIMS);
        assert_eq!(stats.exclusive.granted(), 2 * CLAIMS);
        if is_fair {
            assert_eq!(stats.wakes, stats.shared.waits.count() + stats.exclusive.waits.count());
        }
    }
}

/// A patient claim waits until it is held, and each invitation is a wake-up.
#[test]
fn a_claim_that_is_woken_unnecessarily_is_counted_once_and_its_wakes_each() {
    let lock = RangeLock::new();
    let mut held = lock.lock_exclusive(0..10);
    let mut waiting = pin!(lock.lock_exclusive_async(5..6));
    let mut context = Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(&mut context).is_pending());
    for passed in 1..=3 {
        drop(held);
        assert_eq!(lock.stats().wakes, passed);
        held = lock.try_lock_exclusive(0..10).expect("what is patient may be passed");
        assert!(waiting.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(lock.stats().exclusive.waits.count(), 0);
    drop(held);
    assert!(waiting.poll(&mut context).is_ready());
    let stats = lock.stats();
    assert_eq!((stats.wakes, stats.exclusive.waits.count()), (4, 1));
}

#[test]
fn a_mapping_counts_by_its_pages() {
    let lock = MappingLock::new();
    drop((lock.lock_page(Access::Fault, 7), lock.lock(Access::Truncate, 1 << 20..u64::MAX)));
    let stats = lock.pages().stats();
    assert_eq!((stats.shared.by_slot, stats.exclusive.by_cell), (1, 1));
}
