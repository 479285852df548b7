//! Inspecting a lock without acquiring a claim.

use crate::raw::enter::unit_of;
use crate::raw::place::Part;
use crate::raw::registry::ClaimInfo;
use crate::raw::words::slot::Word;
use crate::raw::{Locked, RawLock};
use crate::sync::{self, Ordering};
use crate::{Mode, Span};

impl RawLock {
    /// The counters' present values.
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
        let mut locked = self.core().enter(self);
        locked.watch_those_there(span, mode);
        locked.watch_those_in_the_way(span);
        let conflicts = locked.is_blocked(&[Part { span, mode }]);
        locked.unwatch_idle(span);
        locked.close();
        conflicts
    }

    /// Whether any unit of `span` is held.
    pub(crate) fn is_locked(&self, span: Span) -> bool {
        let alone = || unit_of(span).and_then(|unit| self.is_unit_locked(unit));
        alone().unwrap_or_else(|| self.claims(span).iter().any(|claim| claim.is_held))
    }

    /// Whether the unit's slot is held, if no claim outside the slot can include the unit.
    fn is_unit_locked(&self, unit: u64) -> Option<bool> {
        let span = Span::from_range(unit..unit + 1);
        // ORDERING: Acquire: if the slot is free, the caller happens after the claims that have
        // left it.
        let word = Word::from_bits(self.slot_of(unit).load(Ordering::Acquire));
        let has_slot_alone = word != Word::MOVED
            && self.existing_core().is_none_or(|core| {
                let summary = core.summary_now();
                core.cells.meet(summary, span, Mode::Exclusive).is_none()
                    && !core.cells.meet_readers_of(summary, span, Mode::Exclusive)
                    && !core.regions.may_meet(summary, span, Mode::Exclusive)
            });
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
                let mut locked = self.core().enter(self);
                let claims = locked.claims(span);
                locked.close();
                match claims {
                    Some(claims) => break claims,
                    None => sync::pause(),
                }
            },
        };
        claims.sort_by_key(|claim| (claim.span.start(), claim.span.end(), !claim.is_held));
        claims
    }

    /// The claims of a lock without a core: it has neither cells nor a table, but one slot.
    fn claims_without_core(&self, span: Span) -> Option<Vec<ClaimInfo>> {
        // ORDERING: Acquire: a slot that was closed was closed after the core was made. If the slot
        // is free, the caller happens after the claims that have left it.
        let word = Word::from_bits(self.slot.load(Ordering::Acquire));
        let claim = word.holder().map(|(unit, mode)| {
            let span = Span::from_range(unit..unit + 1);
            ClaimInfo { span, mode, is_held: true }
        });
        let claims = claim.into_iter().filter(|claim| claim.span.overlaps(span)).collect();
        self.existing_core().is_none().then_some(claims)
    }
}

impl Locked<'_> {
    /// Every claim that overlaps `span`; `None` if a claim is still tentative.
    fn claims(&mut self, span: Span) -> Option<Vec<ClaimInfo>> {
        self.watch_those_there(span, Mode::Exclusive);
        self.watch_those_in_the_way(span);
        let claims = self.protected.registry.shown(span, self.undecided());
        self.unwatch_idle(span);
        claims
    }
}
