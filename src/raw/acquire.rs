//! Taking a claim: in slots if they allow it, else through the registry, waiting if need be.

use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use crate::deadlock::Waiting;
use crate::raw::board::{Place, Summary};
use crate::raw::registry::{ClaimId, Queueing};
use crate::raw::slot::{UNITS, Word};
use crate::raw::table::Table;
use crate::raw::waiter::{Sleeper, Waiter};
use crate::raw::{Hold, Ledger, Path, RawLock, SMALL};
use crate::sync::{self, AtomicU64, Backoff, Ordering, Parker};
use crate::{Mode, Span};

/// How far the inlined attempt on a single unit got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    /// The unit is in its slot, and the board shows nobody in the way: it is held.
    Held,
    /// The unit is in its slot, and somebody in the registry may be in the way.
    Entered,
    /// Nothing was taken.
    Refused,
}

/// Why a claim could not be had in slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    /// A conflicting claim is there.
    Conflict,
    /// A slot is in use by another unit.
    Collision,
    /// Only the registry can tell.
    Registry,
}

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

impl RawLock {
    /// Takes a claim, waiting as long as it takes.
    #[inline]
    pub(crate) fn lock(&self, span: Span, mode: Mode) -> Hold {
        match self.attempt(span, mode) {
            Attempt::Held => self.held_in_slots(span, mode),
            attempt => self.lock_cold(span, mode, attempt),
        }
    }

    /// Takes a claim if nothing blocks it.
    #[inline]
    pub(crate) fn try_lock(&self, span: Span, mode: Mode) -> Option<Hold> {
        match self.attempt(span, mode) {
            Attempt::Held => Some(self.held_in_slots(span, mode)),
            attempt => self.try_lock_cold(span, mode, attempt),
        }
    }

    /// Takes a claim, waiting until `deadline` at most.
    #[inline]
    pub(crate) fn lock_until(&self, span: Span, mode: Mode, deadline: Instant) -> Option<Hold> {
        match self.attempt(span, mode) {
            Attempt::Held => Some(self.held_in_slots(span, mode)),
            attempt => self.lock_until_cold(span, mode, deadline, attempt),
        }
    }

    /// Takes a shared claim past those that wait, for a holder who must re-enter.
    #[cold]
    pub(crate) fn lock_reentrant(&self, span: Span) -> Hold {
        let mut parker = None;
        let patience = Patience::Waits(Queueing::Reentrant);
        let queued = self.register(span, Mode::Shared, patience, Obstacle::Registry, || {
            let parker = parker.insert(Arc::new(Parker::new()));
            let record = Waiting::passing_those_that_wait(self.address(), span, Mode::Shared);
            Waiter::new(Sleeper::Thread(Arc::clone(parker)), Mode::Shared, record)
        });
        finish_waiting(queued, parker)
    }

    /// Takes a claim or puts it into the queue, from where `waker` is woken once it is granted.
    pub(crate) fn lock_or_queue(&self, span: Span, mode: Mode, waker: &Waker) -> Queued {
        let attempt = self.attempt(span, mode);
        if attempt == Attempt::Held {
            return Queued::Held(self.held_in_slots(span, mode));
        }
        let obstacle = match self.take_in_slots(span, mode, attempt) {
            Ok(hold) => return Queued::Held(hold),
            Err(obstacle) => obstacle,
        };
        // Cloned before the mutex is taken, and if it is not needed dropped after: both are user code.
        let mut waiter =
            Some(Waiter::new(Sleeper::Task(waker.clone()), mode, Waiting::unfollowed()));
        self.enqueue(span, mode, obstacle, || waiter.take().expect("a claim is queued once"))
    }

    /// Whether a queued claim has been granted; if not, `waker` is the one to wake.
    pub(crate) fn poll(&self, pending: Pending, waker: &Waker) -> Option<Hold> {
        // As above: the old waker, or this one, is dropped after the mutex is released.
        let mut sleeper = Sleeper::Task(waker.clone());
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
            ledger.remove(pending.0);
        }
        if let Some(waiter) = &waiter {
            self.counters.withdrawn_after(&waiter.wait);
        }
        ledger.close();
        drop(waiter);
        granted.then_some(Hold::Claim(pending.0))
    }

    #[inline]
    fn held_in_slots(&self, span: Span, mode: Mode) -> Hold {
        self.counters.granted(Path::in_slots(span), mode);
        Hold::Slots
    }

    #[inline]
    fn attempt(&self, span: Span, mode: Mode) -> Attempt {
        if span.len() != 1 || span.start() >= UNITS {
            return Attempt::Refused;
        }
        let slot = self.slot_of(span.start());
        let sole = Word::sole(span.start(), mode).bits();
        // ORDERING: SeqCst, the unit's side of the two-sided argument (I4); as an Acquire it is
        // paired with the Release of whoever left the slot.
        let entered =
            slot.compare_exchange(Word::FREE.bits(), sole, Ordering::SeqCst, Ordering::Relaxed);
        match entered {
            Err(_) if mode == Mode::Shared => self.attempt_to_join(span),
            Err(_) => Attempt::Refused,
            Ok(_) => match self.summary_after_entering() {
                Summary::EMPTY => Attempt::Held,
                summary => self.attempt_beside(Summary::from_bits(summary), span, mode),
            },
        }
    }

    /// The same for a unit that may have readers already.
    #[inline(never)]
    fn attempt_to_join(&self, span: Span) -> Attempt {
        match self.enter_slot(span.start(), Mode::Shared) {
            Err(_) => Attempt::Refused,
            Ok(()) => match self.summary_after_entering() {
                Summary::EMPTY => Attempt::Held,
                summary => self.attempt_beside(Summary::from_bits(summary), span, Mode::Shared),
            },
        }
    }

    /// Whether a claim that is in its slots is held in spite of those on the board.
    #[inline(never)]
    fn attempt_beside(&self, summary: Summary, span: Span, mode: Mode) -> Attempt {
        match self.existing_core() {
            Some(core)
                if !summary.is_empty()
                    && (core.board.may_conflict(summary, span, mode) || self.is_watched(span)) =>
            {
                Attempt::Entered
            }
            _ => Attempt::Held,
        }
    }

    #[inline]
    fn summary_after_entering(&self) -> u64 {
        sync::two_sided_barrier();
        // ORDERING: SeqCst, the unit's side of the two-sided argument (I4); as an Acquire it is
        // paired with the stores of the summary: a claim that is not there any more has left all
        // that it did.
        self.summary.load(Ordering::SeqCst)
    }

    #[cold]
    #[inline(never)]
    fn lock_cold(&self, span: Span, mode: Mode, attempt: Attempt) -> Hold {
        let mut parker = None;
        let queued = self.queue(span, mode, attempt, || {
            let parker = parker.insert(Arc::new(Parker::new()));
            let record = Waiting::in_line(self.address(), [(span, mode)]);
            Waiter::new(Sleeper::Thread(Arc::clone(parker)), mode, record)
        });
        finish_waiting(Some(queued), parker)
    }

    #[cold]
    #[inline(never)]
    fn try_lock_cold(&self, span: Span, mode: Mode, attempt: Attempt) -> Option<Hold> {
        let obstacle = match self.take_in_slots(span, mode, attempt) {
            Ok(hold) => return Some(hold),
            Err(Obstacle::Conflict) => return None,
            Err(obstacle) => obstacle,
        };
        let nobody = || unreachable!("a claim that gives up is not queued");
        match self.register(span, mode, Patience::GivesUp, obstacle, nobody)? {
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
        attempt: Attempt,
    ) -> Option<Hold> {
        if deadline <= Instant::now() {
            return self.try_lock_cold(span, mode, attempt);
        }
        let mut parker = None;
        let queued = self.queue(span, mode, attempt, || {
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
        mut attempt: Attempt,
        waiter: impl FnOnce() -> Waiter,
    ) -> Queued {
        let backoff = Backoff::new();
        loop {
            let obstacle = match self.take_in_slots(span, mode, attempt) {
                Ok(hold) => return Queued::Held(hold),
                Err(obstacle) => obstacle,
            };
            if backoff.is_completed() || !self.is_briefly_blocked(span, mode, obstacle) {
                return self.enqueue(span, mode, obstacle, waiter);
            }
            backoff.snooze();
            attempt = Attempt::Refused;
        }
    }

    /// Takes a claim through the registry, or queues it there.
    fn enqueue(
        &self,
        span: Span,
        mode: Mode,
        obstacle: Obstacle,
        waiter: impl FnOnce() -> Waiter,
    ) -> Queued {
        self.register(span, mode, Patience::Waits(Queueing::InLine), obstacle, waiter)
            .expect("a claim that waits is held or queued")
    }

    /// Whether somebody is in the way who has no queue yet; a guess.
    fn is_briefly_blocked(&self, span: Span, mode: Mode, obstacle: Obstacle) -> bool {
        // ORDERING: Relaxed: a hint. Whatever it leads to is decided in slots or under the mutex.
        let summary = Summary::from_bits(self.summary.load(Ordering::Relaxed));
        let on_board = || match self.existing_core() {
            // A full board cannot tell who is in the way, and its claims are long ones.
            Some(core) if !summary.has_unlisted() => core.board.may_conflict(summary, span, mode),
            _ => false,
        };
        !summary.has_queue()
            && match obstacle {
                Obstacle::Conflict => true,
                Obstacle::Collision | Obstacle::Registry => on_board(),
            }
    }

    /// Takes a claim without the mutex, if it is on few enough units, their slots are free or shared,
    /// and the board shows nobody in the way.
    fn take_in_slots(&self, span: Span, mode: Mode, attempt: Attempt) -> Result<Hold, Obstacle> {
        if span.is_empty() {
            return Ok(Hold::Nothing);
        }
        if attempt == Attempt::Refused {
            self.enter_slots(span, mode)?;
        }
        let summary = Summary::from_bits(self.summary_after_entering());
        if self.attempt_beside(summary, span, mode) == Attempt::Held {
            return Ok(self.held_in_slots(span, mode));
        }
        let mut ledger = self.core().enter(self);
        let blocked = ledger.registry().blocks(span, mode, Queueing::InLine);
        if blocked {
            ledger.leave_slots(span);
        }
        ledger.close();
        if blocked { Err(Obstacle::Conflict) } else { Ok(self.held_in_slots(span, mode)) }
    }

    /// Whether a registered claim watches one of our slots. The cells that we have read may belong to a
    /// claim that was split after we had read the summary; its upper part is then not among them, but
    /// has found us (I6).
    fn is_watched(&self, span: Span) -> bool {
        span.range().any(|unit| {
            // ORDERING: Relaxed. The narrowed cell of the lower part was stored, with Release, after our
            // slot was watched, and has been loaded with Acquire.
            Word::from_bits(self.slot_of(unit).load(Ordering::Relaxed)).has_waiters()
        })
    }

    /// Enters the slots of a small span in ascending order, or none of them.
    fn enter_slots(&self, span: Span, mode: Mode) -> Result<(), Obstacle> {
        if span.len() > SMALL || span.end() > UNITS {
            return Err(Obstacle::Registry);
        }
        // While somebody is in the registry, a claim in slots may have to ask there in any case; the
        // slots are then better left to single units.
        // ORDERING: Relaxed: a hint.
        if span.len() > 1 && self.summary.load(Ordering::Relaxed) != Summary::EMPTY {
            return Err(Obstacle::Registry);
        }
        for unit in span.range() {
            if let Err(obstacle) = self.enter_slot(unit, mode) {
                let (entered, _) = span.split_at(unit);
                self.leave_slots(entered.range(), mode);
                return Err(obstacle);
            }
        }
        Ok(())
    }

    fn enter_slot(&self, unit: u64, mode: Mode) -> Result<(), Obstacle> {
        let slot = self.slot_of(unit);
        // ORDERING: Relaxed: a guess, which the exchange below verifies.
        let mut found = Word::from_bits(slot.load(Ordering::Relaxed));
        loop {
            let next = match mode {
                _ if found == Word::FREE => Word::sole(unit, mode),
                Mode::Shared => found.join(unit).ok_or(obstacle(found, unit, mode))?,
                Mode::Exclusive => return Err(obstacle(found, unit, mode)),
            };
            // ORDERING: SeqCst, as in `attempt`.
            match slot.compare_exchange(
                found.bits(),
                next.bits(),
                Ordering::SeqCst,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(bits) => found = Word::from_bits(bits),
            }
        }
    }

    /// Admits a claim to the registry, queues it there, or, if it gives up, leaves no trace.
    fn register(
        &self,
        span: Span,
        mode: Mode,
        patience: Patience,
        obstacle: Obstacle,
        waiter: impl FnOnce() -> Waiter,
    ) -> Option<Queued> {
        if span.is_empty() {
            return Some(Queued::Held(Hold::Nothing));
        }
        let mut ledger = self.core().enter(self);
        if obstacle == Obstacle::Collision {
            ledger.note_collision(span);
        }
        let queued = match patience {
            Patience::Waits(queueing) => Some(ledger.admit(span, mode, queueing, waiter)),
            Patience::GivesUp => ledger.admit_now(span, mode).map(Queued::Held),
        };
        ledger.close();
        queued
    }
}

/// What stands in the way of a claim on `unit` that found this word in its slot.
fn obstacle(found: Word, unit: u64, mode: Mode) -> Obstacle {
    match found.holder() {
        Some((holder, held)) if holder == unit && held.conflicts_with(mode) => Obstacle::Conflict,
        Some((holder, _)) if holder == unit => Obstacle::Registry,
        Some(_) => Obstacle::Collision,
        None => Obstacle::Registry,
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

impl Ledger<'_> {
    /// Admits a claim, held if nothing blocks it, else waiting.
    fn admit(
        &mut self,
        span: Span,
        mode: Mode,
        queueing: Queueing,
        waiter: impl FnOnce() -> Waiter,
    ) -> Queued {
        let place = self.announce(span, mode);
        let blockers = self.registry().blockers(span, mode, queueing);
        if blockers == 0 {
            let id = self.registry().hold(span, mode, queueing);
            self.settle(id, place);
            self.lock.counters.granted(Path::Registry, mode);
            Queued::Held(Hold::Claim(id))
        } else {
            let id = self.registry().wait(span, mode, queueing, blockers, waiter());
            self.settle(id, place);
            Queued::Waiting(Pending(id))
        }
    }

    /// Admits a claim that nothing blocks, or nobody.
    pub(super) fn admit_now(&mut self, span: Span, mode: Mode) -> Option<Hold> {
        if self.registry().blocks(span, mode, Queueing::InLine) {
            return None;
        }
        let place = self.notices().publish(span, mode);
        if self.slots_conflict(span, mode) {
            self.retract(place);
            return None;
        }
        let id = self.registry().hold(span, mode, Queueing::InLine);
        self.settle(id, place);
        self.lock.counters.granted(Path::Registry, mode);
        Some(Hold::Claim(id))
    }

    /// Shows a claim to those who enter slots from now on, and puts proxies for those who are there
    /// and in its way into the registry.
    pub(super) fn announce(&mut self, span: Span, mode: Mode) -> Place {
        let place = self.notices().publish(span, mode);
        let lock = self.lock;
        lock.visit_slots(span, |slot| self.watch(slot, span, mode));
        place
    }

    /// Lets the registry and the board know where a claim that is now admitted is shown.
    pub(super) fn settle(&mut self, id: ClaimId, place: Place) {
        self.registry().set_place(id, place);
        self.notices().name(place, id);
    }

    /// Makes the holders of a slot wait-for-able, if they conflict: WAITERS in the word, a proxy in
    /// the registry (I2).
    pub(super) fn watch(&mut self, slot: &AtomicU64, span: Span, mode: Mode) {
        loop {
            // ORDERING: SeqCst, the range's side of the two-sided argument (I4); as an Acquire it is
            // paired with the Release of whoever left the slot.
            let word = Word::from_bits(slot.load(Ordering::SeqCst));
            let Some((unit, holder)) = word.holder() else { return };
            let in_the_way = span.contains_unit(unit) && holder.conflicts_with(mode);
            if !in_the_way || word.has_waiters() {
                return;
            }
            let watched = word.watched().bits();
            // ORDERING: Acquire: readers may have joined and left since the load, and brought the word back
            // to what it was; whoever upgrades this slot, or frees it, follows them by way of the mutex.
            // No Release: who finds WAITERS takes the mutex. Relaxed on failure: it is loaded again.
            let marked =
                slot.compare_exchange(word.bits(), watched, Ordering::Acquire, Ordering::Relaxed);
            if marked.is_ok() {
                let unit = Span::from_range(unit..unit + 1);
                let proxy = self.registry().hold(unit, holder, Queueing::InLine);
                self.registry().set_place(proxy, Place::Slot);
                return;
            }
        }
    }

    /// Whether a claim in slots conflicts.
    pub(super) fn slots_conflict(&self, span: Span, mode: Mode) -> bool {
        let mut conflict = false;
        self.lock.visit_slots(span, |slot| {
            // ORDERING: SeqCst, as in `watch`.
            let word = Word::from_bits(slot.load(Ordering::SeqCst));
            conflict |= word.holder().is_some_and(|(unit, holder)| {
                span.contains_unit(unit) && holder.conflicts_with(mode)
            });
        });
        conflict
    }

    /// Counts a claim that found the embedded slot taken by another unit, and in the end makes a
    /// table. The embedded slot is closed first, so that its word is in one place at a time (I1).
    fn note_collision(&mut self, span: Span) {
        if self.lock.table().is_some() {
            return;
        }
        self.books.collisions += 1;
        // A small range needs several slots, and collides with itself until there is a table.
        if span.len() == 1 && self.books.collisions < sync::COLLISIONS_BEFORE_TABLE {
            return;
        }
        let table = Table::new();
        // ORDERING: AcqRel. Acquire: who enters the table follows whoever left the slot. Release: a
        // holder that finds its slot closed must find the core.
        let closed = self.lock.slot.swap(Word::MOVED.bits(), Ordering::AcqRel);
        if let Some((unit, _)) = Word::from_bits(closed).holder() {
            // ORDERING: Relaxed: nobody sees the table before it is stored below.
            table.slot(unit).store(closed, Ordering::Relaxed);
        }
        // ORDERING: Release, paired with the Acquire in `RawLock::table`.
        self.lock.table.store(Box::into_raw(table), Ordering::Release);
    }
}
