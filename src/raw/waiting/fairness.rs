//! Fairness: whether later claims may overtake a waiting one, and for how long.
//!
//! In a [bounded](Fairness::Bounded) lock a claim waits [patiently](crate::raw::waiting::patient)
//! first. After it was overtaken [`MOST_PASSES`](crate::sync::MOST_PASSES) times, or has waited for
//! [half a millisecond](crate::sync::end_of_patience), it becomes [due](crate::raw::waiting::due). Due at
//! once are an exclusive claim that waits only for shared ones, claims on several ranges, upgrades,
//! re-entrant claims, and every claim of a [strict](Fairness::Strict) lock.

use crate::raw::place::Part;
use crate::raw::registry::Queueing;
use crate::raw::{Core, Locked};

/// Whether waiting claims may be overtaken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fairness {
    /// Each a bounded number of times, or for a bounded time.
    Bounded,
    /// Not at all.
    Strict,
}

impl Core {
    /// How a blocked claim waits at first.
    pub(crate) fn queueing(&self) -> Queueing {
        match self.fairness {
            Fairness::Bounded => Queueing::Patient,
            Fairness::Strict => Queueing::Due,
        }
    }
}

impl Locked<'_> {
    /// Whether a new claim is blocked, and may wait patiently. A writer that waits only for readers
    /// may not: readers that overlap one another in time could starve it.
    pub(crate) fn may_be_patient(&mut self, Part { span, mode }: Part) -> bool {
        self.watch_those_there(span, mode);
        let found = self.registry().in_the_way(span, mode, Queueing::Due);
        found.claims != 0 && !found.starve(mode)
    }
}
