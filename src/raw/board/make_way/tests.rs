use super::*;

use crate::Mode::{self, Exclusive, Shared};
use crate::raw::place::Kind;
use crate::raw::tests::assert_idle;
use crate::raw::{Hold, Part};

const CLAIMS: u64 = 100;

fn span(start: u64, end: u64) -> Span {
    Span::from_range(start..end)
}

/// More claims than there are cells, most of which are moved.
fn held(lock: &RawLock, span: impl Fn(u64) -> Span, mode: Mode) -> Vec<(Span, Hold)> {
    (0..CLAIMS).map(|at| (span(at), lock.lock(span(at), mode))).collect()
}

#[test]
fn a_claim_that_finds_every_cell_taken_gets_one_although_many_claims_are_held() {
    let lock = RawLock::new();
    let holds = held(&lock, |at| span(10 * at, 10 * at + 2), Exclusive);
    assert!(holds.iter().all(|(_, hold)| matches!(hold.kind(), Kind::Cell(_))));
    for at in 0..CLAIMS {
        assert!(lock.try_lock(span(10 * at + 1, 10 * at + 3), Shared).is_none());
        assert!(lock.try_lock(span(10 * at, 10 * at + 1), Shared).is_none());
        let free = span(10 * at + 2, 10 * at + 4);
        let hold = lock.try_lock(free, Exclusive).expect("it is not held");
        lock.unlock(free, Exclusive, hold);
    }
    assert_eq!(lock.claims(Span::ALL).len() as u64, CLAIMS);
    for (span, hold) in holds {
        lock.unlock(span, Exclusive, hold);
    }
    assert_idle(&lock);
}

/// Several claims on the same units were in each cell in turn. Each release finds its own claim,
/// and leaves the cell's present one alone.
#[test]
fn claims_that_were_moved_out_of_one_cell_are_distinguished() {
    let lock = RawLock::new();
    let mut holds = held(&lock, |_| span(3, 9), Shared);
    for at in (0..CLAIMS).rev() {
        let (span, hold) = holds.swap_remove((at / 3) as usize);
        lock.unlock(span, Shared, hold);
        assert_eq!(lock.claims(Span::ALL).len() as u64, at);
    }
    assert_idle(&lock);
}

#[test]
fn a_moved_claim_can_be_split_shrunk_downgraded_and_upgraded() {
    let lock = RawLock::new();
    let holds = held(&lock, |at| span(10 * at, 10 * at + 8), Exclusive);
    for (at, (whole, mut hold)) in (0..).zip(holds) {
        let [low, high] = [span(10 * at, 10 * at + 4), span(10 * at + 4, 10 * at + 8)];
        let is_free = |span, mode| !lock.conflicts(span, mode);
        match at % 4 {
            0 => {
                lock.downgrade(whole, &mut hold);
                assert!(is_free(whole, Shared) && !is_free(high, Exclusive));
                assert!(lock.try_upgrade(whole, &mut hold) && !is_free(low, Shared));
            }
            1 => {
                let part = Part { span: whole, mode: Exclusive };
                let upper = lock.split(part, &mut hold, high.start());
                lock.unlock(high, Exclusive, upper);
                assert!(is_free(high, Exclusive) && !is_free(low, Shared));
                lock.unlock(low, Exclusive, hold);
                continue;
            }
            2 => {
                lock.shrink(Part { span: whole, mode: Exclusive }, &mut hold, low);
                assert!(is_free(high, Exclusive) && !is_free(low, Shared));
                lock.unlock(low, Exclusive, hold);
                continue;
            }
            _ => {}
        }
        lock.unlock(whole, Exclusive, hold);
    }
    assert_idle(&lock);
}

/// The owner of a claim of the registry does not check its cell, so it would not find that the
/// claim was moved.
#[test]
fn a_claim_of_the_registry_is_not_moved() {
    let lock = RawLock::new();
    let part = |at| Part { span: span(10 * at, 10 * at + 2), mode: Exclusive };
    let holds: Vec<_> = (0..CLAIMS)
        .map(|at| (part(at).span, lock.try_lock_many(&[part(at)]).expect("no claim conflicts")))
        .collect();
    let own = lock.lock(span(5000, 5002), Exclusive);
    let found_no_cell = lock.lock(span(6000, 6002), Exclusive);
    assert!(matches!(found_no_cell.kind(), Kind::Claim(_)));
    lock.unlock(span(6000, 6002), Exclusive, found_no_cell);
    lock.unlock(span(5000, 5002), Exclusive, own);
    for (span, hold) in holds {
        lock.unlock(span, Exclusive, hold);
    }
    assert_idle(&lock);
}
