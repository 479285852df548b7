//! Mutual exclusion, for every pairing of slot, cell and registry.

use super::*;

use crate::sync::{own_no_cell, own_the_first_cell, with_two_looks};

const UNIT: (u64, u64) = (1, 2);
const PAIR: (u64, u64) = (0, 2);
const RANGE: (u64, u64) = (0, 9);

fn exclude(a: (u64, u64), b: (u64, u64)) {
    for (a_mode, b_mode) in [(Exclusive, Exclusive), (Shared, Exclusive), (Exclusive, Shared)] {
        race(Units::with_table, (span(a.0, a.1), a_mode), (span(b.0, b.1), b_mode));
    }
}

#[test]
fn two_claims_in_one_slot_exclude_each_other() {
    exclude(UNIT, UNIT);
}

/// The two-sided argument (I4): at least one of the two sees the other. The range finds the unit by
/// a scan of the whole table, or in the slots of its own units.
#[test]
fn a_unit_and_a_range_that_race_for_it_exclude_each_other() {
    exclude(UNIT, RANGE);
    exclude(UNIT, PAIR);
}

/// The second look is a later load of the slot (B), and needs no other argument.
#[test]
fn a_unit_and_a_range_that_looks_twice_exclude_each_other() {
    with_two_looks(|| exclude(UNIT, RANGE));
}

#[test]
fn two_ranges_in_cells_exclude_each_other() {
    exclude(PAIR, (1, 9));
}

#[test]
fn two_ranges_that_are_tried_exclude_each_other() {
    for mode in [Shared, Exclusive] {
        model(3, move || {
            let units = Units::with_table();
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || other.try_locked(span(1, 3), mode));
            units.try_locked(span(0, 2), Exclusive);
            thread.join().unwrap();
            units.assert_idle();
        });
    }
}

#[test]
fn a_unit_that_is_tried_and_a_range_that_is_tried_exclude_each_other() {
    model(3, || {
        let units = Units::with_table();
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || other.try_locked(span(0, 9), Exclusive));
        units.try_locked(span(1, 2), Exclusive);
        thread.join().unwrap();
        units.assert_idle();
    });
}

#[test]
fn a_range_in_a_cell_of_its_thread_and_another_exclude_each_other() {
    model(3, || {
        own_the_first_cell();
        let units = Units::with_table();
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || other.locked(span(1, 3), Exclusive));
        units.locked(span(0, 2), Exclusive);
        units.locked(span(0, 2), Shared);
        thread.join().unwrap();
        units.assert_idle();
    });
    own_no_cell();
}

/// Units 0 and 2 share a slot. The second claim takes a cell, and conflicts only with claims on its
/// own unit.
#[test]
fn units_that_share_a_slot_neither_admit_two_nor_exclude_each_other() {
    for (mine, theirs) in [(Exclusive, Exclusive), (Exclusive, Shared)] {
        model(2, move || {
            let units = Units::with_table();
            let shared_slot = |unit| std::ptr::from_ref(units.lock.slot_of(unit));
            assert_eq!(shared_slot(0), shared_slot(2));
            let held = units.lock.lock(span(0, 1), theirs);
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || {
                other.locked(span(2, 3), theirs);
                other.locked(span(0, 1), mine);
            });
            units.locked(span(2, 3), mine);
            units.touch(span(0, 1), theirs);
            units.lock.unlock(span(0, 1), theirs, held);
            thread.join().unwrap();
            units.assert_idle();
        });
    }
}

/// A reader that joins a slot must not rely on the check of the reader before it, which may be
/// taken back.
#[test]
fn a_reader_that_joins_a_reader_that_must_leave_checks_the_board_itself() {
    model(2, || {
        let units = Units::with_table();
        let held = units.lock.lock(span(0, 9), Exclusive);
        let readers = [(); 2].map(|()| {
            let units = Arc::clone(&units);
            thread::spawn(move || units.try_locked(span(1, 2), Shared))
        });
        units.touch(span(0, 9), Exclusive);
        units.lock.unlock(span(0, 9), Exclusive, held);
        readers.into_iter().for_each(|thread| thread.join().unwrap());
        units.assert_idle();
    });
}

#[test]
fn three_threads_with_a_unit_and_two_ranges_exclude_each_other() {
    model(2, || {
        let units = Units::with_table();
        let threads = [(span(0, 2), Exclusive), (span(1, 9), Shared)].map(|(span, mode)| {
            let units = Arc::clone(&units);
            thread::spawn(move || units.locked(span, mode))
        });
        units.locked(span(1, 2), Exclusive);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        units.assert_idle();
    });
}

/// One of the three finds both cells taken.
#[test]
fn three_ranges_with_two_cells_exclude_each_other() {
    model(2, || {
        let units = Units::with_table();
        let threads = [(span(0, 2), Exclusive), (span(1, 9), Shared)].map(|(span, mode)| {
            let units = Arc::clone(&units);
            thread::spawn(move || units.try_locked(span, mode))
        });
        units.locked(span(0, 3), Exclusive);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        units.assert_idle();
    });
}

/// One thread acquires two claims in turn, neither of which conflicts with what the other thread
/// tries. The other thread may have read the mode of the first claim, and then find the second one
/// in the same cell, settled. It must not combine the two.
#[test]
fn a_try_is_not_refused_because_another_claim_took_a_cell() {
    model(3, || {
        let units = Units::new();
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || {
            other.locked(span(0, 2), Exclusive);
            other.locked(span(2, 4), Shared);
        });
        let hold = units.lock.try_lock(span(2, 4), Shared).expect("no claim conflicts");
        units.touch(span(2, 4), Shared);
        units.lock.unlock(span(2, 4), Shared, hold);
        thread.join().unwrap();
        units.assert_idle();
    });
}

/// While a shared range is held, a writer enters that must be taken back. A reader that meets the
/// writer is not refused: neither on a unit nor on a range, and whether the writer claims a unit or
/// a range.
#[test]
fn a_try_is_not_refused_for_a_claim_that_must_leave() {
    let writers = [span(1, 2), span(0, 2)];
    let readers = [span(1, 2), span(1, 3)];
    for (writes, reads) in writers.into_iter().flat_map(|w| readers.map(|r| (w, r))) {
        model(2, move || {
            let units = Units::with_table();
            let held = units.lock.lock(span(0, 9), Shared);
            let other = Arc::clone(&units);
            let writer = thread::spawn(move || other.try_locked(writes, Exclusive));
            let hold = units.lock.try_lock(reads, Shared).expect("the writer must leave");
            units.touch(reads, Shared);
            units.lock.unlock(reads, Shared, hold);
            units.lock.unlock(span(0, 9), Shared, held);
            writer.join().unwrap();
            units.assert_idle();
        });
    }
}
