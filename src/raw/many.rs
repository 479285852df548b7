//! Several spans of one lock, claimed together: all or nothing.

use std::sync::Arc;

use crate::deadlock::Waiting;
use crate::raw::registry::{ClaimId, Queueing};
use crate::raw::waiter::{Sleeper, Waiter};
use crate::raw::{Ledger, Path, RawLock};
use crate::sync::Parker;
use crate::{Mode, Span};

/// One span of a claim on several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) span: Span,
    pub(crate) mode: Mode,
}

impl RawLock {
    /// Takes all parts, which must neither overlap nor be empty, waiting for as long as any is blocked.
    pub(crate) fn lock_many(&self, parts: &[Part]) -> Box<[ClaimId]> {
        if parts.is_empty() {
            return Box::default();
        }
        let mut ledger = self.core().enter(self);
        let places: Vec<_> =
            parts.iter().map(|part| ledger.announce(part.span, part.mode)).collect();
        let blockers: Vec<u32> = parts
            .iter()
            .map(|part| ledger.registry().blockers(part.span, part.mode, Queueing::InLine))
            .collect();
        let parker = blockers.iter().any(|&n| n != 0).then(|| Arc::new(Parker::new()));
        let ids: Box<[ClaimId]> = match &parker {
            None => ledger.hold_all(parts),
            Some(parker) => ledger.wait_for_all(parts, &blockers, Arc::clone(parker)),
        };
        for (&id, &place) in ids.iter().zip(&places) {
            ledger.settle(id, place);
        }
        ledger.close();
        if let Some(parker) = parker {
            parker.wait();
        }
        ids
    }

    /// Takes all parts if nothing blocks any of them.
    pub(crate) fn try_lock_many(&self, parts: &[Part]) -> Option<Box<[ClaimId]>> {
        if parts.is_empty() {
            return Some(Box::default());
        }
        let mut ledger = self.core().enter(self);
        let is_blocked =
            |ledger: &Ledger<'_>| parts.iter().any(|part| ledger.is_blocked(part.span, part.mode));
        if is_blocked(&ledger) {
            return None;
        }
        let places: Vec<_> =
            parts.iter().map(|part| ledger.announce(part.span, part.mode)).collect();
        parts.iter().for_each(|part| ledger.watch_those_in_the_way(part.span));
        if is_blocked(&ledger) {
            // In reverse, so that no unlisted place is moved that has no number yet.
            let taken_back = parts.iter().zip(places).rev();
            taken_back.for_each(|(part, place)| ledger.retract(place, part.mode));
            parts.iter().for_each(|part| ledger.unwatch_idle(part.span));
            ledger.close();
            return None;
        }
        let ids = ledger.hold_all(parts);
        for (&id, place) in ids.iter().zip(places) {
            ledger.settle(id, place);
        }
        ledger.close();
        Some(ids)
    }

    /// Lets go of claims that were taken together.
    pub(crate) fn unlock_many(&self, ids: &[ClaimId]) {
        if ids.is_empty() {
            return;
        }
        let mut ledger = self.core().enter(self);
        ids.iter().for_each(|&id| ledger.remove(id));
        ledger.close();
    }
}

impl Ledger<'_> {
    fn hold_all(&mut self, parts: &[Part]) -> Box<[ClaimId]> {
        if let Some(mode) = strongest(parts) {
            self.lock.counters.granted(Path::Registry, mode);
        }
        let registry = &mut self.books.registry;
        parts.iter().map(|part| registry.hold(part.span, part.mode, Queueing::InLine)).collect()
    }

    fn wait_for_all(
        &mut self,
        parts: &[Part],
        blockers: &[u32],
        parker: Arc<Parker>,
    ) -> Box<[ClaimId]> {
        let mut leader = None;
        let spans = parts.iter().map(|part| (part.span, part.mode));
        let record = Waiting::in_line(self.lock.address(), spans);
        let mut waiter =
            strongest(parts).map(|mode| Waiter::new(Sleeper::Thread(parker), mode, record));
        let registry = &mut self.books.registry;
        parts
            .iter()
            .zip(blockers)
            .map(|(part, &blockers)| match (leader, waiter.take()) {
                (Some(leader), _) => registry.wait_with(leader, part.span, part.mode, blockers),
                (None, Some(waiter)) => {
                    let queueing = Queueing::InLine;
                    let id = registry.wait(part.span, part.mode, queueing, blockers, waiter);
                    leader = Some(id);
                    id
                }
                (None, None) => unreachable!("the first part takes the waiter and leads"),
            })
            .collect()
    }
}

/// The mode of a claim on several spans, as a whole.
fn strongest(parts: &[Part]) -> Option<Mode> {
    parts.iter().map(|part| part.mode).max()
}
