//! Acquiring a claim: in a slot or a cell if possible, otherwise through the registry, where it may
//! wait.
//!
//! These are the functions that guards and futures call. The attempt without the mutex is in
//! [`enter`](crate::raw::enter), the retries before a claim is queued in
//! [`spin`](crate::raw::waiting::spin), the admission to the registry in
//! [`admit`](crate::raw::admit), and what the owner of a queued claim does in
//! [`pending`](crate::raw::waiting::pending).

use std::mem;
use std::task::Waker;
use std::time::Instant;

use crate::deadlock::{Held, Waiting};
use crate::raw::RawLock;
use crate::raw::enter::Looks;
use crate::raw::place::{Hold, Obstacle, Part};
use crate::raw::waiting::pending::{Pending, Queued, Request, Unmet, WAITS};
use crate::{Mode, Span};

impl RawLock {
    /// Acquires a claim, and waits until it is held.
    #[inline(always)]
    pub(crate) fn lock(&self, span: Span, mode: Mode) -> Hold {
        match self.attempt(span, mode, Looks::Several) {
            Ok(hold) => hold,
            Err(obstacle) => self.lock_cold(span, mode, obstacle),
        }
    }

    /// Acquires a claim if nothing blocks it.
    #[inline]
    pub(crate) fn try_lock(&self, span: Span, mode: Mode) -> Option<Hold> {
        match self.attempt(span, mode, Looks::One) {
            Ok(hold) => Some(hold),
            Err(obstacle) => self.try_lock_cold(span, mode, obstacle),
        }
    }

    /// Acquires a claim, waiting until `deadline` at most. If that has passed this is a try.
    #[inline]
    pub(crate) fn lock_until(&self, span: Span, mode: Mode, deadline: Instant) -> Option<Hold> {
        match self.attempt(span, mode, Looks::One) {
            Ok(hold) => Some(hold),
            Err(obstacle) if deadline <= Instant::now() => self.try_lock_cold(span, mode, obstacle),
            Err(obstacle) => self.spin_or_wait(span, mode, obstacle, Some(deadline)),
        }
    }

    /// Acquires a shared claim that overtakes all waiting claims, for a thread that may hold one
    /// already.
    #[cold]
    pub(crate) fn lock_reentrant(&self, span: Span) -> Hold {
        if span.is_empty() {
            return Hold::NOTHING;
        }
        let record = || Waiting::passing_those_that_wait(self.address(), span, Mode::Shared);
        self.wait_for(Request::Reentrant(span), None, record).expect(WAITS)
    }

    /// Acquires claims on spans that neither overlap nor are empty, all at once. Waits while any is
    /// blocked, until `deadline` at most.
    pub(crate) fn lock_many(&self, parts: &[Part], deadline: Option<Instant>) -> Option<Hold> {
        if parts.is_empty() || deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return self.try_lock_many(parts);
        }
        let spans = parts.iter().map(|part| (part.span, part.mode));
        let record = || match deadline {
            None => Waiting::patiently(self.address(), spans),
            Some(_) => Waiting::unfollowed(),
        };
        self.wait_for(Request::Several(parts), deadline, record).ok()
    }

    /// Acquires such claims if nothing blocks any of them.
    pub(crate) fn try_lock_many(&self, parts: &[Part]) -> Option<Hold> {
        if parts.is_empty() {
            return Some(Hold::NOTHING);
        }
        let mut locked = self.core().enter(self);
        let hold = locked.admit_now(parts);
        locked.close();
        hold
    }

    /// Turns a shared hold into an exclusive one, waiting until no other claim is held on its span,
    /// but not after `deadline`. `held` is the deadlock record of the shared hold. It ends when a wait
    /// without a deadline begins.
    pub(crate) fn upgrade(
        &self,
        span: Span,
        hold: &mut Hold,
        held: Held,
        deadline: Option<Instant>,
    ) -> Result<(), Unmet> {
        if self.try_upgrade(span, hold) {
            return Ok(());
        }
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(Unmet::TimedOut);
        }
        let record = || match deadline {
            Some(_) => Waiting::unfollowed(),
            None => {
                held.end();
                Waiting::passing_those_that_wait(self.address(), span, Mode::Exclusive)
            }
        };
        let upgraded = self.wait_for(Request::Upgrade(span, *hold), deadline, record)?;
        self.unlock(span, Mode::Shared, mem::replace(hold, upgraded));
        Ok(())
    }

    /// Acquires a claim, or queues it; then `waker` is woken when it is granted.
    pub(crate) fn lock_or_queue(&self, span: Span, mode: Mode, waker: &Waker) -> Queued {
        match self.attempt(span, mode, Looks::Several) {
            Ok(hold) => Queued::Held(hold),
            Err(met) => {
                self.queue_task(Request::Claim(Part { span, mode }, met), waker).expect(WAITS)
            }
        }
    }

    /// The same for several spans.
    pub(crate) fn lock_many_or_queue(&self, parts: &[Part], waker: &Waker) -> Queued {
        match self.try_lock_many(parts) {
            Some(hold) => Queued::Held(hold),
            None => self.queue_task(Request::Several(parts), waker).expect(WAITS),
        }
    }

    /// Upgrades a hold, or queues the upgrade; the caller releases the shared claim when the
    /// upgrade is granted.
    pub(crate) fn upgrade_or_queue(
        &self,
        span: Span,
        hold: &mut Hold,
        waker: &Waker,
    ) -> Result<Option<Pending>, Unmet> {
        if self.try_upgrade(span, hold) {
            return Ok(None);
        }
        match self.queue_task(Request::Upgrade(span, *hold), waker).ok_or(Unmet::Refused)? {
            Queued::Waiting(pending) => Ok(Some(pending)),
            Queued::Held(upgraded) => {
                self.unlock(span, Mode::Shared, mem::replace(hold, upgraded));
                Ok(None)
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn lock_cold(&self, span: Span, mode: Mode, obstacle: Obstacle) -> Hold {
        self.spin_or_wait(span, mode, obstacle, None).expect(WAITS)
    }

    #[cold]
    #[inline(never)]
    fn try_lock_cold(&self, span: Span, mode: Mode, obstacle: Obstacle) -> Option<Hold> {
        match obstacle {
            // What blocks it is held, or waits.
            Obstacle::Conflict => None,
            _ => self.try_lock_many(&[Part { span, mode }]),
        }
    }
}
