//! Looking at a lock without taking it.

use std::ops::ControlFlow;

use crate::raw::enter::unit_of;
use crate::raw::place::Place;
use crate::raw::registry::{ClaimId, Entry};
use crate::raw::slot::Word;
use crate::raw::summary::Summary;
use crate::raw::{Ledger, RawLock};
use crate::sync::{self, Ordering};
use crate::{Mode, Span};

/// A claim as it was when a snapshot was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClaimInfo {
    pub(crate) span: Span,
    pub(crate) mode: Mode,
    pub(crate) is_held: bool,
}

impl RawLock {
    /// What was counted so far.
    #[cfg(feature = "stats")]
    pub(crate) fn stats(&self) -> crate::Stats {
        self.counters.snapshot()
    }

    /// Whether a claim on `span` in `mode` would be blocked.
    pub(crate) fn conflicts(&self, span: Span, mode: Mode) -> bool {
        if span.is_empty() {
            return false;
        }
        if let Some(claims) = self.claims_without_core(span) {
            return claims.iter().any(|claim| claim.mode.conflicts_with(mode));
        }
        let mut ledger = self.core().enter(self);
        // ORDERING: Acquire: what the look finds free was left.
        let there = Summary::from_bits(self.summary.load(Ordering::Acquire));
        ledger.watch_all(there, span, mode);
        ledger.watch_those_in_the_way(span);
        let conflicts = ledger.is_blocked(span, mode);
        ledger.unwatch_idle(span);
        ledger.close();
        conflicts
    }

    /// Whether any unit of `span` is held.
    pub(crate) fn is_locked(&self, span: Span) -> bool {
        let alone = || unit_of(span).and_then(|unit| self.is_unit_locked(unit));
        alone().unwrap_or_else(|| self.claims(span).iter().any(|claim| claim.is_held))
    }

    /// The answer of a unit's slot, if there is nobody else whom the unit may belong to.
    fn is_unit_locked(&self, unit: u64) -> Option<bool> {
        let span = Span::from_range(unit..unit + 1);
        // ORDERING: Acquire, as in `slot_claims`.
        let word = Word::from_bits(self.slot_of(unit).load(Ordering::Acquire));
        // ORDERING: Acquire, as in `conflicts`.
        let summary = Summary::from_bits(self.summary.load(Ordering::Acquire));
        let has_slot_alone = word != Word::MOVED
            && word.bias().is_none()
            && (summary.is_empty()
                || self.existing_core().is_some_and(|core| {
                    !core.regions.may_meet(summary, span, Mode::Exclusive)
                        && core.cells.meet(summary, span, Mode::Exclusive).is_none()
                }));
        has_slot_alone.then(|| word.holder().is_some_and(|(holder, _)| holder == unit))
    }

    /// Every claim that overlaps `span`, held or waiting, by ascending start.
    pub(crate) fn claims(&self, span: Span) -> Vec<ClaimInfo> {
        if span.is_empty() {
            return Vec::new();
        }
        let mut claims = match self.claims_without_core(span) {
            Some(claims) => claims,
            None => loop {
                let mut ledger = self.core().enter(self);
                let claims = ledger.claims(span);
                ledger.close();
                match claims {
                    Some(claims) => break claims,
                    None => sync::pause(),
                }
            },
        };
        claims.sort_by_key(|claim| (claim.span.start(), claim.span.end(), !claim.is_held));
        claims
    }

    /// The claims of a lock that has neither registry nor cells, and so no mutex to look under.
    fn claims_without_core(&self, span: Span) -> Option<Vec<ClaimInfo>> {
        if self.existing_core().is_some() {
            return None;
        }
        let claims = self.slot_claims(span).into_iter().map(|(claim, _)| claim).collect();
        // Looked for once more: if the embedded slot was closed when we read it, then there is one (I1).
        self.existing_core().is_none().then_some(claims)
    }

    /// The claims in slots, several readers of a unit being one, and whether they are watched.
    fn slot_claims(&self, span: Span) -> Vec<(ClaimInfo, Word)> {
        let mut claims = Vec::new();
        let _ = self.visit_slots(span, |_, word| {
            if let Some((unit, mode)) = word.holder()
                && span.contains_unit(unit)
            {
                let span = Span::from_range(unit..unit + 1);
                claims.push((ClaimInfo { span, mode, is_held: true }, word));
            }
            ControlFlow::<()>::Continue(())
        });
        claims
    }
}

impl Ledger<'_> {
    /// Every claim that overlaps `span`; `None` if somebody has not yet found out whether he holds it. Claims
    /// that will find that they must leave are not shown.
    fn claims(&mut self, span: Span) -> Option<Vec<ClaimInfo>> {
        // Cells stay with their claims while they are watched.
        // ORDERING: Acquire, as in `conflicts`.
        let there = Summary::from_bits(self.lock.summary.load(Ordering::Acquire));
        let watched: Vec<ClaimId> =
            there.unwatched().used().filter_map(|cell| self.watch_cell(cell)).collect();
        let lock = self.lock;
        let _ = lock.visit_slots(span, |slot, _| {
            self.unbias(slot);
            ControlFlow::<()>::Continue(())
        });
        let entries = self.registry().entries(span);
        let slots = self.lock.slot_claims(span);
        let claims = self.shown(&entries, slots);
        watched.into_iter().for_each(|proxy| self.unwatch(proxy));
        claims
    }

    fn shown(&self, entries: &[Entry], slots: Vec<(ClaimInfo, Word)>) -> Option<Vec<ClaimInfo>> {
        // ORDERING: Acquire, as in `conflicts`.
        let now = Summary::from_bits(self.lock.summary.load(Ordering::Acquire));
        let (mut claims, mut undecided, mut patient) = (Vec::new(), Vec::new(), Vec::new());
        for entry in entries {
            let shown = match entry.place {
                Place::Slot => false,
                Place::Cell(cell) if !now.uses(cell) => false,
                Place::Cell(cell) if !self.core.cells.is_settled(cell) => {
                    undecided.push(entry.info());
                    false
                }
                Place::Nowhere => {
                    patient.push(entry.info());
                    false
                }
                Place::Cell(_) | Place::Board(_) | Place::Unlisted(_) => true,
            };
            if shown {
                claims.push((entry.info(), entry.arrival));
            }
        }
        let mut shown: Vec<ClaimInfo> = claims.iter().map(|&(claim, _)| claim).collect();
        shown.extend(patient);
        for (unit, word) in slots {
            if undecided.iter().any(|claim| claim.conflicts_with(&unit)) {
                return None;
            }
            let proxy = entries.iter().find(|e| e.place == Place::Slot && e.span == unit.span);
            let came = if word.has_waiters() { proxy.map(|proxy| proxy.rank) } else { None };
            // Who came to where somebody was, held or waiting, will find that he must leave.
            let must_leave = claims.iter().any(|(other, arrival)| {
                other.conflicts_with(&unit)
                    && (other.is_held || came.is_none_or(|came| *arrival < came))
            });
            if !must_leave {
                shown.push(unit);
            }
        }
        Some(shown)
    }
}

impl Entry {
    fn info(&self) -> ClaimInfo {
        ClaimInfo { span: self.span, mode: self.mode, is_held: self.is_held }
    }
}

impl ClaimInfo {
    fn conflicts_with(&self, other: &ClaimInfo) -> bool {
        self.span.overlaps(other.span) && self.mode.conflicts_with(other.mode)
    }
}
