//! Admitting a claim to the registry, with the mutex held: shown on the board first, and then compared with
//! those who are in slots and in cells.

use std::ops::ControlFlow;

use crate::raw::enter::unit_of;
use crate::raw::place::{Hold, Place};
use crate::raw::registry::Queueing;
use crate::raw::slot::Word;
use crate::raw::summary::Summary;
use crate::raw::waiter::Waiter;
use crate::raw::{Ledger, Path, Pending, Queued};
use crate::sync::{AtomicU64, Ordering};
use crate::{Mode, Span};

impl Ledger<'_> {
    /// Admits a claim, held if nothing blocks it, else waiting.
    pub(super) fn admit(
        &mut self,
        span: Span,
        mode: Mode,
        queueing: Queueing,
        waiter: impl FnOnce() -> Waiter,
    ) -> Queued {
        let is_for_a_slot = queueing != Queueing::Reentrant && unit_of(span).is_some();
        if is_for_a_slot
            && !self.registry().blocks(span, mode, Queueing::Due)
            && self.enter_slot(span, mode)
        {
            return Queued::Held(Hold::Slot);
        }
        if queueing == Queueing::Patient && self.may_be_patient(span, mode) {
            return self.wait_patiently(span, mode, waiter);
        }
        let ahead = if queueing == Queueing::Reentrant { queueing } else { Queueing::Due };
        let place = self.announce(span, mode);
        let found = self.registry().in_the_way(span, mode, ahead);
        if found.claims == 0 {
            let id = self.registry().hold(span, mode, ahead);
            self.settle(id, place);
            self.lock.counters.granted(Path::Registry, mode);
            Queued::Held(Hold::Claim(id))
        } else if queueing == Queueing::Patient && !found.starve(mode) {
            self.retract(place, span, mode);
            self.wait_patiently(span, mode, waiter)
        } else {
            let mut waiter = waiter();
            waiter.record.is_due();
            let (books, heirs) = (&mut *self.books, &mut self.wakes.heirs);
            let id = books.registry.wait(span, mode, ahead, found.claims, waiter, heirs);
            self.settle(id, place);
            Queued::Waiting(Pending::due(id))
        }
    }

    /// Admits a claim that nothing blocks, or nobody.
    pub(super) fn admit_now(&mut self, span: Span, mode: Mode) -> Option<Hold> {
        if self.is_blocked(span, mode) || self.meets_a_held_unit(span, mode) {
            return None;
        }
        if !self.registry().blocks(span, mode, Queueing::Due) && self.enter_slot(span, mode) {
            return Some(Hold::Slot);
        }
        let place = self.announce(span, mode);
        self.watch_those_in_the_way(span);
        let hold = (!self.is_blocked(span, mode)).then(|| {
            let id = self.registry().hold(span, mode, Queueing::Due);
            self.settle(id, place);
            self.lock.counters.granted(Path::Registry, mode);
            Hold::Claim(id)
        });
        if hold.is_none() {
            self.retract(place, span, mode);
        }
        self.unwatch_idle(span);
        hold
    }

    /// Whether a claim that is held or waits is in the way, as far as the registry knows. One that will find that it
    /// must leave is none; it is watched, and so it does leave, even if those to whom it gives way are
    /// gone by the time it looks: the cells of watched claims and of the registry's own are not used again while we have
    /// the mutex, and who reads them later finds that he is watched (I6).
    pub(super) fn is_blocked(&self, span: Span, mode: Mode) -> bool {
        self.books.registry.blocks_for_good(span, mode, self.undecided())
    }

    /// Which cells' claims may yet find that they must leave, or have let go and are not yet out of the registry.
    pub(super) fn undecided(&self) -> impl Fn(u32) -> bool {
        // ORDERING: Acquire: whoever finds that a claim has left follows it.
        let now = Summary::from_bits(self.lock.summary.load(Ordering::Acquire));
        let cells = &self.core.cells;
        move |cell| !now.uses(cell) || !cells.is_settled(cell)
    }

    /// Has the registry know the claims in cells that are in the way of those whom it has proxies for in `span`, so that it
    /// can tell who of them must leave.
    pub(super) fn watch_those_in_the_way(&mut self, span: Span) {
        for (span, mode) in self.registry().proxies(span) {
            // ORDERING: Acquire, as in `watch_cell`.
            let now = Summary::from_bits(self.lock.summary.load(Ordering::Acquire));
            self.watch_cells(now, span, mode);
        }
    }

    /// Whether a unit is in the way that has itself nobody in its way: a look that spares it the watch.
    fn meets_a_held_unit(&mut self, span: Span, mode: Mode) -> bool {
        let found = self
            .lock
            .conflicting_slot(span, mode)
            .filter(|word| !word.has_waiters() && word.bias().is_none());
        let Some((unit, holder)) = found.and_then(Word::holder) else { return false };
        let unit = Span::from_range(unit..unit + 1);
        let there = self.lock.summary_hint().unwatched();
        !self.registry().blocks(unit, holder, Queueing::Due)
            && self.core.cells.meet(there, unit, holder).is_none()
    }

    /// Takes a claim that nothing in the registry blocks in its slot, where that is possible.
    fn enter_slot(&mut self, span: Span, mode: Mode) -> bool {
        let Some(unit) = unit_of(span) else { return false };
        self.unbias(self.lock.slot_of(unit));
        if self.lock.enter_slot(unit, mode).is_err() {
            return false;
        }
        let summary = Summary::from_bits(self.lock.summary_after_entering());
        if self.cells_conflict(summary, span, mode) {
            self.leave_slot(unit);
            return false;
        }
        self.lock.counters.granted(Path::Slot, mode);
        true
    }

    /// Shows a claim to those who come from now on, and puts proxies for those who are there and in its way
    /// into the registry.
    pub(super) fn announce(&mut self, span: Span, mode: Mode) -> Place {
        let (place, before) = self.publish(span, mode);
        self.watch_all(before, span, mode);
        place
    }

    /// Watches the cells of `before`, and the slots, that are in the way of a claim which is shown now.
    pub(super) fn watch_all(&mut self, before: Summary, span: Span, mode: Mode) {
        self.watch_cells(before, span, mode);
        let lock = self.lock;
        let _ = lock.visit_slots(span, |slot, _| {
            self.watch(slot, span, mode);
            ControlFlow::<()>::Continue(())
        });
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
            if word.bias().is_some() {
                self.unbias(slot);
                continue;
            }
            let watched = word.watched().bits();
            // ORDERING: Acquire: readers may have joined and left since the load, and brought the word back
            // to what it was; whoever upgrades this slot, or frees it, follows them by way of the mutex.
            // No Release: who finds WAITERS takes the mutex. Relaxed on failure: it is loaded again.
            let marked =
                slot.compare_exchange(word.bits(), watched, Ordering::Acquire, Ordering::Relaxed);
            if marked.is_ok() {
                let unit = Span::from_range(unit..unit + 1);
                let proxy = self.registry().hold(unit, holder, Queueing::Due);
                self.registry().set_place(proxy, Place::Slot);
                return;
            }
        }
    }

    /// Takes WAITERS back from the word of a watched slot.
    pub(super) fn unwatch_slot(&self, unit: u64) {
        let slot = self.lock.slot_of(unit);
        // ORDERING: Relaxed: a watched word changes under the mutex only.
        let word = Word::from_bits(slot.load(Ordering::Relaxed));
        // ORDERING: Release. Who joins follows the readers that left while the slot was watched, of whom the mutex
        // has told us; who finds that he is not watched any more follows those for whom he was.
        slot.store(word.unwatched().bits(), Ordering::Release);
    }
}
