//! Patient claims: waiting claims that are not shown on the board, so that later claims may take
//! the range first.
//!
//! A patient claim counts the claims that block it. When the last of them leaves, the patient claim
//! is *invited*: its owner is woken and checks again, and finds the range free or waits for the new
//! holders. Among patient claims that conflict only the first is invited.
//! [`fairness`](crate::raw::waiting::fairness) says when a claim is not patient any more; then it
//! is [due](crate::raw::waiting::due).
//!
//! No invitation is lost. While a patient claim is not invited, its count of blocking claims is not
//! zero: one of those claims is in the registry, and decrements the count when it leaves. While a
//! patient claim is invited, its owner will check again or withdraw the claim, and a withdrawal
//! invites the next one.

use crate::raw::place::{Part, Place};
use crate::raw::registry::{ClaimId, Queueing};
use crate::raw::waiting::{Patience, Waiter};
use crate::raw::{Locked, Pending, Queued};

impl Locked<'_> {
    pub(in crate::raw) fn wait_patiently(
        &mut self,
        Part { span, mode }: Part,
        waiter: impl FnOnce() -> Waiter,
    ) -> Queued {
        let queueing = Queueing::Patient;
        let found = self.registry().in_the_way(span, mode, queueing);
        let (registry, affected) = (&mut self.protected.registry, &mut self.wakes.affected);
        let id = registry.wait(span, mode, queueing, found.claims, affected);
        registry.set_place(id, Place::Nowhere);
        self.keep(id, waiter());
        Queued::Waiting(Pending::patient(id))
    }

    /// Checks again, for a waiting claim whose owner is awake, whether its range is free. Returns
    /// whether the claim is held.
    pub(in crate::raw) fn look_again(&mut self, id: ClaimId, patience: Patience) -> bool {
        let registry = self.registry();
        if registry.is_patient(id) && (registry.is_invited(id) || patience == Patience::IsOver) {
            self.look_for(id, patience);
        }
        self.registry().is_held(id)
    }

    /// Grants a patient claim if its range is free. If it is not, and the claim may not be
    /// overtaken any more, makes it due.
    pub(in crate::raw) fn look_for(&mut self, id: ClaimId, patience: Patience) {
        let (span, mode) = (self.registry().span(id), self.registry().mode(id));
        let is_over = patience == Patience::IsOver;
        if !is_over {
            // It is not shown on the board yet: to be invited, it only needs to be counted in the
            // registry.
            self.watch_those_there(span, mode);
            let found = self.registry().in_the_way_of(id, Queueing::Due);
            if found.claims != 0 && !found.starve(mode) && self.registry().may_be_passed_again(id) {
                return self.registry().go_on_waiting(id, found);
            }
        }
        let place = self.announce(span, mode);
        let found = self.registry().in_the_way_of(id, Queueing::Due);
        let must_be_due = is_over || found.starve(mode) || !self.registry().may_be_passed_again(id);
        if found.claims == 0 || must_be_due {
            self.protected.registry.make_due(id, found, &mut self.wakes.affected);
            self.settle(id, place);
            if let Some(waiter) = self.registry().waiter_mut(id) {
                waiter.record.is_due();
            }
        } else {
            self.registry().go_on_waiting(id, found);
            self.retract(place, span, mode);
        }
    }

    /// Collects the owners of the claims that were invited and are still invited, in order to wake
    /// them.
    pub(in crate::raw) fn call_invited(&mut self) {
        let news = &self.core.news;
        let mut invited = std::mem::take(&mut self.wakes.affected.invited);
        for id in invited.drain(..) {
            if self.registry().is_invited(id)
                && let Some(waiter) = self.registry().waiter_mut(id)
                && let Some(sleeper) = waiter.sleeper.call()
            {
                waiter.announce(news);
                self.wakes.calls.push(sleeper);
            }
        }
    }
}
