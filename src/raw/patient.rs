//! Patient waiting: a claim is known to those that it waits for, and not shown to those who come.
//!
//! So newcomers may have its range. Whoever was the last in its way invites it: wakes its owner, who looks again, and
//! finds its range free, or waits for those who were faster. Of claims that conflict only the first in line is
//! invited. One that was passed [`MOST_PASSES`](crate::sync::MOST_PASSES) times, or has waited for
//! [a while](crate::sync::patience), becomes [due](crate::raw::due).
//!
//! The succession is never lost: while a patient claim sleeps, somebody is in the registry whom it has counted and who will
//! take it off; while it is invited, its owner will look, or take it back, which invites the next.

use crate::raw::due::{Fairness, Patience};
use crate::raw::place::{Part, Place};
use crate::raw::registry::{ClaimId, Queueing};
use crate::raw::waiter::Waiter;
use crate::raw::{Core, Ledger, Pending, Queued};

impl Core {
    /// How a claim waits that has to.
    pub(super) fn queueing(&self) -> Queueing {
        match self.fairness {
            Fairness::Bounded => Queueing::Patient,
            Fairness::Strict => Queueing::Due,
        }
    }
}

impl Ledger<'_> {
    /// Whether somebody is in the way of a newcomer who will wake it, and whom it may wait for patiently.
    pub(super) fn may_be_patient(&mut self, Part { span, mode }: Part) -> bool {
        self.watch_those_there(span, mode);
        let found = self.registry().in_the_way(span, mode, Queueing::Due);
        found.claims != 0 && !found.starve(mode)
    }

    pub(super) fn wait_patiently(
        &mut self,
        Part { span, mode }: Part,
        waiter: impl FnOnce() -> Waiter,
    ) -> Queued {
        let queueing = Queueing::Patient;
        let found = self.registry().in_the_way(span, mode, queueing);
        let (registry, heirs) = (&mut self.books.registry, &mut self.wakes.heirs);
        let id = registry.wait(span, mode, queueing, found.claims, heirs);
        registry.set_place(id, Place::Nowhere);
        *registry.waiter_mut(id) = Some(waiter());
        Queued::Waiting(Pending::patient(id))
    }

    /// Looks again on behalf of a waiting claim whose owner is awake. Returns whether it is held.
    pub(super) fn look_again(&mut self, id: ClaimId, patience: Patience) -> bool {
        let registry = self.registry();
        if registry.is_patient(id) && (registry.is_invited(id) || patience == Patience::IsOver) {
            self.look_for(id, patience);
        }
        self.registry().is_held(id)
    }

    /// Takes a patient claim's range if it is free. If it is not, the claim becomes due if it may not be passed any more.
    pub(super) fn look_for(&mut self, id: ClaimId, patience: Patience) {
        let (span, mode) = (self.registry().span(id), self.registry().mode(id));
        let is_over = patience == Patience::IsOver;
        if !is_over {
            // Not shown yet: those in the way need not see it to wake it.
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
            self.books.registry.make_due(id, found, &mut self.wakes.heirs);
            self.settle(id, place);
            if let Some(waiter) = self.registry().waiter_mut(id) {
                waiter.record.is_due();
            }
        } else {
            self.registry().go_on_waiting(id, found);
            self.retract(place, span, mode);
        }
    }

    /// Notes whom to wake of those who have been invited and still are.
    pub(super) fn call_invited(&mut self) {
        let mut invited = std::mem::take(&mut self.wakes.heirs.invited);
        for id in invited.drain(..) {
            if self.registry().is_invited(id)
                && let Some(waiter) = self.registry().waiter_mut(id)
                && let Some(sleeper) = waiter.sleeper.call()
            {
                self.wakes.calls.push(sleeper);
            }
        }
    }
}
