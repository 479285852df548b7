use std::time::Duration;

use super::*;
use crate::raw::Fairness;

#[test]
fn patience_lasts_until_its_end_and_for_ever_without_one() {
    let lock = RawLock::new();
    assert_eq!(lock.fairness(), Fairness::Bounded);
    let span = Span::from_range(0..2);
    let hold = lock.lock(span, Mode::Exclusive);
    let queued = lock.lock_or_queue(span, Mode::Exclusive, Waker::noop());
    let Queued::Waiting(pending) = queued else { panic!("{queued:?}") };
    let hour = Duration::from_secs(3600);
    let cases = [
        (None, Patience::Lasts),
        (Some(Instant::now() + hour), Patience::Lasts),
        (Some(Instant::now()), Patience::IsOver),
    ];
    for (due_at, patience) in cases {
        assert_eq!(Pending { due_at, ..pending }.patience(), patience);
    }
    lock.unlock(span, Mode::Exclusive, hold);
    let hold = lock.withdraw(pending);
    assert_eq!(hold, None);
}
