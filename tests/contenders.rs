//! Tests of the locks that the benchmarks compare with.

#![cfg(not(spanlock_loom))]

#[path = "../benches/harness/mod.rs"]
mod harness;

use std::ops::Range;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread;

use fastrand::Rng;
use harness::adapters::{RangeLockCrate, RangeMutexCrate};
use harness::contender::{Contender, Precision, Sharing};
use harness::contenders::bravo::BravoLock;
use harness::contenders::cheating::CheatingLock;
use harness::contenders::interval_tree::IntervalTreeLock;
use harness::contenders::segments::{SEGMENTS, SegmentLocks};
use harness::contenders::skip_list::SkipListLock;
use harness::contenders::sorted_list::SortedListLock;
use spanlock::Mode;

const CELLS: u64 = 16;

/// Two words that only differ while an exclusive holder is between them. Each word is read and
/// written in separate steps, so two writers at once lose an increment.
#[derive(Default)]
struct Cell {
    first: AtomicU64,
    second: AtomicU64,
}

fn increment(word: &AtomicU64) {
    word.store(word.load(Relaxed) + 1, Relaxed);
}

fn random_range(random: &mut Rng) -> Range<u64> {
    match random.u8(..10) {
        0 => 0..u64::MAX,
        1 => random.u64(..CELLS)..u64::MAX,
        2..5 => {
            let unit = random.u64(..CELLS);
            unit..unit + 1
        }
        _ => {
            let (one, other) = (random.u64(..CELLS), random.u64(..CELLS));
            one.min(other)..one.max(other) + 1
        }
    }
}

/// Lets another thread run from time to time, so that claims conflict on few processors too.
fn yield_sometimes(random: &mut Rng) {
    if random.u8(..8) == 0 {
        thread::yield_now();
    }
}

fn excludes_cell_by_cell<L: Contender>() {
    const THREADS: u64 = 4;
    const CLAIMS: usize = if cfg!(miri) { 100 } else { 30_000 };
    let lock = L::over(CELLS);
    let cells: Vec<Cell> = (0..CELLS).map(|_| Cell::default()).collect();
    let increments = AtomicU64::new(0);
    thread::scope(|scope| {
        for seed in 0..THREADS {
            let (lock, cells, increments) = (&lock, &cells, &increments);
            scope.spawn(move || {
                let mut random = Rng::with_seed(seed);
                for _ in 0..CLAIMS {
                    let range = random_range(&mut random);
                    let held = &cells[range.start as usize..range.end.min(CELLS) as usize];
                    if random.bool() {
                        let guard = lock.lock_exclusive(range);
                        held.iter().for_each(|cell| increment(&cell.first));
                        yield_sometimes(&mut random);
                        held.iter().for_each(|cell| increment(&cell.second));
                        increments.fetch_add(held.len() as u64, Relaxed);
                        drop(guard);
                    } else {
                        let guard = lock.lock_shared(range.clone());
                        yield_sometimes(&mut random);
                        for cell in held {
                            let (first, second) =
                                (cell.first.load(Relaxed), cell.second.load(Relaxed));
                            assert_eq!(first, second, "a writer in {range:?}, held shared");
                        }
                        drop(guard);
                    }
                }
            });
        }
    });
    let sum: u64 = cells.iter().map(|cell| cell.first.load(Relaxed)).sum();
    assert_eq!(sum, increments.into_inner(), "increments were lost under {}", L::NAME);
}

fn lets_disjoint_claims_be_held_at_once<L: Contender>() {
    assert!(matches!(L::PRECISION, Precision::Exact | Precision::WholeAtFirst));
    let lock = L::over_for_many(CELLS);
    let guards: Vec<_> = [3..4, 4..5, 5..9, 0..3, 9..10, 10..CELLS]
        .map(|range| lock.lock_exclusive(range))
        .into_iter()
        .collect();
    drop(guards);
    drop(lock.lock_exclusive(0..u64::MAX));
}

fn lets_overlapping_shared_claims_be_held_at_once<L: Contender>() {
    assert_eq!(L::SHARING, Sharing::Supported);
    let lock = L::over(CELLS);
    let guards: Vec<_> = [3..9, 0..u64::MAX, 3..9, 5..6, 4..7, 0..4]
        .map(|range| lock.lock_shared(range))
        .into_iter()
        .collect();
    drop(guards);
    drop(lock.lock_exclusive(0..u64::MAX));
}

/// Checks that a claim by another thread is granted only after `held` was released.
fn waits_for<L: Contender, G>(lock: &L, mode: Mode, range: Range<u64>, held: G) {
    let (claiming, let_go) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            claiming.store(true, SeqCst);
            match mode {
                Mode::Shared => drop(lock.lock_shared(range)),
                Mode::Exclusive => drop(lock.lock_exclusive(range)),
            }
            assert!(let_go.load(SeqCst), "{} let a conflicting claim in", L::NAME);
        });
        while !claiming.load(SeqCst) {
            thread::yield_now();
        }
        // A wrong grant would come in this while; a right one cannot come however long it lasts.
        for _ in 0..1_000 {
            thread::yield_now();
        }
        assert!(!waiter.is_finished());
        let_go.store(true, SeqCst);
        drop(held);
    });
}

fn makes_conflicting_claims_wait<L: Contender>() {
    let used = L::over(CELLS);
    // A lock may treat its first conflict in another way than later ones.
    for lock in [&used, &L::over(CELLS)] {
        waits_for(lock, Mode::Exclusive, 5..15, lock.lock_exclusive(14..16));
    }
    for lock in [&used, &L::over(CELLS)] {
        waits_for(lock, Mode::Exclusive, 0..u64::MAX, lock.lock_shared(12..13));
    }
    for lock in [&used, &L::over(CELLS)] {
        waits_for(lock, Mode::Exclusive, 3..4, lock.lock_shared(0..5));
    }
    for lock in [&used, &L::over(CELLS)] {
        waits_for(lock, Mode::Shared, 3..9, lock.lock_exclusive(8..9));
    }
    for lock in [&used, &L::over(CELLS)] {
        waits_for(lock, Mode::Shared, 8..9, lock.lock_exclusive(0..u64::MAX));
    }
}

fn grants_the_empty_range_at_once<L: Contender>() {
    let lock = L::over(CELLS);
    let everything = lock.lock_exclusive(0..u64::MAX);
    drop(lock.lock_exclusive(7..7));
    drop(lock.lock_shared(7..7));
    drop(everything);
}

macro_rules! tests {
    ($($name:ident: $contender:ty => $($property:ident),+;)*) => {$(
        mod $name {
            $(#[test] fn $property() { super::$property::<$contender>(); })+
        }
    )*};
}

tests! {
    range_lock: spanlock::RangeLock => excludes_cell_by_cell, makes_conflicting_claims_wait,
        lets_disjoint_claims_be_held_at_once, lets_overlapping_shared_claims_be_held_at_once,
        grants_the_empty_range_at_once;
    interval_tree: crate::IntervalTreeLock => excludes_cell_by_cell, makes_conflicting_claims_wait,
        lets_disjoint_claims_be_held_at_once, lets_overlapping_shared_claims_be_held_at_once,
        grants_the_empty_range_at_once;
    sorted_list: crate::SortedListLock => excludes_cell_by_cell, makes_conflicting_claims_wait,
        lets_disjoint_claims_be_held_at_once, lets_overlapping_shared_claims_be_held_at_once,
        grants_the_empty_range_at_once;
    cheating: crate::CheatingLock => excludes_cell_by_cell, makes_conflicting_claims_wait,
        lets_disjoint_claims_be_held_at_once, lets_overlapping_shared_claims_be_held_at_once,
        grants_the_empty_range_at_once;
    skip_list: crate::SkipListLock => excludes_cell_by_cell, makes_conflicting_claims_wait,
        lets_disjoint_claims_be_held_at_once, grants_the_empty_range_at_once;
    bravo: crate::BravoLock => excludes_cell_by_cell, makes_conflicting_claims_wait,
        lets_overlapping_shared_claims_be_held_at_once;
    segments: crate::SegmentLocks => excludes_cell_by_cell, makes_conflicting_claims_wait,
        lets_overlapping_shared_claims_be_held_at_once, grants_the_empty_range_at_once;
    range_lock_crate: crate::RangeLockCrate => excludes_cell_by_cell, makes_conflicting_claims_wait,
        lets_disjoint_claims_be_held_at_once, grants_the_empty_range_at_once;
    range_mutex_crate: crate::RangeMutexCrate => excludes_cell_by_cell, makes_conflicting_claims_wait,
        lets_disjoint_claims_be_held_at_once, grants_the_empty_range_at_once;
    parking_lot_rwlock: parking_lot::RwLock<()> => excludes_cell_by_cell,
        makes_conflicting_claims_wait, lets_overlapping_shared_claims_be_held_at_once;
    std_rwlock: std::sync::RwLock<()> => excludes_cell_by_cell, makes_conflicting_claims_wait,
        lets_overlapping_shared_claims_be_held_at_once;
}

#[test]
fn the_interval_tree_grants_conflicting_claims_in_order_of_arrival() {
    let lock = IntervalTreeLock::new();
    let order = AtomicU64::new(0);
    thread::scope(|scope| {
        let held = lock.lock(0..10, Mode::Exclusive);
        for place in 0..6 {
            let (lock, order) = (&lock, &order);
            scope.spawn(move || {
                let guard = lock.lock(place..10, Mode::Exclusive);
                assert_eq!(order.fetch_add(1, SeqCst), place);
                drop(guard);
            });
            while lock.claims_in(0..10) < place as usize + 2 {
                thread::yield_now();
            }
        }
        drop(held);
    });
}

#[test]
fn the_interval_tree_finds_what_a_plain_list_finds() {
    let lock = IntervalTreeLock::new();
    let mut random = Rng::with_seed(7);
    let mut held = Vec::new();
    for _ in 0..if cfg!(miri) { 100 } else { 3_000 } {
        if random.u8(..5) < 3 || held.is_empty() {
            let range = random_range(&mut random);
            held.push((range.clone(), lock.lock(range, Mode::Shared)));
        } else {
            drop(held.swap_remove(random.usize(..held.len())));
        }
        let sought = random_range(&mut random);
        let overlaps = |range: &Range<u64>| range.start < sought.end && sought.start < range.end;
        let expected = held.iter().filter(|(range, _)| overlaps(range)).count();
        assert_eq!(lock.claims_in(sought.clone()), expected, "in {sought:?}");
    }
}

/// A claim on unit 1 stands between the places of the two others, so that they link their nodes in
/// at different links and neither exchange fails because of the other: only the second look helps.
#[test]
fn the_sorted_list_notices_a_conflict_linked_in_behind_a_walk() {
    const CLAIMS: usize = if cfg!(miri) { 300 } else { 100_000 };
    let lock = SortedListLock::new();
    let cell = Cell::default();
    let between = lock.lock(1..2, Mode::Shared);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..CLAIMS {
                let guard = lock.lock(2..3, Mode::Exclusive);
                increment(&cell.first);
                increment(&cell.second);
                drop(guard);
            }
        });
        scope.spawn(|| {
            for _ in 0..CLAIMS {
                let guard = lock.lock(0..3, Mode::Shared);
                assert_eq!(cell.first.load(Relaxed), cell.second.load(Relaxed));
                drop(guard);
            }
        });
    });
    drop(between);
}

#[test]
fn segments_wait_for_each_other_only_when_they_are_shared() {
    let lock = SegmentLocks::new(4 * SEGMENTS);
    let held = lock.lock(0..4, Mode::Exclusive);
    drop(lock.lock(4..8, Mode::Exclusive));
    drop(held);
    waits_for(&lock, Mode::Exclusive, 1..2, lock.lock(3..4, Mode::Exclusive));
    waits_for(&lock, Mode::Exclusive, 1 << 40..u64::MAX, lock.lock(1020..1021, Mode::Exclusive));
}

/// Two threads work under claims that share a unit, so that the first conflict comes at some point of
/// one of their claims or releases. Each round has a lock of its own, as a lock cheats only once.
#[test]
fn cheating_ends_without_letting_two_in() {
    const ROUNDS: usize = if cfg!(miri) { 20 } else { 5_000 };
    for round in 0..ROUNDS {
        let lock = CheatingLock::new();
        let cell = Cell::default();
        thread::scope(|scope| {
            for thread in 0..2 {
                let (lock, cell) = (&lock, &cell);
                scope.spawn(move || {
                    for claim in 0..4 {
                        if (round + claim + thread) % 3 == 0 {
                            let guard = lock.lock(0..2, Mode::Shared);
                            assert_eq!(cell.first.load(Relaxed), cell.second.load(Relaxed));
                            drop(guard);
                        } else {
                            let guard = lock.lock(thread as u64..8, Mode::Exclusive);
                            increment(&cell.first);
                            increment(&cell.second);
                            drop(guard);
                        }
                    }
                });
            }
        });
    }
}

#[test]
fn cheating_takes_a_range_for_everything_until_the_first_conflict() {
    let lock = CheatingLock::new();
    drop([lock.lock(0..1, Mode::Shared), lock.lock(5..6, Mode::Shared)]);
    drop(lock.lock(0..1, Mode::Exclusive));
    assert!(lock.is_cheating(), "nothing has conflicted yet");
    waits_for(&lock, Mode::Exclusive, 5..6, lock.lock(0..1, Mode::Exclusive));
    assert!(!lock.is_cheating());
    let held = lock.lock(0..1, Mode::Exclusive);
    drop(lock.lock(5..6, Mode::Exclusive));
    drop(held);
}

#[test]
fn cheating_ends_only_when_the_last_of_those_that_hold_it_has_left() {
    let lock = CheatingLock::new();
    let readers = [lock.lock(0..1, Mode::Shared), lock.lock(0..1, Mode::Shared)];
    let [one, other] = readers;
    let released = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            drop(lock.lock(0..1, Mode::Exclusive));
            assert!(released.load(SeqCst), "a reader still held it");
        });
        for _ in 0..1_000 {
            thread::yield_now();
        }
        drop(one);
        for _ in 0..1_000 {
            thread::yield_now();
        }
        released.store(true, SeqCst);
        drop(other);
    });
    assert!(!lock.is_cheating());
}

#[test]
fn cheating_ends_for_a_thread_that_will_hold_several_claims() {
    let lock = CheatingLock::new();
    let before = lock.lock(0..2, Mode::Shared);
    thread::scope(|scope| {
        let ending = scope.spawn(|| lock.stop_cheating());
        for _ in 0..1_000 {
            thread::yield_now();
        }
        assert!(!ending.is_finished(), "the claim that was granted before is still held");
        drop(before);
        ending.join().expect("it only waits");
    });
    assert!(!lock.is_cheating());
    drop([lock.lock(0..2, Mode::Exclusive), lock.lock(2..4, Mode::Exclusive)]);
}

#[test]
fn bravo_has_writers_wait_for_readers_that_came_the_fast_way() {
    let lock = BravoLock::new();
    drop(lock.read());
    assert!(lock.is_biased(), "the first reader biases the lock");
    let reader = lock.read();
    assert!(reader.came_the_fast_way());
    waits_for(&lock, Mode::Exclusive, 0..1, reader);
    assert!(!lock.is_biased(), "the writer withdrew the bias");
}

/// Nearly all claims are shared, so that the bias comes back between the writers.
#[test]
fn bravo_keeps_readers_and_writers_apart_while_the_bias_comes_and_goes() {
    const WRITES: usize = if cfg!(miri) { 20 } else { 300 };
    let lock = BravoLock::new();
    let cell = Cell::default();
    let over = AtomicBool::new(false);
    let fast = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Relaxed) {
                    let reader = lock.read();
                    let (first, second) = (cell.first.load(Relaxed), cell.second.load(Relaxed));
                    assert_eq!(first, second, "a writer beside a reader");
                    fast.fetch_add(u64::from(reader.came_the_fast_way()), Relaxed);
                }
            });
        }
        scope.spawn(|| {
            let mut random = Rng::with_seed(3);
            for _ in 0..WRITES {
                let writer = lock.write();
                increment(&cell.first);
                yield_sometimes(&mut random);
                increment(&cell.second);
                drop(writer);
                while !lock.is_biased() && !over.load(Relaxed) {
                    drop(lock.read());
                }
            }
            over.store(true, Relaxed);
        });
    });
    assert!(fast.into_inner() > 0, "no reader came the fast way");
}

/// The units of four threads alternate, so that each node's neighbours are those of other threads.
#[test]
fn the_skip_list_keeps_its_levels_in_order_while_neighbours_come_and_go() {
    const STEPS: usize = if cfg!(miri) { 100 } else { 20_000 };
    let lock = SkipListLock::new();
    thread::scope(|scope| {
        for thread in 0..4 {
            let lock = &lock;
            scope.spawn(move || {
                let mut random = Rng::with_seed(thread);
                let mut held: Vec<Option<_>> = (0..64).map(|_| None).collect();
                for _ in 0..STEPS {
                    let at = random.usize(..held.len());
                    let unit = 4 * at as u64 + thread;
                    held[at] = match held[at].take() {
                        Some(_) => None,
                        None => Some(lock.lock(unit..unit + 1)),
                    };
                }
                drop(held);
            });
        }
    });
    assert_eq!(lock.claims(), []);
    let held = [5..9, 1..2, 12..20, 3..4].map(|range| lock.lock(range));
    assert_eq!(lock.claims(), [1..2, 3..4, 5..9, 12..20]);
    drop(held);
    assert_eq!(lock.claims(), []);
}
