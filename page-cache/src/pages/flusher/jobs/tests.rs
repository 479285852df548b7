use std::time::{Duration, Instant};

use super::{Afterwards, Jobs, MOST_HINTS, MOST_PAGEOUTS, Work};

const SECOND: Duration = Duration::from_secs(1);

fn dirty(due: Option<Instant>, not_before: Option<Instant>) -> Afterwards {
    Afterwards::Dirty { due, not_before }
}

#[test]
fn jobs_are_taken_in_the_order_of_their_due_times_and_not_earlier() {
    let (now, mut jobs) = (Instant::now(), Jobs::default());
    jobs.add(1, Some(now + 2 * SECOND));
    jobs.add(2, Some(now + SECOND));
    jobs.add(3, None);
    assert_eq!(jobs.next_turn(), Some(now + SECOND));
    assert!(jobs.take(now).is_none());
    let mut taken = || jobs.take(now + 2 * SECOND).map(|task| (task.file, task.extent));
    assert_eq!(taken(), Some((2, Work::All)));
    assert_eq!(taken(), Some((1, Work::All)));
    assert_eq!(taken(), None);
    jobs.hasten_others(0, now);
    assert_eq!(jobs.take(now).map(|task| task.file), Some(3));
}

#[test]
fn a_job_in_progress_is_not_taken_and_requests_made_meanwhile_are_kept() {
    let (now, mut jobs) = (Instant::now(), Jobs::default());
    jobs.add(1, Some(now));
    assert!(jobs.take(now).is_some());
    jobs.hasten(1, now);
    jobs.add(1, Some(now));
    assert!(jobs.take(now).is_none() && jobs.next_turn().is_none());
    jobs.done(1, dirty(Some(now + SECOND), None));
    assert_eq!(jobs.next_turn(), Some(now));
}

#[test]
fn a_file_that_failed_is_written_after_the_pause_whatever_is_requested() {
    let (now, mut jobs) = (Instant::now(), Jobs::default());
    jobs.add(1, Some(now));
    assert!(jobs.take(now).is_some());
    jobs.done(1, dirty(Some(now), Some(now + SECOND)));
    jobs.hasten(1, now);
    jobs.hasten_others(0, now);
    assert!(jobs.take(now).is_none());
    assert!(jobs.take(now + SECOND).is_some());
}

#[test]
fn the_job_of_a_file_that_is_clean_is_gone() {
    let (now, mut jobs) = (Instant::now(), Jobs::default());
    jobs.add(1, Some(now));
    assert!(jobs.take(now).is_some());
    jobs.done(1, Afterwards::Clean);
    assert!(jobs.is_empty());
    jobs.hasten(1, now);
    assert!(jobs.is_empty());
}

#[test]
fn a_file_that_is_closed_leaves_no_job() {
    let (now, mut jobs) = (Instant::now(), Jobs::default());
    jobs.add(1, None);
    jobs.add(2, Some(now));
    [1, 2].into_iter().for_each(|file| jobs.forget(file));
    assert!(jobs.is_empty());
    jobs.add(3, Some(now));
    assert!(jobs.take(now).is_some());
    jobs.queue(3, 0, now);
    jobs.forget(3);
    assert!(jobs.next_turn().is_none());
    jobs.done(3, Afterwards::Clean);
    assert!(jobs.is_empty());
}

#[test]
fn a_page_is_queued_once_and_no_more_pages_and_ranges_are_queued_than_the_bounds_allow() {
    let (now, mut jobs) = (Instant::now(), Jobs::default());
    (0..MOST_PAGEOUTS as u64 + 3).for_each(|page| jobs.queue(1, page, now));
    (0..MOST_HINTS as u64 + 3).for_each(|page| jobs.bring_in(1, page..page + 1, now));
    [5, 6, 5].into_iter().for_each(|page| jobs.queue(2, page, now));
    let mut tasks = [(); 2].map(|()| jobs.take(now).expect("pages of two files are queued"));
    tasks.sort_by_key(|task| task.file);
    assert_eq!((tasks[0].pageouts.len(), tasks[0].hints.len()), (MOST_PAGEOUTS, MOST_HINTS));
    assert_eq!(tasks[1].pageouts, [5, 6]);
}
