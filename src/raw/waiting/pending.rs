//! Queued claims: each is waited for or withdrawn by its owner, a thread or a task.

use std::mem;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use crate::deadlock::Waiting;
use crate::raw::RawLock;
use crate::raw::place::{Hold, Obstacle, Part};
use crate::raw::registry::{ClaimId, Queueing};
use crate::raw::waiting::{Patience, Seen, Sleeper, Waiter};
use crate::sync::{self, Parker, Woken};
use crate::{Mode, Span};

/// The claim to queue.
#[derive(Clone, Copy)]
pub(in crate::raw) enum Request<'a> {
    /// A claim on one span, and what blocked it. It waits as the lock's fairness says.
    Claim(Part, Obstacle),
    /// One or more spans, neither empty nor overlapping: all or nothing.
    Several(&'a [Part]),
    /// A shared claim that overtakes all waiting claims.
    Reentrant(Span),
    /// An exclusive claim that replaces a shared one.
    Upgrade(Span, Hold),
}

/// A claim in the queue, or already granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queued {
    Held(Hold),
    Waiting(Pending),
}

/// A queued claim: its owner must wait for it, or withdraw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a queued claim blocks others until it is withdrawn, or granted and released"]
pub(crate) struct Pending {
    pub(in crate::raw) id: ClaimId,
    /// When it becomes due, if it was patient when it checked last and there is a clock.
    due_at: Option<Instant>,
    /// Of a task: what it found when it checked last.
    seen: Option<Seen>,
}

/// Why a claim that was queued, or was to be, is not held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unmet {
    /// It is an upgrade, and another one already waits on its span.
    Refused,
    TimedOut,
}

impl Pending {
    pub(in crate::raw) fn due(id: ClaimId) -> Pending {
        Pending { id, due_at: None, seen: None }
    }

    pub(in crate::raw) fn patient(id: ClaimId) -> Pending {
        Pending { id, due_at: sync::end_of_patience(), seen: None }
    }

    /// How often its thread yields before it parks. It does not yield if the claim is due: a due claim
    /// keeps others out, so its thread must run as soon as it is granted.
    fn yields(self) -> u32 {
        if self.due_at.is_some() { sync::YIELDS_WHILE_PATIENT } else { 0 }
    }

    fn patience(self) -> Patience {
        match self.due_at {
            Some(due_at) if due_at <= Instant::now() => Patience::IsOver,
            _ => Patience::Lasts,
        }
    }
}

/// A claim that is held and has no owner yet: it is released if user code panics meanwhile.
struct Unowned<'a> {
    lock: &'a RawLock,
    span: Span,
    mode: Mode,
    hold: Hold,
}

impl Drop for Unowned<'_> {
    fn drop(&mut self) {
        self.lock.unlock(self.span, self.mode, self.hold);
    }
}

impl RawLock {
    /// Queues a claim of this thread and waits, until `deadline` at most.
    pub(in crate::raw) fn wait_for(
        &self,
        request: Request<'_>,
        deadline: Option<Instant>,
        record: impl FnOnce() -> Waiting,
    ) -> Result<Hold, Unmet> {
        let mut parker = None;
        let queued = self.queue(request, || {
            let parker = parker.insert(Parker::for_this_thread());
            Waiter::new(Sleeper::Thread(Arc::clone(parker)), request.mode(), record())
        });
        match (queued.ok_or(Unmet::Refused)?, parker) {
            (Queued::Held(hold), _) => Ok(hold),
            (Queued::Waiting(pending), Some(parker)) => {
                let held = self.wait(pending, &parker, deadline);
                parker.keep();
                held.ok_or(Unmet::TimedOut)
            }
            (Queued::Waiting(_), None) => unreachable!("a claim waits with its parker"),
        }
    }

    /// Queues a claim of a task. `None` for an upgrade that is refused.
    pub(in crate::raw) fn queue_task(&self, request: Request<'_>, waker: &Waker) -> Option<Queued> {
        let mode = request.mode();
        // Cloning and dropping a waker are user code: neither happens with the mutex held.
        let mut waiter = Some(Waiter::new(Sleeper::of_task(waker), mode, Waiting::unfollowed()));
        let queued = self.queue(request, || waiter.take().expect("a claim is queued once"))?;
        if let Queued::Held(hold) = queued {
            let unowned = Unowned { lock: self, span: request.span(), mode, hold };
            drop(waiter);
            mem::forget(unowned);
        }
        Some(queued)
    }

    /// Admits a claim to the registry, or queues it there with what `waiter` returns.
    fn queue(&self, request: Request<'_>, waiter: impl FnOnce() -> Waiter) -> Option<Queued> {
        let core = self.core();
        let mut locked = core.enter(self);
        let queued = match request {
            Request::Claim(part, met) => Some(locked.admit(part, core.queueing(), met, waiter)),
            Request::Several(parts) => Some(locked.admit_all(parts, Queueing::Due, waiter)),
            Request::Reentrant(span) => {
                let part = Part { span, mode: Mode::Shared };
                Some(locked.admit_all(&[part], Queueing::Reentrant, waiter))
            }
            Request::Upgrade(span, hold) => locked.admit_upgrade(span, hold, waiter),
        };
        locked.close();
        queued
    }

    fn wait(
        &self,
        mut pending: Pending,
        parker: &Parker,
        deadline: Option<Instant>,
    ) -> Option<Hold> {
        loop {
            let until = [pending.due_at, deadline].into_iter().flatten().min();
            match parker.wait_until(until, pending.yields()) {
                Woken::Granted => return Some(Hold::claim(pending.id)),
                Woken::TimedOut if until == deadline => return self.withdraw(pending),
                Woken::Invited | Woken::TimedOut => {}
            }
            if self.look_again(&mut pending, |_| {}) {
                return Some(Hold::claim(pending.id));
            }
        }
    }

    /// For the owner of a waiting claim, which is awake: checks whether the claim can be granted
    /// now. If not, calls `note` with what the claim waits on.
    fn look_again(&self, pending: &mut Pending, note: impl FnOnce(&mut Waiter)) -> bool {
        let patience = pending.patience();
        let mut locked = self.core().enter(self);
        let is_held = locked.look_again(pending.id, patience);
        if !locked.registry().is_patient(pending.id) {
            pending.due_at = None;
        }
        let waiter = locked.registry().waiter_mut(pending.id);
        // It may be a waker, so it is dropped after the mutex is released.
        let mut ended = waiter.take_if(|_| is_held);
        if let Some(waiter) = waiter {
            note(waiter);
        }
        ended.iter_mut().for_each(|waiter| waiter.record.end());
        locked.close();
        if let Some(waiter) = ended {
            self.counters.granted_after(&waiter.wait);
        }
        is_held
    }

    /// Returns the hold of a queued claim if it has been granted or can be granted now. Otherwise
    /// `waker` will be woken. Takes no mutex if the task has not been woken since the last poll.
    pub(crate) fn poll(&self, pending: &mut Pending, waker: &Waker) -> Option<Hold> {
        let seen = Seen::new(self.core().news.of(pending.id), waker);
        let patience = pending.patience();
        if pending.seen == Some(seen) && patience == Patience::Lasts {
            return None;
        }
        // If dropping a waker panics below, the next poll looks again: the claim may be held by then.
        pending.seen = None;
        let mut is_known = true;
        let note = |waiter: &mut Waiter| is_known = waiter.sleeper.would_wake(waker);
        let mut is_held = self.look_again(pending, note);
        if !is_known {
            // Cloned, and the old one dropped, without the mutex: both are user code. If the drop
            // panics the claim is still the caller's, because this has not returned.
            let mut sleeper = Sleeper::of_task(waker);
            is_known = sleeper.would_wake(waker);
            let swap = |waiter: &mut Waiter| mem::swap(&mut waiter.sleeper, &mut sleeper);
            is_held = self.look_again(pending, swap);
        }
        pending.seen = is_known.then_some(seen);
        is_held.then_some(Hold::claim(pending.id))
    }

    /// Removes a queued claim from the queue. Returns its hold if it was granted meanwhile.
    pub(crate) fn withdraw(&self, pending: Pending) -> Option<Hold> {
        let mut locked = self.core().enter(self);
        let granted = locked.registry().is_held(pending.id);
        // Dropping a waker is user code, so it is dropped after the mutex is released.
        let waiter = locked.registry().waiter_mut(pending.id).take();
        if !granted {
            locked.remove(pending.id);
        }
        if let Some(waiter) = &waiter {
            self.counters.withdrawn_after(&waiter.wait);
        }
        locked.close();
        drop(waiter);
        granted.then_some(Hold::claim(pending.id))
    }
}

impl Request<'_> {
    /// The strongest of its modes.
    fn mode(self) -> Mode {
        match self {
            Request::Claim(part, _) => part.mode,
            Request::Several(parts) => parts.iter().map(|part| part.mode).max().expect(NOT_EMPTY),
            Request::Reentrant(_) => Mode::Shared,
            Request::Upgrade(..) => Mode::Exclusive,
        }
    }

    /// The first of its spans.
    fn span(self) -> Span {
        match self {
            Request::Claim(part, _) => part.span,
            Request::Several(parts) => parts[0].span,
            Request::Reentrant(span) | Request::Upgrade(span, _) => span,
        }
    }
}

const NOT_EMPTY: &str = "a claim has a part";
pub(in crate::raw) const WAITS: &str = "without a deadline a claim waits until it is held";

#[cfg(all(test, not(spanlock_loom)))]
mod tests;
