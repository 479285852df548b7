//! Tries and snapshots beside tries that fail: an attempt that is about to fail blocks no other.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use spanlock::Mode::{Exclusive, Shared};
use spanlock::{Claim, ClaimState, Mode, RangeLock};

use super::watchdog::Watchdog;

/// So many turns of so many tries each.
const TURNS: u32 = 40;
const TRIES: u32 = if cfg!(miri) { 2 } else { 2_000 };

/// Repeats `work` while another thread tries to lock what it cannot. Returns in how many turns more than
/// a quarter of it failed. A thread that is preempted while it withdraws may spoil some turns.
fn spoilt_turns(
    watchdog: &Watchdog,
    lock: &RangeLock,
    fails: impl Fn(&RangeLock) + Sync,
    mut is_refused: impl FnMut() -> bool,
) -> u32 {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                fails(lock);
            }
        });
        let mut turn = || {
            watchdog.moved();
            (0..TRIES).filter(|_| is_refused()).count() > TRIES as usize / 4
        };
        let spoilt = (0..TURNS).filter(|_| turn()).count() as u32;
        over.store(true, Ordering::Relaxed);
        spoilt
    })
}

#[test]
fn a_try_does_not_fail_because_of_another_that_fails() {
    let watchdog = Watchdog::over("tries beside one that fails");
    for (tried, wanted) in [(5..6, 5..6), (5..6, 4..9), (5..7, 5..6), (5..7, 4..9)] {
        // A shared claim waits for the holder of 100, and is not overtaken: no exclusive claim can be acquired that
        // conflicts with it.
        let lock = RangeLock::fair();
        let _holder = lock.lock_exclusive(100..101);
        let mut waits = pin!(lock.lock_shared_async(5..101));
        assert!(waits.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let fails = |lock: &RangeLock| assert!(lock.try_lock_exclusive(tried.clone()).is_none());
        let spoilt = spoilt_turns(&watchdog, &lock, fails, || {
            lock.try_lock_shared(wanted.clone()).is_none()
        });
        assert!(
            spoilt < TURNS / 2,
            "{spoilt} of {TURNS} turns of tries for {wanted:?} beside {tried:?}"
        );
    }
}

#[test]
fn a_try_does_not_fail_because_of_tries_of_a_range_in_which_a_unit_is_held() {
    let watchdog = Watchdog::over("tries beside tries of a range with a reader");
    let tries: [fn(&RangeLock); 3] = [
        |lock| assert!(lock.try_lock_many([(4..6, Exclusive), (8..9, Exclusive)]).is_none()),
        |lock| assert!(lock.try_lock_exclusive(4..9).is_none()),
        |lock| assert!(lock.try_lock_exclusive_for(4..9, Duration::ZERO).is_none()),
    ];
    let wanted: [fn(&RangeLock) -> bool; 3] = [
        |lock| lock.try_lock_shared(5..6).is_some(),
        |lock| lock.try_lock_shared(4..9).is_some(),
        |lock| lock.try_lock_many([(4..6, Shared), (8..9, Shared)]).is_some(),
    ];
    for (fails, succeeds) in tries.into_iter().zip(wanted) {
        let lock = RangeLock::new();
        let _reader = lock.lock_shared(5..6);
        let spoilt = spoilt_turns(&watchdog, &lock, fails, || !succeeds(&lock));
        assert!(spoilt < TURNS / 2, "{spoilt} of {TURNS} turns");
    }
}

#[test]
fn an_upgrade_does_not_fail_because_of_a_try_that_fails() {
    let watchdog = Watchdog::over("upgrades beside a try that fails");
    for (tried, held) in [(5..6, 0..9), (5..6, 5..6), (5..7, 0..9)] {
        // A writer waits for the reader, and for one of 100.
        let lock = RangeLock::new();
        let _holder = lock.lock_shared(100..101);
        let mut reader = Some(lock.lock_shared(held));
        let mut waits = pin!(lock.lock_exclusive_async(5..101));
        assert!(waits.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let mut shown = 0;
        let fails = |lock: &RangeLock| assert!(lock.try_lock_shared(tried.clone()).is_none());
        let is_of_the_try = |claim: &Claim| {
            claim.state == ClaimState::Held && claim.range == tried && claim.mode == Mode::Shared
        };
        let spoilt = spoilt_turns(&watchdog, &lock, fails, || {
            let held = reader.take().expect("a reader, at the end of each try");
            shown += u32::from(tried != held.range() && lock.claims().iter().any(is_of_the_try));
            let upgraded = held.try_upgrade();
            let is_refused = upgraded.is_err();
            reader = Some(upgraded.map_or_else(|reader| reader, |writer| writer.downgrade()));
            is_refused
        });
        assert!(spoilt < TURNS / 2, "{spoilt} of {TURNS} turns of upgrades beside {tried:?}");
        assert_eq!(shown, 0, "a claim that was not held was shown as held");
    }
}
