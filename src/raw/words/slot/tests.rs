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
fn no_reader_joins_another_unit_a_writer_a_watched_a_free_or_a_closed_slot() {
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
fn unit_zero_is_distinguished_from_a_free_slot() {
    assert_eq!(Word::sole(0, Shared).holder(), Some((0, Shared)));
    assert_eq!(Word::sole(0, Exclusive).holder(), Some((0, Exclusive)));
}

#[test]
fn a_full_slot_admits_no_reader() {
    let mut word = Word::sole(1, Shared);
    for _ in 1..(1 << 14) - 1 {
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
fn a_writer_of_the_unit_and_a_closed_slot_keep_out_readers_in_other_words() {
    assert!(
        Word::sole(7, Exclusive).keeps_out_readers_of(7) && Word::MOVED.keeps_out_readers_of(7)
    );
    assert!(Word::sole(0, Exclusive).keeps_out_readers_of(0));
    let others = [Word::FREE, Word::sole(7, Shared), Word::sole(8, Exclusive)];
    assert!(!others.iter().any(|word| word.keeps_out_readers_of(7)));
}
