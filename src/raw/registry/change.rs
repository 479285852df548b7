//! Changes of a claim that is held: its mode, its span.

use std::ops::ControlFlow;

use super::claim::{Claim, ClaimId, Queueing, State};
use super::tree::{Sought, Traits};
use super::{Heirs, Registry};
use crate::{Mode, Span};

impl<W> Registry<W> {
    /// Turns a held exclusive claim into a shared one, and lets in the readers behind it.
    pub(crate) fn downgrade(&mut self, id: ClaimId, heirs: &mut Heirs<W>) {
        let claim = self.claim_mut(id);
        claim.mode = Mode::Shared;
        let standing = claim.standing();
        self.tree.set_traits(id.0, Traits { mode: Mode::Shared, is_waiting: false });
        let blocked =
            |waiting: &Claim<W>| waiting.mode == Mode::Shared && waiting.is_behind(standing);
        self.unblock(self.tree.span(id.0), blocked, heirs);
    }

    /// Whether no other claim is held on the span of this one; see
    /// [`blocks_for_good`](Registry::blocks_for_good).
    pub(crate) fn holds_alone(&self, id: ClaimId, is_undecided: impl Fn(u32) -> bool) -> bool {
        let others = self.visit(self.span(id), |other, claim| match claim.state {
            State::Held if other != id && !self.must_leave(other, &is_undecided) => {
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        });
        others.is_continue()
    }

    /// Turns a shared claim that [`holds_alone`](Registry::holds_alone) into an exclusive one. Waiting
    /// claims are passed: they wait for this one in any case, or do from now on.
    pub(crate) fn upgrade(&mut self, id: ClaimId) {
        let span = self.span(id);
        // Readers that wait here did not count this claim, nor did writers that it has passed. All do now: hence rank 0.
        let claim = self.claim_mut(id);
        let before = claim.standing();
        claim.mode = Mode::Exclusive;
        claim.rank = 0;
        self.tree.set_traits(id.0, Traits { mode: Mode::Exclusive, is_waiting: false });
        self.block(span, |waiting| waiting.mode == Mode::Shared || !waiting.is_behind(before));
    }

    /// Splits a held claim in two at `at`, which lies inside it. The number stays with the lower part; the
    /// place of the upper part is to be set by the caller.
    pub(crate) fn split(&mut self, id: ClaimId, at: u64) -> ClaimId {
        let span = self.tree.span(id.0);
        let (lower, upper) = span.split_at(at);
        let claim = self.claim_mut(id);
        let (mode, standing, rank) = (claim.mode, claim.standing(), claim.rank);
        self.tree.replace(id.0, lower);
        let new = self.admit(upper, mode, Queueing::Due, State::Held);
        self.claim_mut(new).rank = rank;
        // Whoever waits on both sides of the cut counted one claim and now waits for two.
        let cut = Span::from_range(at - 1..at);
        let mut torn = Vec::new();
        let _ = self.visit_sought(Sought::Waiting, cut, |id, claim| {
            let spans_cut = self.tree.span(id.0).end() > at;
            let conflicts = claim.mode.conflicts_with(mode);
            if spans_cut && conflicts && claim.is_behind(standing) {
                torn.push(claim.leader);
            }
            ControlFlow::<()>::Continue(())
        });
        for leader in torn {
            self.claim_mut(leader).blockers += 1;
        }
        new
    }

    /// Shrinks a held claim to `to`, a part of it that is not empty, and grants those that only waited
    /// for the rest.
    pub(crate) fn shrink(&mut self, id: ClaimId, to: Span, heirs: &mut Heirs<W>) {
        let from = self.tree.span(id.0);
        self.tree.replace(id.0, to);
        let claim = self.claim(id);
        let (mode, standing) = (claim.mode, claim.standing());
        let blocked =
            |waiting: &Claim<W>| mode.conflicts_with(waiting.mode) && waiting.is_behind(standing);
        self.unblock_unless(from, to, blocked, heirs);
    }
}
