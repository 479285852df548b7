//! Which claims wait for which, and which claim is granted next.

use super::Registry;
use super::claim::{Claim, ClaimId, Queueing, State};
use super::tree::{Sought, Traits, in_the_way_of};
use crate::raw::place::Place;
use crate::sync::MOST_PASSES;
use crate::{Mode, Span};

/// The claims that a change of the registry affects. Their owners are woken, or the claims are made
/// due, by the caller.
pub(crate) struct Affected<W> {
    /// What the owners of the granted claims wait on.
    pub(crate) granted: Vec<W>,
    /// Patient claims that are not blocked any more. Their owners are woken if that is still so
    /// when the mutex is released.
    pub(crate) invited: Vec<ClaimId>,
    /// Patient claims that may not be overtaken again.
    pub(crate) overdue: Vec<ClaimId>,
}

impl<W> Default for Affected<W> {
    fn default() -> Affected<W> {
        Affected { granted: Vec::new(), invited: Vec::new(), overdue: Vec::new() }
    }
}

/// The claims that a new claim would have to wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct InTheWay {
    pub(crate) claims: u32,
    pub(crate) writers: u32,
}

impl InTheWay {
    /// Whether a claim in this mode that waits for these must not be overtaken: a writer that waits
    /// only for readers could be starved by readers that overlap one another in time.
    pub(crate) fn starve(self, mode: Mode) -> bool {
        mode == Mode::Exclusive && self.writers == 0
    }
}

impl<W> Registry<W> {
    /// The claims that a new claim would have to wait for.
    pub(crate) fn in_the_way(&self, span: Span, mode: Mode, queueing: Queueing) -> InTheWay {
        self.others_in_the_way(None, span, mode, queueing)
    }

    /// The claims that a claim of the registry would have to wait for if it were new.
    pub(crate) fn in_the_way_of(&self, id: ClaimId, queueing: Queueing) -> InTheWay {
        self.others_in_the_way(Some(id), self.span(id), self.mode(id), queueing)
    }

    fn others_in_the_way(
        &self,
        except: Option<ClaimId>,
        span: Span,
        mode: Mode,
        queueing: Queueing,
    ) -> InTheWay {
        let mut found = InTheWay::default();
        self.find(in_the_way_of(mode), span, |id, claim| {
            if Some(id) != except && is_ahead(claim, queueing) && claim.mode.conflicts_with(mode) {
                found.claims += 1;
                found.writers += u32::from(claim.mode == Mode::Exclusive);
            }
            false
        });
        found
    }

    /// Whether a new claim that is due would have to wait.
    pub(crate) fn blocks(&self, span: Span, mode: Mode) -> bool {
        let is_in_the_way =
            |_, claim: &Claim<W>| is_ahead(claim, Queueing::Due) && claim.mode.conflicts_with(mode);
        self.find(in_the_way_of(mode), span, is_in_the_way).is_some()
    }

    /// Whether a new claim would have to wait for a claim, other than `except`, that will not be
    /// taken back. `is_undecided` says of a cell whether its claim may still be taken back.
    pub(crate) fn blocks_for_good(
        &self,
        except: Option<ClaimId>,
        (span, mode, queueing): (Span, Mode, Queueing),
        is_undecided: impl Fn(u32) -> bool,
    ) -> bool {
        let is_in_the_way = |id, claim: &Claim<W>| {
            Some(id) != except
                && is_ahead(claim, queueing)
                && claim.mode.conflicts_with(mode)
                && !self.must_leave(id, &is_undecided)
        };
        self.find(in_the_way_of(mode), span, is_in_the_way).is_some()
    }

    /// Whether a claim is the proxy of a claim that will be taken back, because a conflicting claim
    /// was held or due before it.
    pub(super) fn must_leave(&self, id: ClaimId, is_undecided: &impl Fn(u32) -> bool) -> bool {
        let proxy = self.claim(id);
        let may_leave = match proxy.place {
            Place::Slot | Place::Reader(_) => true,
            Place::Cell(cell) => is_undecided(cell),
            Place::Board(_) | Place::Unlisted | Place::Moved(_) | Place::Nowhere => false,
        };
        let was_there = |claim: &Claim<W>| match (claim.state, claim.place) {
            (State::Waiting(Queueing::Patient), _) => false,
            (State::Waiting(_), _) => claim.arrival < proxy.rank,
            (State::Held, Place::Slot | Place::Reader(_)) => false,
            (State::Held, Place::Cell(cell)) => !is_undecided(cell),
            (State::Held, Place::Board(_) | Place::Unlisted | Place::Moved(_) | Place::Nowhere) => {
                true
            }
        };
        may_leave && self.meets_another(id, was_there)
    }

    /// Whether a claim still waits patiently, and is not blocked.
    pub(crate) fn is_invited(&self, id: ClaimId) -> bool {
        self.is_patient(id) && self.claim(id).blockers == 0
    }

    /// Whether a claim still waits patiently.
    pub(crate) fn is_patient(&self, id: ClaimId) -> bool {
        let claim = self.claims.get(id.index()).and_then(Option::as_ref);
        claim.is_some_and(Claim::is_patient)
    }

    /// Whether a patient claim that has just been overtaken once more may be overtaken again.
    pub(crate) fn may_be_passed_again(&self, id: ClaimId) -> bool {
        self.claim(id).passes + 1 < MOST_PASSES
    }

    /// Makes a patient claim, which has checked again, wait for the claims that block it now.
    pub(crate) fn go_on_waiting(&mut self, id: ClaimId, in_the_way: InTheWay) {
        let (seen, arrival) = (self.next_arrival(), self.claim(id).arrival);
        let (span, mode) = (self.span(id), self.mode(id));
        let mut blockers = u64::from(in_the_way.claims);
        self.find(Sought::Waiting, span, |_, other| {
            let is_ahead = other.is_patient() && other.arrival < arrival;
            blockers += u64::from(is_ahead && other.mode.conflicts_with(mode));
            false
        });
        let claim = self.claim_mut(id);
        claim.seen = seen;
        claim.passes += u32::from(claim.blockers == 0);
        claim.blockers = blockers;
    }

    /// Makes a patient claim due, ahead of all patient ones, or held if no claim is in its way.
    pub(crate) fn make_due(
        &mut self,
        id: ClaimId,
        in_the_way: InTheWay,
        affected: &mut Affected<W>,
    ) {
        let (span, mode) = (self.span(id), self.mode(id));
        self.pass(span, mode, self.claim(id).arrival, affected);
        let now = self.next_arrival();
        let claim = self.claim_mut(id);
        (claim.arrival, claim.seen, claim.rank) = (now, now, 0);
        claim.blockers = u64::from(in_the_way.claims);
        let is_waiting = in_the_way.claims != 0;
        claim.state = if is_waiting { State::Waiting(Queueing::Due) } else { State::Held };
        self.due += u32::from(is_waiting);
        self.tree.set_traits(id.0, Traits { mode, is_waiting });
    }

    /// Makes the conflicting patient claims that came before `arrival` wait for a claim that
    /// becomes due now.
    pub(super) fn pass(
        &mut self,
        span: Span,
        mode: Mode,
        arrival: u64,
        affected: &mut Affected<W>,
    ) {
        let mut passed = self.waiting(span, |claim| {
            claim.is_patient() && claim.arrival < arrival && claim.mode.conflicts_with(mode)
        });
        for id in passed.drain(..) {
            let claim = self.claim_mut(id);
            claim.blockers += 1;
            claim.passes += 1;
            if claim.passes >= MOST_PASSES {
                affected.overdue.push(id);
            }
        }
        self.spare = passed;
    }

    /// Adds a blocker to each conflicting claim that waits, overlaps `span`, and is chosen by
    /// `which`.
    pub(super) fn block(&mut self, span: Span, mode: Mode, which: impl Fn(State) -> bool) {
        let mut blocked =
            self.waiting(span, |claim| claim.mode.conflicts_with(mode) && which(claim.state));
        for id in blocked.drain(..) {
            let leader = self.claim(id).leader;
            self.claim_mut(leader).blockers += 1;
        }
        self.spare = blocked;
    }

    /// Removes a blocker from each claim that waits, overlaps `span`, and is chosen by `which`.
    /// Grants or invites those that have none left.
    pub(super) fn unblock(
        &mut self,
        span: Span,
        which: impl Fn(&Claim<W>) -> bool,
        affected: &mut Affected<W>,
    ) {
        let mut leaders = self.waiting(span, which);
        leaders.iter_mut().for_each(|id| *id = self.claim(*id).leader);
        leaders.retain(|&leader| {
            let first = self.claim_mut(leader);
            first.blockers -= 1;
            first.blockers == 0
        });
        leaders.sort_unstable_by_key(|&leader| self.claim(leader).arrival);
        for leader in leaders.drain(..) {
            match self.is_patient(leader) {
                true => affected.invited.push(leader),
                false => self.grant(leader, &mut affected.granted),
            }
        }
        self.spare = leaders;
    }

    /// Grants a group, and adds what its owner waits on to `granted`.
    fn grant(&mut self, leader: ClaimId, granted: &mut Vec<W>) {
        let mut next = Some(leader);
        while let Some(id) = next {
            let claim = self.claim_mut(id);
            claim.state = State::Held;
            granted.extend(claim.waiter.take());
            next = claim.sibling;
            let mode = claim.mode;
            self.due -= 1;
            self.tree.set_traits(id.0, Traits { mode, is_waiting: false });
        }
    }
}

/// Whether a new claim that waits in this way has to wait for `claim`, if the two conflict.
fn is_ahead<W>(claim: &Claim<W>, queueing: Queueing) -> bool {
    match (claim.state, queueing) {
        (State::Held, _) => true,
        (State::Waiting(Queueing::Reentrant), Queueing::Upgrade) => true,
        (State::Waiting(_), Queueing::Reentrant | Queueing::Upgrade) => false,
        (State::Waiting(_), Queueing::Patient) => true,
        (State::Waiting(_), Queueing::Due) => claim.state.stops_new_claims(),
    }
}
