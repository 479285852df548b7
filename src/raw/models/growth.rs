//! First use: the core and the table are made while other threads hold, enter and leave.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::sync::with_growing_table;

#[test]
fn two_threads_that_make_the_core_at_once_share_one() {
    race(Units::new, (span(0, 9), Exclusive), (span(1, 9), Exclusive));
}

/// The unit may enter its slot before there is a core, and then looks for one: without it, the board is
/// empty.
#[test]
fn a_unit_and_the_first_range_of_a_lock_exclude_each_other() {
    for (unit, range) in [(Exclusive, Exclusive), (Shared, Exclusive), (Exclusive, Shared)] {
        race(Units::new, (span(1, 2), unit), (span(0, 9), range));
    }
}

/// The word of the embedded slot moves into the table while its holder leaves, or others enter.
#[test]
fn a_table_made_under_a_holder_loses_no_claim_and_doubles_none() {
    for mode in [Shared, Exclusive] {
        model(3, move || {
            let units = Units::new();
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || {
                // With unit 0 in the embedded slot, unit 1 collides and makes the table.
                let zero = other.lock.lock(span(0, 1), mode);
                other.touch(span(0, 1), mode);
                let one = other.lock.lock(span(1, 2), Exclusive);
                other.touch(span(1, 2), Exclusive);
                other.lock.unlock(span(0, 1), mode, zero);
                other.lock.unlock(span(1, 2), Exclusive, one);
            });
            units.locked(span(0, 1), Exclusive);
            thread.join().unwrap();
            units.assert_idle();
        });
    }
}

#[test]
fn two_threads_on_two_units_of_a_new_lock_exclude_none_and_a_third_sees_both() {
    model(1, || {
        let units = Units::new();
        let threads = [0, 1].map(|unit| {
            let units = Arc::clone(&units);
            thread::spawn(move || units.locked(span(unit, unit + 1), Exclusive))
        });
        units.locked(span(0, 2), Exclusive);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        units.assert_idle();
    });
}

/// A check that finds the embedded slot closed must not take it for free.
#[test]
fn a_claim_is_seen_by_a_look_that_races_with_the_making_of_the_table() {
    let looks: [fn(&RawLock) -> bool; 3] = [
        |lock| lock.conflicts(span(0, 1), Shared),
        |lock| lock.claims(span(0, 1)).iter().any(|claim| claim.is_held),
        |lock| lock.is_locked(span(0, 1)),
    ];
    for sees in looks {
        model(3, move || {
            let units = Units::new();
            let held = units.lock.lock(span(0, 1), Exclusive);
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || other.locked(span(1, 2), Exclusive));
            assert!(sees(&units.lock));
            units.lock.unlock(span(0, 1), Exclusive, held);
            thread.join().unwrap();
            units.assert_idle();
        });
    }
}

/// Units 1 and 3 share a slot in a table of two, and have one each in a table of four.
#[test]
fn a_table_that_doubles_under_holders_joiners_and_waiters_loses_no_claim_and_doubles_none() {
    // Not loom's: it tells whether any execution of the model has come so far.
    static HAS_DOUBLED: AtomicBool = AtomicBool::new(false);
    for mode in [Shared, Exclusive] {
        with_growing_table(|| {
            model(3, move || {
                let units = Units::with_table();
                let other = Arc::clone(&units);
                let thread = thread::spawn(move || {
                    let one = other.lock.lock(span(1, 2), mode);
                    other.touch(span(1, 2), mode);
                    other.locked(span(3, 4), Exclusive);
                    other.lock.unlock(span(1, 2), mode, one);
                });
                units.locked(span(1, 2), mode);
                thread.join().unwrap();
                if units.lock.table().is_some_and(|table| table.bits() == 2) {
                    HAS_DOUBLED.store(true, Ordering::Relaxed);
                }
                units.assert_idle();
            });
        });
    }
    assert!(HAS_DOUBLED.load(Ordering::Relaxed));
}

#[test]
fn a_range_that_scans_or_waits_while_the_table_doubles_excludes_units_in_both() {
    for range in [Units::locked, Units::try_locked] {
        with_growing_table(|| {
            model(2, move || {
                let units = Units::with_table();
                let one = units.lock.lock(span(1, 2), Exclusive);
                let threads = [0, 1].map(|thread| {
                    let units = Arc::clone(&units);
                    thread::spawn(move || match thread {
                        0 => range(&units, span(1, 4), Exclusive),
                        _ => units.locked(span(3, 4), Exclusive),
                    })
                });
                units.touch(span(1, 2), Exclusive);
                units.lock.unlock(span(1, 2), Exclusive, one);
                threads.into_iter().for_each(|thread| thread.join().unwrap());
                units.assert_idle();
            });
        });
    }
}

/// A claim on all units finds few slots used, and the earlier table is used again.
#[test]
fn a_table_that_shrinks_and_grows_again_loses_no_claim_and_doubles_none() {
    with_growing_table(|| {
        model(2, || {
            let units = Units::with_table();
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || {
                for _ in 0..2 {
                    let one = other.lock.lock(span(1, 2), Shared);
                    other.try_locked(span(3, 4), Exclusive);
                    other.lock.unlock(span(1, 2), Shared, one);
                }
            });
            units.locked(Span::ALL, Exclusive);
            units.locked(span(3, 4), Exclusive);
            thread.join().unwrap();
            units.assert_idle();
        });
    });
}
