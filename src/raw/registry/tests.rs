mod comparison;
mod reference;

use super::{Affected, ClaimId, Queueing, Registry};
use crate::Mode::{self, Exclusive, Shared};
use crate::Span;
use crate::raw::place::Place;

/// 65,536 claims that block 65,536 parts of a group are 2^32 pairs, one too many for 32 bits.
#[test]
fn a_group_may_be_blocked_by_more_pairs_than_fit_into_32_bits() {
    let mut registry = Registry::<()>::new();
    let (one, two) = (Span::from_range(0..1), Span::from_range(1..2));
    let affected = &mut Affected::default();
    let leader = registry.wait(one, Exclusive, Queueing::Due, u32::MAX, affected);
    let second = registry.wait(two, Exclusive, Queueing::Due, u32::MAX, affected);
    registry.join(second, Some(leader));
    assert_eq!(registry.claim(leader).blockers, 2 * u64::from(u32::MAX));
}

/// The proxy of a claim that is taken back is added after the waiting claim, and is removed before
/// the waiting claim is granted.
#[test]
fn a_reentrant_claim_is_not_granted_by_the_removal_of_a_claim_that_it_did_not_wait_for() {
    let mut registry = Registry::new();
    let mut affected = Affected::default();
    let held = registry.hold(Span::from_range(0..9), Exclusive, Queueing::Due);
    let wanted = Span::from_range(5..15);
    let inner = registry.wait(wanted, Shared, Queueing::Reentrant, 1, &mut affected);
    *registry.waiter_mut(inner) = Some("inner");
    let intruder = registry.hold(Span::from_range(12..13), Exclusive, Queueing::Due);
    registry.remove(intruder, &mut affected);
    assert!(!registry.is_held(inner) && affected.granted.is_empty());
    registry.remove(held, &mut affected);
    assert_eq!(affected.granted, ["inner"]);
}

/// One of the two will be taken back, and it is not known yet which.
#[test]
fn a_snapshot_is_taken_again_while_a_tentative_claim_conflicts_with_one_in_a_slot() {
    let snapshot = |place: Place, is_undecided: bool| {
        let mut registry = Registry::<()>::new();
        let unit = registry.hold(Span::from_range(3..4), Exclusive, Queueing::Due);
        registry.set_place(unit, Place::Slot);
        let other = registry.hold(Span::from_range(3..9), Shared, Queueing::Due);
        registry.set_place(other, place);
        let shown = registry.shown(Span::ALL, |_| is_undecided);
        shown.map(|shown| shown.iter().map(|claim| claim.mode).collect::<Vec<_>>())
    };
    assert_eq!(snapshot(Place::Cell(0), true), None);
    assert_eq!(snapshot(Place::Reader(0), false), None);
    assert_eq!(snapshot(Place::Cell(0), false), Some(vec![Shared]), "the unit has to leave");
}

/// How many entries of the tree `work` reads.
fn looks<W>(registry: &mut Registry<W>, work: impl FnOnce(&mut Registry<W>)) -> u64 {
    let before = registry.tree.looks.get();
    work(registry);
    registry.tree.looks.get() - before
}

/// How many entries one claim may read, from its arrival to its removal, in a tree of a few
/// thousand.
const FEW: u64 = 100;

/// Queues a claim that waits for one other.
fn wait(
    registry: &mut Registry<u32>,
    span: Span,
    mode: Mode,
    waiter: u32,
    affected: &mut Affected<u32>,
) -> ClaimId {
    let id = registry.wait(span, mode, Queueing::Due, 1, affected);
    *registry.waiter_mut(id) = Some(waiter);
    id
}

#[test]
fn each_of_many_shared_claims_costs_logarithmic_time() {
    const CROWD: u32 = 4_000;
    let all = Span::from_range(0..u64::MAX);
    let mut registry = Registry::new();
    let mut affected = Affected::default();
    let leave = |registry: &mut Registry<u32>, ids: Vec<ClaimId>, affected: &mut Affected<u32>| {
        for id in ids {
            registry.remove(id, affected);
        }
    };

    let mut ids = Vec::new();
    let seen = looks(&mut registry, |registry| {
        for _ in 0..CROWD {
            assert_eq!(registry.in_the_way(all, Shared, Queueing::Due).claims, 0);
            ids.push(registry.hold(all, Shared, Queueing::Due));
        }
        leave(registry, ids, &mut affected);
    });
    assert!(seen < u64::from(CROWD) * FEW, "{seen} looks for {CROWD} claims that are held at once");

    // The same, of claims that had to wait.
    let writer = registry.hold(all, Exclusive, Queueing::Due);
    let ids: Vec<ClaimId> =
        (0..CROWD).map(|n| wait(&mut registry, all, Shared, n, &mut affected)).collect();
    registry.remove(writer, &mut affected);
    assert_eq!(affected.granted.len(), CROWD as usize);
    let seen = looks(&mut registry, |registry| leave(registry, ids, &mut affected));
    assert!(seen < u64::from(CROWD) * FEW, "{seen} looks for {CROWD} claims that have waited");

    // A claim that waits elsewhere adds no cost.
    let far = Span::from_range(10..11);
    registry.hold(far, Exclusive, Queueing::Due);
    wait(&mut registry, far, Exclusive, 0, &mut affected);
    let near = Span::from_range(0..5);
    let seen = looks(&mut registry, |registry| {
        let mut ids = Vec::new();
        for _ in 0..CROWD {
            assert!(!registry.blocks(near, Shared));
            ids.push(registry.hold(near, Shared, Queueing::Due));
        }
        leave(registry, ids, &mut affected);
    });
    assert!(seen < u64::from(CROWD) * FEW, "{seen} looks for {CROWD} claims beside one that waits");
}
