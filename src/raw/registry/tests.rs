mod reference;

use std::collections::BTreeSet;

use super::tree::Traits;
use super::{Affected, ClaimId, Queueing, Registry, State};
use crate::Mode::{self, Exclusive, Shared};
use crate::Span;
use crate::raw::place::Place;
use reference::{Naive, Reference};

const UNITS: u64 = 24;

/// The registry and its reference, side by side.
struct Pair {
    rng: fastrand::Rng,
    registry: Registry<u32>,
    reference: Reference,
    groups: u32,
    affected: Affected<u32>,
    /// Counts arrivals, as the registry does.
    clock: u64,
    /// The claims that were invited since they began to wait, or since they last checked again.
    invited: BTreeSet<u32>,
}

impl Pair {
    fn new(seed: u64) -> Pair {
        Pair {
            rng: fastrand::Rng::with_seed(seed),
            registry: Registry::new(),
            reference: Reference::default(),
            groups: 0,
            affected: Affected::default(),
            clock: 0,
            invited: BTreeSet::new(),
        }
    }

    fn span(&mut self) -> Span {
        let start = self.rng.u64(..UNITS);
        Span::from_range(start..start + self.rng.u64(1..8))
    }

    fn mode(&mut self) -> Mode {
        if self.rng.bool() { Shared } else { Exclusive }
    }

    /// The position of a claim in the reference that `which` accepts.
    fn pick(&mut self, which: impl Fn(&Naive) -> bool) -> Option<usize> {
        let claims = self.reference.claims.iter().enumerate();
        let chosen: Vec<usize> = claims.filter(|(_, c)| which(c)).map(|(at, _)| at).collect();
        (!chosen.is_empty()).then(|| chosen[self.rng.usize(..chosen.len())])
    }

    fn blockers(&self, span: Span, mode: Mode, queueing: Queueing) -> u32 {
        let found = self.registry.in_the_way(span, mode, queueing);
        let (blockers, writers) = self.reference.blockers(span, mode, queueing);
        assert_eq!((found.claims as usize, found.writers as usize), (blockers, writers));
        let blockers = found.claims;
        if queueing == Queueing::Due {
            assert_eq!(self.registry.blocks(span, mode), blockers != 0);
        }
        blockers
    }

    fn note(&mut self, id: ClaimId, span: Span, mode: Mode, queueing: Queueing, is_held: bool) {
        self.registry.set_place(id, Place::Nowhere);
        let group = self.groups;
        let is_proxy = false;
        let is_intruder = false;
        let has_passed = queueing == Queueing::Reentrant;
        self.clock += 1;
        let (since, seen) = (self.clock, self.clock);
        let claim = Naive {
            id,
            group,
            span,
            mode,
            queueing,
            is_held,
            is_intruder,
            is_proxy,
            has_passed,
            since,
            seen,
        };
        self.reference.claims.push(claim);
    }

    fn lock(&mut self, span: Span, mode: Mode, queueing: Queueing) {
        self.groups += 1;
        let blockers = self.blockers(span, mode, queueing);
        let id = match blockers {
            0 => self.registry.hold(span, mode, queueing),
            _ => {
                let id = self.registry.wait(span, mode, queueing, blockers, &mut self.affected);
                *self.registry.waiter_mut(id) = Some(self.groups);
                id
            }
        };
        self.note(id, span, mode, queueing, blockers == 0);
    }

    fn lock_patiently(&mut self, span: Span, mode: Mode) {
        if self.blockers(span, mode, Queueing::Due) == 0 {
            return self.lock(span, mode, Queueing::Due);
        }
        self.lock(span, mode, Queueing::Patient);
        let id = self.reference.claims.last().expect("it was just noted").id;
        self.invited.remove(&id.0);
    }

    /// Claims several disjoint spans as a group.
    fn lock_many(&mut self) {
        self.groups += 1;
        let mut parts = Vec::new();
        let mut from = self.rng.u64(..UNITS);
        for _ in 0..self.rng.usize(2..5) {
            let end = from + self.rng.u64(1..4);
            parts.push((Span::from_range(from..end), self.mode()));
            from = end + self.rng.u64(..3);
        }
        let line = Queueing::Due;
        let blockers: Vec<u32> =
            parts.iter().map(|&(span, mode)| self.blockers(span, mode, line)).collect();
        let is_held = blockers.iter().all(|&n| n == 0);
        let mut leader = None;
        for ((span, mode), blockers) in parts.into_iter().zip(blockers) {
            let id = match is_held {
                true => self.registry.hold(span, mode, line),
                false => self.registry.wait(span, mode, line, blockers, &mut self.affected),
            };
            if leader.is_none() && !is_held {
                *self.registry.waiter_mut(id) = Some(self.groups);
            }
            leader = Some(self.registry.join(id, leader));
            self.note(id, span, mode, line, is_held);
        }
    }

    /// Adds the proxy of a slot, as if it were watched now. It may conflict with an earlier claim.
    fn watch(&mut self) {
        let unit = Span::of_unit(self.rng.u64(..UNITS)).unwrap();
        let mode = self.mode();
        if self.reference.claims.iter().any(|claim| claim.is_proxy && claim.span == unit) {
            return;
        }
        self.groups += 1;
        let is_intruder = self.blockers(unit, mode, Queueing::Due) != 0;
        let id = self.registry.hold(unit, mode, Queueing::Due);
        self.note(id, unit, mode, Queueing::Due, true);
        self.registry.set_place(id, Place::Slot);
        let claim = self.reference.claims.last_mut().unwrap();
        (claim.is_proxy, claim.is_intruder) = (true, is_intruder);
        assert_eq!(self.registry.in_place(unit, Place::Slot), Some(id));
    }

    fn release(&mut self) {
        if let Some(at) = self.pick(|claim| claim.is_held) {
            let claim = self.reference.claims.remove(at);
            let place = self.registry.remove(claim.id, &mut self.affected);
            assert_eq!(place == Place::Slot, claim.is_proxy);
        }
    }

    /// Withdraws a waiting group, its claims in random order.
    fn withdraw(&mut self) {
        let Some(at) = self.pick(|claim| !claim.is_held) else { return };
        let group = self.reference.claims[at].group;
        while let Some(at) = self.pick(|claim| claim.group == group) {
            let claim = self.reference.claims.remove(at);
            if self.registry.waiter_mut(claim.id).take().is_some() {
                assert_eq!(claim.id, self.registry.claim(claim.id).leader);
            }
            self.registry.remove(claim.id, &mut self.affected);
        }
    }

    /// Lets a patient claim check again: it is held, continues to wait, or becomes due.
    fn look(&mut self) {
        let is_patient = |claim: &Naive| !claim.is_held && claim.queueing == Queueing::Patient;
        let Some(at) = self.pick(is_patient) else { return };
        let Naive { id, span, mode, .. } = self.reference.claims[at];
        let found = self.registry.in_the_way_of(id, Queueing::Due);
        let (claims, writers) = self.reference.blockers(span, mode, Queueing::Due);
        assert_eq!((found.claims as usize, found.writers as usize), (claims, writers));
        self.clock += 1;
        if found.claims != 0 && self.rng.bool() {
            self.reference.claims[at].seen = self.clock;
            self.invited.remove(&id.0);
            return self.registry.go_on_waiting(id, found);
        }
        let mut claim = self.reference.claims.remove(at);
        (claim.queueing, claim.has_passed) = (Queueing::Due, true);
        (claim.is_held, claim.seen) = (found.claims == 0, self.clock);
        self.reference.claims.push(claim);
        self.registry.make_due(id, found, &mut self.affected);
        if found.claims == 0 {
            self.registry.waiter_mut(id).take().expect("a patient claim has a waiter");
        }
    }

    /// Replaces a held claim by claims on parts of it.
    fn replace(&mut self, id: ClaimId, parts: &[(Span, Mode)]) -> Vec<ClaimId> {
        let place = self.registry.place(id);
        let hold = |&(span, mode): &(Span, Mode)| {
            let id = self.registry.hold(span, mode, Queueing::Reentrant);
            self.registry.set_place(id, place);
            id
        };
        let new = parts.iter().map(hold).collect();
        self.registry.remove(id, &mut self.affected);
        new
    }

    fn downgrade(&mut self) {
        if let Some(at) = self.pick(|claim| claim.is_held && claim.mode == Exclusive) {
            let Naive { id, span, .. } = self.reference.claims[at];
            let id = self.replace(id, &[(span, Shared)])[0];
            let claim = &mut self.reference.claims[at];
            (claim.id, claim.mode, claim.has_passed) = (id, Shared, true);
        }
    }

    fn upgrade(&mut self) {
        let at = self.pick(|claim| claim.is_held && claim.mode == Shared && !claim.is_intruder);
        let Some(at) = at else { return };
        let Naive { id, span, .. } = self.reference.claims[at];
        let wanted = (span, Exclusive, Queueing::Reentrant);
        let alone = self.reference.holds_alone(at);
        assert_eq!(self.registry.blocks_for_good(Some(id), wanted, |_| false), !alone);
        if alone {
            let id = self.replace(id, &[(span, Exclusive)])[0];
            let claim = &mut self.reference.claims[at];
            (claim.id, claim.mode, claim.has_passed) = (id, Exclusive, true);
        }
    }

    fn split(&mut self) {
        let Some(at) = self.pick(|c| c.is_held && !c.is_proxy && c.span.len() > 1) else { return };
        let Naive { id, span, mode, .. } = self.reference.claims[at];
        let (lower, upper) = span.split_at(self.rng.u64(span.start() + 1..span.end()));
        let ids = self.replace(id, &[(lower, mode), (upper, mode)]);
        let claim = &mut self.reference.claims[at];
        (claim.id, claim.span, claim.has_passed) = (ids[0], lower, true);
        let upper = Naive { id: ids[1], span: upper, ..claim.clone() };
        self.reference.claims.insert(at + 1, upper);
    }

    fn shrink(&mut self) {
        let Some(at) = self.pick(|c| c.is_held && !c.is_proxy) else { return };
        let Naive { id, span, mode, .. } = self.reference.claims[at];
        let start = self.rng.u64(span.range());
        let to = Span::from_range(start..self.rng.u64(start + 1..=span.end()));
        let id = self.replace(id, &[(to, mode)])[0];
        let claim = &mut self.reference.claims[at];
        (claim.id, claim.span, claim.has_passed) = (id, to, true);
    }

    fn step(&mut self) {
        let (span, mode) = (self.span(), self.mode());
        // The more claims there are, the more rarely is one added.
        let is_full = self.rng.usize(..60) < self.reference.claims.len();
        match self.rng.u32(..20) {
            0..4 if !is_full => self.lock(span, mode, Queueing::Due),
            4..6 if !is_full => self.lock_patiently(span, mode),
            6 if !is_full => self.lock(span, Shared, Queueing::Reentrant),
            7 if !is_full => self.lock_many(),
            8 if !is_full => self.watch(),
            9 => self.withdraw(),
            10 => self.downgrade(),
            11 => self.upgrade(),
            12 => self.split(),
            13 => self.shrink(),
            14..17 => self.look(),
            _ => self.release(),
        }
    }

    fn compare(&mut self) {
        let granted: BTreeSet<u32> = self.affected.granted.drain(..).collect();
        for id in self.affected.invited.drain(..).chain(self.affected.overdue.drain(..)) {
            self.invited.insert(id.0);
        }
        for claim in self.reference.claims.iter().filter(|claim| !claim.is_held) {
            let is_patient = claim.queueing == Queueing::Patient;
            assert_eq!(self.registry.is_patient(claim.id), is_patient, "{claim:?}");
            let is_free = is_patient && self.reference.pairs(claim.group) == 0;
            assert_eq!(self.registry.is_invited(claim.id), is_free, "{claim:?}");
            assert!(!is_free || self.invited.contains(&claim.id.0), "{claim:?} was not invited");
        }
        assert_eq!(granted, self.reference.grant().into_iter().collect(), "granted by this step");
        for claim in &self.reference.claims {
            let id = claim.id;
            assert_eq!(self.registry.is_held(id), claim.is_held, "{claim:?}");
            assert_eq!((self.registry.span(id), self.registry.mode(id)), (claim.span, claim.mode));
        }
        for group in self.reference.waiting() {
            let first = self.reference.claims.iter().find(|claim| claim.group == group);
            let leader = self.registry.claim(first.unwrap().id).leader;
            let blockers = self.registry.claim(leader).blockers;
            assert_eq!(blockers, self.reference.pairs(group) as u64, "group {group}");
        }
        let (wanted, mode) = (self.span(), self.mode());
        let blocks_for_good = {
            let wanted = (wanted, mode, Queueing::Due);
            self.registry.blocks_for_good(None, wanted, |_| false)
        };
        assert_eq!(blocks_for_good, self.reference.blocks_for_good(wanted, mode));
        let shown = self.registry.shown(wanted, |_| false).expect("there are no cells");
        assert_eq!(shown.len(), self.reference.shown(wanted));
        let mut waiting = self.reference.claims.iter().filter(|claim| !claim.is_held);
        let has_queue = waiting.any(|claim| claim.queueing != Queueing::Patient);
        assert_eq!(self.registry.has_queue(), has_queue);
        self.registry.validate();
    }
}

#[test]
fn agrees_with_the_reference_on_which_claims_are_granted_and_how_many_block_the_others() {
    // Miri is slow.
    let (seeds, steps) = if cfg!(miri) { (2, 200) } else { (40, 2_000) };
    for seed in 0..seeds {
        let mut pair = Pair::new(seed);
        for _ in 0..steps {
            pair.step();
            pair.compare();
        }
        while !pair.reference.claims.is_empty() {
            pair.release();
            pair.look();
            pair.compare();
        }
        assert!(pair.registry.tree.is_empty());
        assert!(pair.registry.claims.iter().all(Option::is_none));
    }
}

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

impl<W> Registry<W> {
    /// Checks R1 to R4, and computes from the claims alone what it compares with.
    fn validate(&self) {
        self.tree.validate();
        let ids = (0..self.claims.len()).filter(|&at| self.claims[at].is_some());
        let ids: Vec<ClaimId> = ids.map(|at| ClaimId(at as u32)).collect();
        let conflict = |a: ClaimId, b: ClaimId| {
            self.mode(a).conflicts_with(self.mode(b)) && self.span(a).overlaps(self.span(b))
        };
        let mut waiting = 0;
        let mut counted = vec![0; self.claims.len()];
        for &id in &ids {
            let claim = self.claim(id);
            let is_proxy = claim.place == Place::Slot;
            let traits = Traits { mode: claim.mode, is_waiting: claim.state != State::Held };
            assert_eq!(self.tree.traits(id.0), traits, "the traits of {id:?}");
            waiting += u32::from(claim.is_due());
            for &other in ids.iter().filter(|&&other| other != id && conflict(id, other)) {
                let other_claim = self.claim(other);
                let is_proxied = is_proxy || other_claim.place == Place::Slot;
                let both = [claim.state, other_claim.state] == [State::Held; 2];
                assert!(!both || is_proxied, "{id:?} and {other:?} are held and conflict (R4)");
                counted[claim.leader.0 as usize] +=
                    u64::from(claim.is_behind(other_claim.standing()));
            }
        }
        assert_eq!(self.due, waiting);
        for &id in ids.iter().filter(|&&id| self.claim(id).state != State::Held) {
            let leader = self.claim(id).leader;
            assert_eq!(self.claim(leader).blockers, counted[leader.0 as usize], "{id:?} (R3)");
            let is_patient = self.claim(id).is_patient();
            assert!(is_patient || counted[leader.0 as usize] != 0, "{id:?} waits for no claim");
            assert_eq!(self.claim(id).waiter.is_some(), id == leader);
        }
    }
}
