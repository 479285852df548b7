//! Letting go of a claim, and waking those that it was the last to block.

use crate::raw::place::Hold;
use crate::raw::registry::ClaimId;
use crate::raw::slot::Word;
use crate::raw::summary::Summary;
use crate::raw::{Ledger, RawLock};
use crate::sync::Ordering;
use crate::{Mode, Span};

impl RawLock {
    /// Releases what an acquisition of `span` in `mode` returned.
    #[inline(always)]
    pub(crate) fn unlock(&self, span: Span, mode: Mode, hold: Hold) {
        match hold {
            Hold::Slot => self.leave_slot(span.start(), mode),
            Hold::Cell(cell) => self.leave_cell(cell),
            Hold::Reader(cell) => self.leave_as_reader(span.start(), mode, cell),
            Hold::Nothing | Hold::Claim(_) => self.unlock_cold(hold),
        }
    }

    #[inline(never)]
    fn unlock_cold(&self, hold: Hold) {
        if let Hold::Claim(id) = hold {
            let mut ledger = self.core().enter(self);
            ledger.remove(id);
            ledger.close();
        }
    }

    #[inline]
    pub(super) fn leave_slot(&self, unit: u64, mode: Mode) {
        let sole = Word::sole(unit, mode).bits();
        // ORDERING: Release, paired with the Acquire of whoever enters the slot or scans it next.
        let left = self.slot_of(unit).compare_exchange(
            sole,
            Word::FREE.bits(),
            Ordering::Release,
            Ordering::Relaxed,
        );
        if left.is_err() {
            self.leave_slot_cold(unit);
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
            // ORDERING: Release, as in `leave_slot`.
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

    /// Releases a cell: the claim is taken off the board first, and the cell given back last.
    #[inline(never)]
    pub(super) fn leave_cell(&self, cell: u32) {
        let core = self.core();
        // ORDERING: Release, paired with every load of the summary by a newcomer: who does not find the claim
        // follows it.
        let before = self.summary.fetch_and(!Summary::all_of(cell), Ordering::Release);
        if Summary::from_bits(before).watches(cell) {
            let mut ledger = core.enter(self);
            ledger.leave_watched_cell(cell);
            ledger.close();
        } else {
            core.cells.free(cell);
        }
    }
}

impl Ledger<'_> {
    /// Leaves a slot, with its proxy if this was the last holder of a watched one.
    pub(super) fn leave_slot(&mut self, unit: u64) {
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
        // ORDERING: Release, as in `RawLock::leave_slot`. The readers that left before us are covered: by
        // the Acquire of `watch` or by the mutex.
        slot.store(next.bits(), Ordering::Release);
        if next != Word::FREE && !next.has_one_holder() {
            return;
        }
        let unit = Span::from_range(unit..unit + 1);
        let proxy = self.registry().proxy(unit).expect("a watched slot has a proxy (I2)");
        if next == Word::FREE {
            self.remove_proxy(proxy);
        } else {
            self.books.registry.left_alone(proxy, &mut self.wakes.heirs);
        }
    }

    /// Takes the proxy of a claim that is off the board out of the registry, and gives its cell back.
    fn leave_watched_cell(&mut self, cell: u32) {
        let proxy = self.books.board.proxies[cell as usize].take();
        self.remove_proxy(proxy.expect("a watched cell has a proxy (I2)"));
        self.core.cells.free(cell);
    }

    /// Takes a proxy out of the registry, and the watches back of those that were watched for its sake.
    fn remove_proxy(&mut self, proxy: ClaimId) {
        let span = self.registry().span(proxy);
        self.remove(proxy);
        self.unwatch_idle(span);
    }
}
