//! Taking a claim: in slots if they allow it, else through the registry, waiting if need be.

use std::mem;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use crate::deadlock::Waiting;
use crate::raw::RawLock;
use crate::raw::enter::Obstacle;
use crate::raw::place::Hold;
use crate::raw::registry::{ClaimId, Queueing};
use crate::raw::waiter::{Sleeper, Waiter};
use crate::sync::{Backoff, Parker};
use crate::{Mode, Span};

/// Whether a claim that is blocked is queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    Waits(Queueing),
    GivesUp,
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
pub(crate) struct Pending(pub(crate) ClaimId);

/// A claim that is held before anybody owns it: let go of if user code panics meanwhile.
pub(super) struct Unowned<'a> {
    pub(super) lock: &'a RawLock,
    pub(super) span: Span,
    pub(super) mode: Mode,
    pub(super) hold: Hold,
}

impl Drop for Unowned<'_> {
    fn drop(&mut self) {
        self.lock.unlock(self.span, self.mode, self.hold);
    }
}

impl RawLock {
    /// Takes a claim, waiting as long as it takes.
    #[inline]
    pub(crate) fn lock(&self, span: Span, mode: Mode) -> Hold {
        match self.attempt(span, mode) {
            Ok(hold) => hold,
            Err(obstacle) => self.lock_cold(span, mode, obstacle),
        }
    }

    /// Takes a claim if nothing blocks it.
    #[inline]
    pub(crate) fn try_lock(&self, span: Span, mode: Mode) -> Option<Hold> {
        match self.attempt(span, mode) {
            Ok(hold) => Some(hold),
            // Who is in the way holds the lock, or waits for it.
            Err(Obstacle::Conflict) => None,
            Err(_) => self.try_lock_cold(span, mode),
        }
    }

    /// Takes a claim, waiting until `deadline` at most.
    #[inline]
    pub(crate) fn lock_until(&self, span: Span, mode: Mode, deadline: Instant) -> Option<Hold> {
        match self.attempt(span, mode) {
            Ok(hold) => Some(hold),
            Err(obstacle) => self.lock_until_cold(span, mode, deadline, obstacle),
        }
    }

    /// Takes a shared claim past those that wait, for a holder who must re-enter.
    #[cold]
    pub(crate) fn lock_reentrant(&self, span: Span) -> Hold {
        let mut parker = None;
        let patience = Patience::Waits(Queueing::Reentrant);
        let queued = self.register(span, Mode::Shared, patience, || {
            let parker = parker.insert(Arc::new(Parker::new()));
            let record = Waiting::passing_those_that_wait(self.address(), span, Mode::Shared);
            Waiter::new(Sleeper::Thread(Arc::clone(parker)), Mode::Shared, record)
        });
        finish_waiting(queued, parker)
    }

    /// Takes a claim or puts it into the queue, from where `waker` is woken once it is granted.
    pub(crate) fn lock_or_queue(&self, span: Span, mode: Mode, waker: &Waker) -> Queued {
        if let Ok(hold) = self.attempt(span, mode) {
            return Queued::Held(hold);
        }
        // Cloned before the mutex is taken, and if it is not needed dropped after: both are user code.
        let mut waiter = Some(Waiter::new(Sleeper::of_task(waker), mode, Waiting::unfollowed()));
        let queued = self.enqueue(span, mode, || waiter.take().expect("a claim is queued once"));
        if let Queued::Held(hold) = queued {
            let unowned = Unowned { lock: self, span, mode, hold };
            drop(waiter);
            mem::forget(unowned);
        }
        queued
    }

    /// Whether a queued claim has been granted; if not, `waker` is the one to wake.
    pub(crate) fn poll(&self, pending: Pending, waker: &Waker) -> Option<Hold> {
        // As above: the old waker, or this one, is dropped after the mutex is released. If that panics the
        // claim is still the caller's, who has not been told that it is granted.
        let mut sleeper = Sleeper::of_task(waker);
        let mut ledger = self.core().enter(self);
        let granted = ledger.registry().is_held(pending.0);
        if let Some(old) = ledger.registry().waiter_mut(pending.0) {
            std::mem::swap(&mut old.sleeper, &mut sleeper);
        }
        ledger.close();
        granted.then_some(Hold::Claim(pending.0))
    }

    /// Takes a queued claim back out of the queue, unless it was granted meanwhile.
    pub(crate) fn withdraw(&self, pending: Pending) -> Option<Hold> {
        let mut ledger = self.core().enter(self);
        let granted = ledger.registry().is_held(pending.0);
        // A waker's drop is user code: it must outlive the ledger.
        let waiter = ledger.registry().take_waiter(pending.0);
        if !granted {
            let span = ledger.registry().span(pending.0);
            ledger.remove(pending.0);
            ledger.unwatch_idle(span);
        }
        if let Some(waiter) = &waiter {
            self.counters.withdrawn_after(&waiter.wait);
        }
        ledger.close();
        drop(waiter);
        granted.then_some(Hold::Claim(pending.0))
    }

    #[cold]
    #[inline(never)]
    fn lock_cold(&self, span: Span, mode: Mode, obstacle: Obstacle) -> Hold {
        let mut parker = None;
        let queued = self.queue(span, mode, obstacle, || {
            let parker = parker.insert(Arc::new(Parker::new()));
            let record = Waiting::in_line(self.address(), [(span, mode)]);
            Waiter::new(Sleeper::Thread(Arc::clone(parker)), mode, record)
        });
        finish_waiting(Some(queued), parker)
    }

    #[cold]
    #[inline(never)]
    fn try_lock_cold(&self, span: Span, mode: Mode) -> Option<Hold> {
        let nobody = || unreachable!("a claim that gives up is not queued");
        match self.register(span, mode, Patience::GivesUp, nobody)? {
            Queued::Held(hold) => Some(hold),
            Queued::Waiting(_) => unreachable!("a claim that gives up is not queued"),
        }
    }

    #[cold]
    #[inline(never)]
    fn lock_until_cold(
        &self,
        span: Span,
        mode: Mode,
        deadline: Instant,
        obstacle: Obstacle,
    ) -> Option<Hold> {
        if deadline <= Instant::now() {
            return match obstacle {
                Obstacle::Conflict => None,
                _ => self.try_lock_cold(span, mode),
            };
        }
        let mut parker = None;
        let queued = self.queue(span, mode, obstacle, || {
            let parker = parker.insert(Arc::new(Parker::new()));
            Waiter::new(Sleeper::Thread(Arc::clone(parker)), mode, Waiting::unfollowed())
        });
        match (queued, parker) {
            (Queued::Held(hold), _) => Some(hold),
            (Queued::Waiting(pending), Some(parker)) if parker.wait_until(Some(deadline)) => {
                Some(Hold::Claim(pending.0))
            }
            (Queued::Waiting(pending), _) => self.withdraw(pending),
        }
    }

    /// Takes a claim, or queues it with what `waiter` returns.
    ///
    /// A claim arrives when it is queued. Before that it spins for a moment if somebody is in the way but
    /// nobody waits: a short critical section then costs no handing over from thread to thread.
    fn queue(
        &self,
        span: Span,
        mode: Mode,
        mut obstacle: Obstacle,
        waiter: impl FnOnce() -> Waiter,
    ) -> Queued {
        let backoff = Backoff::new();
        while !backoff.is_completed() && self.is_briefly_blocked(obstacle) {
            backoff.snooze();
            match self.attempt(span, mode) {
                Ok(hold) => return Queued::Held(hold),
                Err(again) => obstacle = again,
            }
        }
        self.enqueue(span, mode, waiter)
    }

    /// Takes a claim through the registry, or queues it there.
    fn enqueue(&self, span: Span, mode: Mode, waiter: impl FnOnce() -> Waiter) -> Queued {
        self.register(span, mode, Patience::Waits(Queueing::InLine), waiter)
            .expect("a claim that waits is held or queued")
    }

    /// Whether somebody is in the way who has no queue yet; a guess.
    fn is_briefly_blocked(&self, obstacle: Obstacle) -> bool {
        matches!(obstacle, Obstacle::Conflict | Obstacle::Undecided)
            && !self.summary_hint().has_queue()
    }

    /// Admits a claim to the registry, queues it there, or, if it gives up, leaves no trace.
    fn register(
        &self,
        span: Span,
        mode: Mode,
        patience: Patience,
        waiter: impl FnOnce() -> Waiter,
    ) -> Option<Queued> {
        if span.is_empty() {
            return Some(Queued::Held(Hold::Nothing));
        }
        let mut ledger = self.core().enter(self);
        let queued = match patience {
            Patience::Waits(queueing) => Some(ledger.admit(span, mode, queueing, waiter)),
            Patience::GivesUp => ledger.admit_now(span, mode).map(Queued::Held),
        };
        ledger.close();
        queued
    }
}

fn finish_waiting(queued: Option<Queued>, parker: Option<Arc<Parker>>) -> Hold {
    match (queued, parker) {
        (Some(Queued::Held(hold)), _) => hold,
        (Some(Queued::Waiting(pending)), Some(parker)) => {
            parker.wait();
            Hold::Claim(pending.0)
        }
        _ => unreachable!("a claim that waits is held, or queued with its parker"),
    }
}
