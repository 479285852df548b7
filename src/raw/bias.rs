//! Readers of a hot unit, each of whom writes a line of his own.
//!
//! After BRAVO (Dice and Kogan, USENIX ATC 2019): where readers of one unit are in each other's way, its slot is given a
//! *bias*, and from then on they count themselves in a word that lies in a cell's line: each thread in the same one,
//! in a word like a slot's. Whoever wants something else of the slot takes the bias away first, with the mutex held. He waits
//! for nobody: he counts the readers that he finds in cells into the slot. A reader who does not find himself in his
//! cell leaves the slot.
//!
//! Readers of a unit are told apart by nobody: one may leave a cell for another, who then leaves the slot for him.

use crate::Mode;
use crate::raw::cell::Cells;
use crate::raw::enter::Obstacle;
use crate::raw::place::Hold;
use crate::raw::slot::Word;
use crate::raw::{Ledger, RawLock};
use crate::sync::{self, AtomicU64, Ordering};

impl RawLock {
    /// Takes a shared claim where some unit has a bias.
    #[inline(never)]
    pub(super) fn attempt_biased(&self, unit: u64) -> Result<Hold, Obstacle> {
        let slot = self.slot_of(unit);
        // ORDERING: SeqCst, the second time: whoever takes the bias away looks at the cells after that, so that he sees us
        // there, or we see that it is gone. As an Acquire, the first time: whoever has found the slot without the
        // bias has looked before we entered the cell, and is seen by us (I4).
        let is_biased = || Word::from_bits(slot.load(Ordering::SeqCst)).is_biased(unit);
        if let Some(core) = self.existing_core().filter(|_| is_biased()) {
            let home = sync::home_cell();
            if core.cells.join(home, unit) {
                sync::two_sided_barrier();
                if is_biased() {
                    let (mode, hold) = (Mode::Shared, Hold::Reader(home));
                    return match self.summary_after_entering() {
                        summary if summary.concerns(mode) => {
                            self.stay_or_leave(summary, unit, mode, hold)
                        }
                        _ => Ok(self.held_in_slot(mode, hold)),
                    };
                }
                self.leave_as_reader(unit, Mode::Shared, home);
            }
        }
        self.attempt_again(unit, Mode::Shared)
    }

    /// Releases a unit's claim that was counted in a cell, and may be in the slot by now.
    #[inline(never)]
    pub(super) fn leave_as_reader(&self, unit: u64, mode: Mode, cell: u32) {
        if !self.core().cells.leave(cell, unit) {
            self.leave_slot(unit, mode);
        }
    }

    /// Gives a bias to a unit of which we hold a shared claim.
    #[cold]
    pub(super) fn bias(&self, unit: u64) {
        let mut ledger = self.core().enter(self);
        ledger.bias(unit);
        ledger.close();
    }
}

impl Cells {
    /// Counts a reader of a unit in a cell, if it has none of another.
    #[inline]
    fn join(&self, cell: u32, unit: u64) -> bool {
        let join = |bits| match Word::from_bits(bits) {
            Word::FREE => Some(Word::sole(unit, Mode::Shared).bits()),
            found => found
                .join(unit)
                .filter(|next| next.readers() <= Word::MOST_IN_A_CELL)
                .map(Word::bits),
        };
        // ORDERING: SeqCst: the slot and the summary are looked at after it (I4). Relaxed where it reads: a guess.
        self.readers(cell).fetch_update(Ordering::SeqCst, Ordering::Relaxed, join).is_ok()
    }

    /// Counts a reader of a unit no longer; whether there was one.
    #[inline]
    pub(super) fn leave(&self, cell: u32, unit: u64) -> bool {
        let leave = |bits| {
            let found = Word::from_bits(bits);
            let is_ours = found.holder().is_some_and(|(holder, _)| holder == unit);
            is_ours.then(|| found.leave_watched().bits())
        };
        // ORDERING: Release, paired with the loads in `take_readers`. Acquire where it reads: another may have left the
        // cell for us, and we leave the slot for him.
        self.readers(cell).fetch_update(Ordering::Release, Ordering::Acquire, leave).is_ok()
    }

    /// Takes all readers of a unit out of the cells. Returns how many.
    fn take_readers(&self, unit: u64) -> u64 {
        let of_unit = |bits| {
            let is_theirs =
                Word::from_bits(bits).holder().is_some_and(|(holder, _)| holder == unit);
            is_theirs.then_some(Word::FREE.bits())
        };
        let take = |cell| {
            // ORDERING: SeqCst, also where it reads, after the bias was taken away: see `attempt_biased`. As an Acquire:
            // whoever enters the slot next follows those who have left the cell.
            self.readers(cell).fetch_update(Ordering::SeqCst, Ordering::SeqCst, of_unit)
        };
        let taken = (0..sync::BOARD_CELLS as u32).filter_map(|cell| take(cell).ok());
        taken.map(|bits| Word::from_bits(bits).readers()).sum()
    }
}

impl Ledger<'_> {
    fn bias(&mut self, unit: u64) {
        let slot = self.lock.slot_of(unit);
        let bias = |bits| Word::from_bits(bits).biased(unit).map(Word::bits);
        // ORDERING: SeqCst: a range that has found the slot without the bias is seen by the readers who find it with
        // it (I4). Relaxed where it reads: a guess.
        if slot.fetch_update(Ordering::SeqCst, Ordering::Relaxed, bias).is_ok() {
            self.books.biased += 1;
            self.hint_at_biases();
        }
    }

    /// Takes the bias away from a slot, if it has one.
    pub(super) fn unbias(&mut self, slot: &AtomicU64) {
        // ORDERING: Relaxed: biases come and go under the mutex.
        if Word::from_bits(slot.load(Ordering::Relaxed)).bias().is_none() {
            return;
        }
        // Watched, though nobody waits yet: who leaves takes the mutex, and nobody joins.
        // ORDERING: SeqCst: the cells are looked at after it. As an Acquire: whoever enters next follows those who have
        // left the slot.
        let word = slot.fetch_or(Word::FREE.watched().bits(), Ordering::SeqCst);
        let word = self.unbiased(Word::from_bits(word));
        // ORDERING: Release: whoever enters follows those who have left the slot and the cells, as we do.
        slot.store(word.bits(), Ordering::Release);
    }

    /// The word of a slot that nobody can enter or leave, without its bias.
    pub(super) fn unbiased(&mut self, word: Word) -> Word {
        let Some(unit) = word.bias() else { return word };
        sync::two_sided_barrier();
        self.books.biased -= 1;
        self.hint_at_biases();
        word.unbiased(self.core.cells.take_readers(unit))
    }

    /// Lets readers know whether any slot has a bias.
    fn hint_at_biases(&self) {
        let has_biased = self.books.biased != 0;
        // ORDERING: Release: as in `resize`.
        self.lock.table.store(self.lock.table(), has_biased, Ordering::Release);
    }
}
