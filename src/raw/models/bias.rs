//! Readers who are counted in cells, and those who want something else of their slot.

use super::*;

use crate::deadlock::Held;

impl Units {
    /// A lock in which unit 1 has a bias, and nobody holds it.
    fn biased() -> Arc<Units> {
        let units = Units::new();
        let one = units.lock.lock(span(1, 2), Shared);
        units.lock.bias(1);
        units.lock.unlock(span(1, 2), Shared, one);
        units
    }
}

#[test]
fn a_reader_in_a_cell_and_a_writer_of_the_unit_exclude_each_other() {
    race(Units::biased, (span(1, 2), Exclusive), (span(1, 2), Shared));
}

#[test]
fn a_reader_in_a_cell_and_a_range_exclude_each_other() {
    race(Units::biased, (span(0, 9), Exclusive), (span(1, 2), Shared));
    race(Units::biased, (span(1, 2), Shared), (span(0, 9), Exclusive));
}

#[test]
fn a_reader_in_a_cell_and_another_unit_of_its_slot_keep_nobody_out() {
    race(Units::biased, (span(3, 4), Exclusive), (span(1, 2), Shared));
}

#[test]
fn two_readers_in_one_cell_and_a_writer_exclude_each_other() {
    model(1, || {
        let units = Units::biased();
        let threads = [0, 1].map(|_| {
            let units = Arc::clone(&units);
            thread::spawn(move || units.locked(span(1, 2), Shared))
        });
        units.locked(span(1, 2), Exclusive);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        units.assert_idle();
    });
}

/// One reader may leave the cell for another, who leaves the slot for him.
#[test]
fn a_writer_follows_all_readers_whoever_left_for_whom() {
    model(2, || {
        let units = Units::biased();
        let early = units.lock.lock(span(1, 2), Shared);
        assert!(units.lock.conflicts(span(1, 2), Exclusive), "nobody saw the reader in the cell");
        // Counted in the slot now, and the next one in the cell again.
        units.lock.bias(1);
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || {
            other.locked(span(1, 2), Shared);
            other.try_locked(span(1, 2), Exclusive);
        });
        units.touch(span(1, 2), Shared);
        units.lock.unlock(span(1, 2), Shared, early);
        units.locked(span(1, 2), Exclusive);
        thread.join().unwrap();
        units.assert_idle();
    });
}

#[test]
fn a_reader_in_a_cell_that_upgrades_excludes_those_that_come() {
    model(3, || {
        let units = Units::biased();
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || other.locked(span(1, 2), Shared));
        let mut hold = units.lock.lock(span(1, 2), Shared);
        let upgraded = units.lock.try_upgrade(span(1, 2), &mut hold);
        let mode = if upgraded { Exclusive } else { Shared };
        units.touch(span(1, 2), mode);
        units.lock.unlock(span(1, 2), mode, hold);
        thread.join().unwrap();
        units.assert_idle();
    });
}

#[test]
fn a_table_that_is_exchanged_under_readers_in_cells_loses_none() {
    model(3, || {
        let units = Units::with_table();
        let one = units.lock.lock(span(1, 2), Shared);
        units.lock.bias(1);
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || other.locked(span(1, 2), Shared));
        let mut ledger = units.lock.core().enter(&units.lock);
        ledger.resize(2);
        ledger.close();
        units.touch(span(1, 2), Shared);
        units.lock.unlock(span(1, 2), Shared, one);
        units.locked(span(1, 2), Exclusive);
        thread.join().unwrap();
        units.assert_idle();
    });
}

#[test]
fn a_reader_in_a_cell_is_seen_by_a_look() {
    let units = || {
        let units = Units::biased();
        let hold = units.lock.lock(span(1, 2), Shared);
        assert!(matches!(hold, Hold::Reader(_)));
        (units, hold)
    };
    model(1, move || {
        let (looked, hold) = units();
        assert!(looked.lock.is_locked(span(1, 2)));
        assert_eq!(looked.lock.claims(Span::ALL).len(), 1);
        looked.lock.unlock(span(1, 2), Shared, hold);
        assert!(!looked.lock.is_locked(span(1, 2)));
        looked.assert_idle();
        let (tried, hold) = units();
        assert!(tried.lock.try_lock(span(1, 2), Exclusive).is_none());
        tried.lock.unlock(span(1, 2), Shared, hold);
        tried.assert_idle();
    });
}

/// The claim in the cell is counted into the slot for the upgrade, or the reader comes while it waits.
#[test]
fn an_upgrade_of_a_reader_in_a_cell_waits_for_the_others_and_leaves_nobody_behind() {
    model(2, || {
        let units = Units::biased();
        let unit = span(1, 2);
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || other.locked(unit, Shared));
        let mut hold = units.lock.lock(unit, Shared);
        units.touch(unit, Shared);
        units.lock.upgrade(unit, &mut hold, Held::by_somebody()).expect("the only one");
        units.touch(unit, Exclusive);
        units.lock.unlock(unit, Exclusive, hold);
        thread.join().unwrap();
        units.assert_idle();
    });
}

/// A reader has read the summary before the split, and the cell after it.
#[test]
fn a_reader_in_a_cell_that_races_with_a_split_is_kept_out_of_the_upper_part() {
    model(3, || {
        let units = Units::with_table();
        let hold = units.lock.lock(span(0, 2), Exclusive);
        units.lock.bias(1);
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || other.locked(span(1, 2), Shared));
        let mut low = hold;
        let high = units.lock.split(Part { span: span(0, 2), mode: Exclusive }, &mut low, 1);
        units.lock.unlock(span(0, 1), Exclusive, low);
        units.touch(span(1, 2), Exclusive);
        units.lock.unlock(span(1, 2), Exclusive, high);
        thread.join().unwrap();
        units.assert_idle();
    });
}

/// The first to wait is passed by readers in cells, looks again, and is due.
#[test]
fn a_claim_that_waits_for_a_range_and_readers_in_cells_gets_its_turn() {
    model(2, || {
        let units = Units::biased();
        let hold = units.lock.lock(span(2, 3), Exclusive);
        let [heir, reader] = [Arc::clone(&units), Arc::clone(&units)];
        let heir = thread::spawn(move || heir.locked(span(1, 3), Exclusive));
        let reader = thread::spawn(move || reader.locked(span(1, 2), Shared));
        units.touch(span(2, 3), Exclusive);
        units.lock.unlock(span(2, 3), Exclusive, hold);
        reader.join().unwrap();
        heir.join().unwrap();
        units.assert_idle();
    });
}
