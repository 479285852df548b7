//! The registry again, obviously correct: a list of claims, and Kara's rule applied to it from
//! scratch.

use crate::raw::registry::{ClaimId, Queueing};
use crate::{Mode, Span};

#[derive(Clone, Debug)]
pub(super) struct Naive {
    pub(super) id: ClaimId,
    /// The claims of one acquisition have one group, which is also what its waiter says.
    pub(super) group: u32,
    pub(super) span: Span,
    pub(super) mode: Mode,
    pub(super) queueing: Queueing,
    pub(super) is_held: bool,
    /// A proxy of a claim that is in its slot and will find that it must leave.
    pub(super) is_intruder: bool,
    pub(super) is_proxy: bool,
    /// It was upgraded, is re-entrant, or was due: all that wait have counted it.
    pub(super) has_passed: bool,
    /// When it came, and up to when it has counted those that are held.
    pub(super) since: u64,
    pub(super) seen: u64,
}

/// The claims in the order of their arrival. Parts of a split claim stand where it stood.
#[derive(Default)]
pub(super) struct Reference {
    pub(super) claims: Vec<Naive>,
}

impl Reference {
    /// How many claims a newcomer with the next number would wait for.
    /// How many of them are exclusive comes second.
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

    /// How many pairs of a claim in the way and a claim of the group there are.
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

    /// Grants every group that nothing blocks; returns them.
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

    /// Whether a newcomer would wait for one that will not find that it must leave.
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

    /// Whether a proxy is in the way of one that is held, or waited when it came.
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
