//! Downgrade, upgrade, split and shrink against a waiting or a new claim.

use std::task::Waker;

use super::*;

use crate::raw::Queued;
use crate::raw::words::summary::Summary;

/// Holds `mine`, changes it by `change`, while another thread takes `theirs`.
fn change_against(
    mine: (Span, Mode),
    theirs: (Span, Mode),
    change: impl Fn(&Units, Hold) + Send + Sync + 'static,
) {
    model(3, move || {
        let units = Units::with_table();
        let hold = units.lock.lock(mine.0, mine.1);
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || other.locked(theirs.0, theirs.1));
        units.touch(mine.0, mine.1);
        change(&units, hold);
        thread.join().unwrap();
        units.assert_idle();
    });
}

#[test]
fn downgrade_admits_a_reader_and_excludes_a_writer() {
    for mine in [span(1, 2), span(0, 9)] {
        for mode in [Shared, Exclusive] {
            change_against((mine, Exclusive), (span(1, 2), mode), move |units, mut hold| {
                units.lock.downgrade(mine, &mut hold);
                units.touch(mine, Shared);
                units.lock.unlock(mine, Shared, hold);
            });
        }
    }
}

/// The reader must be able to get in while the downgraded claim is held.
#[test]
fn a_reader_that_waits_is_granted_by_a_downgrade() {
    for mine in [span(1, 2), span(0, 9)] {
        model(3, move || {
            let units = Units::with_table();
            let mut hold = units.lock.lock(mine, Exclusive);
            units.touch(mine, Exclusive);
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || other.locked(span(1, 2), Shared));
            units.lock.downgrade(mine, &mut hold);
            thread.join().unwrap();
            units.lock.unlock(mine, Shared, hold);
            units.assert_idle();
        });
    }
}

#[test]
fn an_upgrade_excludes_readers_and_writers_that_race_with_it() {
    for mine in [span(1, 2), span(0, 9)] {
        for theirs in [(span(1, 2), Shared), (span(1, 2), Exclusive), (span(1, 9), Shared)] {
            change_against((mine, Shared), theirs, move |units, mut hold| {
                let mode = if units.lock.try_upgrade(mine, &mut hold) { Exclusive } else { Shared };
                units.touch(mine, mode);
                units.lock.unlock(mine, mode, hold);
            });
        }
    }
}

/// The board is not empty, so the upgrade takes the mutex. Meanwhile a reader joins the slot and
/// leaves again without the mutex: its reads must happen before the upgrade.
#[test]
fn an_upgrade_follows_a_reader_that_joined_and_left_meanwhile() {
    model(3, || {
        let units = Units::with_table();
        let elsewhere = units.lock.lock(span(20, 30), Exclusive);
        let mut hold = units.lock.lock(span(1, 2), Shared);
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || other.try_locked(span(1, 2), Shared));
        let mode = if units.lock.try_upgrade(span(1, 2), &mut hold) { Exclusive } else { Shared };
        units.touch(span(1, 2), mode);
        units.lock.unlock(span(1, 2), mode, hold);
        thread.join().unwrap();
        units.lock.unlock(span(20, 30), Exclusive, elsewhere);
        units.assert_idle();
    });
}

#[test]
fn of_two_readers_at_most_one_upgrades() {
    for (mine, theirs) in [(span(1, 2), span(1, 2)), (span(0, 9), span(1, 2))] {
        change_against((mine, Shared), (theirs, Shared), move |units, mut hold| {
            let mode = if units.lock.try_upgrade(mine, &mut hold) { Exclusive } else { Shared };
            units.touch(mine, mode);
            units.lock.unlock(mine, mode, hold);
        });
        model(2, move || {
            let units = Units::with_table();
            let mut a = units.lock.lock(mine, Shared);
            let mut b = units.lock.lock(theirs, Shared);
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || {
                let mode = if other.lock.try_upgrade(theirs, &mut b) { Exclusive } else { Shared };
                other.touch(theirs, mode);
                other.lock.unlock(theirs, mode, b);
            });
            let mode = if units.lock.try_upgrade(mine, &mut a) { Exclusive } else { Shared };
            units.touch(mine, mode);
            units.lock.unlock(mine, mode, a);
            thread.join().unwrap();
            units.assert_idle();
        });
    }
}

#[test]
fn shrinking_grants_the_waiter_on_the_released_part() {
    model(2, || {
        let units = Units::with_table();
        let mut hold = units.lock.lock(span(0, 9), Exclusive);
        units.touch(span(0, 9), Exclusive);
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || other.locked(span(1, 2), Exclusive));
        units.lock.shrink(Part { span: span(0, 9), mode: Exclusive }, &mut hold, span(2, 9));
        thread.join().unwrap();
        units.touch(span(2, 9), Exclusive);
        units.lock.unlock(span(2, 9), Exclusive, hold);
        units.assert_idle();
    });
}

#[test]
fn a_waiter_across_a_split_waits_for_both_parts() {
    model(2, || {
        let units = Units::with_table();
        let hold = units.lock.lock(span(0, 9), Exclusive);
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || other.locked(span(0, 2), Exclusive));
        let mut low = hold;
        let high = units.lock.split(Part { span: span(0, 9), mode: Exclusive }, &mut low, 1);
        units.touch(span(0, 1), Exclusive);
        units.lock.unlock(span(0, 1), Exclusive, low);
        units.touch(span(1, 9), Exclusive);
        units.lock.unlock(span(1, 9), Exclusive, high);
        thread.join().unwrap();
        units.assert_idle();
    });
}

/// The new claim has read the summary before the split and reads the cell after it: it finds the
/// lower part there, which does not conflict with it.
#[test]
fn a_unit_that_races_with_a_split_is_excluded_from_the_upper_part() {
    for mine in [Shared, Exclusive] {
        model(3, move || {
            let units = Units::with_table();
            let hold = units.lock.lock(span(0, 9), mine);
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || other.locked(span(1, 2), Exclusive));
            let mut low = hold;
            let high = units.lock.split(Part { span: span(0, 9), mode: mine }, &mut low, 1);
            units.lock.unlock(span(0, 1), mine, low);
            units.touch(span(1, 9), mine);
            units.lock.unlock(span(1, 9), mine, high);
            thread.join().unwrap();
            units.assert_idle();
        });
    }
}

/// The same for a range in a cell, which finds that it is watched.
#[test]
fn a_range_that_races_with_a_split_is_excluded_from_the_upper_part() {
    model(3, || {
        let units = Units::with_table();
        let hold = units.lock.lock(span(0, 3), Exclusive);
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || other.try_locked(span(1, 3), Exclusive));
        let mut low = hold;
        let high = units.lock.split(Part { span: span(0, 3), mode: Exclusive }, &mut low, 1);
        units.touch(span(1, 3), Exclusive);
        units.lock.unlock(span(1, 3), Exclusive, high);
        units.lock.unlock(span(0, 1), Exclusive, low);
        thread.join().unwrap();
        units.assert_idle();
    });
}

/// This is not about a race: a board that still showed it would be correct, but other claims would
/// take the mutex because of it.
#[test]
fn what_a_claim_released_is_not_on_the_board_any_more() {
    model(1, || {
        let units = Units::with_table();
        let shows = |wanted, mode| {
            let summary = Summary::from_bits(units.lock.core().summary.load(Ordering::Acquire));
            units.lock.existing_core().unwrap().cells.meet(summary, wanted, mode).is_some()
        };
        let mut hold = units.lock.lock(span(0, 9), Exclusive);
        units.lock.shrink(Part { span: span(0, 9), mode: Exclusive }, &mut hold, span(0, 8));
        assert!(shows(span(7, 8), Shared) && !shows(span(8, 9), Shared));
        units.lock.downgrade(span(0, 8), &mut hold);
        assert!(shows(span(7, 8), Exclusive) && !shows(span(7, 8), Shared));
        let reader = units.lock.lock(span(1, 2), Shared);
        assert!(!units.lock.try_upgrade(span(0, 8), &mut hold));
        assert!(!shows(span(7, 8), Shared));
        units.lock.unlock(span(1, 2), Shared, reader);
        units.lock.unlock(span(0, 8), Shared, hold);
        units.assert_idle();
    });
}

/// A claim in a cell is watched during the change, and not after it.
#[test]
fn a_change_leaves_no_watch_if_no_claim_waits() {
    model(1, || {
        let units = Units::with_table();
        let is_watched = || {
            let mut locked = units.lock.core().enter(&units.lock);
            let is_watched = !locked.registry().proxies(Span::ALL).is_empty();
            locked.close();
            is_watched
        };
        let mut hold = units.lock.lock(span(0, 9), Shared);
        let reader = units.lock.lock(span(1, 2), Shared);
        assert!(!units.lock.try_upgrade(span(0, 9), &mut hold) && !is_watched());
        units.lock.unlock(span(1, 2), Shared, reader);
        assert!(units.lock.try_upgrade(span(0, 9), &mut hold) && !is_watched());
        units.lock.shrink(Part { span: span(0, 9), mode: Exclusive }, &mut hold, span(0, 8));
        units.lock.downgrade(span(0, 8), &mut hold);
        assert!(!is_watched());
        units.lock.unlock(span(0, 8), Shared, hold);
        units.assert_idle();
    });
}

/// The downgraded claim is in a cell and watched, because another claim waits for it. A reader
/// acquires as soon as it sees the downgrade. Then a writer that conflicts with the reader, but not
/// with the downgraded claim, tries. It must be refused: the reader is not taken back, even if the
/// registry still has the downgraded claim as exclusive.
#[test]
fn a_reader_that_a_downgrade_admits_is_not_overtaken() {
    model(2, || {
        let units = Units::with_table();
        let mut lower = units.lock.lock(span(0, 3), Exclusive);
        assert!(matches!(lower.kind(), Kind::Cell(_)));
        let waits = units.lock.lock_or_queue(span(0, 1), Exclusive, Waker::noop());
        let Queued::Waiting(waits) = waits else { panic!("it is held") };
        let (reader, writer) = (Arc::clone(&units), Arc::clone(&units));
        let reads = thread::spawn(move || reader.try_locked(span(2, 4), Shared));
        let writes = thread::spawn(move || writer.try_locked(span(3, 5), Exclusive));
        units.lock.downgrade(span(0, 3), &mut lower);
        reads.join().unwrap();
        writes.join().unwrap();
        assert!(units.lock.withdraw(waits).is_none());
        units.lock.unlock(span(0, 3), Shared, lower);
        units.assert_idle();
    });
}
