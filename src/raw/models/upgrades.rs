//! Waiting upgrades against other claims on the same range.

use super::*;

use crate::deadlock::Held;

/// Locks shared and upgrades. If another upgrade waits, releases the shared claim instead.
fn upgraded(units: &Units, span: Span) {
    let mut hold = units.lock.lock(span, Shared);
    units.touch(span, Shared);
    match units.lock.upgrade(span, &mut hold, Held::by_no_known_thread(), None) {
        Ok(()) => {
            units.touch(span, Exclusive);
            units.lock.unlock(span, Exclusive, hold);
        }
        Err(_) => units.lock.unlock(span, Shared, hold),
    }
}

#[test]
fn of_two_readers_that_upgrade_both_are_granted_or_one_is_refused() {
    for theirs in [span(1, 2), span(0, 9)] {
        for mine in [span(1, 2), span(0, 9)] {
            model(2, move || {
                let units = Units::with_table();
                let other = Arc::clone(&units);
                let thread = thread::spawn(move || upgraded(&other, theirs));
                upgraded(&units, mine);
                thread.join().unwrap();
                units.assert_idle();
            });
        }
    }
}

/// The reader enters the slot, or a cell, before the upgrade is shown; or it finds the upgrade and
/// waits for it.
#[test]
fn an_upgrade_that_waits_follows_the_readers_that_leave_and_is_woken_by_the_last() {
    for theirs in [span(1, 2), span(1, 9)] {
        for mine in [span(1, 2), span(0, 9)] {
            model(2, move || {
                let units = Units::with_table();
                let other = Arc::clone(&units);
                let thread = thread::spawn(move || other.locked(theirs, Shared));
                upgraded(&units, mine);
                thread.join().unwrap();
                units.assert_idle();
            });
        }
    }
}

/// Three in one slot: the upgrade waits until the word shows one reader.
#[test]
fn an_upgrade_waits_for_each_other_reader_of_its_slot() {
    model(2, || {
        let units = Units::with_table();
        let unit = span(1, 2);
        let mut hold = units.lock.lock(unit, Shared);
        let threads = [Arc::clone(&units), Arc::clone(&units)].map(|other| {
            let hold = other.lock.lock(unit, Shared);
            thread::spawn(move || {
                other.touch(unit, Shared);
                other.lock.unlock(unit, Shared, hold);
            })
        });
        units
            .lock
            .upgrade(unit, &mut hold, Held::by_no_known_thread(), None)
            .expect("the only one");
        units.touch(unit, Exclusive);
        units.lock.unlock(unit, Exclusive, hold);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        units.assert_idle();
    });
}
