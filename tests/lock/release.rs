//! Releasing a claim from any thread, and not releasing it.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use spanlock::{Access, MappingLock, RangeLock};

/// One unit, a few, many: ranges for each kind of place.
const SPANS: [std::ops::Range<u64>; 5] = [7..8, 7..9, 7..11, 0..5000, 0..u64::MAX];

#[test]
fn a_guard_dropped_on_another_thread_releases() {
    for span in SPANS {
        let lock = RangeLock::new();
        let shared = lock.lock_shared(span.clone());
        thread::scope(|scope| {
            scope.spawn(move || drop(shared));
        });
        let exclusive = lock.try_lock_exclusive(span.clone()).expect("released elsewhere");
        thread::scope(|scope| {
            scope.spawn(move || exclusive.unlock());
        });
        assert!(lock.try_lock_exclusive(span).is_some());
    }
}

#[test]
fn a_waiter_is_woken_by_a_release_on_a_thread_that_did_not_lock() {
    for span in SPANS {
        let lock = RangeLock::new();
        let held = lock.lock_exclusive(span.clone());
        thread::scope(|scope| {
            let waiter = scope.spawn(|| lock.lock_shared(span.clone()).range());
            scope.spawn(move || drop(held));
            assert_eq!(waiter.join().expect("the waiter"), span);
        });
    }
}

#[test]
fn a_panic_while_a_guard_is_held_releases_it() {
    for span in SPANS {
        let lock = RangeLock::new();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _held = lock.lock_exclusive(span.clone());
            panic!("while {span:?} is held");
        }));
        assert!(panicked.is_err());
        assert!(lock.try_lock_exclusive(span).is_some());
    }
}

#[test]
fn a_forgotten_guard_keeps_its_range_and_nothing_else() {
    for span in [7..8, 7..9, 7..11, 7..5000] {
        let lock = RangeLock::new();
        mem::forget(lock.lock_exclusive(span.clone()));
        assert!(lock.try_lock_shared(span.start..span.start + 1).is_none());
        assert!(lock.try_lock_shared(span.end - 1..span.end).is_none());
        assert!(lock.try_lock_exclusive(..).is_none());
        assert!(lock.try_lock_exclusive(..span.start).is_some());
        assert!(lock.try_lock_exclusive(span.end..).is_some());
        drop(lock);
    }
}

#[test]
fn a_guard_holds_until_the_end_of_its_scope() {
    for span in SPANS {
        let lock = RangeLock::new();
        {
            let held = lock.lock_shared(span.clone());
            assert_eq!(held.range(), span);
            assert!(lock.try_lock_exclusive(span.clone()).is_none());
            assert!(lock.try_lock_shared(span.clone()).is_some());
        }
        assert!(lock.try_lock_exclusive(span).is_some());
    }
}

#[test]
fn a_mapping_guard_holds_whole_pages() {
    let lock = MappingLock::new();
    let held = lock.lock(Access::DirectWrite, 4095..8193);
    assert_eq!(held.range(), 0..3);
    assert!(lock.try_lock(Access::Fault, 12287..12288).is_none());
    assert!(lock.try_lock(Access::Fault, 12288..12289).is_some());
    let last = lock.lock(Access::Truncate, u64::MAX - 1..u64::MAX);
    assert_eq!(last.range(), u64::MAX >> 12..(u64::MAX >> 12) + 1);
    let nothing = lock.lock(Access::DirectRead, 4096..4096);
    assert!(nothing.range().is_empty());
}
