//! Tests of the lock without its guards, and what they share.

mod programs;
mod slots;
mod waiting;

use std::ops::ControlFlow;
use std::task::Waker;

use crate::Mode::{Exclusive, Shared};
use crate::Span;
use crate::raw::place::Kind;
use crate::raw::waiting::Patience;
use crate::raw::words::slot::Word;
use crate::raw::{Pending, Queued, RawLock};
use crate::sync::{BOARD_CELLS, Ordering, common_cells};

/// Checks that nothing is held, shown, counted or watched, that the lock can be closed to readers'
/// words, and that every cell can be taken.
pub(super) fn assert_idle(lock: &RawLock) {
    let all = lock.try_lock(Span::ALL, Exclusive).expect("nothing is held");
    lock.unlock(Span::ALL, Exclusive, all);
    lock.shut();
    assert_eq!(lock.core().summary.load(Ordering::Relaxed), 0, "the board is not empty");
    let used = lock.visit_slots(Span::ALL, |_, word: Word| ControlFlow::Break(word));
    assert!(used.is_continue(), "a slot is not free: {used:?}");
    let core = lock.core();
    let protected = core.protected.lock();
    assert!(
        protected.regions.is_empty() && core.regions.are_empty(),
        "a claim is counted in regions"
    );
    assert!(protected.proxies.iter().all(Option::is_none), "a claim is watched");
    drop(protected);
    let readers =
        (0..BOARD_CELLS as u32).map(|cell| core.cells.readers(cell).load(Ordering::Relaxed));
    assert_eq!(readers.sum::<u64>(), 0, "a reader is in a cell");
    let common = (common_cells() << (64 - BOARD_CELLS)).count_ones() as u64;
    let spans = (0..common).map(|at| Span::from_range(at * 10..at * 10 + 5));
    let holds: Vec<_> =
        spans.map(|span| (span, lock.try_lock(span, Shared).expect("it is free"))).collect();
    for (span, hold) in holds {
        assert!(matches!(hold.kind(), Kind::Cell(_)), "a cell was lost");
        lock.unlock(span, Shared, hold);
    }
}

fn span(start: u64, end: u64) -> Span {
    Span::from_range(start..end)
}

fn queue(lock: &RawLock, span: Span) -> Pending {
    match lock.lock_or_queue(span, Exclusive, Waker::noop()) {
        Queued::Waiting(pending) => pending,
        Queued::Held(hold) => panic!("held: {hold:?}"),
    }
}

/// Does what the owner of a claim does when it is awake. Returns whether the claim is held now.
fn look_again(lock: &RawLock, pending: Pending, patience: Patience) -> bool {
    let mut locked = lock.core().enter(lock);
    let is_held = locked.look_again(pending.id, patience);
    locked.close();
    is_held
}

/// The other readers may leave after the attempt and before the upgrade is queued.
#[test]
fn an_upgrade_that_queues_when_the_other_readers_have_left_is_held() {
    for wanted in [span(3, 4), span(3, 5), span(0, 1 << 60)] {
        let lock = RawLock::new();
        let hold = lock.lock(wanted, Shared);
        let mut locked = lock.core().enter(&lock);
        let queued = locked.admit_upgrade(wanted, hold, || unreachable!("nothing blocks it"));
        locked.close();
        let Some(Queued::Held(upgraded)) = queued else { panic!("{queued:?}") };
        lock.unlock(wanted, Shared, hold);
        assert!(lock.claims(Span::ALL).iter().all(|claim| claim.is_held));
        assert!(lock.conflicts(wanted, Shared));
        lock.unlock(wanted, Exclusive, upgraded);
        assert_idle(&lock);
    }
}
