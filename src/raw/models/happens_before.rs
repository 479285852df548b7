//! What is done under a claim happens before what is done under the next conflicting one, by the
//! Acquire and Release of the lock's words alone. "Follows" in the names of these models means
//! "happens after". In these models no claim enters a slot while a conflicting range is being
//! published, so they do not need the barrier, which would hide a missing Acquire or Release. Two
//! ranges may race: the order of the summary's writes decides which of them sees the other.

use super::*;

use crate::raw::Part;
use crate::raw::words::summary::Summary;
use crate::sync::{own_no_cell, own_the_first_cell, without_barrier};

const UNIT: Span = Span::of_unit(1).unwrap();
const RANGE: Span = Span::ALL;

/// Holds `mine`, touches it and releases it with `finish`, while other threads try their claims.
fn followed_by<const N: usize>(
    mine: (Span, Mode),
    finish: impl Fn(&Units, Hold) + Clone + Send + Sync + 'static,
    others: [(Span, Mode); N],
) {
    without_barrier(|| {
        model(3, move || {
            let units = Units::with_table();
            let hold = units.lock.lock(mine.0, mine.1);
            let threads = others.map(|(span, mode)| {
                let units = Arc::clone(&units);
                thread::spawn(move || units.try_locked(span, mode))
            });
            units.touch(mine.0, mine.1);
            finish(&units, hold);
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    });
}

fn unlocks(span: Span, mode: Mode) -> impl Fn(&Units, Hold) + Clone + Send + Sync + 'static {
    move |units, hold| units.lock.unlock(span, mode, hold)
}

#[test]
fn a_unit_follows_the_one_that_left_its_slot() {
    for mode in [Shared, Exclusive] {
        followed_by((UNIT, mode), unlocks(UNIT, mode), [(UNIT, Exclusive)]);
    }
}

/// The second reader joins the first, and happens after the writer because the first reader's write
/// continues the writer's release sequence.
#[test]
fn both_readers_of_a_slot_follow_the_writer_that_left_it() {
    followed_by((UNIT, Exclusive), unlocks(UNIT, Exclusive), [(UNIT, Shared), (UNIT, Shared)]);
}

#[test]
fn a_writer_of_a_slot_follows_both_of_the_readers_that_left_it() {
    followed_by((UNIT, Shared), unlocks(UNIT, Shared), [(UNIT, Shared), (UNIT, Exclusive)]);
}

#[test]
fn a_reader_follows_the_writer_that_downgraded() {
    for mine in [UNIT, RANGE] {
        let finish = move |units: &Units, mut hold| {
            units.lock.downgrade(mine, &mut hold);
            units.touch(mine, Shared);
            units.lock.unlock(mine, Shared, hold);
        };
        followed_by((mine, Exclusive), finish, [(UNIT, Shared)]);
    }
}

#[test]
fn an_upgraded_reader_follows_the_reader_that_left() {
    for (mine, theirs) in [(UNIT, UNIT), (RANGE, UNIT), (RANGE, span(1, 3))] {
        let finish = move |units: &Units, mut hold| {
            let mode = if units.lock.try_upgrade(mine, &mut hold) { Exclusive } else { Shared };
            units.touch(mine, mode);
            units.lock.unlock(mine, mode, hold);
        };
        without_barrier(|| {
            model(3, move || {
                let units = Units::with_table();
                let hold = units.lock.lock(mine, Shared);
                let read = units.lock.lock(theirs, Shared);
                let other = Arc::clone(&units);
                let thread = thread::spawn(move || {
                    other.touch(theirs, Shared);
                    other.lock.unlock(theirs, Shared, read);
                });
                finish(&units, hold);
                thread.join().unwrap();
            });
        });
    }
}

/// The unit is ordered by the summary, which does not show the range any more.
#[test]
fn a_unit_follows_the_range_that_left_the_board() {
    for mode in [Shared, Exclusive] {
        followed_by((RANGE, mode), unlocks(RANGE, mode), [(UNIT, Exclusive)]);
    }
}

/// The unit is ordered by the cell: the start or the end that it reads there no longer covers the
/// unit.
#[test]
fn a_unit_follows_the_range_that_shrank_away_from_it() {
    for to in [span(2, 9), span(0, 1)] {
        let finish = move |units: &Units, mut hold| {
            units.lock.shrink(Part { span: RANGE, mode: Exclusive }, &mut hold, to);
            units.touch(to, Exclusive);
        };
        followed_by((RANGE, Exclusive), finish, [(UNIT, Exclusive)]);
    }
}

/// The unit is ordered by the cell: the summary that it has read shows the first range there, but
/// the second range has taken the cell since.
#[test]
fn a_unit_follows_the_range_whose_cell_another_range_took() {
    // Either its start is past the unit, or its end before.
    for far in [span(2, 9), span(0, 1)] {
        let finish = move |units: &Units, hold| {
            units.lock.unlock(RANGE, Exclusive, hold);
            let _ = units.lock.lock_many(&[Part { span: far, mode: Exclusive }], None);
        };
        followed_by((RANGE, Exclusive), finish, [(UNIT, Exclusive)]);
    }
}

/// The second range is ordered by the summary, which does not show the first any more, or by taking
/// the same cell.
#[test]
fn a_range_follows_the_range_that_released_its_cell() {
    for mode in [Shared, Exclusive] {
        followed_by((RANGE, mode), unlocks(RANGE, mode), [(RANGE, Exclusive)]);
    }
    followed_by((RANGE, Exclusive), unlocks(RANGE, Exclusive), [(RANGE, Shared)]);
}

/// The third range is ordered by the cell: its summary shows the first range, but it reads the
/// second range's start or end, which do not overlap it.
#[test]
fn a_range_follows_the_range_whose_cell_another_range_took() {
    let pair = span(1, 3);
    for far in [span(3, 9), span(0, 1)] {
        followed_by(
            (pair, Exclusive),
            unlocks(pair, Exclusive),
            [(far, Shared), (pair, Exclusive)],
        );
    }
}

/// The cell belongs to the thread that takes it twice; another thread frees it in between. A third
/// claim has a summary that shows the first claim, and reads the span of the second.
#[test]
fn a_range_follows_the_thread_that_freed_a_cell_of_another_thread() {
    without_barrier(|| {
        model(3, || {
            own_the_first_cell();
            let units = Units::with_table();
            let hold = units.lock.lock(span(1, 3), Exclusive);
            assert!(matches!(hold.kind(), Kind::Cell(taken) if taken.cell() == 0));
            let [other, third] = std::array::from_fn(|_| Arc::clone(&units));
            let other = thread::spawn(move || {
                other.touch(span(1, 3), Exclusive);
                other.lock.unlock(span(1, 3), Exclusive, hold);
            });
            let third = thread::spawn(move || third.try_locked(span(1, 3), Exclusive));
            units.try_locked(span(3, 9), Exclusive);
            other.join().unwrap();
            third.join().unwrap();
        });
        own_no_cell();
    });
}

#[test]
fn of_two_ranges_that_race_one_follows_the_other() {
    without_barrier(|| {
        model(3, || {
            let units = Units::with_table();
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || other.try_locked(span(1, 3), Exclusive));
            units.try_locked(span(0, 2), Exclusive);
            thread.join().unwrap();
        });
    });
}

/// The waiter finds that the first has left when it tries to watch its cell.
#[test]
fn a_range_that_waits_follows_the_range_that_released_its_cell() {
    without_barrier(|| {
        model(3, || {
            let units = Units::with_table();
            let hold = units.lock.lock(span(0, 2), Exclusive);
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || other.locked(span(1, 3), Exclusive));
            units.touch(span(0, 2), Exclusive);
            units.lock.unlock(span(0, 2), Exclusive, hold);
            thread.join().unwrap();
        });
    });
}

/// The new claim was watched because of the upper part, and is not any more. (This model has a
/// two-sided race, with the barrier. It passes with a weaker load of the own watch too, so it shows
/// the order of the steps and not this ordering.)
#[test]
fn a_claim_that_is_not_watched_any_more_follows_the_claims_for_which_it_was() {
    for wanted in [UNIT, span(1, 3)] {
        model(3, move || {
            let units = Units::with_table();
            let hold = units.lock.lock(RANGE, Exclusive);
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || other.try_locked(wanted, Exclusive));
            let mut low = hold;
            let mut high = units.lock.split(Part { span: RANGE, mode: Exclusive }, &mut low, 1);
            let upper = span(1, u64::MAX);
            units.touch(upper, Exclusive);
            units.lock.shrink(Part { span: upper, mode: Exclusive }, &mut high, span(3, 9));
            thread.join().unwrap();
            units.lock.unlock(span(3, 9), Exclusive, high);
            units.lock.unlock(span(0, 1), Exclusive, low);
            units.assert_idle();
        });
    }
}

#[test]
fn a_range_follows_the_unit_that_left_its_slot() {
    for mode in [Shared, Exclusive] {
        followed_by((UNIT, mode), unlocks(UNIT, mode), [(RANGE, Exclusive)]);
        followed_by((UNIT, Exclusive), unlocks(UNIT, Exclusive), [(RANGE, Shared)]);
        without_barrier(|| {
            model(3, move || {
                let units = Units::with_table();
                let hold = units.lock.lock(UNIT, mode);
                let other = Arc::clone(&units);
                let thread = thread::spawn(move || other.locked(RANGE, Exclusive));
                units.touch(UNIT, mode);
                units.lock.unlock(UNIT, mode, hold);
                thread.join().unwrap();
            });
        });
    }
}

/// Holds unit 0 of a new lock and then calls `finish`, while one thread makes the table and another
/// tries the unit.
fn followed_into_the_table(finish: fn(&Units, Hold), theirs: Mode) {
    without_barrier(|| {
        model(3, move || {
            let units = Units::new();
            let hold = units.lock.lock(span(0, 1), Exclusive);
            let [grower, next] = std::array::from_fn(|_| Arc::clone(&units));
            let grower = thread::spawn(move || {
                let _ = grower.lock.lock(span(1, 2), Exclusive);
            });
            let next = thread::spawn(move || next.try_locked(span(0, 1), theirs));
            units.touch(span(0, 1), Exclusive);
            finish(&units, hold);
            grower.join().unwrap();
            next.join().unwrap();
        });
    });
}

/// The holder leaves the embedded slot or, after it was moved, the table's.
#[test]
fn a_unit_in_a_new_table_follows_the_claim_that_left_the_embedded_slot() {
    followed_into_the_table(
        |units, hold| units.lock.unlock(span(0, 1), Exclusive, hold),
        Exclusive,
    );
}

#[test]
fn a_reader_in_a_new_table_follows_the_writer_that_downgraded() {
    followed_into_the_table(|units, mut hold| units.lock.downgrade(span(0, 1), &mut hold), Shared);
}

/// The table is exchanged for another, and then for the old one again. The claim on the unit still
/// uses the address of the first time.
#[test]
fn a_unit_that_uses_an_old_address_follows_the_claim_that_left_another_table() {
    without_barrier(|| {
        model(3, || {
            let units = Units::with_table();
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || other.try_locked(UNIT, Exclusive));
            units.locked(UNIT, Exclusive);
            let mut locked = units.lock.core().enter(&units.lock);
            locked.resize(2);
            locked.close();
            units.locked(UNIT, Exclusive);
            let mut locked = units.lock.core().enter(&units.lock);
            locked.resize(1);
            locked.close();
            thread.join().unwrap();
        });
    });
}

/// The summary does not change: another claim is counted in regions of that size.
#[test]
fn a_unit_follows_the_range_that_is_counted_no_longer() {
    without_barrier(|| {
        model(3, || {
            let units = Units::with_table();
            let _ = units.filled();
            let _ = units.lock.lock(span(1 << 20, (1 << 20) + 9), Exclusive);
            let range = span(0, 9);
            let hold = units.lock.lock(range, Exclusive);
            assert!(matches!(hold.kind(), Kind::Claim(_)));
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || other.try_locked(UNIT, Exclusive));
            units.touch(range, Exclusive);
            units.lock.unlock(range, Exclusive, hold);
            thread.join().unwrap();
        });
    });
}

#[test]
fn a_writer_follows_the_readers_that_left_a_word() {
    without_barrier(|| {
        model(3, || {
            let units = Units::with_table();
            units.lock.open();
            let hold = units.lock.lock(UNIT, Shared);
            assert!(matches!(hold.kind(), Kind::Reader));
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || other.try_locked(UNIT, Exclusive));
            units.touch(UNIT, Shared);
            units.lock.unlock(UNIT, Shared, hold);
            thread.join().unwrap();
        });
    });
}

#[test]
fn a_reader_in_a_word_follows_the_writer_that_left_the_slot() {
    without_barrier(|| {
        model(3, || {
            let units = Units::with_table();
            units.lock.open();
            let hold = units.lock.lock(UNIT, Exclusive);
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || other.try_locked(UNIT, Shared));
            units.touch(UNIT, Exclusive);
            units.lock.unlock(UNIT, Exclusive, hold);
            thread.join().unwrap();
        });
    });
}

/// One thread closes the lock to readers' words, and another enters the slot without checking these
/// words.
#[test]
fn a_writer_of_a_lock_that_was_shut_follows_the_reader_that_left_a_word() {
    without_barrier(|| {
        model(2, || {
            let units = Units::with_table();
            units.lock.open();
            let hold = units.lock.lock(UNIT, Shared);
            let looks = Arc::clone(&units);
            let tries = Arc::clone(&units);
            let threads = [
                thread::spawn(move || looks.lock.shut()),
                thread::spawn(move || tries.try_locked(UNIT, Exclusive)),
            ];
            units.touch(UNIT, Shared);
            units.lock.unlock(UNIT, Shared, hold);
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    });
}

#[test]
fn a_thread_that_sees_a_core_sees_all_of_it() {
    without_barrier(|| {
        model(2, || {
            let units = Units::new();
            let threads = [(); 2].map(|()| {
                let units = Arc::clone(&units);
                thread::spawn(move || units.try_locked(RANGE, Shared))
            });
            units.try_locked(RANGE, Shared);
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    });
}

/// The cell, and the core that contains it, are written before the summary that shows the cell.
fn seen_in_its_cell(claim: fn(&Units)) {
    without_barrier(|| {
        model(3, move || {
            let units = Units::new();
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || {
                let summary = Summary::from_bits(other.lock.core().summary.load(Ordering::SeqCst));
                if !summary.is_empty() {
                    let core = other.lock.existing_core().expect("it was there before the claim");
                    assert!(core.cells.meet(summary, UNIT, Exclusive).is_some());
                }
            });
            claim(&units);
            thread.join().unwrap();
        });
    });
}

#[test]
fn a_thread_that_sees_a_claim_in_the_summary_sees_it_in_its_cell() {
    seen_in_its_cell(|units| {
        let mut hold = units.lock.lock(RANGE, Shared);
        assert!(units.lock.try_upgrade(RANGE, &mut hold));
    });
    seen_in_its_cell(|units| {
        let _ = units.lock.lock_many(&[Part { span: RANGE, mode: Shared }], None);
    });
}
