use super::{Explored, Fault, Strategy, explore};
use crate::gallery::stage::{play, violation};
use crate::order::trace::{Resource, Ticket};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::blocking::{Condvar, Mutex};
use spanlock::{Mode, RangeLock};

const RULE: &str = "each adds one";

/// Two threads that add one each, by a load and a store.
fn lose_an_update() {
    let count = AtomicU64::new(0);
    let add = || count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    play(|stage| {
        stage.thread("one", add);
        stage.thread("other", add);
    });
    play(|stage| {
        stage.thread("reader", || match count.load(Ordering::Relaxed) {
            2 => {}
            found => violation(format!("{found}"), RULE),
        });
    });
}

fn exhaustively(preemptions: usize, scenario: fn()) -> Explored {
    explore(Strategy::Exhaustive { preemptions }, 1_000, scenario)
}

#[test]
fn what_takes_a_preemption_is_not_found_without_one() {
    let Explored { schedules, exhausted, finding } = exhaustively(0, lose_an_update);
    assert_eq!((schedules, exhausted, finding), (2, Some(0), None));
}

#[test]
fn what_takes_a_preemption_is_found_with_one() {
    let explored = exhaustively(1, lose_an_update);
    let fault = explored.finding.map(|finding| finding.fault);
    let saw = Fault::Violation { reader: "reader".into(), saw: "1".into(), rule: RULE };
    assert_eq!(fault, Some(saw));
    assert_eq!(explored.exhausted, None, "a search that found something is not exhaustive");
}

#[test]
fn a_seed_finds_the_same_in_the_same_schedule() {
    let find = || explore(Strategy::Random { seed: 7 }, 1_000, lose_an_update);
    let first = find();
    assert!(first.finding.is_some());
    assert_eq!(find(), first);
}

#[test]
fn exploration_ends_with_as_many_schedules_as_it_was_given() {
    let priorities = Strategy::Priorities { seed: 1, depth: 2 };
    for strategy in [Strategy::Random { seed: 1 }, priorities] {
        let explored = explore(strategy, 10, || {
            let count = AtomicU64::new(0);
            let add = || {
                count.fetch_add(1, Ordering::Relaxed);
            };
            play(|stage| {
                stage.thread("one", add);
                stage.thread("other", add);
            });
        });
        assert_eq!(explored, Explored { schedules: 10, exhausted: None, finding: None });
    }
}

fn resource(unit: u64) -> Resource {
    let part = Some(("unit", unit..unit + 1));
    Resource { lock: "thing", owner: 1, part, mode: Mode::Exclusive }
}

/// Takes two units of a lock, one after the other.
fn take(lock: &RangeLock, units: [u64; 2]) {
    let claims = units.map(|unit| {
        let ticket = Ticket::asks(resource(unit));
        let claim = lock.lock_exclusive(unit..unit + 1);
        ticket.gets();
        (ticket, claim)
    });
    drop(claims);
}

#[test]
fn a_deadlock_is_reported_as_the_cycle_of_locks_held_and_waited_for() {
    let explored = exhaustively(1, || {
        let lock = RangeLock::new();
        play(|stage| {
            stage.thread("up", || take(&lock, [0, 1]));
            stage.thread("down", || take(&lock, [1, 0]));
        });
    });
    let circle = vec![
        "up holds thing of unit 0, exclusive, and waits for thing of unit 1, exclusive, which down \
         holds"
            .to_owned(),
        "down holds thing of unit 1, exclusive, and waits for thing of unit 0, exclusive, which up \
         holds"
            .to_owned(),
    ];
    let fault = explored.finding.map(|finding| finding.fault);
    assert_eq!(fault, Some(Fault::Deadlock(circle)));
}

#[test]
fn threads_that_take_turns_are_not_in_a_cycle() {
    let explored = exhaustively(1, || {
        let lock = RangeLock::new();
        play(|stage| {
            stage.thread("one", || take(&lock, [0, 1]));
            stage.thread("other", || take(&lock, [0, 1]));
        });
    });
    assert_eq!((explored.exhausted, explored.finding), (Some(1), None));
}

#[test]
fn a_thread_that_is_never_woken_is_named() {
    let explored = exhaustively(0, || {
        let (mutex, woken) = (Mutex::new(()), Condvar::new());
        play(|stage| {
            stage.thread("sleeper", || {
                drop(woken.wait(mutex.lock().expect("no thread panics")));
            });
        });
    });
    let told = vec!["sleeper waits, and no thread wakes it".to_owned()];
    assert_eq!(explored.finding.map(|finding| finding.fault), Some(Fault::Deadlock(told)));
}

#[test]
fn threads_that_go_round_for_ever_make_no_progress() {
    let explored = exhaustively(0, || {
        play(|stage| {
            stage.thread("spinner", || {
                loop {
                    crate::sync::thread::yield_now();
                }
            });
        });
    });
    let fault = explored.finding.map(|finding| finding.fault);
    assert!(matches!(fault, Some(Fault::NoProgress(_))), "{fault:?}");
}

#[test]
fn a_panic_ends_the_exploration_and_is_reported() {
    let explored = exhaustively(0, || {
        play(|stage| stage.thread("asserter", || panic!("that was wrong")));
    });
    let fault = explored.finding.map(|finding| finding.fault);
    assert_eq!(fault, Some(Fault::Panic("that was wrong".into())));
    assert_eq!(explored.schedules, 1);
}
