//! Taking a claim in slots: without the mutex, if few units are asked for and nobody is in the way.

use crate::raw::board::Summary;
use crate::raw::registry::Queueing;
use crate::raw::slot::{UNITS, Word};
use crate::raw::{Hold, Path, RawLock, SMALL};
use crate::sync::{self, Ordering};
use crate::{Mode, Span};

/// How far the inlined attempt on a single unit got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The unit is in its slot, and the board shows nobody in the way: it is held.
    Held,
    /// The unit is in its slot, and somebody in the registry may be in the way.
    Entered,
    /// Nothing was taken.
    Refused,
}

/// Why a claim could not be had in slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// A conflicting claim is there.
    Conflict,
    /// A slot is in use by another unit.
    Collision,
    /// Only the registry can tell.
    Registry,
}

impl RawLock {
    #[inline]
    pub(super) fn held_in_slots(&self, span: Span, mode: Mode) -> Hold {
        self.counters.granted(Path::in_slots(span), mode);
        Hold::Slots
    }

    #[inline]
    pub(super) fn attempt(&self, span: Span, mode: Mode) -> Attempt {
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

    /// Takes a claim without the mutex, if it is on few enough units, their slots are free or shared,
    /// and the board shows nobody in the way.
    pub(super) fn take_in_slots(
        &self,
        span: Span,
        mode: Mode,
        attempt: Attempt,
    ) -> Result<Hold, Obstacle> {
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
