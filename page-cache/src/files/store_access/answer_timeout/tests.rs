use super::*;

/// Makes a timeout start earlier by `time`.
fn pass(timeout: &mut AnswerTimeout, time: Duration) {
    timeout.since = timeout.since.checked_sub(time).expect("the machine has run for some seconds");
}

#[test]
fn five_seconds_count_from_the_last_answer_and_not_from_the_last_look() {
    let answers = Arc::default();
    let mut timeout = AnswerTimeout::new(&answers);
    assert_eq!(timeout.next_wait(), Some(STEP));
    pass(&mut timeout, LIMIT - STEP / 2);
    answers.fetch_add(1, Ordering::Relaxed);
    assert_eq!(timeout.next_wait(), Some(STEP));
    pass(&mut timeout, LIMIT - STEP / 2);
    assert!(timeout.next_wait().is_none_or(|left| left <= STEP / 2));
    pass(&mut timeout, STEP);
    assert_eq!(timeout.next_wait(), None);
}

#[test]
fn a_timeout_is_for_one_store() {
    let (one, other) = (Arc::default(), Arc::default());
    let timeout = AnswerTimeout::new(&one);
    assert!(timeout.is_for(&one) && !timeout.is_for(&other));
}
