use std::time::{Duration, Instant};

use super::{Afterwards, Jobs, Work};

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
    assert!(jobs.jobs.is_empty() && jobs.turns.is_empty());
    jobs.hasten(1, now);
    assert!(jobs.jobs.is_empty());
}
