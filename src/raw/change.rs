//! Changing a claim while it is held: its mode, or its span.

use crate::raw::registry::ClaimId;
use crate::raw::slot::Word;
use crate::raw::{Hold, Ledger, RawLock, Summary};
use crate::sync::{self, Ordering};
use crate::{Mode, Span};

impl RawLock {
    /// Turns an exclusive hold into a shared one, without letting go in between.
    pub(crate) fn downgrade(&self, span: Span, hold: Hold) {
        match hold {
            Hold::Nothing => {}
            Hold::Slots => span.range().for_each(|unit| self.downgrade_slot(unit)),
            Hold::Claim(id) => {
                let mut ledger = self.core().enter(self);
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
            Hold::Slots if span.len() == 1 && self.upgrade_slot(span.start()) => return true,
            Hold::Slots | Hold::Claim(_) => {}
        }
        let mut ledger = self.core().enter(self);
        let upgraded = match hold {
            Hold::Claim(id) => ledger.try_upgrade(id),
            _ => ledger.try_upgrade_slots(span),
        };
        ledger.close();
        upgraded
    }

    /// Splits a hold at a unit of its span, or at one of its ends.
    pub(crate) fn split(&self, span: Span, hold: Hold, at: u64) -> (Hold, Hold) {
        match hold {
            _ if at == span.start() => (Hold::Nothing, hold),
            _ if at == span.end() => (hold, Hold::Nothing),
            Hold::Nothing | Hold::Slots => (hold, hold),
            Hold::Claim(id) => {
                let mut ledger = self.core().enter(self);
                let upper = ledger.split(id, at);
                ledger.close();
                (hold, Hold::Claim(upper))
            }
        }
    }

    /// Lets go of what a hold has outside `to`, which is a part of its span. What is left of the hold
    /// is the same hold, or nothing if `to` is empty.
    pub(crate) fn shrink(&self, span: Span, mode: Mode, hold: Hold, to: Span) {
        match hold {
            _ if to.is_empty() => self.unlock(span, mode, hold),
            Hold::Nothing => {}
            Hold::Slots => {
                let outside = (span.start()..to.start()).chain(to.end()..span.end());
                self.leave_slots(outside, mode);
            }
            Hold::Claim(id) => {
                let mut ledger = self.core().enter(self);
                ledger.shrink(id, to);
                ledger.close();
            }
        }
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

    /// Upgrades the sole reader of a slot while nobody is in the registry.
    fn upgrade_slot(&self, unit: u64) -> bool {
        // ORDERING: Relaxed: a hint, which spares us the undoing below.
        if self.summary.load(Ordering::Relaxed) != Summary::EMPTY {
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
        sync::two_sided_barrier();
        // ORDERING: SeqCst, as above.
        if self.summary.load(Ordering::SeqCst) == Summary::EMPTY {
            return true;
        }
        self.downgrade_slot(unit);
        false
    }
}

impl Ledger<'_> {
    fn downgrade(&mut self, id: ClaimId) {
        self.books.registry.downgrade(id, &mut self.wakes.0);
        let (place, span) = (self.books.registry.place(id), self.books.registry.span(id));
        self.notices().weaken(place, span, Mode::Shared);
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
                self.books.registry.downgrade(proxy, &mut self.wakes.0);
            }
            return;
        }
    }

    fn try_upgrade(&mut self, id: ClaimId) -> bool {
        if !self.registry().holds_alone(id) {
            return false;
        }
        // As for any exclusive claim: show it, then look at the slots.
        let (place, span) = (self.books.registry.place(id), self.books.registry.span(id));
        self.notices().strengthen(place, Mode::Exclusive);
        if self.slots_conflict(span, Mode::Exclusive) {
            self.notices().weaken(place, span, Mode::Shared);
            return false;
        }
        self.registry().upgrade(id);
        true
    }

    /// Upgrades a claim in slots. Watching them first keeps new readers out and puts proxies into the
    /// registry, by which others wait for us.
    fn try_upgrade_slots(&mut self, span: Span) -> bool {
        let lock = self.lock;
        lock.visit_slots(span, |slot| self.watch(slot, span, Mode::Exclusive));
        let mut proxies = Vec::new();
        for unit in span.range() {
            // ORDERING: Relaxed: readers that left before the slot was watched were acquired by `watch`,
            // and those that leave a watched slot do so under the mutex.
            let word = Word::from_bits(lock.slot_of(unit).load(Ordering::Relaxed));
            let unit = Span::from_range(unit..unit + 1);
            let proxy = self.registry().proxy(unit).expect("a watched slot has a proxy (I2)");
            if !word.has_one_holder() || !self.registry().holds_alone(proxy) {
                return false;
            }
            proxies.push(proxy);
        }
        for (unit, proxy) in span.range().zip(proxies) {
            let slot = lock.slot_of(unit);
            // ORDERING: Relaxed: a watched word changes under the mutex only, which also orders us
            // after the readers who left.
            let word = Word::from_bits(slot.load(Ordering::Relaxed));
            let upgraded = word.upgraded().expect("one reader, and none can join");
            slot.store(upgraded.bits(), Ordering::Relaxed);
            self.registry().upgrade(proxy);
        }
        true
    }

    fn split(&mut self, id: ClaimId, at: u64) -> ClaimId {
        let mode = self.books.registry.mode(id);
        let (lower, upper) = self.books.registry.span(id).split_at(at);
        // Who has entered a slot and read a summary without the upper part gives way because it is
        // watched, now that the cell of the lower part is about to be out of its way (I6).
        let upper_place = self.announce(upper, mode);
        let lower_place = self.books.registry.place(id);
        self.notices().weaken(lower_place, lower, mode);
        let upper = self.registry().split(id, at);
        self.settle(upper, upper_place);
        upper
    }

    fn shrink(&mut self, id: ClaimId, to: Span) {
        self.books.registry.shrink(id, to, &mut self.wakes.0);
        let (place, mode) = (self.books.registry.place(id), self.books.registry.mode(id));
        self.notices().weaken(place, to, mode);
    }
}
