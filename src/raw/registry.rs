//! The registry: every claim that is not in slots, and who waits for whom.
//!
//! Pure bookkeeping, `&mut self` throughout: it knows nothing of threads, tasks or atomics. A waiting
//! claim carries the number of claims that block it, and whoever takes that number to zero grants it,
//! there and then. What a granted claim's owner waits on (`W`) is handed back, to be woken later.
//!
//! - **R1** Claims are ranked by arrival. A waiting claim is blocked by exactly those claims that
//!   conflict with it and have a lower rank (Kara's rule: those that were there before it).
//! - **R2** A re-entrant claim is blocked by held claims only, those that were there before it, and itself
//!   has rank 0: it passes every waiting claim, and every conflicting one waits for it.
//!   An upgrade is such a claim, but does not wait for the shared one that it upgrades; where two overlap, one is refused.
//! - **R3** `blockers` of a waiting group is the number of pairs (blocking claim, span of the group);
//!   it is zero only in the moment of granting.
//! - **R4** Two held claims never conflict, save for the proxy of one that is in its slot or cell and is
//!   about to find that it must leave, and for a claim whose upgrade has been granted and which is about to leave.

mod claim;
mod tree;

use std::ops::ControlFlow;

use crate::raw::place::Place;
use crate::{Mode, Span};
use claim::{Claim, State};
use tree::{IntervalTree, Sought, Traits, in_the_way_of};

pub(crate) use claim::{ClaimId, Queueing};

/// A claim as a snapshot shows it.
pub(crate) struct Entry {
    pub(crate) span: Span,
    pub(crate) mode: Mode,
    pub(crate) is_held: bool,
    pub(crate) arrival: u64,
    /// Whom it goes before: as a holder, all that arrived after this.
    pub(crate) rank: u64,
    pub(crate) place: Place,
}

pub(crate) struct Registry<W> {
    tree: IntervalTree,
    /// By the numbers that the tree gives out; `None` where a number is vacant.
    claims: Vec<Option<Claim<W>>>,
    arrivals: u64,
    waiting: u32,
}

impl<W> Registry<W> {
    pub(crate) fn new() -> Registry<W> {
        Registry { tree: IntervalTree::new(), claims: Vec::new(), arrivals: 0, waiting: 0 }
    }

    /// Whether any claim waits.
    pub(crate) fn has_queue(&self) -> bool {
        self.waiting != 0
    }

    /// How many claims a newcomer would have to wait for.
    pub(crate) fn blockers(&self, span: Span, mode: Mode, queueing: Queueing) -> u32 {
        let mut blockers = 0;
        let _ = self.visit_sought(in_the_way_of(mode), span, |_, claim| {
            let is_ahead = queueing == Queueing::InLine || claim.state == State::Held;
            blockers += u32::from(is_ahead && claim.mode.conflicts_with(mode));
            ControlFlow::<()>::Continue(())
        });
        blockers
    }

    /// Whether a newcomer would have to wait.
    pub(crate) fn blocks(&self, span: Span, mode: Mode, queueing: Queueing) -> bool {
        if self.tree.is_empty() {
            return false;
        }
        let found = self.visit_sought(in_the_way_of(mode), span, |_, claim| {
            let is_ahead = queueing == Queueing::InLine || claim.state == State::Held;
            if is_ahead && claim.mode.conflicts_with(mode) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        found.is_break()
    }

    /// Whether a newcomer in line would have to wait for a claim that is held or waits; `is_undecided` says of a cell
    /// whether its claim may yet find that it must leave.
    pub(crate) fn blocks_for_good(
        &self,
        span: Span,
        mode: Mode,
        is_undecided: impl Fn(u32) -> bool,
    ) -> bool {
        let found = self.visit_sought(in_the_way_of(mode), span, |id, claim| {
            if claim.mode.conflicts_with(mode) && !self.must_leave(id, &is_undecided) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        found.is_break()
    }

    /// Whether a claim is the proxy of one that will find that it must leave: who came to where somebody is held,
    /// or waited before.
    fn must_leave(&self, id: ClaimId, is_undecided: &impl Fn(u32) -> bool) -> bool {
        let proxy = self.claim(id);
        let may_leave = match proxy.place {
            Place::Slot => true,
            Place::Cell(cell) => is_undecided(cell),
            Place::Board(_) | Place::Unlisted => false,
        };
        let was_there = |claim: &Claim<W>| match (claim.state, claim.place) {
            (State::Waiting(_), _) => claim.arrival < proxy.rank,
            (State::Held, Place::Slot) => false,
            (State::Held, Place::Cell(cell)) => !is_undecided(cell),
            (State::Held, Place::Board(_) | Place::Unlisted) => true,
        };
        let sought = in_the_way_of(proxy.mode);
        let found = self.visit_sought(sought, self.span(id), |other, claim| {
            if other != id && claim.mode.conflicts_with(proxy.mode) && was_there(claim) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        may_leave && found.is_break()
    }

    /// Admits a claim that nothing blocks. Its place is to be set by the caller.
    pub(crate) fn hold(&mut self, span: Span, mode: Mode, queueing: Queueing) -> ClaimId {
        self.admit(span, mode, queueing, State::Held)
    }

    /// Queues a claim behind `blockers` others, until the last of them has left. Its place is to be
    /// set by the caller.
    pub(crate) fn wait(
        &mut self,
        span: Span,
        mode: Mode,
        queueing: Queueing,
        blockers: u32,
        waiter: W,
    ) -> ClaimId {
        let id = self.admit(span, mode, queueing, State::Waiting(queueing));
        let claim = self.claim_mut(id);
        claim.blockers = u64::from(blockers);
        claim.waiter = Some(waiter);
        id
    }

    /// Queues another claim into the group of `leader`: they are granted together, when neither is
    /// blocked. The spans of a group must not overlap.
    pub(crate) fn wait_with(
        &mut self,
        leader: ClaimId,
        span: Span,
        mode: Mode,
        blockers: u32,
    ) -> ClaimId {
        let queueing = Queueing::InLine;
        let id = self.admit(span, mode, queueing, State::Waiting(queueing));
        self.claim_mut(id).leader = leader;
        let first = self.claim_mut(leader);
        first.blockers += u64::from(blockers);
        let next = first.sibling.replace(id);
        self.claim_mut(id).sibling = next;
        id
    }

    /// Whether an upgrade of a claim that overlaps `span` waits.
    pub(crate) fn has_upgrade(&self, span: Span) -> bool {
        let found = self.visit_sought(Sought::Waiting, span, |_, claim| match claim.state {
            State::Waiting(Queueing::Upgrade) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        });
        found.is_break()
    }

    /// Queues the upgrade of a held shared claim behind `blockers` others, of which it is none itself, or has it
    /// held if there are none. Its place is to be set by the caller.
    pub(crate) fn upgrade_behind(
        &mut self,
        own: ClaimId,
        blockers: u32,
        waiter: impl FnOnce() -> W,
    ) -> ClaimId {
        let (span, mode) = (self.span(own), Mode::Exclusive);
        let id = match blockers {
            0 => self.hold(span, mode, Queueing::Upgrade),
            _ => self.wait(span, mode, Queueing::Upgrade, blockers, waiter()),
        };
        self.claim_mut(id).upgrades = Some(own);
        id
    }

    /// Lets the upgrade of the last of those for whom `proxy` stands, if it waits, wait for the others no more.
    pub(crate) fn left_alone(&mut self, proxy: ClaimId, granted: &mut Vec<W>) {
        let span = self.span(proxy);
        self.unblock(
            span,
            |claim| {
                claim.upgrades == Some(proxy) && claim.state == State::Waiting(Queueing::Upgrade)
            },
            granted,
        );
    }

    /// Takes out a claim that is held, or a group's claim that waits, and grants those that it was the
    /// last to block. Returns where the claim was shown.
    pub(crate) fn remove(&mut self, id: ClaimId, granted: &mut Vec<W>) -> Place {
        let span = self.tree.span(id.0);
        self.tree.remove(id.0);
        let gone = self.claims[id.0 as usize].take().expect("the claim is registered");
        let Claim { mode, state, rank, place, .. } = gone;
        self.waiting -= u32::from(state != State::Held);
        let blocked = |waiting: &Claim<W>| {
            mode.conflicts_with(waiting.mode)
                && (waiting.is_behind(rank, state) || gone.has_passed(waiting))
        };
        self.unblock(span, blocked, granted);
        place
    }

    /// Turns a held exclusive claim into a shared one, and lets in the readers behind it.
    pub(crate) fn downgrade(&mut self, id: ClaimId, granted: &mut Vec<W>) {
        let claim = self.claim_mut(id);
        claim.mode = Mode::Shared;
        let rank = claim.rank;
        self.tree.set_traits(id.0, Traits { mode: Mode::Shared, is_waiting: false });
        let blocked = |waiting: &Claim<W>| {
            waiting.mode == Mode::Shared && waiting.is_behind(rank, State::Held)
        };
        self.unblock(self.tree.span(id.0), blocked, granted);
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
        // Writers that wait here counted this claim when they came. Readers did not, and now must,
        // those included that came before it: hence rank 0.
        let claim = self.claim_mut(id);
        claim.mode = Mode::Exclusive;
        claim.rank = 0;
        self.tree.set_traits(id.0, Traits { mode: Mode::Exclusive, is_waiting: false });
        self.block(span, |waiting| waiting.mode == Mode::Shared);
    }

    /// Splits a held claim in two at `at`, which lies inside it. The number stays with the lower part; the
    /// place of the upper part is to be set by the caller.
    pub(crate) fn split(&mut self, id: ClaimId, at: u64) -> ClaimId {
        let span = self.tree.span(id.0);
        let (lower, upper) = span.split_at(at);
        let claim = self.claim_mut(id);
        let (mode, rank) = (claim.mode, claim.rank);
        self.tree.replace(id.0, lower);
        let new = self.admit(upper, mode, Queueing::InLine, State::Held);
        self.claim_mut(new).rank = rank;
        // Whoever waits on both sides of the cut counted one claim and now waits for two.
        let cut = Span::from_range(at - 1..at);
        let mut torn = Vec::new();
        let _ = self.visit_sought(Sought::Waiting, cut, |id, claim| {
            let spans_cut = self.tree.span(id.0).end() > at;
            let conflicts = claim.mode.conflicts_with(mode);
            if spans_cut && conflicts && claim.is_behind(rank, State::Held) {
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
    pub(crate) fn shrink(&mut self, id: ClaimId, to: Span, granted: &mut Vec<W>) {
        let from = self.tree.span(id.0);
        self.tree.replace(id.0, to);
        let claim = self.claim(id);
        let (mode, rank) = (claim.mode, claim.rank);
        let blocked = |waiting: &Claim<W>| {
            mode.conflicts_with(waiting.mode) && waiting.is_behind(rank, State::Held)
        };
        self.unblock_unless(from, to, blocked, granted);
    }

    /// Whether a claim that had to wait has been granted.
    pub(crate) fn is_held(&self, id: ClaimId) -> bool {
        self.claim(id).state == State::Held
    }

    /// What the owner of a waiting claim waits on.
    pub(crate) fn waiter_mut(&mut self, id: ClaimId) -> Option<&mut W> {
        self.claim_mut(id).waiter.as_mut()
    }

    /// The same, for a claim that is about to be removed.
    pub(crate) fn take_waiter(&mut self, id: ClaimId) -> Option<W> {
        self.claim_mut(id).waiter.take()
    }

    pub(crate) fn set_place(&mut self, id: ClaimId, place: Place) {
        self.claim_mut(id).place = place;
    }

    pub(crate) fn place(&self, id: ClaimId) -> Place {
        self.claim(id).place
    }

    pub(crate) fn span(&self, id: ClaimId) -> Span {
        self.tree.span(id.0)
    }

    pub(crate) fn mode(&self, id: ClaimId) -> Mode {
        self.claim(id).mode
    }

    /// The claim that stands for the holders of a unit's slot, if that slot is watched.
    pub(crate) fn proxy(&self, unit: Span) -> Option<ClaimId> {
        let found = self.visit(unit, |id, claim| match claim.place {
            Place::Slot => ControlFlow::Break(id),
            _ => ControlFlow::Continue(()),
        });
        found.break_value()
    }

    /// Span and mode of every proxy in `span`.
    pub(crate) fn proxies(&self, span: Span) -> Vec<(Span, Mode)> {
        let mut proxies = Vec::new();
        let _ = self.visit(span, |id, claim| {
            if claim.place.is_of_proxy() {
                proxies.push((self.span(id), claim.mode));
            }
            ControlFlow::<()>::Continue(())
        });
        proxies
    }

    /// The proxies in `span` that conflict with no other claim.
    pub(crate) fn idle_proxies(&self, span: Span) -> Vec<ClaimId> {
        let mut idle = Vec::new();
        let _ = self.visit(span, |id, claim| {
            if claim.place.is_of_proxy() && !self.conflicts_with_another(id) {
                idle.push(id);
            }
            ControlFlow::<()>::Continue(())
        });
        idle
    }

    fn conflicts_with_another(&self, id: ClaimId) -> bool {
        let mode = self.mode(id);
        let found = self.visit_sought(in_the_way_of(mode), self.span(id), |other, claim| {
            if other != id && claim.mode.conflicts_with(mode) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        found.is_break()
    }

    /// Every claim that overlaps `span`, without those that have been upgraded and are about to leave.
    pub(crate) fn entries(&self, span: Span) -> Vec<Entry> {
        let (mut entries, mut upgraded) = (Vec::new(), Vec::new());
        let _ = self.visit(span, |_, claim| {
            if claim.state == State::Held {
                upgraded.extend(claim.upgrades.map(|own| (own, claim.arrival)));
            }
            ControlFlow::<()>::Continue(())
        });
        let _ = self.visit(span, |id, claim| {
            // The number of one that has left may be another's, which came later.
            if upgraded.iter().any(|&(own, since)| own == id && claim.arrival < since) {
                return ControlFlow::Continue(());
            }
            entries.push(Entry {
                span: self.tree.span(id.0),
                mode: claim.mode,
                is_held: claim.state == State::Held,
                arrival: claim.arrival,
                rank: claim.rank,
                place: claim.place,
            });
            ControlFlow::<()>::Continue(())
        });
        entries
    }

    fn admit(&mut self, span: Span, mode: Mode, queueing: Queueing, state: State) -> ClaimId {
        self.arrivals += 1;
        let arrival = self.arrivals;
        let rank = match queueing {
            Queueing::InLine => arrival,
            Queueing::Reentrant | Queueing::Upgrade => {
                self.block(span, |waiting| waiting.mode.conflicts_with(mode));
                0
            }
        };
        self.waiting += u32::from(state != State::Held);
        let traits = Traits { mode, is_waiting: state != State::Held };
        let id = ClaimId(self.tree.insert(span, traits));
        let claim = Claim {
            mode,
            state,
            arrival,
            rank,
            place: Place::Slot,
            leader: id,
            blockers: 0,
            waiter: None,
            sibling: None,
            upgrades: None,
        };
        match self.claims.get_mut(id.0 as usize) {
            Some(vacant) => *vacant = Some(claim),
            None => self.claims.push(Some(claim)),
        }
        id
    }

    /// Makes the waiting claims on `span` that `which` chooses wait for one claim more.
    fn block(&mut self, span: Span, which: impl Fn(&Claim<W>) -> bool) {
        if self.tree.is_empty() {
            return;
        }
        let claims = &mut self.claims;
        let _ = self.tree.visit_overlapping(Sought::Waiting, span, |id| {
            let claim = claims[id as usize].as_ref().expect("the tree holds claims only");
            if claim.state != State::Held && which(claim) {
                let leader = claim.leader;
                claims[leader.0 as usize].as_mut().expect("a group has a leader").blockers += 1;
            }
            ControlFlow::<()>::Continue(())
        });
    }

    fn unblock(&mut self, span: Span, which: impl Fn(&Claim<W>) -> bool, granted: &mut Vec<W>) {
        self.unblock_unless(span, Span::EMPTY, which, granted);
    }

    /// Lets the waiting claims that overlap `span` but not `except`, and that `which` chooses, wait
    /// for one claim fewer.
    fn unblock_unless(
        &mut self,
        span: Span,
        except: Span,
        which: impl Fn(&Claim<W>) -> bool,
        granted: &mut Vec<W>,
    ) {
        if self.tree.is_empty() {
            return;
        }
        let (tree, claims, mut free) = (&self.tree, &mut self.claims, Vec::new());
        let _ = tree.visit_overlapping(Sought::Waiting, span, |id| {
            let claim = claims[id as usize].as_ref().expect("the tree holds claims only");
            let is_chosen = claim.state != State::Held && which(claim);
            if is_chosen && !tree.span(id).overlaps(except) {
                let leader = claim.leader;
                let first = claims[leader.0 as usize].as_mut().expect("a group has a leader");
                first.blockers -= 1;
                if first.blockers == 0 {
                    free.push(leader);
                }
            }
            ControlFlow::<()>::Continue(())
        });
        free.into_iter().for_each(|leader| self.grant(leader, granted));
    }

    /// Makes a group held, and hands over what its owner waits on.
    fn grant(&mut self, leader: ClaimId, granted: &mut Vec<W>) {
        let mut next = Some(leader);
        while let Some(id) = next {
            let claim = self.claim_mut(id);
            claim.state = State::Held;
            granted.extend(claim.waiter.take());
            next = claim.sibling;
            let mode = claim.mode;
            self.waiting -= 1;
            self.tree.set_traits(id.0, Traits { mode, is_waiting: false });
        }
    }

    fn visit<B>(
        &self,
        span: Span,
        visit: impl FnMut(ClaimId, &Claim<W>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.visit_sought(Sought::All, span, visit)
    }

    /// The same, for no more claims than those that are sought.
    fn visit_sought<B>(
        &self,
        sought: Sought,
        span: Span,
        mut visit: impl FnMut(ClaimId, &Claim<W>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.tree.visit_overlapping(sought, span, |id| {
            let id = ClaimId(id);
            visit(id, self.claim(id))
        })
    }

    fn claim(&self, id: ClaimId) -> &Claim<W> {
        self.claims[id.0 as usize].as_ref().expect("the claim is registered")
    }

    fn claim_mut(&mut self, id: ClaimId) -> &mut Claim<W> {
        self.claims[id.0 as usize].as_mut().expect("the claim is registered")
    }
}

#[cfg(test)]
mod tests;
