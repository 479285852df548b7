//! Releasing a claim, and waking the owners of the claims that are not blocked any more.

use crate::raw::place::{Hold, Kind, Place};
use crate::raw::registry::ClaimId;
use crate::raw::words::cell::TakenCell;
use crate::raw::words::slot::Word;
use crate::raw::words::summary::Summary;
use crate::raw::{Core, Locked, RawLock};
use crate::sync::{AtomicU64, Ordering};
use crate::{Mode, Span};

impl RawLock {
    /// Releases what an acquisition of `span` in `mode` returned.
    #[inline(always)]
    pub(crate) fn unlock(&self, span: Span, mode: Mode, hold: Hold) {
        // SAFETY: the lock is borrowed meanwhile.
        match unsafe { hold.word() } {
            Some(word) if leave_as_sole(word, span.start(), mode) => {}
            Some(_) => self.leave_word(span, mode, hold),
            None => self.unlock_range(span, mode, hold),
        }
    }

    /// Releases any other hold. A function of its own, so that [`unlock`](RawLock::unlock) is small
    /// enough to be inlined. It calls other functions last, so that it saves few registers: a
    /// locked instruction waits for all stores before it.
    #[inline(never)]
    fn unlock_range(&self, span: Span, mode: Mode, hold: Hold) {
        match hold.kind() {
            Kind::Cell(taken) => {
                let core = self.existing_core().expect("a claim is in one of its cells");
                match core.cells.keep(taken) {
                    true => self.vacate(core, taken, mode),
                    false => self.unlock_with_mutex(span, mode, hold),
                }
            }
            Kind::Claim(_) => self.unlock_with_mutex(span, mode, hold),
            Kind::Nothing | Kind::Slot | Kind::Reader => {}
        }
    }

    #[cold]
    #[inline(never)]
    fn unlock_with_mutex(&self, span: Span, mode: Mode, hold: Hold) {
        let mut locked = self.core().enter(self);
        locked.release(span, mode, hold);
        locked.close();
    }

    /// Where a claim on one unit is, if it is in a slot or a reader's word.
    pub(super) fn place_of(&self, hold: Hold) -> Option<Place> {
        match hold.kind() {
            Kind::Slot => Some(Place::Slot),
            Kind::Reader => {
                // SAFETY: the lock is borrowed meanwhile.
                let word = unsafe { hold.word() };
                word.map(|word| Place::Reader(self.core().cells.cell_of_readers(word)))
            }
            Kind::Nothing | Kind::Cell(_) | Kind::Claim(_) => None,
        }
    }

    /// Leaves a reader's word, or a slot that has other readers, is watched, or was moved.
    #[inline(never)]
    fn leave_word(&self, span: Span, mode: Mode, hold: Hold) {
        if self.place_of(hold).is_some_and(|place| !self.try_leave(place, span.start())) {
            self.unlock_with_mutex(span, mode, hold);
        }
    }

    /// Leaves a slot or a reader's word that is neither watched nor closed.
    fn try_leave(&self, place: Place, unit: u64) -> bool {
        let slot = self.word(place, unit);
        // ORDERING: Relaxed where it reads and on failure: a thread that finds WAITERS or a closed
        // slot takes the mutex and checks again.
        // ORDERING: Release, as in `leave_as_sole`.
        let left = slot.fetch_update(Ordering::Release, Ordering::Relaxed, |bits| {
            Word::from_bits(bits).leave().map(Word::bits)
        });
        left.is_ok()
    }

    /// Releases a claim in a cell: the claim is taken off the board first, and the cell is freed
    /// last.
    #[inline(always)]
    pub(super) fn vacate(&self, core: &Core, taken: TakenCell, mode: Mode) {
        match core.take_off(taken.cell(), mode) {
            true => self.leave_watched(core, taken),
            false => core.cells.free(taken),
        }
    }

    #[cold]
    #[inline(never)]
    fn leave_watched(&self, core: &Core, taken: TakenCell) {
        let mut locked = core.enter(self);
        locked.remove_cell_proxy(taken.cell());
        core.cells.free(taken);
        locked.close();
    }
}

impl Core {
    /// Takes the claim in a cell off the board. Returns whether it was watched.
    fn take_off(&self, cell: u32, mode: Mode) -> bool {
        // ORDERING: Release, paired with every load of the summary by a new claim: a thread that
        // does not find this claim any more happens after it.
        let before = self.summary.fetch_sub(Summary::claim(cell, mode), Ordering::Release);
        let before = Summary::from_bits(before);
        debug_assert!(before.uses(cell) && before.mode_of(cell) == mode, "released as it is held");
        before.watches(cell)
    }
}

/// Leaves a slot or a reader's word, if the claim is alone there and the word is neither watched
/// nor closed.
#[inline(always)]
fn leave_as_sole(word: &AtomicU64, unit: u64, mode: Mode) -> bool {
    let sole = Word::sole(unit, mode).bits();
    // ORDERING: Release, paired with the Acquire of the claims that enter the word or read it next.
    word.compare_exchange(sole, Word::FREE.bits(), Ordering::Release, Ordering::Relaxed).is_ok()
}

impl Locked<'_> {
    /// Releases a claim, with the mutex held.
    pub(super) fn release(&mut self, span: Span, mode: Mode, hold: Hold) {
        if let Some(place) = self.lock.place_of(hold) {
            return self.leave_word(place, span.start());
        }
        match hold.kind() {
            Kind::Nothing | Kind::Slot | Kind::Reader => {}
            Kind::Cell(taken) if self.core.cells.keep(taken) => {
                let cell = taken.cell();
                if self.core.take_off(cell, mode) {
                    self.remove_cell_proxy(cell);
                }
                self.core.cells.free(taken);
            }
            Kind::Cell(taken) => {
                let id = self.moved(span, taken);
                self.remove(id);
            }
            Kind::Claim(id) => self.remove(id),
        }
    }

    /// Leaves a slot or a reader's word. If it is watched and this was the last holder, the proxy
    /// is removed.
    pub(super) fn leave_word(&mut self, place: Place, unit: u64) {
        if self.lock.try_leave(place, unit) {
            return;
        }
        // The word is watched, so no other thread changes it while we hold the mutex. It is not
        // closed, because a thread that holds the mutex sees the present table (I1).
        let slot = self.lock.word(place, unit);
        // ORDERING: Relaxed: a watched word changes under the mutex only.
        let word = Word::from_bits(slot.load(Ordering::Relaxed));
        debug_assert!(word.has_waiters() && word != Word::MOVED);
        let next = word.leave_watched();
        // ORDERING: Release, as in `leave_as_sole`. The readers that left before us are
        // covered: by the Acquire of `watch` or by the mutex.
        slot.store(next.bits(), Ordering::Release);
        if next != Word::FREE && !next.has_one_holder() {
            return;
        }
        let proxy = self.word_proxy(Span::from_range(unit..unit + 1), place);
        if next == Word::FREE {
            self.remove(proxy);
        } else {
            self.protected.registry.unblock_upgrade_of(proxy, &mut self.wakes.affected);
        }
    }

    /// Removes the proxy of a claim that has been taken off the board. Then its cell may be freed.
    fn remove_cell_proxy(&mut self, cell: u32) {
        // ORDERING: Relaxed: the claim left in `take_off`, a Release, which also reported the
        // watch.
        self.core.summary.fetch_and(!Summary::watch(cell), Ordering::Relaxed);
        let proxy = self.protected.proxies[cell as usize].take();
        self.remove(proxy.expect("a watched cell has a proxy (I2)"));
    }

    /// Removes a claim and its whole group from the registry and the board, and grants the claims
    /// that are not blocked any more. Watches that are not needed any more are removed.
    pub(super) fn remove(&mut self, id: ClaimId) {
        let mut next = Some(id);
        while let Some(id) = next {
            let registry = &mut self.protected.registry;
            next = registry.sibling(id);
            let (span, mode, is_held) =
                (registry.span(id), registry.mode(id), registry.is_held(id));
            let place = registry.remove(id, &mut self.wakes.affected);
            self.retract(place, span, mode);
            // A held claim of the registry leaves no watch to remove: the claims that were watched
            // because of it had to leave before it was granted, or they are taken back.
            if place.is_of_proxy() || !is_held {
                self.unwatch_idle(span);
            }
        }
    }
}
