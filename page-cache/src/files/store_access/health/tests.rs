use super::StoreHealth;
use crate::sync::atomic::Ordering;
use std::io;
use std::time::{Duration, Instant};

fn full() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

#[test]
fn a_store_that_has_failed_is_refused_until_it_is_time_and_then_asked_once() {
    let health = StoreHealth::default();
    assert!(health.refusal().is_none() && health.next_attempt().is_none());
    let before = Instant::now();
    health.note(Some(&full()));
    let first = health.next_attempt().expect("it has failed");
    assert!(first > before, "it pauses");
    let (asked, next) = loop {
        let asked = Instant::now();
        match health.refusal() {
            Some(error) => assert_eq!(error.kind(), io::ErrorKind::StorageFull),
            None => break (asked, health.next_attempt().expect("it has not been well since")),
        }
    };
    assert!(Instant::now() >= first, "it was not refused though it was not time");
    assert!(next > asked, "no other thread asks before the pause is over");
    // Of many failures the pause is long, so that a store is refused unless this thread has slept.
    (0..9).for_each(|_| health.note(Some(&full())));
    let next = health.next_attempt().expect("it has failed");
    assert!(health.refusal().is_some() || Instant::now() >= next);
}

#[test]
fn a_store_that_is_well_again_is_asked_as_if_it_had_never_failed() {
    let health = StoreHealth::default();
    health.note(Some(&full()));
    assert!(health.fails());
    health.note(None);
    assert!(!health.fails() && health.refusal().is_none() && health.next_attempt().is_none());
}

#[test]
fn each_answer_is_counted_whatever_it_is() {
    let health = StoreHealth::default();
    let answers = std::sync::Arc::clone(health.answers());
    for (count, error) in [None, Some(full()), None, None].into_iter().enumerate() {
        health.note(error.as_ref());
        assert_eq!(answers.load(Ordering::Relaxed), count as u64 + 1);
    }
}

#[test]
fn the_last_error_is_returned_until_the_store_may_be_asked_again() {
    let health = StoreHealth::default();
    assert!(health.last_error().is_none());
    health.note(Some(&full()));
    let again_at = |next| health.failures.lock().unwrap().as_mut().unwrap().next = next;
    again_at(Instant::now() + Duration::from_secs(3600));
    assert_eq!(health.last_error().unwrap().kind(), io::ErrorKind::StorageFull);
    again_at(Instant::now());
    assert!(health.last_error().is_none());
}

#[test]
fn only_one_thread_asks_a_store_when_the_pause_is_over() {
    let health = StoreHealth::default();
    health.note(Some(&full()));
    if let Some(failures) = health.failures.lock().unwrap().as_mut() {
        failures.pause = Duration::from_secs(3600);
        failures.next = Instant::now();
    }
    assert!(health.refusal().is_none());
    assert_eq!(health.refusal().unwrap().kind(), io::ErrorKind::StorageFull);
}
