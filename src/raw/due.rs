//! Due waiting: a claim is shown on the board, and passed by nobody.
//!
//! Claims that are due are granted in the order in which they became so (first in, first out, by conflict), by whoever was the
//! last in their way: the owner is woken when the claim is held. All claims of a [strict](Fairness::Strict) lock
//! are due as soon as they wait. Of others those are that wait for readers only, those on several ranges, and those
//! that have been [patient](crate::raw::patient) for long enough.

use crate::raw::Ledger;

/// Whether claims may be passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fairness {
    /// Each a bounded number of times, or for a bounded time.
    Bounded,
    /// Not at all.
    Strict,
}

/// Whether a patient claim has waited for so long that it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    Lasts,
    IsOver,
}

impl Ledger<'_> {
    /// Makes those claims due that have been passed too often by others that became so.
    pub(super) fn make_overdue_due(&mut self) {
        while let Some(id) = self.wakes.heirs.overdue.pop() {
            if !self.registry().is_patient(id) {
                continue;
            }
            self.look_for(id, Patience::IsOver);
            if self.registry().is_held(id)
                && let Some(waiter) = self.registry().waiter_mut(id).take()
            {
                self.wakes.heirs.granted.push(waiter);
            }
        }
    }
}
