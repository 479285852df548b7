//! The counters of the feature `stats`.

#![cfg(all(feature = "stats", not(loom)))]

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Instant;

use spanlock::{Access, MappingLock, Mode, RangeLock, Stats};

#[test]
fn a_lock_that_was_never_used_has_counted_nothing() {
    assert_eq!(RangeLock::new().stats(), Stats::default());
    assert!(size_of::<RangeLock>() <= 64);
}

#[test]
fn claims_are_counted_by_the_way_they_went_and_by_mode() {
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
    assert_eq!((stats.shared.by_registry, stats.exclusive.by_registry), (4, 3));
    assert_eq!((stats.shared.granted(), stats.exclusive.granted()), (9, 8));
    assert_eq!((stats.wakes, stats.shared.waits.count()), (0, 0));
}

#[test]
fn a_small_range_beside_a_held_unit_goes_through_the_slots() {
    let lock = RangeLock::new();
    let held = lock.lock_shared(3..4);
    let small = (0..100).map(|turn| drop(lock.lock_shared(10 * turn + 100..10 * turn + 102)));
    assert_eq!(small.count(), 100);
    let stats = lock.stats();
    assert_eq!(stats.shared.by_small_range + stats.shared.by_registry, 100);
    assert!(stats.shared.by_small_range >= 80, "few were in the way of each other: {stats:?}");
    drop(held);
}

#[test]
fn claims_that_wait_are_counted_with_their_time_and_their_wake() {
    let lock = RangeLock::new();
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
    assert_eq!((stats.wakes, stats.exclusive.by_registry, stats.shared.by_registry), (2, 2, 1));
    for waits in [&stats.shared.waits, &stats.exclusive.waits] {
        assert_eq!(waits.count(), 1);
        assert!(waits.mean() <= most && waits.quantile_bound(0.0) <= 2 * most);
    }
    assert!(shared.poll(&mut context).is_ready() && exclusive.poll(&mut context).is_ready());
}

/// What a lock has counted when its waker is called: claims that waited, and wakes.
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
fn all_who_are_granted_together_are_counted_before_the_first_is_woken() {
    let lock = Arc::new(RangeLock::new());
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
fn what_many_threads_do_is_counted_to_the_last_claim() {
    const CLAIMS: u64 = if cfg!(miri) { 48 } else { 20_000 };
    let lock = RangeLock::new();
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
    assert_eq!(stats.wakes, stats.shared.waits.count() + stats.exclusive.waits.count());
}

#[test]
fn a_mapping_counts_by_its_pages() {
    let lock = MappingLock::new();
    drop((lock.lock_page(Access::Fault, 7), lock.lock(Access::Truncate, 1 << 20..u64::MAX)));
    let stats = lock.pages().stats();
    assert_eq!((stats.shared.by_slot, stats.exclusive.by_registry), (1, 1));
}
