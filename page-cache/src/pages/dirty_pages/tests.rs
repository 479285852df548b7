use super::{Unclean, Wanted};

fn with(pages: impl IntoIterator<Item = u64>) -> Unclean {
    let mut unclean = Unclean::default();
    pages.into_iter().for_each(|page| assert!(unclean.insert(page)));
    unclean
}

#[test]
fn what_became_dirty_after_an_epoch_ended_is_not_of_it() {
    let mut unclean = with([3, 5]);
    let epoch = unclean.end_epoch();
    assert!(unclean.insert(4) && unclean.insert(6));
    assert_eq!(unclean.first(0..10, epoch), Some(3));
    assert_eq!(unclean.first(4..10, epoch), Some(5));
    assert_eq!(unclean.first(6..10, epoch), None);
    assert_eq!(unclean.first(4..10, Wanted::ALL), Some(4));
    assert_eq!(unclean.run(3, 64, epoch), 1);
    assert_eq!(unclean.run(3, 64, Wanted::ALL), 4);
    assert_eq!(unclean.run(3, 2, Wanted::ALL), 2);
}

#[test]
fn a_page_that_stays_dirty_keeps_its_epoch_and_one_that_was_cleaned_does_not() {
    let mut unclean = with([1, 2]);
    let epoch = unclean.end_epoch();
    assert!(!unclean.insert(1));
    assert!(unclean.remove(2) && !unclean.remove(2) && unclean.insert(2));
    assert_eq!(unclean.first(0..10, epoch), Some(1));
    assert_eq!(unclean.first(2..10, epoch), None);
    let later = unclean.end_epoch();
    assert_eq!(unclean.run(1, 64, later), 2);
}
