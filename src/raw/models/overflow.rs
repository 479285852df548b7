//! More claims than there are cells: the others are only counted in regions.

use super::*;

#[test]
fn a_unit_and_a_range_that_found_no_cell_exclude_each_other() {
    for (a, b) in [(Exclusive, Exclusive), (Shared, Exclusive), (Exclusive, Shared)] {
        model(3, move || {
            let units = Units::with_table();
            let elsewhere = units.filled();
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || other.locked(span(0, 9), a));
            units.locked(span(1, 2), b);
            thread.join().unwrap();
            units.empty(elsewhere);
            units.assert_idle();
        });
    }
}

/// There are four claims and two cells, so two claims are only counted.
#[test]
fn claims_that_found_no_cell_come_and_go_in_any_order() {
    model(2, || {
        let units = Units::with_table();
        let holds = [(20, 30), (30, 40), (0, 9), (50, 60)].map(|(start, end)| {
            let span = span(start, end);
            (span, units.lock.lock(span, Exclusive))
        });
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || {
            other.locked(span(1, 2), Exclusive);
            other.locked(span(40, 50), Shared);
        });
        for at in [2, 0, 3, 1] {
            let (span, hold) = holds[at];
            units.touch(span, Exclusive);
            units.lock.unlock(span, Exclusive, hold);
        }
        thread.join().unwrap();
        units.assert_idle();
    });
}

#[test]
fn a_unit_that_races_with_the_split_of_a_claim_without_a_cell_is_excluded() {
    model(3, || {
        let units = Units::with_table();
        let elsewhere = units.filled();
        let hold = units.lock.lock(span(0, 9), Exclusive);
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || other.locked(span(1, 2), Exclusive));
        let mut low = hold;
        let high = units.lock.split(Part { span: span(0, 9), mode: Exclusive }, &mut low, 1);
        units.empty(elsewhere);
        units.lock.unlock(span(0, 1), Exclusive, low);
        units.touch(span(1, 9), Exclusive);
        units.lock.unlock(span(1, 9), Exclusive, high);
        thread.join().unwrap();
        units.assert_idle();
    });
}

/// The summary is the same before and after, so the claim on the unit sees the range only in the
/// counter of its region.
#[test]
fn a_unit_and_a_range_that_is_counted_beside_another_exclude_each_other() {
    for (a, b) in [(Exclusive, Exclusive), (Shared, Exclusive), (Exclusive, Shared)] {
        model(3, move || {
            let units = Units::with_table();
            let elsewhere = units.filled();
            let counted = units.lock.lock(span(1 << 20, (1 << 20) + 9), Exclusive);
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || other.locked(span(0, 9), a));
            units.locked(span(1, 2), b);
            thread.join().unwrap();
            units.lock.unlock(span(1 << 20, (1 << 20) + 9), Exclusive, counted);
            units.empty(elsewhere);
            units.assert_idle();
        });
    }
}

/// When the other range comes, the cells are free again, but one claim is still counted.
#[test]
fn a_range_in_a_cell_and_a_range_that_is_counted_exclude_each_other() {
    model(3, || {
        let units = Units::with_table();
        let elsewhere = units.filled();
        let counted = units.lock.lock(span(1, 9), Exclusive);
        units.empty(elsewhere);
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || other.locked(span(0, 3), Exclusive));
        units.touch(span(1, 9), Exclusive);
        units.lock.unlock(span(1, 9), Exclusive, counted);
        units.locked(span(0, 2), Exclusive);
        thread.join().unwrap();
        units.assert_idle();
    });
}

#[test]
fn a_unit_that_races_with_the_shrinking_of_a_claim_without_a_cell_is_excluded() {
    model(3, || {
        let units = Units::with_table();
        let elsewhere = units.filled();
        let mut hold = units.lock.lock(span(0, 9), Exclusive);
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || other.locked(span(1, 2), Exclusive));
        units.lock.shrink(Part { span: span(0, 9), mode: Exclusive }, &mut hold, span(0, 4));
        units.touch(span(0, 4), Exclusive);
        units.lock.unlock(span(0, 4), Exclusive, hold);
        units.empty(elsewhere);
        thread.join().unwrap();
        units.assert_idle();
    });
}

/// The same for a reader in a word of its own: it has to check whether that word is watched.
#[test]
fn a_reader_in_a_word_that_races_with_the_split_of_a_claim_without_a_cell_is_excluded() {
    model(3, || {
        let units = Units::with_table();
        units.lock.open();
        let elsewhere = units.filled();
        let hold = units.lock.lock(span(0, 9), Exclusive);
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || other.locked(span(1, 2), Shared));
        let mut low = hold;
        let high = units.lock.split(Part { span: span(0, 9), mode: Exclusive }, &mut low, 1);
        units.empty(elsewhere);
        units.lock.unlock(span(0, 1), Exclusive, low);
        units.touch(span(1, 9), Exclusive);
        units.lock.unlock(span(1, 9), Exclusive, high);
        thread.join().unwrap();
        units.lock.shut();
        units.assert_idle();
    });
}

/// The range touches so many regions that it asks the registry because of the claim that is counted, and then takes
/// a cell under the mutex.
#[test]
fn a_unit_and_a_range_that_takes_its_cell_under_the_mutex_exclude_each_other() {
    let makes: [fn() -> Arc<Units>; 2] = [Units::with_table, || {
        let units = Units::with_table();
        units.lock.open();
        units
    }];
    for make in makes {
        model(2, move || {
            let units = make();
            let elsewhere = units.filled();
            let far = span(1 << 20, (1 << 20) + 2);
            let counted = units.lock.lock(far, Shared);
            units.empty(elsewhere);
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || other.locked(span(1, 2), Shared));
            units.locked(span(0, 100), Exclusive);
            thread.join().unwrap();
            units.lock.unlock(far, Shared, counted);
            units.lock.shut();
            units.assert_idle();
        });
    }
}
