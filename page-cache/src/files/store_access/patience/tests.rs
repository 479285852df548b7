use super::*;

/// Lets time pass for a patience.
fn pass(patience: &mut Patience, time: Duration) {
    patience.since =
        patience.since.checked_sub(time).expect("the machine has run for some seconds");
}

#[test]
fn five_seconds_count_from_the_last_answer_and_not_from_the_last_look() {
    let answers = Arc::default();
    let mut patience = Patience::new(&answers);
    assert_eq!(patience.next_wait(), Some(STEP));
    pass(&mut patience, LIMIT - STEP / 2);
    answers.fetch_add(1, Ordering::Relaxed);
    assert_eq!(patience.next_wait(), Some(STEP));
    pass(&mut patience, LIMIT - STEP / 2);
    assert!(patience.next_wait().is_none_or(|left| left <= STEP / 2));
    pass(&mut patience, STEP);
    assert_eq!(patience.next_wait(), None);
}

#[test]
fn a_patience_is_for_one_store() {
    let (one, other) = (Arc::default(), Arc::default());
    let patience = Patience::new(&one);
    assert!(patience.is_for(&one) && !patience.is_for(&other));
}
