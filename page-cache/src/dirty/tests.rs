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
