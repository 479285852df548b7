//! Slots, readers' words, and the table when it grows and shrinks.

use std::collections::BTreeSet;

use super::{assert_idle, span};
use crate::Mode::{Exclusive, Shared};
use crate::raw::RawLock;
use crate::raw::place::{Hold, Kind};
use crate::raw::words::slot::UNITS;
use crate::raw::words::table;
use crate::sync::{FIRST_TABLE_BITS, ROOMY_TABLE_BITS};
use crate::{RangeLock, Span};

/// As many readers as fit are counted in a reader's word, as many as fit in the slot, and the
/// others take a cell or are in the registry.
#[test]
fn more_readers_of_a_unit_than_fit_into_a_word_are_all_counted() {
    let lock = RawLock::new();
    lock.open();
    let unit = span(3, 4);
    let mut readers: Vec<_> = (0..40_000).map(|_| lock.lock(unit, Shared)).collect();
    let in_words = readers.iter().filter(|hold| matches!(hold.kind(), Kind::Reader)).count();
    assert_eq!(in_words, (1 << 14) - 1);
    assert!(
        readers.iter().any(|hold| hold.kind() == Kind::Slot)
            && matches!(readers.last().unwrap().kind(), Kind::Cell(_) | Kind::Claim(_))
    );
    while let Some(hold) = readers.pop() {
        if readers.len() % 10_000 == 0 {
            assert!(lock.try_lock(unit, Exclusive).is_none());
        }
        lock.unlock(unit, Shared, hold);
    }
    assert_idle(&lock);
}

/// Such a reader is found in the same ways as one in a slot.
#[test]
fn a_reader_of_an_open_lock_has_a_word_of_its_own_until_the_lock_is_shut() {
    let lock = RawLock::new();
    lock.open();
    let [one, two] = [span(1, 2), span(2, 3)];
    let held = [one, two].map(|unit| lock.lock(unit, Shared));
    assert_eq!(held.map(Hold::kind), [Kind::Reader, Kind::Slot], "a word has one unit");
    lock.shut();
    assert!([one, two].iter().all(|&unit| lock.is_locked(unit)));
    assert!(lock.try_lock(one, Exclusive).is_none(), "a reader is still there");
    lock.unlock(one, Shared, held[0]);
    let again = lock.lock(one, Shared);
    assert_eq!(again.kind(), Kind::Slot);
    lock.unlock(one, Shared, again);
    lock.unlock(two, Shared, held[1]);
    assert_idle(&lock);
}

#[test]
fn the_table_grows_with_the_held_units_and_shrinks_after_a_scan_that_finds_few() {
    let lock = RawLock::new();
    let bits = || lock.table().expect("units have met").bits();
    let units = (0..1000).map(|unit| span(unit * 7, unit * 7 + 1));
    let held: Vec<_> = units.map(|unit| (unit, lock.lock(unit, Exclusive))).collect();
    assert!((11..=13).contains(&bits()), "2 to 8 slots a unit: 2^{}", bits());
    let in_slots = held.iter().filter(|(_, hold)| hold.kind() == Kind::Slot).count();
    assert!(in_slots > 850, "{in_slots}");
    assert!(lock.try_lock(Span::ALL, Shared).is_none());
    held.into_iter().for_each(|(unit, hold)| lock.unlock(unit, Exclusive, hold));
    let all = lock.try_lock(Span::ALL, Exclusive).expect("nothing is held");
    assert_eq!(bits(), FIRST_TABLE_BITS);
    lock.unlock(Span::ALL, Exclusive, all);
    assert_idle(&lock);
}

#[test]
fn units_that_collide_often_make_the_table_roomy_and_a_scan_makes_that_take_longer() {
    let lock = RawLock::new();
    let bits = || lock.table().expect("units have met").bits();
    let slot = |unit| table::index(unit, FIRST_TABLE_BITS);
    let other = (1..).find(|&unit| slot(unit) == slot(0)).unwrap();
    let units = [0, other].map(|unit| span(unit, unit + 1));
    let collide = |times| {
        for _ in 0..times {
            let held = units.map(|unit| lock.lock(unit, Exclusive));
            units.into_iter().zip(held).for_each(|(unit, hold)| lock.unlock(unit, Exclusive, hold));
        }
    };
    collide(20);
    assert_eq!(bits(), FIRST_TABLE_BITS);
    collide(20);
    assert_eq!(bits(), ROOMY_TABLE_BITS);
    let scan = || {
        let all = lock.try_lock(Span::ALL, Exclusive).expect("nothing is held");
        lock.unlock(Span::ALL, Exclusive, all);
    };
    scan();
    assert_eq!(bits(), FIRST_TABLE_BITS);
    collide(40);
    assert_eq!(bits(), FIRST_TABLE_BITS, "it has been shrunk once");
    collide(40);
    assert_eq!(bits(), ROOMY_TABLE_BITS);
    for _ in 0..20 {
        scan();
        collide(5_000);
        assert_eq!(bits(), ROOMY_TABLE_BITS, "there is a limit");
    }
    assert_idle(&lock);
}

/// A scan of the table combines the words of a line. The bits of these words cancel each other if
/// they are combined by exclusive or.
#[test]
fn readers_whose_words_cancel_each_other_are_found() {
    let lock = RangeLock::new();
    let two_units_make_a_table = [lock.lock_exclusive(0..1), lock.lock_exclusive(1..2)];
    drop(two_units_make_a_table);
    for (a, b, c) in (0..8).flat_map(|a| (0..a).flat_map(move |b| (0..b).map(move |c| (a, b, c)))) {
        let units = [a, b, c, a ^ b ^ c];
        let _held = units.map(|unit| lock.lock_shared(unit..unit + 1));
        assert!(lock.conflicts(0..50, Exclusive), "{units:?}");
        assert!(lock.try_lock_exclusive(0..50).is_none(), "{units:?}");
    }
}

#[test]
fn no_unit_loses_its_holder_when_the_table_shrinks() {
    for seed in 0..20 {
        let lock = RawLock::new();
        let mut rng = fastrand::Rng::with_seed(seed);
        let units: BTreeSet<u64> = (0..1000).map(|_| rng.u64(..UNITS)).collect();
        let units = units.into_iter().map(|unit| span(unit, unit + 1));
        let mut held: Vec<_> = units.map(|unit| (unit, lock.lock(unit, Shared))).collect();
        rng.shuffle(&mut held);
        let before = lock.table().expect("units have met").bits();
        for (unit, hold) in held.split_off(50) {
            lock.unlock(unit, Shared, hold);
        }
        let all = lock.try_lock(Span::ALL, Shared).expect("all are readers");
        lock.unlock(Span::ALL, Shared, all);
        assert!(lock.table().expect("there was one").bits() <= before);
        for (unit, hold) in held {
            assert!(lock.try_lock(unit, Exclusive).is_none(), "{unit:?} has lost its holder");
            lock.unlock(unit, Shared, hold);
            let hold = lock.try_lock(unit, Exclusive).expect("it is not held");
            lock.unlock(unit, Exclusive, hold);
        }
        assert_idle(&lock);
    }
}
