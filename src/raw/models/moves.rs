//! A claim that is moved out of its cell, because another found no free cell.

use super::*;

use crate::raw::words::summary::Set;
use crate::sync::{with_moves, without_barrier};

const UNIT: Span = Span::of_unit(1).unwrap();

fn range() -> Span {
    span(0, 9)
}

fn pair() -> Span {
    span(1, 3)
}

fn moving(body: impl Fn() + Send + Sync + 'static) {
    with_moves(|| model(2, body));
}

/// Holds claims in both cells: one elsewhere, and one on [`range`], which is moved first.
fn held(units: &Units, mode: Mode) -> [Hold; 2] {
    [units.lock.lock(ELSEWHERE[0], Exclusive), units.lock.lock(range(), mode)]
}

/// Acquires another claim: the claim on [`range`] is moved, and the other claim takes its cell.
fn another(units: &Units) -> Hold {
    units.lock.lock(ELSEWHERE[1], Exclusive)
}

/// The claim on a unit may have read the summary before the move, and read the cell when another
/// claim has it.
#[test]
fn a_unit_that_races_with_the_move_of_a_range_is_excluded() {
    for (mine, theirs) in [(Exclusive, Exclusive), (Shared, Exclusive), (Exclusive, Shared)] {
        moving(move || {
            let units = Units::with_table();
            let [elsewhere, hold] = held(&units, mine);
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || other.locked(UNIT, theirs));
            let another = another(&units);
            units.touch(range(), mine);
            units.lock.unlock(range(), mine, hold);
            thread.join().unwrap();
            units.empty([elsewhere, another]);
            units.assert_idle();
        });
    }
}

#[test]
fn a_try_for_a_unit_that_races_with_the_move_of_a_range_is_refused() {
    moving(|| {
        let units = Units::with_table();
        let [elsewhere, hold] = held(&units, Exclusive);
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || assert!(other.lock.try_lock(UNIT, Shared).is_none()));
        let another = another(&units);
        thread.join().unwrap();
        units.lock.unlock(range(), Exclusive, hold);
        units.empty([elsewhere, another]);
        units.assert_idle();
    });
}

/// The other range takes a cell, for which its thread moves the claim that it conflicts with.
#[test]
fn a_range_that_races_with_the_move_of_a_range_is_excluded() {
    for theirs in [Shared, Exclusive] {
        moving(move || {
            let units = Units::with_table();
            let [elsewhere, hold] = held(&units, Exclusive);
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || other.try_locked(pair(), theirs));
            let another = another(&units);
            units.touch(range(), Exclusive);
            units.lock.unlock(range(), Exclusive, hold);
            thread.join().unwrap();
            units.empty([elsewhere, another]);
            units.assert_idle();
        });
    }
}

/// The owner of the claim releases it while another moves it.
#[test]
fn a_claim_that_is_released_while_it_is_moved_is_gone() {
    for mode in [Shared, Exclusive] {
        moving(move || {
            let units = Units::with_table();
            let [elsewhere, hold] = held(&units, mode);
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || {
                let another = another(&other);
                other.try_locked(UNIT, Exclusive);
                other.lock.unlock(ELSEWHERE[1], Exclusive, another);
            });
            units.touch(range(), mode);
            units.lock.unlock(range(), mode, hold);
            thread.join().unwrap();
            units.lock.unlock(ELSEWHERE[0], Exclusive, elsewhere);
            units.assert_idle();
        });
    }
}

#[test]
fn a_claim_that_waits_for_a_moved_claim_is_woken() {
    for theirs in [UNIT, pair()] {
        moving(move || {
            let units = Units::fair_with_table();
            let [elsewhere, hold] = held(&units, Exclusive);
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || other.locked(theirs, Exclusive));
            let another = another(&units);
            units.touch(range(), Exclusive);
            units.lock.unlock(range(), Exclusive, hold);
            thread.join().unwrap();
            units.empty([elsewhere, another]);
            units.assert_idle();
        });
    }
}

#[test]
fn a_claim_that_is_downgraded_while_it_is_moved_is_shared() {
    for theirs in [Shared, Exclusive] {
        moving(move || {
            let units = Units::with_table();
            let [elsewhere, mut hold] = held(&units, Exclusive);
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || {
                let another = another(&other);
                other.try_locked(UNIT, theirs);
                other.lock.unlock(ELSEWHERE[1], Exclusive, another);
            });
            units.lock.downgrade(range(), &mut hold);
            units.touch(range(), Shared);
            thread.join().unwrap();
            units.lock.unlock(range(), Shared, hold);
            units.lock.unlock(ELSEWHERE[0], Exclusive, elsewhere);
            units.assert_idle();
        });
    }
}

#[test]
fn a_claim_that_is_upgraded_while_it_is_moved_excludes_others() {
    moving(|| {
        let units = Units::with_table();
        let [elsewhere, mut hold] = held(&units, Shared);
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || {
            let another = another(&other);
            other.try_locked(UNIT, Shared);
            other.lock.unlock(ELSEWHERE[1], Exclusive, another);
        });
        let mode = if units.lock.try_upgrade(range(), &mut hold) { Exclusive } else { Shared };
        units.touch(range(), mode);
        thread.join().unwrap();
        units.lock.unlock(range(), mode, hold);
        units.lock.unlock(ELSEWHERE[0], Exclusive, elsewhere);
        units.assert_idle();
    });
}

/// It is ordered by what the moved claim's release wrote, under the mutex.
#[test]
fn a_claim_follows_the_one_that_was_moved_and_left() {
    for theirs in [UNIT, pair()] {
        without_barrier(|| {
            moving(move || {
                let units = Units::with_table();
                let [_, hold] = held(&units, Exclusive);
                let other = Arc::clone(&units);
                let thread = thread::spawn(move || {
                    other.touch(range(), Exclusive);
                    other.lock.unlock(range(), Exclusive, hold);
                });
                let _ = another(&units);
                units.try_locked(theirs, Exclusive);
                thread.join().unwrap();
            });
        });
    }
}

/// The mover may know only the claim that was in the cell before. The claim that it finds settled
/// there is in the summary all the same.
#[test]
fn a_claim_that_is_settled_in_its_cell_is_in_the_summary_for_the_thread_that_moves_it() {
    without_barrier(|| {
        moving(|| {
            let units = Units::with_table();
            let _ = units.lock.lock(ELSEWHERE[0], Exclusive);
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || {
                let _ = another(&other);
            });
            units.locked(range(), Exclusive);
            let _ = units.lock.lock(range(), Exclusive);
            thread.join().unwrap();
        });
    });
}

/// The unit has read the summary before the move, and reads the cell when the next claim has it,
/// which took it without the mutex.
#[test]
fn a_unit_that_reads_the_next_span_in_the_cell_of_a_moved_claim_finds_that_it_is_watched() {
    without_barrier(|| {
        moving(|| {
            let units = Units::with_table();
            let _ = held(&units, Exclusive);
            let (entered, _) = units.lock.enter_slot(UNIT.start(), Shared).unwrap();
            let before = units.lock.summary_after_entering();
            let other = Arc::clone(&units);
            let next = thread::spawn(move || {
                let core = other.lock.core();
                if let Some(taken) = core.cells.take_common(Set::of(1)) {
                    other.lock.show_in_cell(core, taken.cell(), ELSEWHERE[1], Exclusive);
                }
            });
            let other = Arc::clone(&units);
            let unit = thread::spawn(move || {
                let stays = other.lock.stay_or_leave(before, UNIT.start(), Shared, entered);
                assert!(stays.result().is_err(), "the range is held");
            });
            let mut locked = units.lock.core().enter(&units.lock);
            assert!(locked.make_way());
            locked.close();
            next.join().unwrap();
            unit.join().unwrap();
        });
    });
}

/// The same for a range in a cell: the summary says that it is watched.
#[test]
fn a_range_that_reads_the_next_span_in_the_cell_of_a_moved_claim_finds_that_it_is_watched() {
    without_barrier(|| {
        moving(|| {
            let units = Units::with_table();
            let core = units.lock.core();
            let _ = units.lock.lock(range(), Exclusive);
            let taken = core.cells.take_common(Set::of(1)).unwrap().cell();
            let before = units.lock.show_in_cell(core, taken, pair(), Shared);
            let other = Arc::clone(&units);
            let next = thread::spawn(move || {
                let core = other.lock.core();
                if let Some(taken) = core.cells.take_common(Set::of(0)) {
                    other.lock.show_in_cell(core, taken.cell(), ELSEWHERE[1], Exclusive);
                }
            });
            let other = Arc::clone(&units);
            let range = thread::spawn(move || {
                let is_watched = || other.lock.core().summary_now().watches(taken);
                let met = other.lock.meet(other.lock.core(), before, pair(), Shared, is_watched);
                assert!(met.is_err(), "the other range is held");
            });
            let mut locked = core.enter(&units.lock);
            assert!(locked.make_way());
            locked.close();
            next.join().unwrap();
            range.join().unwrap();
        });
    });
}
