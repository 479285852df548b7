//! Random operations on the registry and on its reference, side by side.

use std::collections::BTreeSet;

use super::reference::{Naive, Reference};
use crate::Mode::{self, Exclusive, Shared};
use crate::Span;
use crate::raw::place::Place;
use crate::raw::registry::claim::State;
use crate::raw::registry::tree::Traits;
use crate::raw::registry::{Affected, ClaimId, Queueing, Registry};

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
