//! A simple registry, to compare the real one with: a list of claims. Which claims wait for which
//! is computed from the whole list each time, by Kara's rule.

use crate::raw::registry::{ClaimId, Queueing};
use crate::{Mode, Span};

#[derive(Clone, Debug)]
pub(super) struct Naive {
    pub(super) id: ClaimId,
    /// The claims of one acquisition have the same group, whose number is also their waiter.
    pub(super) group: u32,
    pub(super) span: Span,
    pub(super) mode: Mode,
    pub(super) queueing: Queueing,
    pub(super) is_held: bool,
    /// It is the proxy of a claim in a slot that will be taken back.
    pub(super) is_intruder: bool,
    pub(super) is_proxy: bool,
    /// It was upgraded, is re-entrant, or was due: all waiting claims have counted it.
    pub(super) has_passed: bool,
    /// The arrival number when it was added, and when it last counted the held claims.
    pub(super) since: u64,
    pub(super) seen: u64,
}

/// The claims in the order of their arrival. The parts of a split claim are at its position.
#[derive(Default)]
pub(super) struct Reference {
    pub(super) claims: Vec<Naive>,
}

impl Reference {
    /// How many claims a new claim would wait for, and how many of them are exclusive.
    pub(super) fn blockers(&self, span: Span, mode: Mode, queueing: Queueing) -> (usize, usize) {
        let is_ahead = |claim: &&Naive| {
            claim.is_held
                || match queueing {
                    Queueing::Reentrant | Queueing::Upgrade => false,
                    Queueing::Due => claim.queueing != Queueing::Patient,
                    Queueing::Patient => true,
                }
        };
        let ahead: Vec<&Naive> = self
            .claims
            .iter()
            .filter(|claim| claim.span.overlaps(span) && claim.mode.conflicts_with(mode))
            .filter(is_ahead)
            .collect();
        let writers = ahead.iter().filter(|claim| claim.mode == Mode::Exclusive).count();
        (ahead.len(), writers)
    }

    /// The number of pairs of a blocking claim and a claim of the group.
    pub(super) fn pairs(&self, group: u32) -> usize {
        let mut pairs = 0;
        let claims = self.claims.iter().enumerate();
        for (at, waiting) in claims.filter(|(_, claim)| claim.group == group) {
            for (other_at, other) in self.claims.iter().enumerate() {
                let conflicts =
                    other.span.overlaps(waiting.span) && other.mode.conflicts_with(waiting.mode);
                let was_first = other_at < at;
                let is_ahead = match (waiting.queueing, other.queueing) {
                    _ if other.is_held => other.has_passed || other.since < waiting.seen,
                    (Queueing::Reentrant | Queueing::Upgrade, _) => false,
                    (_, Queueing::Reentrant | Queueing::Upgrade) => true,
                    (Queueing::Due, Queueing::Patient) => false,
                    (Queueing::Patient, Queueing::Due) => true,
                    (Queueing::Due, Queueing::Due) | (Queueing::Patient, Queueing::Patient) => {
                        was_first
                    }
                };
                pairs += usize::from(other.group != group && conflicts && is_ahead);
            }
        }
        pairs
    }

    /// Grants every group that is not blocked, and returns these groups.
    pub(super) fn grant(&mut self) -> Vec<u32> {
        let mut granted = Vec::new();
        for group in self.waiting() {
            let is_patient = |claim: &Naive| claim.queueing == Queueing::Patient;
            let first = self.claims.iter().find(|claim| claim.group == group);
            if self.pairs(group) == 0 && !first.is_some_and(is_patient) {
                granted.push(group);
                let claims = self.claims.iter_mut().filter(|claim| claim.group == group);
                claims.for_each(|claim| (claim.is_held, claim.has_passed) = (true, true));
            }
        }
        granted
    }

    /// The groups that wait.
    pub(super) fn waiting(&self) -> Vec<u32> {
        let waiting = self.claims.iter().filter(|claim| !claim.is_held);
        let mut groups: Vec<u32> = waiting.map(|claim| claim.group).collect();
        groups.dedup();
        groups
    }

    pub(super) fn holds_alone(&self, at: usize) -> bool {
        let span = self.claims[at].span;
        let mut others = self.claims.iter().enumerate().filter(|&(other, _)| other != at);
        !others.any(|(other, claim)| {
            claim.is_held && claim.span.overlaps(span) && !self.must_leave(other)
        })
    }

    /// Whether a new claim would wait for a claim that will not be taken back.
    pub(super) fn blocks_for_good(&self, span: Span, mode: Mode) -> bool {
        let mut claims = self.claims.iter().enumerate();
        claims.any(|(at, claim)| {
            let stops = claim.is_held || claim.queueing != Queueing::Patient;
            let conflicts = claim.span.overlaps(span) && claim.mode.conflicts_with(mode);
            stops && conflicts && !self.must_leave(at)
        })
    }

    /// How many claims a snapshot shows: all but those that must leave.
    pub(super) fn shown(&self, span: Span) -> usize {
        let shown = (0..self.claims.len()).filter(|&at| !self.must_leave(at));
        shown.filter(|&at| self.claims[at].span.overlaps(span)).count()
    }

    /// Whether a claim is a proxy that conflicts with a claim that was held, or was due, before it.
    fn must_leave(&self, at: usize) -> bool {
        let proxy = &self.claims[at];
        let mut others = self.claims.iter().enumerate().filter(|&(other, _)| other != at);
        proxy.is_proxy
            && others.any(|(other, claim)| {
                let conflicts =
                    claim.span.overlaps(proxy.span) && claim.mode.conflicts_with(proxy.mode);
                let is_shown = claim.queueing != Queueing::Patient;
                let was_there = match claim.is_held {
                    true => !claim.is_proxy,
                    false => is_shown && other < at && !proxy.has_passed,
                };
                conflicts && was_there
            })
    }
}
