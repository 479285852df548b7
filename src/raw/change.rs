//! Changing a claim while it is held: its mode, or its span.
//!
//! A claim in a cell comes into the registry for that, by proxy, and its cell shows the change.

use crate::raw::place::{Hold, Place};
use crate::raw::registry::ClaimId;
use crate::raw::slot::Word;
use crate::raw::summary::Summary;
use crate::raw::{Ledger, RawLock};
use crate::sync::Ordering;
use crate::{Mode, Span};

impl RawLock {
    /// Turns an exclusive hold into a shared one, without letting go in between.
    pub(crate) fn downgrade(&self, span: Span, hold: Hold) {
        match hold {
            Hold::Nothing => {}
            Hold::Slot | Hold::Reader(_) => self.downgrade_slot(span.start()),
            Hold::Cell(cell) => self.downgrade_cell(span, cell),
            Hold::Claim(id) => {
                let mut ledger = self.core().enter(self);
                let place = ledger.registry().place(id);
                ledger.weaken(place, span);
                ledger.downgrade(id);
                ledger.close();
            }
        }
    }

    /// Turns a shared hold into an exclusive one if no other claim is held on its span.
    #[must_use]
    pub(crate) fn try_upgrade(&self, span: Span, hold: Hold) -> bool {
        match hold {
            Hold::Nothing => return true,
            Hold::Slot if self.upgrade_slot(span.start()) => return true,
            Hold::Slot | Hold::Reader(_) | Hold::Cell(_) | Hold::Claim(_) => {}
        }
        let mut ledger = self.core().enter(self);
        let upgraded = match hold {
            Hold::Nothing => true,
            Hold::Slot | Hold::Reader(_) => ledger.try_upgrade_slot(span),
            Hold::Cell(cell) => {
                let proxy = ledger.known(cell);
                ledger.try_upgrade(proxy)
            }
            Hold::Claim(id) => ledger.try_upgrade(id),
        };
        ledger.unwatch_idle(span);
        ledger.close();
        upgraded
    }

    /// Splits a hold at a unit of its span, or at one of its ends.
    pub(crate) fn split(&self, span: Span, hold: Hold, at: u64) -> (Hold, Hold) {
        if at == span.start() {
            return (Hold::Nothing, hold);
        }
        if at == span.end() {
            return (hold, Hold::Nothing);
        }
        let mut ledger = self.core().enter(self);
        let id = match hold {
            Hold::Claim(id) => id,
            Hold::Cell(cell) => ledger.known(cell),
            Hold::Nothing | Hold::Slot | Hold::Reader(_) => {
                unreachable!("neither has an inside to be split in")
            }
        };
        let upper = ledger.split(id, at);
        ledger.close();
        (hold, Hold::Claim(upper))
    }

    /// Releases what a hold has outside `to`, which is a part of its span. What is left of the hold
    /// is the same hold, or nothing if `to` is empty.
    pub(crate) fn shrink(&self, span: Span, mode: Mode, hold: Hold, to: Span) {
        if to.is_empty() {
            return self.unlock(span, mode, hold);
        }
        if to == span {
            return;
        }
        let mut ledger = self.core().enter(self);
        let id = match hold {
            Hold::Claim(id) => id,
            Hold::Cell(cell) => ledger.known(cell),
            Hold::Nothing | Hold::Slot | Hold::Reader(_) => {
                unreachable!("neither has a part that is smaller")
            }
        };
        ledger.shrink(id, to);
        ledger.unwatch_idle(span);
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
    fn downgrade_cell(&self, span: Span, cell: u32) {
        let mut seen = self.summary_hint();
        while !seen.watches(cell) {
            let weaker = seen.bits() & !Summary::exclusive(cell);
            // ORDERING: Release, paired with the loads of the summary by readers. Relaxed on failure: it is tried
            // again, or the mutex is taken.
            match self.summary.compare_exchange_weak(
                seen.bits(),
                weaker,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(bits) => seen = Summary::from_bits(bits),
            }
        }
        let mut ledger = self.core().enter(self);
        let proxy = ledger.known(cell);
        ledger.weaken(Place::Cell(cell), span);
        ledger.downgrade(proxy);
        ledger.close();
    }

    /// Upgrades the sole reader of a slot while nobody is on the board.
    fn upgrade_slot(&self, unit: u64) -> bool {
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
        if self.summary_after_entering() == Summary::EMPTY {
            return true;
        }
        self.downgrade_slot(unit);
        false
    }
}

impl Ledger<'_> {
    /// The proxy of a claim in a cell, which is held.
    pub(super) fn known(&mut self, cell: u32) -> ClaimId {
        self.watch_cell(cell).expect("a held claim is in its cell")
    }

    /// Turns an exclusive claim into a shared one, which others can see already.
    fn downgrade(&mut self, id: ClaimId) {
        self.books.registry.downgrade(id, &mut self.wakes.heirs);
        let span = self.registry().span(id);
        self.unwatch_idle(span);
    }

    fn downgrade_slot(&mut self, unit: u64) {
        let slot = self.lock.slot_of(unit);
        loop {
            // ORDERING: Relaxed: what the word is needed for, its unit and its watch, is ours or
            // written under the mutex.
            let word = Word::from_bits(slot.load(Ordering::Relaxed));
            let next = word.downgraded().bits();
            // ORDERING: Release, as in `RawLock::downgrade_slot`.
            let downgraded =
                slot.compare_exchange(word.bits(), next, Ordering::Release, Ordering::Relaxed);
            if downgraded.is_err() {
                continue;
            }
            if word.has_waiters() {
                let unit = Span::from_range(unit..unit + 1);
                let proxy = self.registry().proxy(unit).expect("a watched slot has a proxy (I2)");
                self.downgrade(proxy);
            }
            return;
        }
    }

    fn try_upgrade(&mut self, id: ClaimId) -> bool {
        if !self.holds_alone(id) {
            return false;
        }
        // As for any exclusive claim: show it, then look at cells and slots.
        let (place, span) = (self.registry().place(id), self.registry().span(id));
        let before = self.strengthen(place, span);
        self.watch_all(before, span, Mode::Exclusive);
        self.watch_those_in_the_way(span);
        let upgraded = self.holds_alone(id);
        if upgraded {
            self.registry().upgrade(id);
        } else {
            self.weaken(place, span);
        }
        self.settle(id, place);
        upgraded
    }

    /// Upgrades a claim in a slot. Watching it first keeps new readers out and puts a proxy into the
    /// registry, by which others wait for us.
    fn try_upgrade_slot(&mut self, span: Span) -> bool {
        let slot = self.lock.slot_of(span.start());
        // ORDERING: Acquire, as in `watch_cell`.
        let now = Summary::from_bits(self.lock.summary.load(Ordering::Acquire));
        self.watch_all(now, span, Mode::Exclusive);
        self.watch_those_in_the_way(span);
        // ORDERING: Relaxed: readers that left before the slot was watched were acquired by `watch`,
        // and those that leave a watched slot do so under the mutex.
        let word = Word::from_bits(slot.load(Ordering::Relaxed));
        let proxy = self.registry().proxy(span).expect("a watched slot has a proxy (I2)");
        let Some(upgraded) = word.upgraded() else { return false };
        if !self.holds_alone(proxy) {
            return false;
        }
        // ORDERING: SeqCst, the unit's side of the two-sided argument (I4): a watched word changes under the
        // mutex only, but ranges take cells without it.
        slot.swap(upgraded.bits(), Ordering::SeqCst);
        let summary = Summary::from_bits(self.lock.summary_after_entering());
        if self.cells_conflict(summary, span, Mode::Exclusive) {
            // ORDERING: Relaxed: nobody joins before the watch is taken back, by a Release.
            slot.store(word.bits(), Ordering::Relaxed);
            return false;
        }
        self.registry().upgrade(proxy);
        true
    }

    fn holds_alone(&self, id: ClaimId) -> bool {
        let (own, undecided) = (self.books.registry.place(id), self.undecided());
        self.books.registry.holds_alone(id, |cell| own != Place::Cell(cell) && undecided(cell))
    }

    fn split(&mut self, id: ClaimId, at: u64) -> ClaimId {
        let (mode, place) = (self.registry().mode(id), self.registry().place(id));
        let whole = self.registry().span(id);
        let (lower, upper) = whole.split_at(at);
        // Who has come with a summary without the upper part gives way because it is watched, now that the cell
        // of the lower part is about to be out of its way (I6).
        let upper_place = self.announce(upper, mode);
        self.narrow(place, whole, lower, mode);
        let upper = self.registry().split(id, at);
        self.settle(upper, upper_place);
        upper
    }

    fn shrink(&mut self, id: ClaimId, to: Span) {
        let (from, mode) = (self.registry().span(id), self.registry().mode(id));
        self.books.registry.shrink(id, to, &mut self.wakes.heirs);
        let place = self.registry().place(id);
        self.narrow(place, from, to, mode);
    }
}
