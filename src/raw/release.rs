//! Letting go of a claim, and waking those that it was the last to block.

use crate::raw::slot::Word;
use crate::raw::{Hold, Ledger, RawLock};
use crate::sync::Ordering;
use crate::{Mode, Span};

impl RawLock {
    /// Lets go of what an acquisition of `span` in `mode` returned.
    #[inline]
    pub(crate) fn unlock(&self, span: Span, mode: Mode, hold: Hold) {
        if hold == Hold::Slots && span.len() == 1 {
            self.leave_slot(span.start(), mode);
        } else {
            self.unlock_cold(span, mode, hold);
        }
    }

    #[inline]
    fn leave_slot(&self, unit: u64, mode: Mode) {
        if !self.leave_sole(unit, mode) {
            self.leave_slot_cold(unit);
        }
    }

    /// Leaves a slot, if nobody else is there and nobody waits.
    #[inline]
    fn leave_sole(&self, unit: u64, mode: Mode) -> bool {
        let sole = Word::sole(unit, mode).bits();
        // ORDERING: Release, paired with the Acquire of whoever enters the slot or scans it next.
        let left = self.slot_of(unit).compare_exchange(
            sole,
            Word::FREE.bits(),
            Ordering::Release,
            Ordering::Relaxed,
        );
        left.is_ok()
    }

    /// Leaves several slots. Whoever was blocked is woken after the last, for a waker may panic.
    pub(super) fn leave_slots(&self, units: impl Iterator<Item = u64>, mode: Mode) {
        let mut ledger = None;
        for unit in units {
            if !self.leave_sole(unit, mode) && !self.try_leave_slot(unit) {
                ledger.get_or_insert_with(|| self.core().enter(self)).leave_slot(unit);
            }
        }
        if let Some(ledger) = ledger {
            ledger.close();
        }
    }

    #[inline(never)]
    fn unlock_cold(&self, span: Span, mode: Mode, hold: Hold) {
        match hold {
            Hold::Nothing => {}
            Hold::Slots => self.leave_slots(span.range(), mode),
            Hold::Claim(id) => {
                let mut ledger = self.core().enter(self);
                ledger.remove(id);
                ledger.close();
            }
        }
    }

    /// Leaves a slot that has other readers, is watched, or was moved.
    #[inline(never)]
    fn leave_slot_cold(&self, unit: u64) {
        if self.try_leave_slot(unit) {
            return;
        }
        let mut ledger = self.core().enter(self);
        ledger.leave_slot(unit);
        ledger.close();
    }

    /// Leaves a slot that is neither watched nor closed.
    fn try_leave_slot(&self, unit: u64) -> bool {
        let slot = self.slot_of(unit);
        // ORDERING: Relaxed here and on failure: nobody is followed, and who finds WAITERS or a closed slot
        // takes the mutex and looks again.
        let mut word = Word::from_bits(slot.load(Ordering::Relaxed));
        while let Some(next) = word.leave() {
            // ORDERING: Release, as in `leave_sole`.
            match slot.compare_exchange(
                word.bits(),
                next.bits(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(bits) => word = Word::from_bits(bits),
            }
        }
        false
    }
}

impl Ledger<'_> {
    /// Leaves every slot of a span.
    pub(super) fn leave_slots(&mut self, span: Span) {
        span.range().for_each(|unit| self.leave_slot(unit));
    }

    /// Leaves a slot, with its proxy if this was the last holder of a watched one.
    fn leave_slot(&mut self, unit: u64) {
        if self.lock.try_leave_slot(unit) {
            return;
        }
        // Watched: with the mutex held nobody else changes the word. Closed it cannot be, for the
        // table is seen by whoever has the mutex (I1).
        let slot = self.lock.slot_of(unit);
        // ORDERING: Relaxed: a watched word changes under the mutex only.
        let word = Word::from_bits(slot.load(Ordering::Relaxed));
        debug_assert!(word.has_waiters() && word != Word::MOVED);
        let next = word.leave_watched();
        // ORDERING: Release, as in `RawLock::leave_sole`. The readers that left before us are covered: by
        // the Acquire of `watch` or by the mutex.
        slot.store(next.bits(), Ordering::Release);
        if next == Word::FREE {
            let unit = Span::from_range(unit..unit + 1);
            let proxy = self.registry().proxy(unit).expect("a watched slot has a proxy (I2)");
            self.remove(proxy);
        }
    }
}
