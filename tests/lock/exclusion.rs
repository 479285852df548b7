//! Mutual exclusion on real threads, unit by unit, with more threads than cores.

use std::ops::Range;
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use spanlock::{ExclusiveGuard, RangeLock, SharedGuard};

use super::cells::Cells;
use super::watchdog::Watchdog;

const THREADS: u64 = 8;
const OPERATIONS: u64 = match (cfg!(miri), cfg!(debug_assertions)) {
    (true, _) => 20,
    (_, true) => 10_000,
    (_, false) => 100_000,
};

/// Every thread locks ranges that `pick` chooses among `units`, in both modes and by all methods, and
/// uses the cells while it holds them.
fn stress(what: &'static str, units: Range<u64>, pick: impl Fn(&mut Rng) -> Range<u64> + Sync) {
    let lock = RangeLock::new();
    let mut cells = Cells::on(units);
    let watchdog = Watchdog::over(what);
    let raised: u64 = thread::scope(|scope| {
        let worker = |seed| {
            let (lock, cells, pick, watchdog) = (&lock, &cells, &pick, &watchdog);
            scope.spawn(move || work(lock, cells, pick, watchdog, Rng::with_seed(seed)))
        };
        let workers: Vec<_> = (0..THREADS).map(worker).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker")).sum()
    });
    assert_eq!(cells.totals(), [raised; 2], "a raised counter was lost");
    assert!(lock.try_lock_exclusive(..).is_some(), "something is held after all have left");
}

fn work(
    lock: &RangeLock,
    cells: &Cells,
    pick: impl Fn(&mut Rng) -> Range<u64>,
    watchdog: &Watchdog,
    mut rng: Rng,
) -> u64 {
    let mut raised = 0;
    for operation in 0..OPERATIONS {
        let span = pick(&mut rng);
        if rng.u8(..) < 100 {
            if let Some(held) = claim_exclusive(lock, span, &mut rng) {
                raised += cells.raise(&held);
                linger(&mut rng);
            }
        } else if let Some(held) = claim_shared(lock, span, &mut rng) {
            cells.check(&held);
            linger(&mut rng);
            cells.check(&held);
        }
        if operation.is_multiple_of(64) {
            watchdog.moved();
        }
    }
    raised
}

/// Lets another thread run from time to time while a claim is held, so that claims have to wait.
fn linger(rng: &mut Rng) {
    if rng.u8(..) < 8 {
        thread::yield_now();
    }
}

fn claim_exclusive<'a>(
    lock: &'a RangeLock,
    span: Range<u64>,
    rng: &mut Rng,
) -> Option<ExclusiveGuard<'a>> {
    match rng.u8(..16) {
        0..=10 => Some(lock.lock_exclusive(span)),
        11..=13 => lock.try_lock_exclusive(span),
        _ => lock.try_lock_exclusive_for(span, Duration::from_micros(rng.u64(..50))),
    }
}

fn claim_shared<'a>(
    lock: &'a RangeLock,
    span: Range<u64>,
    rng: &mut Rng,
) -> Option<SharedGuard<'a>> {
    match rng.u8(..16) {
        0..=10 => Some(lock.lock_shared(span)),
        11..=13 => lock.try_lock_shared(span),
        _ => lock.try_lock_shared_for(span, Duration::from_micros(rng.u64(..50))),
    }
}

fn one_of(units: Range<u64>, rng: &mut Rng) -> Range<u64> {
    let unit = rng.u64(units);
    unit..unit + 1
}

fn some_of(units: Range<u64>, length: Range<u64>, rng: &mut Rng) -> Range<u64> {
    let start = rng.u64(units.clone());
    start..start + rng.u64(length).min(units.end - start)
}

#[test]
fn one_hot_unit_is_never_written_by_two() {
    stress("one hot unit", 5..6, |_| 5..6);
}

#[test]
fn few_units_are_never_written_by_two() {
    stress("few units", 0..8, |rng| one_of(0..8, rng));
}

#[test]
fn units_that_share_slots_with_others_are_never_written_by_two() {
    stress("many units", 0..4096, |rng| {
        // Crowded enough that threads meet on a unit as well as on a slot.
        let unit = rng.u64(..16) * 256 + rng.u64(..2);
        unit..unit + 1
    });
}

#[test]
fn units_beyond_a_packed_word_are_never_written_by_two() {
    let units = (1 << 48) - 4..(1 << 48) + 4;
    stress("units around 2^48", units.clone(), |rng| one_of(units.clone(), rng));
}

#[test]
fn the_last_units_are_never_written_by_two() {
    let units = u64::MAX - 6..u64::MAX;
    stress("the last units", units.clone(), |rng| some_of(units.clone(), 1..4, rng));
}

#[test]
fn small_ranges_exclude_each_other_and_the_units_in_them() {
    stress("small ranges", 0..32, |rng| some_of(0..32, 1..5, rng));
}

#[test]
fn long_ranges_exclude_each_other() {
    stress("long ranges", 0..256, |rng| some_of(0..256, 5..200, rng));
}

#[test]
fn the_whole_range_excludes_every_unit() {
    stress("whole and units", 0..64, |rng| match rng.u8(..8) {
        0 => 0..u64::MAX,
        _ => one_of(0..64, rng),
    });
}

#[test]
fn ranges_of_every_length_exclude_each_other() {
    stress("all lengths", 0..512, |rng| match rng.u8(..100) {
        0..70 => one_of(0..64, rng),
        70..85 => some_of(0..64, 2..5, rng),
        85..95 => some_of(0..512, 16..256, rng),
        95..99 => rng.u64(..512)..u64::MAX,
        _ => 0..u64::MAX,
    });
}

#[test]
fn claims_held_together_by_one_thread_exclude_those_of_others() {
    several("several claims a thread", 0..48, 6, |rng| some_of(0..48, 1..4, rng));
}

#[test]
fn units_of_which_many_are_held_and_then_none_are_never_written_by_two() {
    several("many claims a thread", 0..2_000, 60, |rng| match rng.u8(..40) {
        0 => 0..2_000,
        1 => some_of(0..2_000, 2..12, rng),
        _ => one_of(0..2_000, rng),
    });
}

/// Every thread tries to lock ranges that `pick` chooses among `units`, exclusively, and holds first up
/// to `most` at once, and then fewer and fewer.
fn several(
    what: &'static str,
    units: Range<u64>,
    most: usize,
    pick: impl Fn(&mut Rng) -> Range<u64> + Sync,
) {
    let lock = RangeLock::new();
    let mut cells = Cells::on(units);
    let watchdog = Watchdog::over(what);
    let hold_several = |seed| {
        let mut rng = Rng::with_seed(seed);
        let mut held: Vec<ExclusiveGuard<'_>> = Vec::new();
        let mut raised = 0;
        for operation in 0..OPERATIONS {
            // Only tries: a thread that waits while it holds a claim could wait for a waiter behind
            // its own claim.
            if let Some(guard) = lock.try_lock_exclusive(pick(&mut rng)) {
                raised += cells.raise(&guard);
                held.push(guard);
            }
            if rng.usize(..8 * most) == 0 {
                held.drain(..).for_each(|guard| raised += cells.raise(&guard));
            } else if held.len() > rng.usize(..most) {
                let guard = held.swap_remove(rng.usize(..held.len()));
                raised += cells.raise(&guard);
            }
            if operation.is_multiple_of(64) {
                watchdog.moved();
            }
        }
        raised
    };
    let raised: u64 = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..THREADS).map(|seed| scope.spawn(move || hold_several(seed))).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker")).sum()
    });
    assert_eq!(cells.totals(), [raised; 2]);
    assert!(lock.try_lock_exclusive(..).is_some());
}
