use super::{Asker, LONGEST_PAUSE, LONGEST_PAUSE_OF_WRITERS, WriteRetry};
use crate::sync::atomic::Ordering;
use std::io;
use std::time::{Duration, Instant};

fn full() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

#[test]
fn a_store_that_has_failed_gets_no_request_during_the_pause_and_one_after_it() {
    let retry = WriteRetry::default();
    assert!(retry.refusal(Asker::Flusher).is_none() && retry.next_attempt().is_none());
    let before = Instant::now();
    retry.note(Some(&full()));
    let first = retry.next_attempt().expect("it has failed");
    assert!(first > before, "it pauses");
    let (asked, next) = loop {
        let asked = Instant::now();
        match retry.refusal(Asker::Flusher) {
            Some(error) => assert_eq!(error.kind(), io::ErrorKind::StorageFull),
            None => break (asked, retry.next_attempt().expect("it has not been well since")),
        }
    };
    assert!(Instant::now() >= first, "it was not refused though it was not time");
    assert!(next > asked, "no other thread asks before the pause is over");
    // Of many failures the pause is long, so that a store is refused unless this thread has slept.
    (0..9).for_each(|_| retry.note(Some(&full())));
    let next = retry.next_attempt().expect("it has failed");
    assert!(retry.refusal(Asker::Flusher).is_some() || Instant::now() >= next);
}

#[test]
fn a_store_that_works_again_gets_requests_as_if_it_had_never_failed() {
    let retry = WriteRetry::default();
    retry.note(Some(&full()));
    assert!(retry.fails());
    retry.note(None);
    assert!(
        !retry.fails() && retry.refusal(Asker::Flusher).is_none() && retry.next_attempt().is_none()
    );
}

#[test]
fn each_answer_is_counted_whatever_it_is() {
    let retry = WriteRetry::default();
    let answers = std::sync::Arc::clone(retry.answers());
    for (count, error) in [None, Some(full()), None, None].into_iter().enumerate() {
        retry.note(error.as_ref());
        assert_eq!(answers.load(Ordering::Relaxed), count as u64 + 1);
    }
}

#[test]
fn the_last_error_is_returned_until_the_store_may_be_asked_again() {
    let retry = WriteRetry::default();
    assert!(retry.last_error().is_none());
    retry.note(Some(&full()));
    let asked_at = |asked| retry.failures.lock().unwrap().as_mut().unwrap().asked = asked;
    asked_at(Instant::now() + Duration::from_secs(3600));
    assert_eq!(retry.last_error().unwrap().kind(), io::ErrorKind::StorageFull);
    asked_at(Instant::now() - Duration::from_secs(2));
    assert!(retry.last_error().is_none());
}

#[test]
fn only_one_thread_asks_a_store_when_the_pause_is_over() {
    let retry = WriteRetry::default();
    retry.note(Some(&full()));
    if let Some(failures) = retry.failures.lock().unwrap().as_mut() {
        failures.pause = Duration::from_secs(3600);
        failures.asked = Instant::now() - failures.pause;
    }
    assert!(retry.refusal(Asker::Flusher).is_none());
    assert_eq!(retry.refusal(Asker::Flusher).unwrap().kind(), io::ErrorKind::StorageFull);
}

#[test]
fn a_writer_asks_a_store_that_may_have_recovered_before_the_flusher_does() {
    let retry = WriteRetry::default();
    (0..9).for_each(|_| retry.note(Some(&full())));
    let failures = retry.failures.lock().unwrap();
    let failures = failures.as_ref().unwrap();
    assert_eq!(failures.next(Asker::Flusher), failures.asked + LONGEST_PAUSE);
    assert_eq!(failures.next(Asker::Writer), failures.asked + LONGEST_PAUSE_OF_WRITERS);
}

#[test]
fn a_writer_whose_pause_is_over_asks_a_store_once() {
    let retry = WriteRetry::default();
    (0..9).for_each(|_| retry.note(Some(&full())));
    // Until the flusher may ask there is more than half a second.
    retry.failures.lock().unwrap().as_mut().unwrap().asked -= LONGEST_PAUSE_OF_WRITERS;
    assert!(retry.last_error().is_none() && retry.refusal(Asker::Writer).is_none());
    let asked = retry.failures.lock().unwrap().as_ref().unwrap().asked;
    assert!(retry.refusal(Asker::Writer).is_some() || asked.elapsed() >= LONGEST_PAUSE_OF_WRITERS);
}
