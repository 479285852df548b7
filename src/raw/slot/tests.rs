use super::{UNITS, Word};
use crate::Mode::{Exclusive, Shared};

#[test]
fn readers_join_and_leave_one_by_one() {
    let one = Word::sole(7, Shared);
    let two = one.join(7).unwrap();
    assert_eq!(two.holder(), Some((7, Shared)));
    assert_eq!(two.leave(), Some(one));
    assert_eq!(one.leave(), Some(Word::FREE));
}

#[test]
fn nobody_joins_another_unit_a_writer_a_watched_a_free_or_a_closed_slot() {
    assert_eq!(Word::sole(7, Shared).join(8), None);
    assert_eq!(Word::sole(7, Exclusive).join(7), None);
    assert_eq!(Word::sole(7, Shared).watched().join(7), None);
    assert_eq!(Word::FREE.join(0), None);
    assert_eq!(Word::MOVED.join(UNITS - 1), None);
}

#[test]
fn the_last_unit_that_fits_is_not_mistaken_for_a_closed_slot() {
    let word = Word::sole(UNITS - 1, Exclusive).watched();
    assert_eq!(word.holder(), Some((UNITS - 1, Exclusive)));
    assert_eq!(Word::MOVED.holder(), None);
}

#[test]
fn unit_zero_is_told_from_a_free_slot() {
    assert_eq!(Word::sole(0, Shared).holder(), Some((0, Shared)));
    assert_eq!(Word::sole(0, Exclusive).holder(), Some((0, Exclusive)));
}

#[test]
fn a_full_slot_admits_no_reader() {
    let mut word = Word::sole(1, Shared);
    for _ in 1..(1 << 13) - 1 {
        word = word.join(1).unwrap();
    }
    assert_eq!(word.join(1), None);
    assert_eq!(word.holder(), Some((1, Shared)));
}

#[test]
fn holders_of_a_watched_slot_leave_under_the_mutex_and_the_last_clears_it() {
    let two = Word::sole(3, Shared).join(3).unwrap().watched();
    assert_eq!(two.leave(), None);
    let one = two.leave_watched();
    assert!(one.has_waiters());
    assert_eq!(one.leave_watched(), Word::FREE);
}

#[test]
fn a_downgrade_leaves_a_sole_reader_and_keeps_the_watch() {
    let one = Word::sole(3, Shared);
    assert_eq!(Word::sole(3, Exclusive).downgraded(), one);
    assert!(Word::sole(3, Exclusive).watched().downgraded().has_waiters());
}

#[test]
fn readers_join_and_leave_a_slot_with_a_bias_and_none_but_they() {
    let biased = Word::FREE.biased(7).unwrap();
    assert!(biased.is_biased(7) && !biased.is_biased(8) && !Word::MOVED.is_biased(UNITS - 1));
    assert_eq!(Word::sole(7, Exclusive).biased(7), None);
    assert_eq!(Word::sole(8, Shared).biased(7), None);
    assert_eq!(biased.biased(7), None);
    assert_eq!(biased.join(8), None);
    let joined = biased.join(7).unwrap();
    assert_eq!(joined.readers(), 1);
    assert_eq!(joined.leave(), Some(biased));
    assert_eq!(joined.unbiased(2), Word::sole(7, Shared).join(7).unwrap().join(7).unwrap());
    assert_eq!(biased.unbiased(0), Word::FREE);
}

#[test]
fn readers_of_a_slot_with_a_bias_fit_into_it_with_those_of_all_cells() {
    let mut word = Word::FREE.biased(7).unwrap();
    while let Some(joined) = word.join(7) {
        word = joined;
    }
    let readers = word.readers();
    assert!(readers > 0);
    assert_eq!(
        word.unbiased(16 * Word::MOST_IN_A_CELL).readers(),
        readers + 16 * Word::MOST_IN_A_CELL
    );
}
