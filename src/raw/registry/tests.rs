mod reference;

use std::collections::BTreeSet;

use super::tree::Traits;
use super::{ClaimId, Queueing, Registry, State};
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
    granted: Vec<u32>,
}

impl Pair {
    fn new(seed: u64) -> Pair {
        Pair {
            rng: fastrand::Rng::with_seed(seed),
            registry: Registry::new(),
            reference: Reference::default(),
            groups: 0,
            granted: Vec::new(),
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
        let blockers = self.registry.blockers(span, mode, queueing);
        assert_eq!(blockers as usize, self.reference.blockers(span, mode, queueing));
        assert_eq!(self.registry.blocks(span, mode, queueing), blockers != 0);
        blockers
    }

    fn note(&mut self, id: ClaimId, span: Span, mode: Mode, queueing: Queueing, is_held: bool) {
        self.registry.set_place(id, Place::Board(0));
        let group = self.groups;
        let is_proxy = false;
        let is_intruder = false;
        let has_passed = false;
        let claim =
            Naive { id, group, span, mode, queueing, is_held, is_intruder, is_proxy, has_passed };
        self.reference.claims.push(claim);
    }

    fn lock(&mut self, span: Span, mode: Mode, queueing: Queueing) {
        self.groups += 1;
        let blockers = self.blockers(span, mode, queueing);
        let id = match blockers {
            0 => self.registry.hold(span, mode, queueing),
            _ => self.registry.wait(span, mode, queueing, blockers, self.groups),
        };
        self.note(id, span, mode, queueing, blockers == 0);
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
        let line = Queueing::InLine;
        let blockers: Vec<u32> =
            parts.iter().map(|&(span, mode)| self.blockers(span, mode, line)).collect();
        let is_held = blockers.iter().all(|&n| n == 0);
        let mut leader = None;
        for ((span, mode), blockers) in parts.into_iter().zip(blockers) {
            let id = match leader {
                _ if is_held => self.registry.hold(span, mode, line),
                None => self.registry.wait(span, mode, line, blockers, self.groups),
                Some(leader) => self.registry.wait_with(leader, span, mode, blockers),
            };
            leader.get_or_insert(id);
            self.note(id, span, mode, line, is_held);
        }
    }

    /// The proxy of a slot that is watched now; it may turn out to be in the way of a claim.
    fn watch(&mut self) {
        let unit = Span::of_unit(self.rng.u64(..UNITS)).unwrap();
        let mode = self.mode();
        if self.reference.claims.iter().any(|claim| claim.is_proxy && claim.span == unit) {
            return;
        }
        self.groups += 1;
        let is_intruder = self.blockers(unit, mode, Queueing::InLine) != 0;
        let id = self.registry.hold(unit, mode, Queueing::InLine);
        self.note(id, unit, mode, Queueing::InLine, true);
        self.registry.set_place(id, Place::Slot);
        let claim = self.reference.claims.last_mut().unwrap();
        (claim.is_proxy, claim.is_intruder) = (true, is_intruder);
        assert_eq!(self.registry.proxy(unit), Some(id));
    }

    fn release(&mut self) {
        if let Some(at) = self.pick(|claim| claim.is_held) {
            let claim = self.reference.claims.remove(at);
            let place = self.registry.remove(claim.id, &mut self.granted);
            assert_eq!(place == Place::Slot, claim.is_proxy);
        }
    }

    /// Takes a waiting group back, in any order of its claims.
    fn withdraw(&mut self) {
        let Some(at) = self.pick(|claim| !claim.is_held) else { return };
        let group = self.reference.claims[at].group;
        while let Some(at) = self.pick(|claim| claim.group == group) {
            let claim = self.reference.claims.remove(at);
            if self.registry.take_waiter(claim.id).is_some() {
                assert_eq!(claim.id, self.registry.claim(claim.id).leader);
            }
            self.registry.remove(claim.id, &mut self.granted);
        }
    }

    fn downgrade(&mut self) {
        if let Some(at) = self.pick(|claim| claim.is_held && claim.mode == Exclusive) {
            let claim = &mut self.reference.claims[at];
            claim.mode = Shared;
            self.registry.downgrade(claim.id, &mut self.granted);
        }
    }

    fn upgrade(&mut self) {
        let at = self.pick(|claim| claim.is_held && claim.mode == Shared && !claim.is_intruder);
        let Some(at) = at else { return };
        let id = self.reference.claims[at].id;
        let alone = self.reference.holds_alone(at);
        assert_eq!(self.registry.holds_alone(id, |_| false), alone);
        if alone {
            self.reference.claims[at].mode = Exclusive;
            self.reference.claims[at].has_passed = true;
            self.registry.upgrade(id);
        }
    }

    fn split(&mut self) {
        let Some(at) = self.pick(|c| c.is_held && !c.is_proxy && c.span.len() > 1) else { return };
        let span = self.reference.claims[at].span;
        let cut = self.rng.u64(span.start() + 1..span.end());
        let (lower, upper) = span.split_at(cut);
        let mut part = self.reference.claims[at].clone();
        part.id = self.registry.split(part.id, cut);
        part.span = upper;
        self.registry.set_place(part.id, Place::Board(0));
        self.reference.claims[at].span = lower;
        self.reference.claims.insert(at + 1, part);
    }

    fn shrink(&mut self) {
        let Some(at) = self.pick(|c| c.is_held && !c.is_proxy) else { return };
        let span = self.reference.claims[at].span;
        let start = self.rng.u64(span.range());
        let to = Span::from_range(start..self.rng.u64(start + 1..=span.end()));
        self.reference.claims[at].span = to;
        self.registry.shrink(self.reference.claims[at].id, to, &mut self.granted);
    }

    fn step(&mut self) {
        let (span, mode) = (self.span(), self.mode());
        // The more claims there are, the rarer are new ones.
        let is_full = self.rng.usize(..60) < self.reference.claims.len();
        match self.rng.u32(..16) {
            0..6 if !is_full => self.lock(span, mode, Queueing::InLine),
            6 if !is_full => self.lock(span, Shared, Queueing::Reentrant),
            7 if !is_full => self.lock_many(),
            8 if !is_full => self.watch(),
            9 => self.withdraw(),
            10 => self.downgrade(),
            11 => self.upgrade(),
            12 => self.split(),
            13 => self.shrink(),
            _ => self.release(),
        }
    }

    fn compare(&mut self) {
        let granted: BTreeSet<u32> = self.granted.drain(..).collect();
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
        let blocks_for_good = self.registry.blocks_for_good(wanted, mode, |_| false);
        assert_eq!(blocks_for_good, self.reference.blocks_for_good(wanted, mode));
        let overlapping = self.reference.claims.iter().filter(|c| c.span.overlaps(wanted));
        assert_eq!(self.registry.entries(wanted).len(), overlapping.count());
        assert_eq!(self.registry.has_queue(), !self.reference.waiting().is_empty());
        self.registry.validate();
    }
}

#[test]
fn agrees_with_the_reference_on_who_is_granted_and_how_many_block_the_others() {
    // Miri takes its time.
    let (seeds, steps) = if cfg!(miri) { (2, 200) } else { (40, 2_000) };
    for seed in 0..seeds {
        let mut pair = Pair::new(seed);
        for _ in 0..steps {
            pair.step();
            pair.compare();
        }
        while !pair.reference.claims.is_empty() {
            pair.release();
            pair.compare();
        }
        assert!(pair.registry.tree.is_empty());
        assert!(pair.registry.claims.iter().all(Option::is_none));
    }
}

/// 65,536 claims over as many parts of a group are one pair too many for 32 bits.
#[test]
fn a_group_may_be_blocked_by_more_pairs_than_fit_into_32_bits() {
    let mut registry = Registry::new();
    let leader = registry.wait(Span::from_range(0..1), Exclusive, Queueing::InLine, u32::MAX, ());
    registry.wait_with(leader, Span::from_range(1..2), Exclusive, u32::MAX);
    assert_eq!(registry.claim(leader).blockers, 2 * u64::from(u32::MAX));
}

/// The proxy of a claim that has entered its slot in error comes after the waiting claim and goes
/// before it is granted.
#[test]
fn a_reentrant_claim_is_not_granted_by_an_intruder_that_it_never_waited_for() {
    let mut registry = Registry::new();
    let mut granted = Vec::new();
    let held = registry.hold(Span::from_range(0..9), Exclusive, Queueing::InLine);
    let wanted = Span::from_range(5..15);
    let inner = registry.wait(wanted, Shared, Queueing::Reentrant, 1, "inner");
    let intruder = registry.hold(Span::from_range(12..13), Exclusive, Queueing::InLine);
    registry.remove(intruder, &mut granted);
    assert!(!registry.is_held(inner) && granted.is_empty());
    registry.remove(held, &mut granted);
    assert_eq!(granted, ["inner"]);
}

/// How many entries of the tree `work` looks at.
fn looks<W>(registry: &mut Registry<W>, work: impl FnOnce(&mut Registry<W>)) -> u64 {
    let before = registry.tree.looks.get();
    work(registry);
    registry.tree.looks.get() - before
}

/// Looks that a claim may take in a tree of a few thousand, to come and to go.
const FEW: u64 = 100;

#[test]
fn a_crowd_of_shared_claims_costs_each_of_them_a_logarithm() {
    const CROWD: u32 = 4_000;
    let all = Span::from_range(0..u64::MAX);
    let mut registry = Registry::new();
    let mut granted = Vec::new();
    let leave = |registry: &mut Registry<u32>, ids: Vec<ClaimId>, granted: &mut Vec<u32>| {
        for id in ids {
            registry.remove(id, granted);
        }
    };

    let mut ids = Vec::new();
    let seen = looks(&mut registry, |registry| {
        for _ in 0..CROWD {
            assert_eq!(registry.blockers(all, Shared, Queueing::InLine), 0);
            ids.push(registry.hold(all, Shared, Queueing::InLine));
        }
        leave(registry, ids, &mut granted);
    });
    assert!(seen < u64::from(CROWD) * FEW, "{seen} looks for {CROWD} claims that are held at once");

    // The same, of claims that had to wait.
    let writer = registry.hold(all, Exclusive, Queueing::InLine);
    let ids: Vec<ClaimId> =
        (0..CROWD).map(|n| registry.wait(all, Shared, Queueing::InLine, 1, n)).collect();
    registry.remove(writer, &mut granted);
    assert_eq!(granted.len(), CROWD as usize);
    let seen = looks(&mut registry, |registry| leave(registry, ids, &mut granted));
    assert!(seen < u64::from(CROWD) * FEW, "{seen} looks for {CROWD} claims that have waited");

    // Somebody who waits elsewhere is in nobody's way.
    let far = Span::from_range(10..11);
    registry.hold(far, Exclusive, Queueing::InLine);
    registry.wait(far, Exclusive, Queueing::InLine, 1, 0);
    let near = Span::from_range(0..5);
    let seen = looks(&mut registry, |registry| {
        let mut ids = Vec::new();
        for _ in 0..CROWD {
            assert!(!registry.blocks(near, Shared, Queueing::InLine));
            ids.push(registry.hold(near, Shared, Queueing::InLine));
        }
        leave(registry, ids, &mut granted);
    });
    assert!(seen < u64::from(CROWD) * FEW, "{seen} looks for {CROWD} claims beside one that waits");
}

impl<W> Registry<W> {
    /// Checks R1 to R4 from the claims alone.
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
            assert_eq!(self.tree.traits(id.0), traits, "{id:?} is looked for by what it is");
            waiting += u32::from(claim.state != State::Held);
            for &other in ids.iter().filter(|&&other| other != id && conflict(id, other)) {
                let other_claim = self.claim(other);
                let is_proxied = is_proxy || other_claim.place == Place::Slot;
                let both = [claim.state, other_claim.state] == [State::Held; 2];
                assert!(!both || is_proxied, "{id:?} and {other:?} are held and conflict (R4)");
                counted[claim.leader.0 as usize] +=
                    u64::from(claim.is_behind(other_claim.rank, other_claim.state));
            }
        }
        assert_eq!(self.waiting, waiting);
        for &id in ids.iter().filter(|&&id| self.claim(id).state != State::Held) {
            let leader = self.claim(id).leader;
            assert_eq!(self.claim(leader).blockers, counted[leader.0 as usize], "{id:?} (R3)");
            assert_ne!(counted[leader.0 as usize], 0, "{id:?} waits for nobody");
            assert_eq!(self.claim(id).waiter.is_some(), id == leader);
        }
    }
}
