//! The registry: the claims that only the mutex can decide on, and which of them waits for which.
//!
//! It has every claim that waits, or that has not taken a slot or a cell for itself: because it had
//! to wait, found every cell taken, covers several ranges, replaces another claim, or was moved out
//! of its cell. For each claim that is [watched](crate::raw::board::watch) in a slot or a cell it
//! has a proxy.
//!
//! Pure bookkeeping, `&mut self` throughout: it knows nothing of threads, tasks or atomics. A
//! waiting claim has a count of the claims that block it. When the count becomes zero, a due claim
//! is granted immediately, and a patient one is invited to check again. What the owner of a granted
//! claim waits on (`W`) is returned, so that the caller can wake it later.
//!
//! - **R1** Claims are numbered by arrival. A due claim is blocked by the conflicting claims that
//!   are held, or were due, when it became due; a patient one by those that were held when it last
//!   checked, by all that are due, and by the patient ones that came before it.
//! - **R2** A re-entrant claim is blocked only by claims that were held before it. It overtakes
//!   every waiting claim: it has rank 0, and every conflicting claim that waits then or later waits
//!   for it. A claim that replaces a held one is admitted as a re-entrant one, before the other is
//!   removed. An upgrade is like a re-entrant claim, but does not wait for the shared claim that it
//!   upgrades. It waits for re-entrant claims that wait, and they do not wait for it: their owners
//!   may hold what the upgrade waits for. Of two overlapping upgrades one is refused.
//! - **R3** `blockers` of a waiting group is the number of pairs (blocking claim, span of the
//!   group); it is zero when the group is granted, and while a patient claim is invited.
//! - **R4** Two held claims never conflict, with two exceptions: the proxy of a claim in a slot or
//!   a cell that will be taken back; and a claim that was upgraded, or is being replaced, and is
//!   released next.

mod claim;
mod queue;
mod tree;

use std::ops::ControlFlow;

use crate::raw::place::Place;
use crate::{Mode, Span};
use claim::{Claim, State};
use tree::{IntervalTree, Sought, Traits, in_the_way_of};

pub(crate) use claim::{ClaimId, Queueing};
pub(crate) use queue::Affected;

/// A claim as it was when a snapshot was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClaimInfo {
    pub(crate) span: Span,
    pub(crate) mode: Mode,
    pub(crate) is_held: bool,
}

pub(crate) struct Registry<W> {
    tree: IntervalTree,
    /// By the numbers that the tree gives out; `None` where a number is vacant.
    claims: Vec<Option<Claim<W>>>,
    arrivals: u64,
    /// How many claims are due: they wait, and new claims do not overtake them.
    due: u32,
    /// Empty. Kept so that its memory is used again.
    spare: Vec<ClaimId>,
}

impl<W> Registry<W> {
    pub(crate) fn new() -> Registry<W> {
        let (tree, claims, spare) = (IntervalTree::new(), Vec::new(), Vec::new());
        Registry { tree, claims, arrivals: 0, due: 0, spare }
    }

    /// Whether any claim is due.
    pub(crate) fn has_queue(&self) -> bool {
        self.due != 0
    }

    /// Adds a claim that is held. The caller sets its place.
    pub(crate) fn hold(&mut self, span: Span, mode: Mode, queueing: Queueing) -> ClaimId {
        if matches!(queueing, Queueing::Reentrant | Queueing::Upgrade) {
            self.block(span, mode, |_| true);
        }
        self.admit(span, mode, queueing, State::Held)
    }

    /// Adds a claim that waits for `blockers` others, until the last of them has left. The caller
    /// sets its place, and what its owner waits on.
    pub(crate) fn wait(
        &mut self,
        span: Span,
        mode: Mode,
        queueing: Queueing,
        blockers: u32,
        affected: &mut Affected<W>,
    ) -> ClaimId {
        match queueing {
            Queueing::Patient => {}
            Queueing::Due => self.pass(span, mode, u64::MAX, affected),
            Queueing::Reentrant => self.block(span, mode, |_| true),
            Queueing::Upgrade => {
                self.block(span, mode, |state| state != State::Waiting(Queueing::Reentrant));
            }
        }
        let id = self.admit(span, mode, queueing, State::Waiting(queueing));
        self.claim_mut(id).blockers = u64::from(blockers);
        id
    }

    /// Adds a new claim to the group of `leader`, or makes it the leader of a new group. Returns
    /// the leader. A group is granted as a whole, when none of its claims is blocked. The spans of
    /// a group must not overlap.
    pub(crate) fn join(&mut self, id: ClaimId, leader: Option<ClaimId>) -> ClaimId {
        let Some(leader) = leader else { return id };
        let blockers = std::mem::take(&mut self.claim_mut(id).blockers);
        let first = self.claim_mut(leader);
        first.blockers += blockers;
        let next = first.sibling.replace(id);
        let claim = self.claim_mut(id);
        (claim.leader, claim.sibling) = (leader, next);
        leader
    }

    /// The next claim of the same group.
    pub(crate) fn sibling(&self, id: ClaimId) -> Option<ClaimId> {
        self.claim(id).sibling
    }

    /// Whether an upgrade that overlaps `span` waits.
    pub(crate) fn has_upgrade(&self, span: Span) -> bool {
        let waits = State::Waiting(Queueing::Upgrade);
        self.find(Sought::Waiting, span, |_, claim| claim.state == waits).is_some()
    }

    /// Records that a claim is the upgrade of another.
    pub(crate) fn set_upgrades(&mut self, id: ClaimId, own: ClaimId) {
        self.claim_mut(id).upgrades = Some(own);
    }

    /// Of the claims that `proxy` stands for, only one is left. If its upgrade waits, the upgrade
    /// no longer waits for `proxy`.
    pub(crate) fn unblock_upgrade_of(&mut self, proxy: ClaimId, affected: &mut Affected<W>) {
        let waits = State::Waiting(Queueing::Upgrade);
        let is_its_upgrade =
            |claim: &Claim<W>| claim.upgrades == Some(proxy) && claim.state == waits;
        self.unblock(self.span(proxy), is_its_upgrade, affected);
    }

    /// Removes a claim, and grants or invites the claims that are not blocked any more. If the
    /// claim waits in a group, the caller removes the whole group. Returns where the claim was
    /// shown.
    pub(crate) fn remove(&mut self, id: ClaimId, affected: &mut Affected<W>) -> Place {
        let span = self.span(id);
        self.tree.remove(id.0);
        let claim = self.claims[id.index()].take().expect("the claim is registered");
        let (mode, standing) = (claim.mode, claim.standing());
        self.due -= u32::from(claim.is_due());
        let blocked =
            |waiting: &Claim<W>| mode.conflicts_with(waiting.mode) && waiting.is_behind(standing);
        self.unblock(span, blocked, affected);
        claim.place
    }

    /// Whether a claim that had to wait has been granted.
    pub(crate) fn is_held(&self, id: ClaimId) -> bool {
        self.claim(id).state == State::Held
    }

    /// What the owner of a waiting claim waits on. In a group, the leader has it.
    pub(crate) fn waiter_mut(&mut self, id: ClaimId) -> &mut Option<W> {
        &mut self.claim_mut(id).waiter
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

    /// The claim in that place that overlaps `span`: the proxy of the claims in a word, or a claim
    /// that was moved out of a cell.
    pub(crate) fn in_place(&self, span: Span, place: Place) -> Option<ClaimId> {
        self.find(Sought::All, span, |_, claim| claim.place == place)
    }

    /// Span and mode of every proxy in `span`.
    pub(crate) fn proxies(&self, span: Span) -> Vec<(Span, Mode)> {
        let proxies = self.all(span, |_, claim| claim.place.is_of_proxy());
        proxies.into_iter().map(|id| (self.span(id), self.mode(id))).collect()
    }

    /// Span and mode of every claim that is counted in regions.
    pub(crate) fn unlisted(&self) -> Vec<(Span, Mode)> {
        let mut unlisted = Vec::new();
        self.find(Sought::All, Span::ALL, |id, claim| {
            if claim.place.is_counted() {
                unlisted.push((self.span(id), claim.mode));
            }
            false
        });
        unlisted
    }

    /// The proxies in `span` that conflict with no other claim.
    pub(crate) fn idle_proxies(&self, span: Span) -> Vec<ClaimId> {
        self.all(span, |id, claim| claim.place.is_of_proxy() && !self.meets_another(id, |_| true))
    }

    /// Whether a claim conflicts with another that `which` chooses.
    fn meets_another(&self, id: ClaimId, which: impl Fn(&Claim<W>) -> bool) -> bool {
        let mode = self.mode(id);
        let meets = |other, claim: &Claim<W>| {
            other != id && claim.mode.conflicts_with(mode) && which(claim)
        };
        self.find(in_the_way_of(mode), self.span(id), meets).is_some()
    }

    /// Every claim that overlaps `span`, except for claims that have been upgraded and are released
    /// next, and for proxies of claims that will be taken back. `None` if it is not decided yet
    /// whether some claim will be taken back. `is_undecided` is as for
    /// [`blocks_for_good`](Registry::blocks_for_good).
    pub(crate) fn shown(
        &self,
        span: Span,
        is_undecided: impl Fn(u32) -> bool,
    ) -> Option<Vec<ClaimInfo>> {
        let mut upgraded = Vec::new();
        let _ = self.all(span, |_, claim| {
            let is_upgrade = claim.state == State::Held;
            upgraded.extend(claim.upgrades.filter(|_| is_upgrade).map(|own| (own, claim.arrival)));
            false
        });
        let (mut shown, mut undecided) = (Vec::new(), Vec::new());
        let _ = self.all(span, |id, claim| {
            // If the upgraded claim has left, its number may have been given to a later claim.
            let is_upgraded = upgraded.iter().any(|&(own, at)| own == id && claim.arrival < at);
            match claim.place {
                Place::Cell(cell) if is_undecided(cell) => undecided.push(id),
                _ if is_upgraded || self.must_leave(id, &is_undecided) => {}
                _ => shown.push(id),
            }
            false
        });
        let conflict = |a: ClaimId, b: ClaimId| {
            self.span(a).overlaps(self.span(b)) && self.mode(a).conflicts_with(self.mode(b))
        };
        // A reader in a reader's word conflicts with a writer in the slot: one of the two will find
        // the other and be taken back.
        let place = |id: ClaimId| self.claim(id).place;
        let readers = shown.iter().filter(|&&id| matches!(place(id), Place::Reader(_)));
        let mut others = undecided.iter().chain(readers);
        let words = shown.iter().filter(|&&id| place(id).is_word());
        if others.any(|&other| words.clone().any(|&word| conflict(word, other))) {
            return None;
        }
        let info =
            |id| ClaimInfo { span: self.span(id), mode: self.mode(id), is_held: self.is_held(id) };
        Some(shown.into_iter().map(info).collect())
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
        match self.claims.get_mut(id.index()) {
            Some(vacant) => *vacant = Some(claim),
            None => self.claims.push(Some(claim)),
        }
        id
    }

    fn next_arrival(&mut self) -> u64 {
        self.arrivals += 1;
        self.arrivals
    }

    /// The first claim that overlaps `span`, has the properties of `sought`, and is chosen by
    /// `which`.
    #[inline]
    fn find(
        &self,
        sought: Sought,
        span: Span,
        mut which: impl FnMut(ClaimId, &Claim<W>) -> bool,
    ) -> Option<ClaimId> {
        let found = self.tree.visit_overlapping(sought, span, |id| {
            let id = ClaimId(id);
            if which(id, self.claim(id)) {
                ControlFlow::Break(id)
            } else {
                ControlFlow::Continue(())
            }
        });
        found.break_value()
    }

    /// Every claim that overlaps `span` and that `which` chooses.
    fn all(&self, span: Span, mut which: impl FnMut(ClaimId, &Claim<W>) -> bool) -> Vec<ClaimId> {
        let mut all = Vec::new();
        self.find(Sought::All, span, |id, claim| {
            if which(id, claim) {
                all.push(id);
            }
            false
        });
        all
    }

    /// Every waiting claim that overlaps `span` and that `which` chooses. The caller stores the
    /// vector in `spare` again.
    fn waiting(&mut self, span: Span, mut which: impl FnMut(&Claim<W>) -> bool) -> Vec<ClaimId> {
        let mut waiting = std::mem::take(&mut self.spare);
        self.find(Sought::Waiting, span, |id, claim| {
            if which(claim) {
                waiting.push(id);
            }
            false
        });
        waiting
    }

    fn claim(&self, id: ClaimId) -> &Claim<W> {
        self.claims[id.index()].as_ref().expect("the claim is registered")
    }

    fn claim_mut(&mut self, id: ClaimId) -> &mut Claim<W> {
        self.claims[id.index()].as_mut().expect("the claim is registered")
    }
}

#[cfg(test)]
mod tests;
