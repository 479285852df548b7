//! Waiting for one claim while holding another: the rule of docs/nesting.md.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use spanlock::RangeLock;

use super::watchdog::Watchdog;

const ROUNDS: u64 = if cfg!(miri) { 10 } else { 2_000 };

/// A heap in 31 units, numbered so that children come before their parents as often as after them.
fn unit_of(node: u64) -> u64 {
    node * 7 % 31
}

#[test]
fn units_in_the_order_of_a_tree_are_claimed_hand_over_hand_without_a_deadlock() {
    let watchdog = Watchdog::over("lock coupling");
    let lock = RangeLock::new();
    let claims = AtomicU64::new(0);
    thread::scope(|scope| {
        for seed in 0..3 {
            let (lock, claims, watchdog) = (&lock, &claims, &watchdog);
            scope.spawn(move || {
                let mut rng = fastrand::Rng::with_seed(seed);
                for _ in 0..ROUNDS {
                    let (mut node, mut guard) = (1, None);
                    while node < 31 {
                        let unit = unit_of(node);
                        // The parent is held meanwhile.
                        let next = lock.lock_exclusive(unit..unit + 1);
                        claims.fetch_add(u64::from(guard.is_some()), Ordering::Relaxed);
                        guard = Some(next);
                        node = node * 2 + u64::from(rng.bool());
                    }
                    drop(guard);
                }
                watchdog.moved();
            });
        }
    });
    assert!(claims.into_inner() >= 3 * 3 * ROUNDS, "nested claims");
    assert_eq!(lock.claims(), []);
}

#[test]
fn ranges_in_ascending_order_deadlock_with_one_that_covers_both() {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    let lock = RangeLock::new();
    let mut context = Context::from_waker(Waker::noop());
    let _held = lock.lock_shared(0..10);
    let mut both = pin!(lock.lock_exclusive_async(..));
    assert!(both.as_mut().poll(&mut context).is_pending());
    let mut wanted = pin!(lock.lock_exclusive_async(20..30));
    assert!(wanted.as_mut().poll(&mut context).is_pending(), "it stands behind the other");
}

/// A claim on everything makes nested claims deadlock even if it and they are shared: exclusive claims, which are not
/// nested, wait between them.
#[test]
fn shared_claims_deadlock_with_a_shared_one_that_covers_both_if_exclusive_claims_wait_between() {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    let lock = RangeLock::fair();
    let mut context = Context::from_waker(Waker::noop());
    let held = lock.lock_shared(0..10);
    let mut first = pin!(lock.lock_exclusive_async(0..10));
    assert!(first.as_mut().poll(&mut context).is_pending(), "it waits for the held claim");
    let mut both = pin!(lock.lock_shared_async(..));
    assert!(both.as_mut().poll(&mut context).is_pending(), "it waits for the first");
    let mut second = pin!(lock.lock_exclusive_async(20..30));
    assert!(second.as_mut().poll(&mut context).is_pending(), "it waits for the one on both");
    let mut wanted = pin!(lock.lock_shared_async(20..30));
    assert!(wanted.as_mut().poll(&mut context).is_pending(), "it waits for the second");
    drop(held);
    assert!(first.poll(&mut context).is_ready(), "nothing waits for anything else");
}
