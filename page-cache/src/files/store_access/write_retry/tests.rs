use super::WriteRetry;
use crate::sync::atomic::Ordering;
use std::io;
use std::time::{Duration, Instant};

fn full() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

#[test]
fn a_store_that_has_failed_gets_no_request_during_the_pause_and_one_after_it() {
    let write_retry = WriteRetry::default();
    assert!(write_retry.refusal().is_none() && write_retry.next_attempt().is_none());
    let before = Instant::now();
    write_retry.note(Some(&full()));
    let first = write_retry.next_attempt().expect("it has failed");
    assert!(first > before, "it pauses");
    let (asked, next) = loop {
        let asked = Instant::now();
        match write_retry.refusal() {
            Some(error) => assert_eq!(error.kind(), io::ErrorKind::StorageFull),
            None => break (asked, write_retry.next_attempt().expect("it has not been well since")),
        }
    };
    assert!(Instant::now() >= first, "it was not refused though it was not time");
    assert!(next > asked, "no other thread asks before the pause is over");
    // Of many failures the pause is long, so that a store is refused unless this thread has slept.
    (0..9).for_each(|_| write_retry.note(Some(&full())));
    let next = write_retry.next_attempt().expect("it has failed");
    assert!(write_retry.refusal().is_some() || Instant::now() >= next);
}

#[test]
fn a_store_that_works_again_gets_requests_as_if_it_had_never_failed() {
    let write_retry = WriteRetry::default();
    write_retry.note(Some(&full()));
    assert!(write_retry.fails());
    write_retry.note(None);
    assert!(
        !write_retry.fails()
            && write_retry.refusal().is_none()
            && write_retry.next_attempt().is_none()
    );
}

#[test]
fn each_answer_is_counted_whatever_it_is() {
    let write_retry = WriteRetry::default();
    let answers = std::sync::Arc::clone(write_retry.answers());
    for (count, error) in [None, Some(full()), None, None].into_iter().enumerate() {
        write_retry.note(error.as_ref());
        assert_eq!(answers.load(Ordering::Relaxed), count as u64 + 1);
    }
}

#[test]
fn the_last_error_is_returned_until_the_store_may_be_asked_again() {
    let write_retry = WriteRetry::default();
    assert!(write_retry.last_error().is_none());
    write_retry.note(Some(&full()));
    let again_at = |next| write_retry.failures.lock().unwrap().as_mut().unwrap().next = next;
    again_at(Instant::now() + Duration::from_secs(3600));
    assert_eq!(write_retry.last_error().unwrap().kind(), io::ErrorKind::StorageFull);
    again_at(Instant::now());
    assert!(write_retry.last_error().is_none());
}

#[test]
fn only_one_thread_asks_a_store_when_the_pause_is_over() {
    let write_retry = WriteRetry::default();
    write_retry.note(Some(&full()));
    if let Some(failures) = write_retry.failures.lock().unwrap().as_mut() {
        failures.pause = Duration::from_secs(3600);
        failures.next = Instant::now();
    }
    assert!(write_retry.refusal().is_none());
    assert_eq!(write_retry.refusal().unwrap().kind(), io::ErrorKind::StorageFull);
}
