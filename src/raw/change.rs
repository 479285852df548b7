//! Changing a claim while it is held: its mode, or its span.
//!
//! The claim is replaced by others: these are shown on the board, and then the old claim is
//! released, all under the mutex. Only a slot, and a cell that is not watched, are downgraded in
//! place.

use crate::raw::place::{Hold, Kind, Part, Place};
use crate::raw::registry::Queueing;
use crate::raw::words::cell::TakenCell;
use crate::raw::words::slot::Word;
use crate::raw::words::summary::Summary;
use crate::raw::{Locked, RawLock};
use crate::sync::Ordering;
use crate::{Mode, Span};

// Waking a task runs user code, which may panic. So each hold is replaced before `close` wakes
// anything.
impl RawLock {
    /// Turns an exclusive hold into a shared one, without releasing it in between.
    pub(crate) fn downgrade(&self, span: Span, hold: &mut Hold) {
        match hold.kind() {
            // A reader is shared already.
            Kind::Nothing | Kind::Reader => {}
            Kind::Slot => self.downgrade_slot(span.start()),
            Kind::Cell(taken) if self.downgrade_cell(taken) => {}
            Kind::Cell(_) | Kind::Claim(_) => {
                let [from, to] = [Mode::Exclusive, Mode::Shared].map(|mode| Part { span, mode });
                self.replace(from, hold, [to], |[new]| new);
            }
        }
    }

    /// Splits a hold at a unit of its span, or at one of its ends. Returns the upper part.
    pub(crate) fn split(&self, Part { span, mode }: Part, hold: &mut Hold, at: u64) -> Hold {
        if at == span.start() {
            return std::mem::replace(hold, Hold::NOTHING);
        }
        let mut upper = Hold::NOTHING;
        if at != span.end() {
            let parts = [span.split_at(at).0, span.split_at(at).1].map(|span| Part { span, mode });
            self.replace(Part { span, mode }, hold, parts, |[lower, new]| {
                upper = new;
                lower
            });
        }
        upper
    }

    /// Releases what a hold has outside `to`, which is a part of its span.
    pub(crate) fn shrink(&self, Part { span, mode }: Part, hold: &mut Hold, to: Span) {
        if to.is_empty() {
            self.unlock(span, mode, std::mem::replace(hold, Hold::NOTHING));
        } else if to != span {
            self.replace(Part { span, mode }, hold, [Part { span: to, mode }], |[new]| new);
        }
    }

    /// Replaces a claim that is not in a slot by others. `keep` chooses the hold that is stored in
    /// `hold`.
    fn replace<const N: usize>(
        &self,
        Part { span, mode }: Part,
        hold: &mut Hold,
        by: [Part; N],
        keep: impl FnOnce([Hold; N]) -> Hold,
    ) {
        let mut locked = self.core().enter(self);
        // A new claim whose summary does not show these yet might see the old claim leave. It is
        // watched before that, finds the watch, and is taken back (I6).
        let new = by.map(|part| locked.hold_in_any_case(part));
        locked.release(span, mode, *hold);
        locked.unwatch_idle(span);
        *hold = keep(new);
        locked.close();
    }

    pub(super) fn downgrade_slot(&self, unit: u64) {
        let from = Word::sole(unit, Mode::Exclusive).bits();
        let to = Word::sole(unit, Mode::Shared).bits();
        // ORDERING: Release, paired with the Acquire of a reader that joins. Relaxed on failure:
        // the slot is watched or closed, and the mutex is taken.
        let slot = self.slot_of(unit);
        if slot.compare_exchange(from, to, Ordering::Release, Ordering::Relaxed).is_err() {
            let mut locked = self.core().enter(self);
            locked.downgrade_slot(unit);
            locked.close();
        }
    }

    /// Downgrades a claim in its cell without the mutex, unless the cell is watched. Otherwise the
    /// registry's proxy would still be exclusive while readers already see a shared claim, and the
    /// registry would expect these readers to be taken back.
    fn downgrade_cell(&self, taken: TakenCell) -> bool {
        let core = self.core();
        let (cells, cell) = (&core.cells, taken.cell());
        if !cells.keep(taken) {
            return false;
        }
        // ORDERING: Release, paired with the loads of the summary by readers. Relaxed on failure:
        // it is tried again, or the mutex is taken.
        let downgraded = core.summary.fetch_update(Ordering::Release, Ordering::Relaxed, |bits| {
            let is_watched = Summary::from_bits(bits).watches(cell);
            (!is_watched).then_some(bits & !Summary::exclusive(cell))
        });
        cells.settle(taken);
        downgraded.is_ok()
    }
}

impl Locked<'_> {
    /// Adds a held claim for an owner that already holds its span.
    fn hold_in_any_case(&mut self, Part { span, mode }: Part) -> Hold {
        let place = self.announce(span, mode);
        let id = self.registry().hold(span, mode, Queueing::Reentrant);
        self.settle(id, place);
        Hold::claim(id)
    }

    fn downgrade_slot(&mut self, unit: u64) {
        let slot = self.lock.slot_of(unit);
        let downgraded = |bits| Some(Word::from_bits(bits).downgraded().bits());
        // ORDERING: Release, as in `RawLock::downgrade_slot`. Relaxed where it reads: what the word
        // is needed for, its unit and its watch, is ours or written under the mutex.
        let before = slot.fetch_update(Ordering::Release, Ordering::Relaxed, downgraded);
        if before.is_ok_and(|bits| Word::from_bits(bits).has_waiters()) {
            let unit = Span::from_range(unit..unit + 1);
            let proxy = self.word_proxy(unit, Place::Slot);
            let new = self.registry().hold(unit, Mode::Shared, Queueing::Reentrant);
            self.registry().set_place(new, Place::Slot);
            self.remove(proxy);
        }
    }
}
