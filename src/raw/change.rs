//! Changing a claim while it is held: its mode, or its span.
//!
//! Other claims take its place: they are shown, and then it is released, all under the mutex. Only a slot, and a cell
//! that nobody watches, are downgraded as they are.

use crate::raw::cell::Tenant;
use crate::raw::place::{Hold, Part, Place};
use crate::raw::registry::Queueing;
use crate::raw::slot::Word;
use crate::raw::summary::Summary;
use crate::raw::{Ledger, RawLock};
use crate::sync::Ordering;
use crate::{Mode, Span};

// Who is to be woken may panic: whatever is changed has its new hold before that.
impl RawLock {
    /// Turns an exclusive hold into a shared one, without letting go in between.
    pub(crate) fn downgrade(&self, span: Span, hold: &mut Hold) {
        match *hold {
            // A reader is shared already.
            Hold::Nothing | Hold::Reader(_) => {}
            Hold::Slot => self.downgrade_slot(span.start()),
            Hold::Cell(tenant) if self.downgrade_cell(tenant) => {}
            Hold::Cell(_) | Hold::Claim(_) => {
                let [from, to] = [Mode::Exclusive, Mode::Shared].map(|mode| Part { span, mode });
                self.replace(from, hold, [to], |[new]| new);
            }
        }
    }

    /// Splits a hold at a unit of its span, or at one of its ends. Returns the upper part.
    pub(crate) fn split(&self, Part { span, mode }: Part, hold: &mut Hold, at: u64) -> Hold {
        if at == span.start() {
            return std::mem::replace(hold, Hold::Nothing);
        }
        let mut upper = Hold::Nothing;
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
            self.unlock(span, mode, std::mem::replace(hold, Hold::Nothing));
        } else if to != span {
            self.replace(Part { span, mode }, hold, [Part { span: to, mode }], |[new]| new);
        }
    }

    /// Puts claims in the place of one that is not in a slot; `keep` says whose hold is to be kept in its place.
    fn replace<const N: usize>(
        &self,
        Part { span, mode }: Part,
        hold: &mut Hold,
        by: [Part; N],
        keep: impl FnOnce([Hold; N]) -> Hold,
    ) {
        let mut ledger = self.core().enter(self);
        // Who has come with a summary that does not show these gives way because he is watched, now that the old claim is
        // about to be out of his way (I6).
        let new = by.map(|part| ledger.hold_in_any_case(part));
        ledger.release(span, mode, *hold);
        ledger.unwatch_idle(span);
        *hold = keep(new);
        ledger.close();
    }

    fn downgrade_slot(&self, unit: u64) {
        let from = Word::sole(unit, Mode::Exclusive).bits();
        let to = Word::sole(unit, Mode::Shared).bits();
        // ORDERING: Release, paired with the Acquire of a reader that joins. Relaxed on failure: the slot is
        // watched or closed, and the mutex is taken.
        let slot = self.slot_of(unit);
        if slot.compare_exchange(from, to, Ordering::Release, Ordering::Relaxed).is_err() {
            let mut ledger = self.core().enter(self);
            ledger.downgrade_slot(unit);
            ledger.close();
        }
    }

    /// Without the mutex only while nobody watches the cell: the registry would otherwise take the claim for exclusive
    /// when readers see already that it is not, and think that these must leave.
    fn downgrade_cell(&self, tenant: Tenant) -> bool {
        let (cells, cell) = (&self.core().cells, tenant.cell());
        if !cells.keep(tenant) {
            return false;
        }
        // ORDERING: Release, paired with the loads of the summary by readers. Relaxed on failure: it is tried
        // again, or the mutex is taken.
        let downgraded = self.summary.fetch_update(Ordering::Release, Ordering::Relaxed, |bits| {
            let is_watched = Summary::from_bits(bits).watches(cell);
            (!is_watched).then_some(bits & !Summary::exclusive(cell))
        });
        cells.settle(tenant);
        downgraded.is_ok()
    }

    /// Upgrades the sole reader of a slot while nobody is on the board.
    pub(super) fn upgrade_slot(&self, unit: u64) -> bool {
        if !self.summary_hint().is_empty() {
            return false;
        }
        let from = Word::sole(unit, Mode::Shared).bits();
        let to = Word::sole(unit, Mode::Exclusive).bits();
        // ORDERING: SeqCst, the unit's side of the two-sided argument (I4); as an Acquire it is
        // paired with the Release of the readers who left.
        let slot = self.slot_of(unit);
        if slot.compare_exchange(from, to, Ordering::SeqCst, Ordering::Relaxed).is_err() {
            return false;
        }
        if self.summary_after_entering().is_empty() {
            return true;
        }
        self.downgrade_slot(unit);
        false
    }
}

impl Ledger<'_> {
    /// Holds a claim for one who has its span already.
    fn hold_in_any_case(&mut self, Part { span, mode }: Part) -> Hold {
        let place = self.announce(span, mode);
        let id = self.registry().hold(span, mode, Queueing::Reentrant);
        self.settle(id, place);
        Hold::Claim(id)
    }

    fn downgrade_slot(&mut self, unit: u64) {
        let slot = self.lock.slot_of(unit);
        let downgraded = |bits| Some(Word::from_bits(bits).downgraded().bits());
        // ORDERING: Release, as in `RawLock::downgrade_slot`. Relaxed where it reads: what the word is needed for,
        // its unit and its watch, is ours or written under the mutex.
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
