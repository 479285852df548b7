//! What the lock allocates, measured by a counting allocator.

// The records of `deadlock_detection` are allocated claim by claim.
#![cfg(not(any(spanlock_loom, feature = "deadlock_detection")))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::Future;
use std::ops::Range;
use std::pin::pin;
use std::sync::Barrier;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use spanlock::{Access, MappingLock, Mode, RangeLock};

struct Counting;

thread_local! {
    // By thread, since the test harness allocates on threads of its own.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static ALLOCATED: Cell<u64> = const { Cell::new(0) };
    static FREED: Cell<u64> = const { Cell::new(0) };
}

fn count(bytes: usize) {
    // A thread that is going away has nothing left to count in.
    let _ = ALLOCATIONS.try_with(|calls| calls.set(calls.get() + 1));
    let _ = ALLOCATED.try_with(|sum| sum.set(sum.get() + bytes as u64));
}

fn count_freed(bytes: usize) {
    let _ = FREED.try_with(|sum| sum.set(sum.get() + bytes as u64));
}

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the contract;
// counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `GlobalAlloc`, which is that of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        count_freed(layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count_freed(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The number of allocations and of bytes that `work` allocated.
fn allocated_by<T>(work: impl FnOnce() -> T) -> (u64, u64) {
    let before = (ALLOCATIONS.get(), ALLOCATED.get());
    let result = work();
    let after = (ALLOCATIONS.get(), ALLOCATED.get());
    drop(result);
    (after.0 - before.0, after.1 - before.1)
}

#[test]
fn a_lock_that_was_never_used_owns_no_heap() {
    assert_eq!(allocated_by(RangeLock::new), (0, 0));
    assert_eq!(allocated_by(MappingLock::new), (0, 0));
}

#[test]
fn a_claim_on_nothing_makes_no_registry() {
    let lock = RangeLock::new();
    let nothing: [(Range<u64>, Mode); 0] = [];
    assert_eq!(allocated_by(|| lock.lock_many(nothing.clone())), (0, 0));
    assert_eq!(allocated_by(|| lock.try_lock_many(nothing.clone())), (0, 0));
    assert_eq!(allocated_by(|| lock.lock_exclusive(5..5)), (0, 0));
    assert_eq!(allocated_by(|| lock.lock_shared_recursive(5..5)), (0, 0));
    assert_eq!(allocated_by(|| lock.try_lock_exclusive_for(5..5, Duration::MAX)), (0, 0));
    // The lists of the ranges that were asked for, and no more.
    let (_, bytes) = allocated_by(|| lock.lock_many([(5..5, Mode::Exclusive)]));
    assert!(bytes < 256, "{bytes} bytes");
}

#[test]
fn a_million_idle_locks_fit_in_64_megabytes() {
    let a_million = || (0..1_000_000).map(|_| RangeLock::new()).collect::<Vec<_>>();
    let (allocations, bytes) = allocated_by(a_million);
    assert_eq!(allocations, 1, "only the list itself is on the heap");
    assert!(bytes <= 64_000_000, "{bytes} bytes");
}

/// The numbers are those of the documentation of `RangeLock`, and of its method `stats`.
#[test]
fn a_lock_has_the_size_that_is_documented() {
    let (size, core) =
        if cfg!(feature = "stats") { (32, 4_800..5_600) } else { (24, 2_400..2_800) };
    if cfg!(target_pointer_width = "64") {
        assert_eq!(size_of::<RangeLock>(), size);
    }
    let (_, bytes) = allocated_by(|| RangeLock::new().lock_exclusive(0..10).range());
    assert!(core.contains(&bytes), "the first range allocates {bytes} bytes");

    let lock = RangeLock::new();
    drop(lock.lock_exclusive(0..10));
    let (_, bytes) = allocated_by(|| [lock.lock_shared(3..4), lock.lock_shared(4..5)]);
    assert!((256..512).contains(&bytes), "the first table takes {bytes} bytes");
}

#[test]
fn each_unit_that_is_held_takes_at_most_256_bytes() {
    for units in [64, 100, 1_000, 3_000, 10_000] {
        let lock = RangeLock::new();
        drop(lock.lock_exclusive(0..10));
        let mut guards = Vec::with_capacity(units as usize);
        let (_, bytes) = allocated_by(|| {
            guards.extend((0..units).map(|unit| lock.lock_shared(unit..unit + 1)));
        });
        assert!(bytes <= 256 * units, "{} bytes for each of {units} units", bytes / units);
    }
}

#[test]
fn each_range_that_is_held_takes_at_most_4_kilobytes_which_later_ranges_use_again() {
    let in_use = || ALLOCATED.get() - FREED.get();
    for (ranges, len) in [(100, 8), (1_000, 3), (3_000, 8), (4_100, 300), (10_000, 3)] {
        let lock = RangeLock::new();
        let before = in_use();
        let hold = || {
            let of =
                |number: u64| lock.lock_exclusive(number * 2 * len + 1..number * 2 * len + 1 + len);
            (0..ranges).map(of).for_each(std::mem::forget);
        };
        hold();
        let bytes = in_use() - before;
        assert!(bytes <= 4_096 * ranges, "{} bytes for each of {ranges} ranges", bytes / ranges);
    }
    let lock = RangeLock::new();
    let hold = || {
        (0..1_000).map(|number| lock.lock_exclusive(4 * number..4 * number + 3)).collect::<Vec<_>>()
    };
    drop(hold());
    let before = in_use();
    (0..3).for_each(|_| drop(hold()));
    assert_eq!(in_use(), before);
}

#[test]
fn a_claim_on_nothing_does_not_allocate() {
    let lock = RangeLock::new();
    assert_eq!(allocated_by(|| drop(lock.lock_exclusive(5..5))), (0, 0));
}

/// The allocations of 1,000 uncontended pairs, after one that may allocate the core.
fn later_pairs(pair: impl Fn(u64)) -> (u64, u64) {
    pairs_after(1, pair)
}

fn pairs_after(first: u64, pair: impl Fn(u64)) -> (u64, u64) {
    (0..first).for_each(&pair);
    allocated_by(|| (first..first + 1_000).for_each(pair))
}

#[test]
fn a_pair_on_one_unit_allocates_nothing_after_the_first() {
    let lock = RangeLock::new();
    assert_eq!(later_pairs(|unit| drop(lock.lock_shared(unit..unit + 1))), (0, 0));
    assert_eq!(later_pairs(|unit| drop(lock.lock_exclusive(unit..unit + 1))), (0, 0));
    assert_eq!(later_pairs(|unit| drop(lock.try_lock_shared(unit..unit + 1))), (0, 0));
    assert_eq!(later_pairs(|unit| drop(lock.try_lock_exclusive(unit..unit + 1))), (0, 0));
}

#[test]
fn a_pair_on_a_small_range_allocates_nothing_after_the_first() {
    let lock = RangeLock::new();
    for length in 2..=4 {
        assert_eq!(pairs_after(1, |at| drop(lock.lock_shared(at..at + length))), (0, 0));
        assert_eq!(pairs_after(1, |at| drop(lock.lock_exclusive(at..at + length))), (0, 0));
    }
}

#[test]
fn a_pair_on_a_long_range_allocates_nothing_after_the_first() {
    let lock = RangeLock::new();
    assert_eq!(later_pairs(|at| drop(lock.lock_exclusive(at..at + 100))), (0, 0));
    assert_eq!(later_pairs(|_| drop(lock.lock_shared(..))), (0, 0));
}

#[test]
fn a_fault_on_a_mapping_allocates_nothing_after_the_first() {
    let lock = MappingLock::new();
    let fault = |page: u64| drop(lock.lock(Access::Fault, page * 4096..page * 4096 + 1));
    assert_eq!(later_pairs(fault), (0, 0));
}

#[test]
fn a_thread_that_waits_again_allocates_nothing() {
    const ROUNDS: u32 = 10;
    let lock = RangeLock::new();
    let begin = Barrier::new(2);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let mut allocated = Vec::with_capacity(ROUNDS as usize);
            for _ in 0..ROUNDS {
                begin.wait();
                allocated.push(allocated_by(|| lock.lock_exclusive(5..6)));
                begin.wait();
            }
            allocated
        });
        for _ in 0..ROUNDS {
            let held = lock.lock_exclusive(5..6);
            begin.wait();
            while lock.claims().len() < 2 {
                thread::yield_now();
            }
            drop(held);
            begin.wait();
        }
        let allocated = waiter.join().expect("the waiter");
        // The first wait allocates, and so does the first that parks, if all before it were granted while they spun.
        let first = allocated.iter().filter(|&&allocations| allocations != (0, 0)).count();
        assert!(first <= 2, "{allocated:?}");
    });
}

#[test]
fn a_future_that_waits_allocates_nothing() {
    let lock = RangeLock::new();
    let held = lock.lock_exclusive(5..6);
    let mut context = Context::from_waker(Waker::noop());
    // The registry's own memory, which stays.
    assert!(pin!(lock.lock_exclusive_async(5..6)).poll(&mut context).is_pending());
    let mut future = pin!(lock.lock_exclusive_async(5..6));
    let waiting = allocated_by(|| {
        (0..1_000).for_each(|_| assert!(future.as_mut().poll(&mut context).is_pending()));
    });
    assert_eq!(waiting, (0, 0));
    drop(held);
}
