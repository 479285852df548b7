//! The registry: every claim that is not in slots, and who waits for whom.
//!
//! Pure bookkeeping, `&mut self` throughout: it knows nothing of threads, tasks or atomics. A waiting
//! claim carries the number of claims that block it. Whoever takes that number to zero grants the claim, there and
//! then, if it is due, and invites it to look again if it is patient. What a granted claim's owner waits on (`W`) is
//! handed back, to be woken later.
//!
//! - **R1** Claims are numbered by arrival. A due claim is blocked by the conflicting claims that are held, or were due, when
//!   it became due; a patient one by those that were held when it last looked, by all that are due, and by the
//!   patient ones that came before it.
//! - **R2** A re-entrant claim is blocked by held claims only, those that were there before it, and itself
//!   has rank 0: it passes every waiting claim, and every conflicting one waits for it.
//!   An upgrade is such a claim, but does not wait for the shared one that it upgrades; where two overlap, one is refused.
//! - **R3** `blockers` of a waiting group is the number of pairs (blocking claim, span of the group);
//!   it is zero in the moment of granting, and while a patient claim is invited.
//! - **R4** Two held claims never conflict, save for the proxy of one that is in its slot or cell and is
//!   about to find that it must leave, and for a claim whose upgrade has been granted and which is about to leave.

mod change;
mod claim;
mod line;
mod tree;

use std::ops::ControlFlow;

use crate::raw::place::Place;
use crate::{Mode, Span};
use claim::{Claim, State};
use tree::{IntervalTree, Sought, Traits, in_the_way_of};

pub(crate) use claim::{ClaimId, Queueing};
pub(crate) use line::Heirs;

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
    /// How many claims wait that newcomers do not pass.
    due: u32,
    /// Empty; kept for its memory.
    free: Vec<ClaimId>,
}

impl<W> Registry<W> {
    pub(crate) fn new() -> Registry<W> {
        let (tree, claims, free) = (IntervalTree::new(), Vec::new(), Vec::new());
        Registry { tree, claims, arrivals: 0, due: 0, free }
    }

    /// Whether any claim waits that newcomers do not pass.
    pub(crate) fn has_queue(&self) -> bool {
        self.due != 0
    }

    /// Admits a claim that nothing blocks. Its place is to be set by the caller.
    pub(crate) fn hold(&mut self, span: Span, mode: Mode, queueing: Queueing) -> ClaimId {
        if matches!(queueing, Queueing::Reentrant | Queueing::Upgrade) {
            self.block(span, |waiting| waiting.mode.conflicts_with(mode));
        }
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
        heirs: &mut Heirs<W>,
    ) -> ClaimId {
        match queueing {
            Queueing::Patient => {}
            Queueing::Due => self.pass(span, mode, u64::MAX, heirs),
            Queueing::Reentrant | Queueing::Upgrade => {
                self.block(span, |waiting| waiting.mode.conflicts_with(mode));
            }
        }
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
        heirs: &mut Heirs<W>,
    ) -> ClaimId {
        let queueing = Queueing::Due;
        self.pass(span, mode, u64::MAX, heirs);
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
        heirs: &mut Heirs<W>,
    ) -> ClaimId {
        let (span, mode) = (self.span(own), Mode::Exclusive);
        let id = match blockers {
            0 => self.hold(span, mode, Queueing::Upgrade),
            _ => self.wait(span, mode, Queueing::Upgrade, blockers, waiter(), heirs),
        };
        self.claim_mut(id).upgrades = Some(own);
        id
    }

    /// Lets the upgrade of the last of those for whom `proxy` stands, if it waits, wait for the others no more.
    pub(crate) fn left_alone(&mut self, proxy: ClaimId, heirs: &mut Heirs<W>) {
        let waits = State::Waiting(Queueing::Upgrade);
        let is_its_upgrade =
            |claim: &Claim<W>| claim.upgrades == Some(proxy) && claim.state == waits;
        self.unblock(self.span(proxy), is_its_upgrade, heirs);
    }

    /// Takes out a claim that is held, or a group's claim that waits, and grants or invites those that it was the
    /// last to block. Returns where the claim was shown.
    pub(crate) fn remove(&mut self, id: ClaimId, heirs: &mut Heirs<W>) -> Place {
        let span = self.tree.span(id.0);
        self.tree.remove(id.0);
        let claim = self.claim(id);
        let (mode, standing, place) = (claim.mode, claim.standing(), claim.place);
        self.due -= u32::from(claim.is_due());
        self.claims[id.0 as usize] = None;
        let blocked =
            |waiting: &Claim<W>| mode.conflicts_with(waiting.mode) && waiting.is_behind(standing);
        self.unblock(span, blocked, heirs);
        place
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

    /// Span and mode of every claim that has no cell, and in regions of which size it is counted.
    pub(crate) fn unlisted(&self) -> Vec<(Span, Mode, u32)> {
        let mut unlisted = Vec::new();
        let _ = self.visit(Span::ALL, |id, claim| {
            if let Place::Unlisted(size) = claim.place {
                unlisted.push((self.span(id), claim.mode, size));
            }
            ControlFlow::<()>::Continue(())
        });
        unlisted
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
        let arrival = self.next_arrival();
        let rank = match (state, queueing) {
            (State::Held, Queueing::Due) | (_, Queueing::Patient) => arrival,
            _ => 0,
        };
        let traits = Traits { mode, is_waiting: state != State::Held };
        let id = ClaimId(self.tree.insert(span, traits));
        let claim = Claim {
            mode,
            state,
            arrival,
            seen: arrival,
            rank,
            passes: 0,
            place: Place::Slot,
            leader: id,
            blockers: 0,
            waiter: None,
            sibling: None,
            upgrades: None,
        };
        self.due += u32::from(claim.is_due());
        match self.claims.get_mut(id.0 as usize) {
            Some(vacant) => *vacant = Some(claim),
            None => self.claims.push(Some(claim)),
        }
        id
    }

    fn next_arrival(&mut self) -> u64 {
        self.arrivals += 1;
        self.arrivals
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
