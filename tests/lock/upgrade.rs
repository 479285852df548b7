//! Upgrades that wait, of claims in each kind of place.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use spanlock::{ClaimState, ExclusiveGuard, Mode, RangeLock, SharedGuard};

use super::unruly::{Act, Unruly, bomb_of};
use super::watchdog::Watchdog;

fn poll<F: Future>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

fn pending(lock: &RangeLock) -> usize {
    lock.claims().iter().filter(|claim| claim.state == ClaimState::Waiting).count()
}

/// Ranges in so many cells, far away; from sixteen on there is no cell for others.
fn crowd(lock: &RangeLock, cells: u64) -> Vec<ExclusiveGuard<'_>> {
    (100..100 + cells).map(|at| lock.lock_exclusive(1_000 * at..1_000 * at + 2)).collect()
}

/// Where a claim that is to be upgraded may be: in its slot, in a cell, or in the registry only.
const RANGES: [Range<u64>; 4] = [5..6, 4..9, 0..60_000, 1 << 50..(1 << 50) + 1];

fn everywhere(test: impl Fn(&RangeLock, Range<u64>)) {
    for range in RANGES {
        for cells in [0, 14, 16] {
            let lock = RangeLock::new();
            let crowd = crowd(&lock, cells);
            test(&lock, range.clone());
            drop(crowd);
            assert_eq!(lock.claims(), [], "{range:?} beside {cells} others");
            assert!(lock.try_lock_exclusive(..).is_some(), "{range:?} beside {cells} others");
        }
    }
}

#[test]
fn an_upgrade_waits_for_each_other_holder_and_for_no_waiting_claim() {
    everywhere(|lock, range| {
        let own = lock.lock_shared(range.clone());
        let others = [range.clone(), range.start..range.start + 1, range.clone()];
        let others = others.map(|range| lock.lock_shared(range));
        let mut writer = Box::pin(lock.lock_exclusive_async(range.clone()));
        assert!(poll(&mut writer).is_pending());
        let mut upgrade = Box::pin(own.upgrade_async());
        for other in others {
            assert!(poll(&mut upgrade).is_pending(), "another holds {:?}", other.range());
            assert!(lock.try_lock_shared(range.clone()).is_none(), "a new claim overtakes");
            drop(other);
        }
        let Poll::Ready(Ok(guard)) = poll(&mut upgrade) else { panic!("alone on {range:?}") };
        assert!(poll(&mut writer).is_pending() && lock.try_lock_shared(range.clone()).is_none());
        assert_eq!(guard.range(), range);
        drop(guard);
        assert!(poll(&mut writer).is_ready());
    });
}

#[test]
fn of_two_upgrades_that_overlap_the_second_is_refused_and_keeps_its_claim() {
    let _watchdog = Watchdog::over("two upgrades that overlap");
    everywhere(|lock, range| {
        let (a, b) = (lock.lock_shared(range.clone()), lock.lock_shared(range.clone()));
        let elsewhere = lock.lock_shared(70_000..70_002);
        let beside = lock.lock_shared(70_001..70_005);
        let mut first = Box::pin(a.upgrade_async());
        assert!(poll(&mut first).is_pending());
        let mut apart = Box::pin(elsewhere.upgrade_async());
        assert!(poll(&mut apart).is_pending(), "it overlaps no other upgrade");
        let b = b.upgrade().expect_err("each would wait for the other").into_guard();
        let Poll::Ready(Err(refused)) = poll(&mut Box::pin(b.upgrade_async())) else {
            panic!("each would wait for the other")
        };
        let b = refused.into_guard();
        assert_eq!((b.range(), b.mode()), (range.clone(), Mode::Shared));
        drop(b);
        assert!(matches!(poll(&mut first), Poll::Ready(Ok(_))));
        drop(beside);
        assert!(matches!(poll(&mut apart), Poll::Ready(Ok(_))));
    });
}

/// The re-entrant claim waits for a claim elsewhere, and the upgrade for what its owner holds already.
#[test]
fn a_re_entrant_claim_does_not_wait_for_an_upgrade_that_came_after_it() {
    let _watchdog = Watchdog::over("a re-entrant claim and an upgrade");
    for cells in [0, 14, 16] {
        let lock = RangeLock::new();
        let crowd = crowd(&lock, cells);
        let elsewhere = lock.lock_exclusive(5..6);
        let own = lock.lock_shared(0..1);
        let mut upgrade = thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let outer = lock.lock_shared(0..1);
                drop(lock.lock_shared_recursive(0..6));
                drop(outer);
            });
            while pending(&lock) == 0 {
                thread::yield_now();
            }
            let mut upgrade = Box::pin(own.upgrade_async());
            assert!(poll(&mut upgrade).is_pending());
            drop(elsewhere);
            reader.join().unwrap();
            upgrade
        });
        assert!(matches!(poll(&mut upgrade), Poll::Ready(Ok(_))));
        drop(crowd);
        assert_eq!(lock.claims(), []);
    }
}

#[test]
fn a_dropped_upgrade_releases_everything_granted_or_not() {
    everywhere(|lock, range| {
        let other = lock.lock_shared(range.clone());
        let mut upgrade = Box::pin(lock.lock_shared(range.clone()).upgrade_async());
        assert!(poll(&mut upgrade).is_pending());
        let mut reader = Box::pin(lock.lock_shared_async(range.clone()));
        assert!(poll(&mut reader).is_pending());
        drop(upgrade);
        assert!(poll(&mut reader).is_ready(), "it waited for the upgrade alone");

        let mut upgrade = Box::pin(lock.lock_shared(range.clone()).upgrade_async());
        assert!(poll(&mut upgrade).is_pending());
        let mut reader = Box::pin(lock.lock_shared_async(range.clone()));
        assert!(poll(&mut reader).is_pending());
        drop(other);
        assert!(poll(&mut reader).is_pending(), "the upgrade is granted");
        drop(upgrade);
        assert!(poll(&mut reader).is_ready());
    });
}

#[test]
fn a_recursive_claim_overtakes_an_upgrade_that_waits_and_an_upgrade_overtakes_one_that_waits() {
    everywhere(|lock, range| {
        let other = lock.lock_shared(range.clone());
        let mut upgrade = Box::pin(lock.lock_shared(range.clone()).upgrade_async());
        assert!(poll(&mut upgrade).is_pending());
        let again = lock.lock_shared_recursive(range.clone());
        drop(other);
        assert!(poll(&mut upgrade).is_pending());
        drop(again);
        assert!(matches!(poll(&mut upgrade), Poll::Ready(Ok(_))));
    });
    let _watchdog = Watchdog::over("a recursive claim that waits beside an upgrade that gives up");
    let lock = RangeLock::new();
    let writer = lock.lock_exclusive(50..51);
    let other = lock.lock_shared(5..6);
    let own = lock.lock_shared(5..6);
    thread::scope(|scope| {
        scope.spawn(|| drop(lock.lock_shared_recursive(0..60)));
        while pending(&lock) == 0 {
            thread::yield_now();
        }
        let mut upgrade = Box::pin(own.upgrade_async());
        assert!(poll(&mut upgrade).is_pending());
        drop(upgrade);
        drop(writer);
    });
    drop(other);
    assert_eq!(lock.claims(), []);
}

#[test]
fn a_thread_that_upgrades_is_woken_by_the_last_other_holder() {
    let watchdog = Watchdog::over("an upgrade that waits");
    everywhere(|lock, range| {
        let own = lock.lock_shared(range.clone());
        let others = [lock.lock_shared(range.clone()), lock.lock_shared(range.clone())];
        thread::scope(|scope| {
            let upgrade = scope.spawn(|| own.upgrade().expect("no other upgrade").mode());
            while pending(lock) == 0 {
                thread::yield_now();
            }
            drop(others);
            assert_eq!(upgrade.join().expect("the upgrade"), Mode::Exclusive);
        });
        watchdog.moved();
    });
}

#[test]
fn what_was_read_before_an_upgrade_is_still_true_after_it() {
    const ROUNDS: u64 = if cfg!(miri) { 20 } else { 2_000 };
    let watchdog = Watchdog::over("readers that upgrade");
    for range in RANGES {
        let lock = RangeLock::new();
        let (sum, is_written) = (AtomicU64::new(0), AtomicBool::new(false));
        let add = |guard: SharedGuard<'_>| {
            assert!(!is_written.load(Ordering::Relaxed));
            let seen = sum.load(Ordering::Relaxed);
            let Ok(guard) = guard.upgrade() else { return false };
            assert!(!is_written.swap(true, Ordering::Relaxed), "two write");
            assert_eq!(sum.load(Ordering::Relaxed), seen, "another wrote in between");
            sum.store(seen + 1, Ordering::Relaxed);
            is_written.store(false, Ordering::Relaxed);
            drop(guard);
            true
        };
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    (0..ROUNDS).for_each(|_| while !add(lock.lock_shared(range.clone())) {});
                    watchdog.moved();
                });
            }
        });
        assert_eq!(sum.into_inner(), 3 * ROUNDS);
        assert_eq!(lock.claims(), []);
    }
}

#[test]
fn an_upgrade_survives_wakers_that_panic() {
    everywhere(|lock, range| {
        let other = lock.lock_shared(range.clone());
        let state = Unruly::new(1);
        let waker = std::mem::ManuallyDrop::new(state.waker());
        let mut upgrade = Box::pin(lock.lock_shared(range.clone()).upgrade_async());
        let poll_with = |future: &mut Pin<Box<_>>| {
            Future::poll(Pin::as_mut(future), &mut Context::from_waker(&waker)).is_ready()
        };
        state.panics_in(Act::Clone);
        assert_eq!(bomb_of(|| poll_with(&mut upgrade)), 1);
        assert_eq!(pending(lock), 0);
        state.calm();
        assert!(!poll_with(&mut upgrade));
        state.panics_in(Act::Wake);
        assert_eq!(bomb_of(|| drop(other)), 1);
        assert!(lock.try_lock_shared(range.clone()).is_none(), "granted");
        assert!(poll_with(&mut upgrade));
    });
}

#[test]
fn an_upgrade_that_is_granted_while_counters_are_added_loses_no_count() {
    let lock = RangeLock::new();
    let _crowd = crowd(&lock, 16);
    // None of these has a cell.
    let other = lock.lock_shared(0..2);
    let mut upgrade = Box::pin(lock.lock_shared(0..2).upgrade_async());
    assert!(poll(&mut upgrade).is_pending());
    drop(other);
    let many: Vec<_> = (1..9).map(|at| lock.lock_shared(100 * at..100 * at + 8)).collect();
    assert!(poll(&mut upgrade).is_ready(), "granted, and the shared claim is released");
    let reader = lock.lock_shared(0..2);
    assert!(lock.try_lock_exclusive(0..1).is_none(), "a writer beside a reader");
    drop((reader, many));
}

#[test]
fn an_upgrade_that_has_timed_out_leaves_the_shared_claim_alone() {
    let _watchdog = Watchdog::over("upgrades that time out");
    everywhere(|lock, range| {
        let own = lock.lock_shared(range.clone());
        let other = lock.lock_shared(range.clone());
        let before = lock.claims();
        let now = own.try_upgrade_for(Duration::ZERO).expect_err("another holds it");
        let later = now.into_guard().try_upgrade_for(Duration::from_micros(100));
        let later = later.expect_err("another holds it");
        assert!(later.timed_out());
        let own = later.into_guard();
        assert_eq!((own.range(), own.mode(), pending(lock)), (range.clone(), Mode::Shared, 0));
        assert_eq!(lock.claims(), before);
        assert!(lock.try_lock_shared(range.clone()).is_some(), "nothing waits for it any more");

        // Nor is the upgrade of another refused because of it.
        let mut others = Box::pin(other.upgrade_async());
        assert!(poll(&mut others).is_pending());
        let refused = own.try_upgrade_for(Duration::from_secs(100)).expect_err("each would wait");
        assert!(!refused.timed_out());
        drop(refused);
        assert!(matches!(poll(&mut others), Poll::Ready(Ok(_))));
    });
}

#[test]
fn an_upgrade_whose_time_ends_when_it_is_granted_is_either_exclusive_or_still_shared() {
    let _watchdog = Watchdog::over("upgrades beside their deadlines");
    let mut random = fastrand::Rng::with_seed(1);
    let mut ended = [0; 2];
    for round in 0..600 {
        let range = RANGES[round % RANGES.len()].clone();
        let lock = RangeLock::new();
        let crowd = crowd(&lock, 16 * (random.u64(..3) / 2));
        let other = lock.lock_shared(range.clone());
        let own = lock.lock_shared(range.clone());
        let [theirs, mine] = [(); 2].map(|()| Duration::from_micros(random.u64(..60)));
        thread::scope(|scope| {
            scope.spawn(|| {
                let until = Instant::now() + theirs;
                while Instant::now() < until {
                    std::hint::spin_loop();
                }
                drop(other);
            });
            let upgraded = own.try_upgrade_for(mine);
            ended[usize::from(upgraded.is_ok())] += 1;
            match upgraded {
                Ok(guard) => {
                    assert!(lock.try_lock_shared(range.clone()).is_none());
                    drop(guard);
                }
                Err(error) => {
                    assert!(error.timed_out());
                    assert!(lock.try_lock_exclusive(range.clone()).is_none());
                }
            }
        });
        drop(crowd);
        assert_eq!(lock.claims(), [], "round {round}");
    }
    assert!(ended.iter().all(|&times| times > 10), "one outcome hardly ever: {ended:?}");
}
