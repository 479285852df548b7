//! Looking at a lock without taking it.

use crate::raw::registry::Queueing;
use crate::raw::slot::Word;
use crate::raw::{Place, RawLock};
use crate::sync::Ordering;
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
        ledger.registry().blocks(span, mode, Queueing::InLine) || ledger.slots_conflict(span, mode)
    }

    /// Every claim that overlaps `span`, held or waiting, by ascending start.
    pub(crate) fn claims(&self, span: Span) -> Vec<ClaimInfo> {
        if span.is_empty() {
            return Vec::new();
        }
        let mut claims = self.claims_without_core(span).unwrap_or_else(|| {
            let mut ledger = self.core().enter(self);
            let mut claims = self.slot_claims(span);
            let entries = ledger.registry().entries(span).into_iter();
            claims.extend(entries.filter(|entry| entry.place != Place::Slot).map(|entry| {
                ClaimInfo { span: entry.span, mode: entry.mode, is_held: entry.is_held }
            }));
            claims
        });
        claims.sort_by_key(|claim| (claim.span.start(), claim.span.end(), !claim.is_held));
        claims
    }

    /// The claims of a lock that has no registry, and so no mutex to look under.
    fn claims_without_core(&self, span: Span) -> Option<Vec<ClaimInfo>> {
        if self.existing_core().is_some() {
            return None;
        }
        let claims = self.slot_claims(span);
        // Looked for once more: if the embedded slot was closed when we read it, then there is one (I1).
        self.existing_core().is_none().then_some(claims)
    }

    /// The claims in slots; several readers of a unit are one.
    fn slot_claims(&self, span: Span) -> Vec<ClaimInfo> {
        let mut claims = Vec::new();
        self.visit_slots(span, |slot| {
            // ORDERING: Acquire: what the snapshot finds free was left, and who finds the embedded
            // slot closed finds the core.
            let word = Word::from_bits(slot.load(Ordering::Acquire));
            if let Some((unit, mode)) = word.holder()
                && span.contains_unit(unit)
            {
                let span = Span::from_range(unit..unit + 1);
                claims.push(ClaimInfo { span, mode, is_held: true });
            }
        });
        claims
    }
}
