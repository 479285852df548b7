//! The registry again, obviously correct: a list of claims, and Kara's rule applied to it from scratch.

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
    /// It was upgraded, past all that waited.
    pub(super) has_passed: bool,
}

/// The claims in the order of their arrival. Parts of a split claim stand where it stood.
#[derive(Default)]
pub(super) struct Reference {
    pub(super) claims: Vec<Naive>,
}

impl Reference {
    /// How many claims a newcomer with the next number would wait for.
    pub(super) fn blockers(&self, span: Span, mode: Mode, queueing: Queueing) -> usize {
        self.claims
            .iter()
            .filter(|claim| claim.span.overlaps(span) && claim.mode.conflicts_with(mode))
            .filter(|claim| claim.is_held || queueing == Queueing::InLine)
            .count()
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
                let is_ahead = if other.is_intruder {
                    was_first
                } else if other.is_held {
                    true
                } else if waiting.queueing == Queueing::Reentrant {
                    false
                } else {
                    was_first || other.queueing == Queueing::Reentrant
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
            if self.pairs(group) == 0 {
                granted.push(group);
                let claims = self.claims.iter_mut().filter(|claim| claim.group == group);
                claims.for_each(|claim| claim.is_held = true);
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
            claim.span.overlaps(span) && claim.mode.conflicts_with(mode) && !self.must_leave(at)
        })
    }

    /// Whether a proxy is in the way of one that is held, or waited when it came.
    fn must_leave(&self, at: usize) -> bool {
        let proxy = &self.claims[at];
        let mut others = self.claims.iter().enumerate().filter(|&(other, _)| other != at);
        proxy.is_proxy
            && others.any(|(other, claim)| {
                let conflicts =
                    claim.span.overlaps(proxy.span) && claim.mode.conflicts_with(proxy.mode);
                let was_there =
                    if claim.is_held { !claim.is_proxy } else { other < at && !proxy.has_passed };
                conflicts && was_there
            })
    }
}
