//! Readers that count themselves in words of their own, and claims that conflict with them.

use super::*;

use crate::deadlock::Held;
use crate::sync::with_two_looks;

impl Units {
    /// An open lock without a claim.
    pub(super) fn open() -> Arc<Units> {
        let units = Units::new();
        units.lock.open();
        units
    }

    /// After all threads are done: the lock can be closed to readers' words, and no claim is left.
    pub(super) fn assert_shut(&self) {
        self.lock.shut();
        self.assert_idle();
    }
}

#[test]
fn a_reader_in_a_word_and_a_writer_of_the_unit_exclude_each_other() {
    race(Units::open, (span(1, 2), Exclusive), (span(1, 2), Shared));
}

#[test]
fn a_reader_in_a_word_and_a_range_exclude_each_other() {
    race(Units::open, (span(0, 9), Exclusive), (span(1, 2), Shared));
    race(Units::open, (span(1, 2), Shared), (span(0, 9), Exclusive));
}

#[test]
fn a_reader_in_a_word_and_a_range_that_looks_twice_exclude_each_other() {
    with_two_looks(|| race(Units::open, (span(0, 9), Exclusive), (span(1, 2), Shared)));
}

#[test]
fn a_reader_in_a_word_and_a_writer_of_another_unit_of_its_slot_do_not_wait() {
    race(Units::open, (span(3, 4), Exclusive), (span(1, 2), Shared));
}

#[test]
fn two_readers_in_one_word_and_a_writer_exclude_each_other() {
    model(1, || {
        let units = Units::open();
        let threads = [0, 1].map(|_| {
            let units = Arc::clone(&units);
            thread::spawn(move || units.locked(span(1, 2), Shared))
        });
        units.locked(span(1, 2), Exclusive);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        units.assert_shut();
    });
}

/// The lock is closed while one reader enters and another leaves; then a writer checks slots only.
#[test]
fn a_lock_that_is_shut_under_readers_loses_none() {
    model(2, || {
        let units = Units::open();
        let early = units.lock.lock(span(1, 2), Shared);
        let [shuts, reads] = [Arc::clone(&units), Arc::clone(&units)];
        let shuts = thread::spawn(move || {
            shuts.lock.shut();
            shuts.try_locked(span(1, 2), Exclusive);
        });
        let reads = thread::spawn(move || reads.locked(span(1, 2), Shared));
        units.touch(span(1, 2), Shared);
        units.lock.unlock(span(1, 2), Shared, early);
        shuts.join().unwrap();
        reads.join().unwrap();
        units.assert_shut();
    });
}

#[test]
fn a_lock_that_is_opened_while_claims_come_keeps_them_apart() {
    for spans in [span(1, 2), span(0, 9)] {
        model(3, move || {
            let units = Units::with_table();
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || {
                other.lock.open();
                other.locked(span(1, 2), Shared);
            });
            units.locked(spans, Exclusive);
            thread.join().unwrap();
            units.assert_shut();
        });
    }
}

#[test]
fn a_reader_in_a_word_that_upgrades_excludes_those_that_come() {
    model(3, || {
        let units = Units::open();
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || other.locked(span(1, 2), Shared));
        let mut hold = units.lock.lock(span(1, 2), Shared);
        let upgraded = units.lock.try_upgrade(span(1, 2), &mut hold);
        let mode = if upgraded { Exclusive } else { Shared };
        units.touch(span(1, 2), mode);
        units.lock.unlock(span(1, 2), mode, hold);
        thread.join().unwrap();
        units.assert_shut();
    });
}

#[test]
fn a_table_that_is_exchanged_under_readers_in_words_loses_none() {
    model(3, || {
        let units = Units::with_table();
        let one = units.lock.lock(span(1, 2), Shared);
        units.lock.open();
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || other.locked(span(1, 2), Shared));
        let mut locked = units.lock.core().enter(&units.lock);
        locked.resize(2);
        locked.close();
        units.touch(span(1, 2), Shared);
        units.lock.unlock(span(1, 2), Shared, one);
        units.locked(span(1, 2), Exclusive);
        thread.join().unwrap();
        units.assert_shut();
    });
}

#[test]
fn a_reader_in_a_word_is_seen_by_a_look() {
    let units = || {
        let units = Units::open();
        let hold = units.lock.lock(span(1, 2), Shared);
        assert!(matches!(hold.kind(), Kind::Reader));
        (units, hold)
    };
    model(1, move || {
        let (looked, hold) = units();
        assert!(looked.lock.is_locked(span(1, 2)));
        assert_eq!(looked.lock.claims(Span::ALL).len(), 1);
        looked.lock.unlock(span(1, 2), Shared, hold);
        assert!(!looked.lock.is_locked(span(1, 2)));
        looked.assert_shut();
        let (tried, hold) = units();
        assert!(tried.lock.try_lock(span(1, 2), Exclusive).is_none());
        tried.lock.unlock(span(1, 2), Shared, hold);
        tried.assert_shut();
    });
}

/// The other reader is in the same word, or comes while the upgrade waits.
#[test]
fn an_upgrade_of_a_reader_in_a_word_waits_for_the_others_and_leaves_no_claim_behind() {
    model(2, || {
        let units = Units::open();
        let unit = span(1, 2);
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || other.locked(unit, Shared));
        let mut hold = units.lock.lock(unit, Shared);
        units.touch(unit, Shared);
        units
            .lock
            .upgrade(unit, &mut hold, Held::by_no_known_thread(), None)
            .expect("the only one");
        units.touch(unit, Exclusive);
        units.lock.unlock(unit, Exclusive, hold);
        thread.join().unwrap();
        units.assert_shut();
    });
}

/// A reader has read the summary before the split, and the cell after it.
#[test]
fn a_reader_in_a_word_that_races_with_a_split_is_excluded_from_the_upper_part() {
    model(3, || {
        let units = Units::with_table();
        let hold = units.lock.lock(span(0, 2), Exclusive);
        units.lock.open();
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || other.locked(span(1, 2), Shared));
        let mut low = hold;
        let high = units.lock.split(Part { span: span(0, 2), mode: Exclusive }, &mut low, 1);
        units.lock.unlock(span(0, 1), Exclusive, low);
        units.touch(span(1, 2), Exclusive);
        units.lock.unlock(span(1, 2), Exclusive, high);
        thread.join().unwrap();
        units.assert_shut();
    });
}

/// The claim that waits is overtaken by readers, checks again, and becomes due.
#[test]
fn a_claim_that_waits_for_a_range_and_readers_in_words_is_granted() {
    model(2, || {
        let units = Units::open();
        let hold = units.lock.lock(span(2, 3), Exclusive);
        let [heir, reader] = [Arc::clone(&units), Arc::clone(&units)];
        let heir = thread::spawn(move || heir.locked(span(1, 3), Exclusive));
        let reader = thread::spawn(move || reader.locked(span(1, 2), Shared));
        units.touch(span(2, 3), Exclusive);
        units.lock.unlock(span(2, 3), Exclusive, hold);
        reader.join().unwrap();
        heir.join().unwrap();
        units.assert_shut();
    });
}
