use super::{By, DirtyPages, Own, StoreIs};

/// Lets a file take what it can; how many pages that is.
fn take_all(dirty: &DirtyPages, store: StoreIs) -> usize {
    (0..).take_while(|&pages| dirty.admit(Own { pages, store }, By::Write)).count()
}

#[test]
fn a_file_that_is_alone_gets_most_of_the_limit_and_a_failing_one_less() {
    assert_eq!(take_all(&DirtyPages::new(120, 1000), StoreIs::Well), 80);
    assert_eq!(take_all(&DirtyPages::new(120, 1000), StoreIs::Failing), 24);
    assert_eq!(take_all(&DirtyPages::new(1, 1000), StoreIs::Well), 1);
}

#[test]
fn however_many_files_keep_what_they_could_take_the_next_one_gets_some_and_frames_are_left() {
    for frames in [16, 17, 64, 256] {
        let dirty = DirtyPages::new(frames, frames);
        let shares: Vec<usize> = (0..1000).map(|_| take_all(&dirty, StoreIs::Well)).collect();
        assert!(shares.is_sorted_by(|one, next| one >= next), "{shares:?}");
        let least = frames / 4 + 2;
        assert!(dirty.has_room(Own { pages: 0, store: StoreIs::Well }, By::Mapping));
        assert!(dirty.count() <= frames - least, "{} of {frames}", dirty.count());
        assert!(shares[1] >= 1 && shares[2] >= 1, "{shares:?}");
    }
}

#[test]
fn with_more_than_half_of_the_limit_dirty_a_file_that_has_it_presses_and_one_that_has_little_does_not()
 {
    let dirty = DirtyPages::new(120, 1000);
    let well = |pages| Own { pages, store: StoreIs::Well };
    for pages in 0..60 {
        assert!(dirty.admit(well(pages), By::Write));
    }
    assert!(!dirty.worth_cleaning() && !dirty.presses(well(60)));
    assert!(dirty.admit(well(60), By::Write));
    assert!(dirty.worth_cleaning() && dirty.presses(well(61)));
    // What is left is 59 pages, and a share twice as many.
    assert!(dirty.presses(well(60)) && !dirty.presses(well(59)));
}

#[test]
fn a_quarter_of_the_frames_and_a_few_more_are_left_for_reads_however_pages_become_dirty() {
    let most = |by| {
        let dirty = DirtyPages::new(120, 1000);
        let nothing = Own { pages: 0, store: StoreIs::Well };
        (0..).take_while(|_| dirty.admit(nothing, by)).count()
    };
    assert_eq!(most(By::Mapping), 1000 - 250 - 62);
    assert_eq!(most(By::Write), most(By::Mapping) - 62);
    assert_eq!(most(By::FailedSync), most(By::Write));
}

#[test]
fn a_thread_with_guards_may_have_four_pages_of_a_file_dirty_and_more_within_a_share() {
    let dirty = DirtyPages::new(8, 1000);
    // Other files have all of the limit, and more.
    (0..20).for_each(|_| assert!(dirty.admit(Own { pages: 0, store: StoreIs::Well }, By::Write)));
    for store in [StoreIs::Well, StoreIs::Failing] {
        assert!(dirty.has_room(Own { pages: 3, store }, By::Guard));
        assert!(!dirty.has_room(Own { pages: 4, store }, By::Guard));
    }
    // Few are left below the bound for writes: the last are for files that have none.
    let (dirty, own) = (DirtyPages::new(32, 64), |pages| Own { pages, store: StoreIs::Well });
    let pages_of_a_file = || (0..).take_while(|&pages| dirty.admit(own(pages), By::Guard)).count();
    let pages: Vec<usize> = (0..9).map(|_| pages_of_a_file()).collect();
    assert_eq!(pages, [23, 6, 4, 1, 1, 1, 1, 1, 1]);
    // Of a limit of 8 two are left, and the share is three times as many.
    let dirty = DirtyPages::new(8, 1000);
    (0..6).for_each(|_| assert!(dirty.admit(Own { pages: 0, store: StoreIs::Well }, By::Write)));
    assert!(dirty.has_room(Own { pages: 5, store: StoreIs::Well }, By::Guard));
    assert!(!dirty.has_room(Own { pages: 6, store: StoreIs::Well }, By::Guard));
}
