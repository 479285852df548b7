use super::{Length, count};

#[test]
fn a_length_that_does_not_change_is_known() {
    let length = Length::new(1000, 2);
    let glance = length.glance();
    length.begin_write(0, 1000);
    assert_eq!(length.since(glance), 1000..=1000);
    length.end_write(0, Some(1000));
    assert_eq!(length.now(), 1000..=1000);
}

#[test]
fn a_write_past_the_end_extends() {
    let length = Length::new(1000, 2);
    let glance = length.glance();
    length.begin_write(0, 1500);
    assert_eq!(length.now(), 1000..=1500);
    length.end_write(0, Some(1500));
    assert_eq!(length.now(), 1500..=1500);
    assert_eq!(length.since(glance), 1000..=1500);
}

#[test]
fn a_write_that_failed_past_the_end_leaves_the_length_open() {
    let length = Length::new(1000, 1);
    length.begin_write(0, 1500);
    length.end_write(0, None);
    assert_eq!(length.now(), 1000..=1500);
    assert_eq!(length.observe(|| 1200), Ok(()));
    assert_eq!(length.now(), 1200..=1200);
}

#[test]
fn a_truncation_sets_the_length() {
    let length = Length::new(1000, 1);
    assert_eq!(length.begin_set(300), 1000);
    assert_eq!(length.now(), 300..=1000);
    length.end_set(Some(300));
    assert_eq!(length.now(), 300..=300);
    length.begin_set(700);
    length.end_set(Some(700));
    assert_eq!(length.now(), 700..=700);
}

#[test]
fn a_truncation_that_failed_leaves_the_length_alone() {
    let length = Length::new(1000, 2);
    length.begin_set(300);
    assert_eq!(length.now(), 300..=1000);
    length.begin_write(0, 1200);
    length.end_write(0, Some(1200));
    length.end_set(None);
    assert_eq!(length.now(), 1200..=1200);
}

#[test]
fn a_write_that_a_truncation_overtakes_may_extend_the_file_again() {
    let length = Length::new(1000, 2);
    length.begin_write(1, 900);
    length.begin_set(300);
    length.end_set(Some(300));
    assert_eq!(length.now(), 300..=1000, "the write is still under way");
    length.end_write(1, Some(900));
    assert_eq!(length.now(), 300..=900);
    assert_eq!(length.observe(|| 950), Err((300..=900, 950)));
    assert_eq!(length.observe(|| 900), Ok(()));
    assert_eq!(length.now(), 900..=900);
    assert_eq!(length.observe(|| unreachable!("the length is known")), Ok(()));
}

#[test]
fn a_write_that_begins_during_a_truncation_counts_once() {
    let length = Length::new(1000, 2);
    length.begin_set(300);
    length.begin_write(0, 400);
    length.begin_set(200);
    length.end_set(Some(300));
    length.end_set(Some(200));
    length.end_write(0, Some(400));
    assert_eq!(length.now(), 200..=400);
}

#[test]
fn a_result_that_a_later_change_has_made_stale_is_not_used() {
    let length = Length::new(1000, 1);
    length.begin_write(0, 1500);
    length.end_write(0, None);
    let answer = || {
        length.begin_set(10);
        length.end_set(Some(10));
        1500
    };
    assert_eq!(length.observe(answer), Ok(()));
    assert_eq!(length.now(), 10..=10);
}

#[test]
fn too_many_changes_are_not_distinguished() {
    let length = Length::new(1000, 1);
    let glance = length.glance();
    for _ in 0..100 {
        length.begin_set(1000);
        length.end_set(Some(1000));
    }
    assert_eq!(*length.since(glance).start(), 0);
}

#[test]
fn no_bytes_past_the_end_are_stored_while_the_length_changes() {
    let length = Length::new(1000, 1);
    let mut seen = None;
    length.while_steady(|len| seen = Some(len));
    assert_eq!(seen, Some(1000));
    length.begin_set(10);
    length.while_steady(|_| panic!("it changes"));
}

#[test]
fn a_count_is_cut_off_at_the_end() {
    assert_eq!(count(&(100..200), &(150..=150)), 50..=50);
    assert_eq!(count(&(100..200), &(0..=u64::MAX)), 0..=100);
}
