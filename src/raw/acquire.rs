//! Taking a claim: in slots if they allow it, else through the registry, waiting if need be.

use std::mem;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use crate::deadlock::Waiting;
use crate::raw::RawLock;
use crate::raw::due::Patience;
use crate::raw::enter::Obstacle;
use crate::raw::place::Hold;
use crate::raw::registry::{ClaimId, Queueing};
use crate::raw::waiter::{Sleeper, Waiter};
use crate::sync::{self, Parker, Spins, Woken};
use crate::{Mode, Span};

/// Whether a claim that is blocked is queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resolve {
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
pub(crate) struct Pending {
    pub(super) id: ClaimId,
    /// When it becomes due, if it is patient and there is a clock.
    due_at: Option<Instant>,
}

impl Pending {
    pub(super) fn due(id: ClaimId) -> Pending {
        Pending { id, due_at: None }
    }

    pub(super) fn patient(id: ClaimId) -> Pending {
        Pending { id, due_at: sync::end_of_patience() }
    }

    fn patience(self) -> Patience {
        match self.due_at {
            Some(due_at) if due_at <= Instant::now() => Patience::IsOver,
            _ => Patience::Lasts,
        }
    }
}

/// What a poll has found.
enum Polled {
    Answer(Option<Hold>),
    /// The claim waits, and wakes another task than the one that polls.
    OtherWaker,
}

/// A claim that is held before anybody owns it: released if user code panics meanwhile.
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
    #[inline(always)]
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
        let resolve = Resolve::Waits(Queueing::Reentrant);
        let queued = self.register(span, Mode::Shared, resolve, || {
            let parker = parker.insert(Parker::for_this_thread());
            let record = Waiting::passing_those_that_wait(self.address(), span, Mode::Shared);
            Waiter::new(Sleeper::Thread(Arc::clone(parker)), Mode::Shared, record)
        });
        let queued = queued.expect("a claim that waits is held or queued");
        self.finish(queued, parker, None)
            .expect("without a deadline a claim waits until it is held")
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

    /// Whether a queued claim has been granted, or can be had now; if not, `waker` is the one to wake.
    pub(crate) fn poll(&self, pending: Pending, waker: &Waker) -> Option<Hold> {
        let patience = pending.patience();
        if let Polled::Answer(hold) = self.poll_with(pending, patience, waker, None) {
            return hold;
        }
        // As above, and only for a waker that is not known yet.
        let sleeper = Sleeper::of_task(waker);
        match self.poll_with(pending, Patience::Lasts, waker, Some(sleeper)) {
            Polled::Answer(hold) => hold,
            Polled::OtherWaker => unreachable!("it was given"),
        }
    }

    /// The same, if the claim is held, or would wake `waker` already, or there is a `sleeper` of that waker.
    ///
    /// Wakers that are of no use any more are dropped after the mutex is released. If that panics the claim is still the
    /// caller's, who has not been told that it is granted.
    fn poll_with(
        &self,
        pending: Pending,
        patience: Patience,
        waker: &Waker,
        mut sleeper: Option<Sleeper>,
    ) -> Polled {
        let mut ledger = self.core().enter(self);
        let is_held = ledger.look_again(pending.id, patience);
        let mut is_known = true;
        if !is_held && let Some(waiter) = ledger.registry().waiter_mut(pending.id) {
            match &mut sleeper {
                Some(sleeper) => mem::swap(&mut waiter.sleeper, sleeper),
                None => is_known = waiter.sleeper.would_wake(waker),
            }
        }
        let waiter = ledger.take_waiter_if(pending.id, is_held);
        ledger.close();
        self.end_wait(waiter);
        match is_known {
            true => Polled::Answer(is_held.then_some(Hold::Claim(pending.id))),
            false => Polled::OtherWaker,
        }
    }

    /// Takes a queued claim back out of the queue, unless it was granted meanwhile.
    pub(crate) fn withdraw(&self, pending: Pending) -> Option<Hold> {
        let mut ledger = self.core().enter(self);
        let granted = ledger.registry().is_held(pending.id);
        // A waker's drop is user code: it must outlive the ledger.
        let waiter = ledger.registry().take_waiter(pending.id);
        if !granted {
            let span = ledger.registry().span(pending.id);
            ledger.remove(pending.id);
            ledger.unwatch_idle(span);
        }
        if let Some(waiter) = &waiter {
            self.counters.withdrawn_after(&waiter.wait);
        }
        ledger.close();
        drop(waiter);
        granted.then_some(Hold::Claim(pending.id))
    }

    #[cold]
    #[inline(never)]
    fn lock_cold(&self, span: Span, mode: Mode, obstacle: Obstacle) -> Hold {
        let mut parker = None;
        let queued = self.queue(span, mode, obstacle, || {
            let parker = parker.insert(Parker::for_this_thread());
            let record = Waiting::patiently(self.address(), [(span, mode)]);
            Waiter::new(Sleeper::Thread(Arc::clone(parker)), mode, record)
        });
        self.finish(queued, parker, None)
            .expect("without a deadline a claim waits until it is held")
    }

    #[cold]
    #[inline(never)]
    fn try_lock_cold(&self, span: Span, mode: Mode) -> Option<Hold> {
        let nobody = || unreachable!("a claim that gives up is not queued");
        match self.register(span, mode, Resolve::GivesUp, nobody)? {
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
            let parker = parker.insert(Parker::for_this_thread());
            Waiter::new(Sleeper::Thread(Arc::clone(parker)), mode, Waiting::unfollowed())
        });
        self.finish(queued, parker, Some(deadline))
    }

    /// Waits for a claim that is queued, until `deadline` at most, if it is not held yet.
    fn finish(
        &self,
        queued: Queued,
        parker: Option<Arc<Parker>>,
        deadline: Option<Instant>,
    ) -> Option<Hold> {
        match queued {
            Queued::Held(hold) => Some(hold),
            Queued::Waiting(pending) => {
                let parker = parker.expect("a claim that waits is queued with its parker");
                let held = self.wait(pending, &parker, deadline);
                parker.keep();
                held
            }
        }
    }

    fn wait(
        &self,
        mut pending: Pending,
        parker: &Parker,
        deadline: Option<Instant>,
    ) -> Option<Hold> {
        loop {
            let until = [pending.due_at, deadline].into_iter().flatten().min();
            match parker.wait_until(until) {
                Woken::Granted => return Some(Hold::Claim(pending.id)),
                Woken::TimedOut if until == deadline => return self.withdraw(pending),
                Woken::Invited | Woken::TimedOut => {}
            }
            let patience = pending.patience();
            if self.look_again(pending.id, patience) {
                return Some(Hold::Claim(pending.id));
            }
            if patience == Patience::IsOver {
                pending.due_at = None;
            }
        }
    }

    /// Lets the owner of a waiting claim, which is awake, look whether it can be had now.
    fn look_again(&self, id: ClaimId, patience: Patience) -> bool {
        let mut ledger = self.core().enter(self);
        let is_held = ledger.look_again(id, patience);
        let waiter = ledger.take_waiter_if(id, is_held);
        ledger.close();
        self.end_wait(waiter);
        is_held
    }

    /// Counts the wait of a claim that its owner has taken itself.
    fn end_wait(&self, waiter: Option<Waiter>) {
        if let Some(waiter) = waiter {
            self.counters.granted_after(&waiter.wait);
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
        let mut spins = Spins::new();
        while self.is_briefly_blocked(obstacle) && spins.spin() {
            match self.attempt(span, mode) {
                Ok(hold) => return Queued::Held(hold),
                Err(again) => obstacle = again,
            }
        }
        self.enqueue(span, mode, waiter)
    }

    /// Takes a claim through the registry, or queues it there.
    fn enqueue(&self, span: Span, mode: Mode, waiter: impl FnOnce() -> Waiter) -> Queued {
        self.register(span, mode, Resolve::Waits(self.core().queueing()), waiter)
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
        resolve: Resolve,
        waiter: impl FnOnce() -> Waiter,
    ) -> Option<Queued> {
        if span.is_empty() {
            return Some(Queued::Held(Hold::Nothing));
        }
        let mut ledger = self.core().enter(self);
        let queued = match resolve {
            Resolve::Waits(queueing) => Some(ledger.admit(span, mode, queueing, waiter)),
            Resolve::GivesUp => ledger.admit_now(span, mode).map(Queued::Held),
        };
        ledger.close();
        queued
    }
}
