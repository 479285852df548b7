//! Acquiring a claim without the mutex: a claim on one unit enters its slot, any other takes a
//! cell.
//!
//! Either way the claim is written first, and then checks for conflicting claims. If there is one,
//! the new claim is taken back, and may be tried again or queued only after that. Between
//! the write and the end of the check it is *tentative*: it blocks other claims without being held.

use std::ops::ControlFlow;

use crate::raw::place::{Attempted, Hold, Obstacle};
use crate::raw::words::cell::Met;
use crate::raw::words::slot::{UNITS, Word};
use crate::raw::words::summary::Summary;
use crate::raw::{Core, Path, RawLock};
use crate::sync::{self, Ordering};
use crate::{Mode, Span};

/// How often a claim on a range looks for conflicting claims on units before it is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looks {
    /// Once, and once before it is written: a try, the first attempt of a claim with a deadline, and a claim that
    /// found its slot taken by another unit. So one that is going to fail does not block other claims meanwhile.
    One,
    /// [Several](sync::looks_at_units) times: a claim that may wait. The claim that it meets is usually released
    /// soon, or sees the range and is taken back. If both were taken back, both would try in vain.
    Several,
}

impl Looks {
    /// Whether a conflicting claim is found each time.
    #[inline]
    fn meet(self, meets: impl Fn() -> bool) -> bool {
        let looks = if self == Looks::One { 1 } else { sync::looks_at_units() };
        let mut meets_again = (1..looks).map(|_| {
            sync::pause();
            meets()
        });
        meets() && meets_again.all(|meets| meets)
    }
}

/// Whether the slot or the reader's word of a claim is watched, or closed.
fn is_word_watched(hold: Hold) -> bool {
    // SAFETY: the lock is borrowed meanwhile.
    let word = unsafe { hold.word() };
    // ORDERING: Acquire. A watch that we must see was set before the old claim was released, whose
    // cell, or counter, we have loaded with Acquire (I6). If the watch has been removed since, we
    // happen after that.
    word.is_some_and(|word| Word::from_bits(word.load(Ordering::Acquire)).has_waiters())
}

/// The unit of a claim that belongs into a slot.
#[inline]
pub(super) fn unit_of(span: Span) -> Option<u64> {
    (span.len() == 1 && span.start() < UNITS).then_some(span.start())
}

impl RawLock {
    /// Acquires a claim without the mutex, if no claim conflicts.
    #[inline(always)]
    pub(super) fn attempt(&self, span: Span, mode: Mode, looks: Looks) -> Result<Hold, Obstacle> {
        let Some(unit) = unit_of(span) else { return self.take_cell(span, mode, looks).result() };
        if mode == Mode::Shared && self.summary_hint().is_open() {
            return self.attempt_as_reader(unit).result();
        }
        if looks == Looks::One && self.looks_blocked_by_a_reader(span, mode) {
            return Err(Obstacle::Undecided);
        }
        let slot = self.slot_of(unit);
        let sole = Word::sole(unit, mode).bits();
        // ORDERING: SeqCst, the unit's side of the two-sided argument (I4); as an Acquire it is
        // paired with the Release of the claims that left the slot.
        let entered =
            slot.compare_exchange(Word::FREE.bits(), sole, Ordering::SeqCst, Ordering::Relaxed);
        match entered {
            Ok(_) => {
                let hold = Hold::slot(slot);
                match self.summary_after_entering() {
                    summary if summary.concerns(mode) => {
                        self.stay_or_leave(summary, unit, mode, hold).result()
                    }
                    _ => Ok(self.held_in_slot(mode, hold)),
                }
            }
            Err(_) => self.attempt_again(unit, mode).result(),
        }
    }

    #[inline]
    pub(super) fn held_in_slot(&self, mode: Mode, hold: Hold) -> Hold {
        self.counters.granted(Path::Slot, mode);
        hold
    }

    /// As [`attempt`](RawLock::attempt), for a unit whose slot was not free.
    #[inline(never)]
    pub(super) fn attempt_again(&self, unit: u64, mode: Mode) -> Attempted {
        match self.enter_slot(unit, mode) {
            Ok((hold, retries)) => {
                let summary = self.summary_after_entering();
                let attempted = self.stay_or_leave(summary, unit, mode, hold);
                if attempted.result().is_ok() {
                    self.note_conflicts(summary, mode, retries);
                }
                attempted
            }
            Err(Obstacle::Collision) if self.note_collision() => self.attempt_again(unit, mode),
            Err(Obstacle::Collision) => {
                self.take_cell(Span::from_range(unit..unit + 1), mode, Looks::One)
            }
            Err(obstacle) => Attempted::refused(obstacle),
        }
    }

    /// Checks a claim in its unit's slot, or in a reader's word, against the claims on the board.
    /// If one conflicts, the new claim is taken back.
    #[inline(never)]
    pub(super) fn stay_or_leave(
        &self,
        summary: Summary,
        unit: u64,
        mode: Mode,
        hold: Hold,
    ) -> Attempted {
        let met = match self.existing_core() {
            Some(core) if summary.concerns(mode) => {
                let span = Span::from_range(unit..unit + 1);
                let is_watched = || is_word_watched(hold);
                self.meet(core, summary, span, mode, is_watched).and_then(|()| {
                    match core.cells.meet_readers_of(summary, span, mode) {
                        true => Err(Obstacle::Undecided),
                        false => Ok(()),
                    }
                })
            }
            _ => Ok(()),
        };
        match met {
            Ok(()) => {
                self.note_check(summary, mode);
                if summary.shows_another_thread() {
                    self.note_conflicts(summary, mode, 1);
                }
                Attempted::held(self.held_in_slot(mode, hold))
            }
            Err(obstacle) => {
                self.unlock(Span::from_range(unit..unit + 1), mode, hold);
                Attempted::refused(obstacle)
            }
        }
    }

    #[inline]
    pub(super) fn summary_after_entering(&self) -> Summary {
        sync::two_sided_barrier();
        // ORDERING: SeqCst, the unit's side of the two-sided argument (I4); as an Acquire it is
        // paired with the writes of the summary: what was done under a claim that is not in it any
        // more is visible.
        let load = |core: &Core| Summary::from_bits(core.summary.load(Ordering::SeqCst));
        self.existing_core().map_or(Summary::EMPTY, load)
    }

    /// Enters a unit's slot, or joins the readers there. Returns how often another thread changed
    /// the slot meanwhile.
    pub(super) fn enter_slot(&self, unit: u64, mode: Mode) -> Result<(Hold, u32), Obstacle> {
        let slot = self.slot_of(unit);
        let mut looks = 0;
        let enter = |bits| {
            looks += 1;
            match (Word::from_bits(bits), mode) {
                (Word::FREE, _) => Some(Word::sole(unit, mode).bits()),
                (found, Mode::Shared) => found.join(unit).map(Word::bits),
                (_, Mode::Exclusive) => None,
            }
        };
        // ORDERING: SeqCst, as in `attempt`. Relaxed where it reads: a guess.
        let entered = slot.fetch_update(Ordering::SeqCst, Ordering::Relaxed, enter);
        match entered {
            Ok(_) => Ok((Hold::slot(slot), looks - 1)),
            Err(bits) => Err(self.obstacle(Word::from_bits(bits), unit, mode)),
        }
    }

    /// Why a claim on `unit` that found this word in its slot cannot enter it.
    fn obstacle(&self, found: Word, unit: u64, mode: Mode) -> Obstacle {
        match found.holder() {
            Some((holder, _)) if holder != unit => Obstacle::Collision,
            // The board is empty, so the claim in the slot is not taken back: it is held.
            Some((_, held)) if held.conflicts_with(mode) && self.summary_hint().is_empty() => {
                Obstacle::Conflict
            }
            Some((_, held)) if held.conflicts_with(mode) => Obstacle::Undecided,
            Some(_) | None => Obstacle::Registry,
        }
    }

    /// Takes a cell for a claim, if no claim conflicts.
    #[inline(never)]
    fn take_cell(&self, span: Span, mode: Mode, looks: Looks) -> Attempted {
        if span.is_empty() {
            return Attempted::held(Hold::NOTHING);
        }
        let core = self.core();
        if looks == Looks::One && self.meets_a_unit(core, core.summary_hint(), span, mode) {
            return Attempted::refused(Obstacle::Undecided);
        }
        let unused = || core.summary_hint().unused();
        let taken = core.cells.take(unused).or_else(|| self.make_way(core));
        let Some(taken) = taken else { return Attempted::refused(Obstacle::NoCell) };
        let cell = taken.cell();
        let before = self.show_in_cell(core, cell, span, mode);
        let is_watched = || core.summary_now().watches(cell);
        let met = match before.concerns(mode) {
            false => Ok(()),
            true => self.meet(core, before, span, mode, is_watched),
        };
        let met =
            met.and_then(|()| match looks.meet(|| self.meets_a_unit(core, before, span, mode)) {
                false => Ok(()),
                true => Err(Obstacle::Undecided),
            });
        if let Err(obstacle) = met {
            self.vacate(core, taken, mode);
            return Attempted::refused(obstacle);
        }
        core.cells.settle(taken);
        self.counters.granted(Path::Cell, mode);
        self.note_scan(span);
        self.note_check(before, mode);
        Attempted::held(Hold::cell(taken))
    }

    /// Shows a claim in a cell that it has taken. Returns the summary from before that.
    #[inline(always)]
    pub(super) fn show_in_cell(&self, core: &Core, cell: u32, span: Span, mode: Mode) -> Summary {
        core.cells.show(cell, span);
        // ORDERING: SeqCst, the range's side of the two-sided argument (I4). As a Release it shows
        // the cell to the threads that read this summary; as an Acquire it orders us after the
        // claims that have left it. The bits of a free cell are zero, so they are added: on x86,
        // adding and returning the old value is one instruction, and setting bits is a loop.
        let before = core.summary.fetch_add(Summary::claim(cell, mode), Ordering::SeqCst);
        sync::two_sided_barrier();
        Summary::from_bits(before)
    }

    /// Whether a claim in a slot conflicts, or one in a reader's word, if `summary` shows those.
    fn meets_a_unit(&self, core: &Core, summary: Summary, span: Span, mode: Mode) -> bool {
        core.cells.meet_readers_of(summary, span, mode)
            || self.conflicting_slot(span, mode).is_some()
    }

    /// The word of a slot whose claim conflicts, if there is one.
    pub(super) fn conflicting_slot(&self, span: Span, mode: Mode) -> Option<Word> {
        let found = self.visit_slots(span, |_, word| match word.holder() {
            Some((unit, holder)) if !span.contains_unit(unit) || !holder.conflicts_with(mode) => {
                ControlFlow::Continue(())
            }
            // A word without a holder is closed: its unit is in a table that we have not seen yet.
            Some(_) | None => ControlFlow::Break(word),
        });
        found.break_value()
    }

    /// Whether a claim in a cell conflicts, as far as can be seen without writing anything.
    pub(super) fn looks_blocked_by_a_cell(&self, span: Span, mode: Mode) -> bool {
        let in_cell = |core: &Core| core.cells.meet(core.summary_hint(), span, mode).is_some();
        self.existing_core().is_some_and(in_cell)
    }

    /// The same for the readers' words and, if `span` is one unit, for its slot.
    pub(super) fn looks_blocked_by_a_unit(&self, span: Span, mode: Mode) -> bool {
        self.looks_blocked_by_a_reader(span, mode)
            || unit_of(span).is_some() && self.conflicting_slot(span, mode).is_some()
    }

    /// The same for the readers' words.
    #[inline]
    pub(super) fn looks_blocked_by_a_reader(&self, span: Span, mode: Mode) -> bool {
        let hint = self.summary_hint();
        let in_word = |core: &Core| core.cells.meet_readers_of(hint, span, mode);
        hint.has_readers() && self.existing_core().is_some_and(in_word)
    }

    /// Checks a new claim against the claims on the board that a summary shows.
    pub(super) fn meet(
        &self,
        core: &Core,
        summary: Summary,
        span: Span,
        mode: Mode,
        is_watched: impl FnOnce() -> bool,
    ) -> Result<(), Obstacle> {
        match core.cells.meet(summary, span, mode) {
            Some(Met::Settled) if self.meets_still(core, summary, span, mode) => {
                Err(Obstacle::Conflict)
            }
            Some(Met::Settled | Met::Undecided) => Err(Obstacle::Undecided),
            None if core.regions.may_meet(summary, span, mode) => Err(Obstacle::Registry),
            // A claim of this summary may have been replaced after we read the summary. Then the
            // claims that replaced it have found ours, and it is watched (I6).
            None if is_watched() => Err(Obstacle::Registry),
            None => Ok(()),
        }
    }

    /// Whether a claim that `summary` shows in a cell still conflicts when checked again. If the
    /// cell has been taken by another claim since the summary was read, the first check may have
    /// combined the old claim's mode with the new claim's span, or the start of one span with the
    /// end of the other. A claim must not be refused because of that.
    fn meets_still(&self, core: &Core, summary: Summary, span: Span, mode: Mode) -> bool {
        core.cells.meet(summary.and(core.summary_now()), span, mode) == Some(Met::Settled)
    }
}
