//! Several spans of one lock, claimed together: all or nothing.

use std::mem;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use crate::deadlock::Waiting;
use crate::raw::registry::{ClaimId, Queueing};
use crate::raw::waiter::{Sleeper, Waiter};
use crate::raw::{Ledger, Path, Pending, RawLock};
use crate::sync::{Parker, Woken};
use crate::{Mode, Span};

/// One span of a claim on several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) span: Span,
    pub(crate) mode: Mode,
}

/// A claim on several spans that is in the queue, or already granted, by the numbers of its claims.
#[derive(Debug)]
#[must_use = "a queued claim blocks others until it is withdrawn, or granted and released"]
pub(crate) enum QueuedMany {
    Held(Box<[ClaimId]>),
    /// Not empty; the first leads the others, and has the waiter.
    Waiting(Box<[ClaimId]>),
}

// All take parts that neither overlap nor are empty.
impl RawLock {
    /// Takes all parts, waiting for as long as any is blocked.
    pub(crate) fn lock_many(&self, parts: &[Part]) -> Box<[ClaimId]> {
        let mut parker = None;
        let queued = self.queue_many(parts, |mode| {
            let parker = parker.insert(Parker::for_this_thread());
            let spans = parts.iter().map(|part| (part.span, part.mode));
            let record = Waiting::patiently(self.address(), spans);
            Waiter::new(Sleeper::Thread(Arc::clone(parker)), mode, record)
        });
        match (queued, parker) {
            (QueuedMany::Held(ids), _) => ids,
            (QueuedMany::Waiting(ids), Some(parker)) => {
                parker.wait();
                parker.keep();
                ids
            }
            (QueuedMany::Waiting(_), None) => unreachable!("a claim is queued with its parker"),
        }
    }

    /// Takes all parts, waiting until `deadline` at most.
    pub(crate) fn lock_many_until(
        &self,
        parts: &[Part],
        deadline: Instant,
    ) -> Option<Box<[ClaimId]>> {
        if deadline <= Instant::now() {
            return self.try_lock_many(parts);
        }
        let mut parker = None;
        let queued = self.queue_many(parts, |mode| {
            let parker = parker.insert(Parker::for_this_thread());
            Waiter::new(Sleeper::Thread(Arc::clone(parker)), mode, Waiting::unfollowed())
        });
        match (queued, parker) {
            (QueuedMany::Held(ids), _) => Some(ids),
            (QueuedMany::Waiting(ids), Some(parker)) => {
                let is_granted = parker.wait_until(Some(deadline)) == Woken::Granted;
                let is_held = is_granted || self.withdraw_many(&ids);
                parker.keep();
                is_held.then_some(ids)
            }
            (QueuedMany::Waiting(_), None) => unreachable!("a claim is queued with its parker"),
        }
    }

    /// Takes all parts, or puts the claim into the queue, from where `waker` is woken once it is granted.
    pub(crate) fn lock_many_or_queue(&self, parts: &[Part], waker: &Waker) -> QueuedMany {
        if let Some(ids) = self.try_lock_many(parts) {
            return QueuedMany::Held(ids);
        }
        // Cloned before the mutex is taken, and if it is not needed dropped after: both are user code.
        let mut sleeper = Some(Sleeper::of_task(waker));
        let queued = self.queue_many(parts, |mode| {
            let sleeper = sleeper.take().expect("a claim is queued once");
            Waiter::new(sleeper, mode, Waiting::unfollowed())
        });
        match queued {
            QueuedMany::Held(ids) => {
                let unowned = UnownedMany { lock: self, ids };
                drop(sleeper);
                QueuedMany::Held(unowned.claimed())
            }
            waiting => waiting,
        }
    }

    /// Whether a queued claim has been granted; if not, `waker` is the one to wake.
    pub(crate) fn poll_many(&self, ids: &[ClaimId], waker: &Waker) -> bool {
        self.poll(Pending::due(ids[0]), waker).is_some()
    }

    /// Takes a queued claim back out of the queue, all of it; whether it was granted meanwhile, and is not.
    pub(crate) fn withdraw_many(&self, ids: &[ClaimId]) -> bool {
        let mut ledger = self.core().enter(self);
        let granted = ledger.registry().is_held(ids[0]);
        // A waker's drop is user code: it must outlive the ledger.
        let waiter = ledger.registry().take_waiter(ids[0]);
        if !granted {
            for &id in ids {
                let span = ledger.registry().span(id);
                ledger.remove(id);
                ledger.unwatch_idle(span);
            }
        }
        if let Some(waiter) = &waiter {
            self.counters.withdrawn_after(&waiter.wait);
        }
        ledger.close();
        drop(waiter);
        granted
    }

    /// Takes all parts, or queues them with what `waiter` returns.
    fn queue_many(&self, parts: &[Part], waiter: impl FnOnce(Mode) -> Waiter) -> QueuedMany {
        let Some(mode) = strongest(parts) else { return QueuedMany::Held(Box::default()) };
        let mut ledger = self.core().enter(self);
        let places: Vec<_> =
            parts.iter().map(|part| ledger.announce(part.span, part.mode)).collect();
        let blockers: Vec<u32> = parts
            .iter()
            .map(|part| ledger.registry().in_the_way(part.span, part.mode, Queueing::Due).claims)
            .collect();
        let is_held = blockers.iter().all(|&blockers| blockers == 0);
        let ids = match is_held {
            true => ledger.hold_all(parts),
            false => ledger.wait_for_all(parts, &blockers, waiter(mode)),
        };
        for (&id, &place) in ids.iter().zip(&places) {
            ledger.settle(id, place);
        }
        ledger.close();
        if is_held { QueuedMany::Held(ids) } else { QueuedMany::Waiting(ids) }
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
            let taken_back = parts.iter().zip(places);
            taken_back.for_each(|(part, place)| ledger.retract(place, part.span, part.mode));
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

    /// Releases claims that were taken together.
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
        parts.iter().map(|part| registry.hold(part.span, part.mode, Queueing::Due)).collect()
    }

    fn wait_for_all(
        &mut self,
        parts: &[Part],
        blockers: &[u32],
        mut waiter: Waiter,
    ) -> Box<[ClaimId]> {
        waiter.record.is_due();
        let (mut leader, mut waiter) = (None, Some(waiter));
        let (registry, heirs) = (&mut self.books.registry, &mut self.wakes.heirs);
        parts
            .iter()
            .zip(blockers)
            .map(|(part, &blockers)| match (leader, waiter.take()) {
                (Some(leader), _) => {
                    registry.wait_with(leader, part.span, part.mode, blockers, heirs)
                }
                (None, Some(waiter)) => {
                    let queueing = Queueing::Due;
                    let id = registry.wait(part.span, part.mode, queueing, blockers, waiter, heirs);
                    leader = Some(id);
                    id
                }
                (None, None) => unreachable!("the first part takes the waiter and leads"),
            })
            .collect()
    }
}

/// A claim on several spans that is held before anybody owns it: released if user code panics meanwhile.
struct UnownedMany<'a> {
    lock: &'a RawLock,
    ids: Box<[ClaimId]>,
}

impl UnownedMany<'_> {
    fn claimed(mut self) -> Box<[ClaimId]> {
        mem::take(&mut self.ids)
    }
}

impl Drop for UnownedMany<'_> {
    fn drop(&mut self) {
        self.lock.unlock_many(&self.ids);
    }
}

/// The mode of a claim on several spans, as a whole.
fn strongest(parts: &[Part]) -> Option<Mode> {
    parts.iter().map(|part| part.mode).max()
}
