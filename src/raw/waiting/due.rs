//! Due claims: shown on the board, and not overtaken by later claims, except for re-entrant ones.
//!
//! Due claims that conflict are granted in the order in which they became due. A due claim is
//! granted when the last claim that blocked it leaves, by the thread that releases or withdraws
//! that claim; the owner of the due claim is woken when it is held.
//! [`fairness`](crate::raw::waiting::fairness) says which claims are due at once; the others are
//! [patient](crate::raw::waiting::patient) first.

use crate::raw::Locked;

/// Whether a patient claim has waited for so long that it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    Lasts,
    IsOver,
}

impl Locked<'_> {
    /// Makes those claims due that others, which became due earlier, have overtaken too often.
    pub(crate) fn make_overdue_due(&mut self) {
        while let Some(id) = self.wakes.affected.overdue.pop() {
            if !self.registry().is_patient(id) {
                continue;
            }
            self.look_for(id, Patience::IsOver);
            if self.registry().is_held(id)
                && let Some(waiter) = self.registry().waiter_mut(id).take()
            {
                self.wakes.affected.granted.push(waiter);
            }
        }
    }
}
