//! Readers of single units, each of which writes a cache line of its own.
//!
//! After BRAVO (Dice and Kogan, USENIX ATC 2019). If readers slow each other down, the lock is
//! *opened*: from then on a reader of a unit counts itself in a word beside a cell instead of in
//! the unit's slot. A thread always uses the same word. Such a *reader's word* has the format of a
//! slot's word, and is watched in the same way. It may be used for any unit, so an exclusive claim
//! checks all of these words, and a reader checks the unit's slot for a writer. When exclusive
//! claims have made many such checks, the lock is closed again.
//!
//! Two bits of the summary control this. OPEN: readers may enter. READERS: some may be there. OPEN
//! is cleared first, and READERS once all words have been found free.

use std::ops::ControlFlow;

use crate::raw::place::{Attempted, Hold, Place};
use crate::raw::words::cell::Cells;
use crate::raw::words::slot::Word;
use crate::raw::words::summary::Summary;
use crate::raw::{Locked, RawLock};
use crate::sync::{self, AtomicU64, BOARD_CELLS, Ordering};
use crate::{Mode, Span};

impl RawLock {
    /// Acquires a shared claim on a unit in this thread's word, if the lock is open.
    #[inline(never)]
    pub(super) fn attempt_as_reader(&self, unit: u64) -> Attempted {
        let home = sync::home_cell();
        let joined = self.existing_core().and_then(|core| core.cells.join(home, unit));
        let Some(hold) = joined else { return self.attempt_again(unit, Mode::Shared) };
        let mode = Mode::Shared;
        let summary = self.summary_after_entering();
        // ORDERING: SeqCst: a writer checks the readers' words after it has entered the slot, so
        // that it sees us there, or we see it (I4). As an Acquire it orders us after the writer
        // that left.
        let slot = || Word::from_bits(self.slot_of(unit).load(Ordering::SeqCst));
        if !summary.is_open() || slot().keeps_out_readers_of(unit) {
            self.unlock(Span::from_range(unit..unit + 1), mode, hold);
            return self.attempt_again(unit, mode);
        }
        match summary.concerns(mode) {
            true => self.stay_or_leave(summary, unit, mode, hold),
            false => Attempted::held(self.held_in_slot(mode, hold)),
        }
    }

    /// Counts how often another thread delayed a reader. If that is often, the lock is opened.
    #[inline]
    pub(super) fn note_conflicts(&self, summary: Summary, mode: Mode, conflicts: u32) {
        if mode == Mode::Shared && conflicts != 0 && !summary.is_open() && sync::is_hot(conflicts) {
            self.open();
        }
    }

    /// Lets readers count themselves in words of their own.
    #[cold]
    pub(super) fn open(&self) {
        let core = self.core();
        let locked = core.enter(self);
        // ORDERING: SeqCst: a range or a writer that has not seen the bits is seen by the readers
        // that enter because of them (I4).
        core.summary.fetch_or(Summary::OPEN | Summary::READERS, Ordering::SeqCst);
        locked.close();
    }

    /// Makes readers enter slots again, and claims check slots only, as soon as the words are free.
    #[cold]
    pub(super) fn shut(&self) {
        let core = self.core();
        let locked = core.enter(self);
        // ORDERING: SeqCst: the words are loaded after it, so that we see a reader there, or it
        // sees that the lock is shut.
        core.summary.fetch_and(!Summary::OPEN, Ordering::SeqCst);
        sync::two_sided_barrier();
        if !core.cells.meet_reader(Span::ALL) {
            // ORDERING: Release: a claim that does not see the bit happens after the readers that
            // have left, as we do.
            core.summary.fetch_and(!Summary::READERS, Ordering::Release);
        }
        locked.close();
    }

    /// Counts a claim that had to check the readers' words. If this thread has checked them often,
    /// the lock is closed to such readers.
    #[inline]
    pub(super) fn note_check(&self, summary: Summary, mode: Mode) {
        if mode == Mode::Exclusive && summary.has_readers() && sync::is_cold() {
            self.shut();
        }
    }

    /// The word in which a claim on a unit is, in its slot or in a reader's word.
    pub(super) fn word(&self, place: Place, unit: u64) -> &AtomicU64 {
        match place {
            Place::Reader(cell) => self.core().cells.readers(cell),
            _ => self.slot_of(unit),
        }
    }
}

impl Cells {
    /// Counts a reader of a unit in a reader's word, unless the word has readers of another unit.
    #[inline]
    fn join(&self, cell: u32, unit: u64) -> Option<Hold> {
        let word = self.readers(cell);
        let sole = Word::sole(unit, Mode::Shared).bits();
        let free = Word::FREE.bits();
        // ORDERING: SeqCst, the reader's side of the two-sided argument (I4): the summary and the
        // slot are loaded after it.
        if word.compare_exchange(free, sole, Ordering::SeqCst, Ordering::Relaxed).is_ok() {
            return Some(Hold::reader(word));
        }
        let join = |bits| match Word::from_bits(bits) {
            Word::FREE => Some(Word::sole(unit, Mode::Shared).bits()),
            found => found.join(unit).map(Word::bits),
        };
        // ORDERING: SeqCst, the same. Relaxed where it reads: a hint.
        let joined = word.fetch_update(Ordering::SeqCst, Ordering::Relaxed, join);
        joined.is_ok().then(|| Hold::reader(word))
    }

    /// Whether a claim conflicts with a reader in a reader's word, if `summary` says that there may
    /// be any.
    pub(super) fn meet_readers_of(&self, summary: Summary, span: Span, mode: Mode) -> bool {
        mode == Mode::Exclusive && summary.has_readers() && self.meet_reader(span)
    }

    /// Whether any unit of `span` is in a reader's word.
    pub(super) fn meet_reader(&self, span: Span) -> bool {
        let meets = |cell| {
            // ORDERING: SeqCst, the other side of the argument, after our claim was written. As an
            // Acquire: a claim that finds no reader happens after those that have left.
            let word = Word::from_bits(self.readers(cell).load(Ordering::SeqCst));
            word.holder().is_some_and(|(unit, _)| span.contains_unit(unit))
        };
        (0..BOARD_CELLS as u32).any(meets)
    }
}

impl Locked<'_> {
    /// Watches the readers in `span`.
    pub(super) fn watch_readers(&mut self, span: Span) {
        let cells = &self.core.cells;
        for cell in 0..BOARD_CELLS as u32 {
            self.watch(Place::Reader(cell), cells.readers(cell), span, Mode::Exclusive);
        }
    }

    /// Watches the slots in `span` whose holders conflict.
    pub(super) fn watch_slots(&mut self, span: Span, mode: Mode) {
        let lock = self.lock;
        let _ = lock.visit_slots(span, |slot, _| {
            self.watch(Place::Slot, slot, span, mode);
            ControlFlow::<()>::Continue(())
        });
    }
}
