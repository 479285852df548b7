//! Cells: what slots are to units, cells are to ranges.
//!
//! A cell has a word of its own, by which it is taken, and shows a span. Its claim is published by
//! the [summary](crate::raw::words::summary) after the span has been written. The word is one of:
//!
//! | state   | meaning                                            | set by                      |
//! |---------|----------------------------------------------------|-----------------------------|
//! | free    | no claim has the cell                              | the claim that had it, last |
//! | taken   | a claim has it, and may still be taken back        | the claim that takes it     |
//! | settled | its claim is held, or is queued in the registry    | the claim that has it       |
//! | leaving | the same, and the claim must not be moved any more | a release or a downgrade    |
//!
//! and has in its upper bits how many claims were [moved](crate::raw::board::make_way) out of the
//! cell.
//!
//! A conflicting claim whose cell is settled blocks for certain. One whose cell is only taken may
//! still be taken back, so a claim that meets it checks again.
//!
//! **A cell needs no sequence lock.** A new claim loads the summary first, and then reads the cells
//! that the summary shows. If this summary is the one by which an older claim was published, or a
//! later one, the new claim reads the span of the older one, or what was written to the cell after
//! it. If this summary precedes the publication, the older claim finds the new one: by the order of
//! the summary's writes if the new one is in a cell, by the two-sided argument (raw.rs, I4) if it
//! is in a slot. What the new claim read of the cell then does not matter.
//!
//! If a cell changes meanwhile, the start and the end that are read from it may be those of
//! different spans. If such a span overlaps the new claim although no real one does, that only
//! costs another check. While a claim has its cell, the span in it does not change; a claim whose
//! span changes is replaced (raw.rs, I6).

use std::ptr;

use crate::raw::Hold;
use crate::raw::words::summary::{Set, Summary};
use crate::sync::{self, AtomicU64, BOARD_CELLS, Ordering};
use crate::{Mode, Span};

const FREE: u64 = 0;
const TAKEN: u64 = 1;
const SETTLED: u64 = 2;
const LEAVING: u64 = 3;
const STATE: u64 = 3;
const MOVE: u64 = 4;

/// A claim's right to a cell: the number of the cell, in the low bits, and how many claims had been
/// moved out of that cell before. So the cell's word says whether the claim is still in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TakenCell(u32);

const NUMBER_BITS: u32 = 4;

const _: () = assert!(BOARD_CELLS <= 1 << NUMBER_BITS);

/// How many claims can be moved out of a cell. After that its claims are not moved.
const MOST_MOVES: u64 = (TakenCell::MOST >> NUMBER_BITS) as u64;

impl TakenCell {
    /// The claim that takes a cell with this word.
    #[inline]
    fn new(cell: u32, word: u64) -> TakenCell {
        TakenCell(cell | ((word / MOVE) as u32) << NUMBER_BITS)
    }

    /// The greatest number that [`bits`](TakenCell::bits) returns: a [`Hold`] has room for it.
    ///
    /// [`Hold`]: crate::raw::Hold
    pub(crate) const MOST: u32 =
        if usize::BITS < u64::BITS { u32::MAX >> Hold::KIND_BITS } else { u32::MAX };

    /// As one number.
    #[inline]
    pub(crate) fn bits(self) -> u32 {
        self.0
    }

    /// The reverse.
    #[inline]
    pub(crate) fn from_bits(bits: u32) -> TakenCell {
        TakenCell(bits)
    }

    #[inline]
    pub(crate) fn cell(self) -> u32 {
        self.0 % (1 << NUMBER_BITS)
    }

    /// The cell's word in `state`, while this claim has the cell.
    #[inline]
    fn word(self, state: u64) -> u64 {
        (u64::from(self.0 >> NUMBER_BITS) * MOVE) | state
    }
}

/// A cache line: the state of one cell, and the span of another.
///
/// Threads that read a cell's span must not slow down the thread that writes the cell's state. So the
/// two are in different lines: a cell's span is half the array after its state. Threads that have one
/// range each, and are at most half as many as there are cells, write different lines.
#[repr(align(64))]
struct Line {
    own: AtomicU64,
    start: AtomicU64,
    end: AtomicU64,
    /// Readers of some unit. They have nothing to do with the cell but share its line: see
    /// [`readers`](crate::raw::readers).
    readers: AtomicU64,
}

/// The cells of a lock. The summary is not here but beside them, in a cache line of its own.
pub(crate) struct Cells {
    lines: [Line; BOARD_CELLS],
}

/// Whether a claim in a cell is held or queued, or may still be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Met {
    Settled,
    Undecided,
}

impl Cells {
    pub(crate) fn new() -> Cells {
        let zero = || AtomicU64::new(0);
        let line =
            |_| Line { own: AtomicU64::new(FREE), start: zero(), end: zero(), readers: zero() };
        Cells { lines: std::array::from_fn(line) }
    }

    /// Takes a free cell: the home of this thread, or else one of `hint` that belongs to no thread.
    #[inline]
    pub(crate) fn take(&self, hint: impl FnOnce() -> Set) -> Option<TakenCell> {
        let home = match sync::own_cell() {
            Some(own) => self.take_own(own),
            // Without the hint, for which the summary would be loaded before it is written.
            None => sync::tried_first().and_then(|home| self.take_home(home)),
        };
        home.or_else(|| self.take_common(hint()))
    }

    /// Takes one of the cells of `hint` that belong to no thread.
    pub(crate) fn take_common(&self, hint: Set) -> Option<TakenCell> {
        hint.common().find_map(|cell| self.try_take(cell))
    }

    /// Takes the cell that belongs to this thread. No other thread takes it, but any thread may
    /// free it.
    #[inline]
    fn take_own(&self, cell: u32) -> Option<TakenCell> {
        // ORDERING: Acquire, paired with the Release in `free`, as in `try_take`. The store is
        // Relaxed: the summary publishes what other threads read of the cell.
        let free = self.line(cell).own.load(Ordering::Acquire);
        (free & STATE == FREE).then(|| {
            self.line(cell).own.store(free | TAKEN, Ordering::Relaxed);
            TakenCell::new(cell, free)
        })
    }

    /// Takes a cell that this thread shares with others, if it looks free.
    #[inline]
    fn take_home(&self, cell: u32) -> Option<TakenCell> {
        // ORDERING: Relaxed: a guess, which saves an exchange that would fail.
        let is_free = self.line(cell).own.load(Ordering::Relaxed) & STATE == FREE;
        is_free.then(|| self.try_take(cell)).flatten()
    }

    #[inline]
    fn try_take(&self, cell: u32) -> Option<TakenCell> {
        let own = &self.line(cell).own;
        // ORDERING: Relaxed: a guess.
        let free = if sync::moves_claims() { own.load(Ordering::Relaxed) & !STATE } else { FREE };
        // ORDERING: Acquire, paired with the Release in `free`: a claim that reads our span instead
        // of the span before it happens after the claim that left the cell.
        let taken = own.compare_exchange(free, free | TAKEN, Ordering::Acquire, Ordering::Relaxed);
        taken.is_ok().then(|| TakenCell::new(cell, free))
    }

    /// Keeps a claim that is held in its cell, so that it can be released there. Returns false if
    /// it was moved.
    #[inline]
    pub(crate) fn keep(&self, taken: TakenCell) -> bool {
        let (settled, leaving) = (taken.word(SETTLED), taken.word(LEAVING));
        let own = &self.line(taken.cell()).own;
        // ORDERING: Relaxed: it only decides between a release and a move. If the claim was moved,
        // its owner takes the mutex.
        let keeps =
            || own.compare_exchange(settled, leaving, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        !sync::moves_claims() || Set::of(taken.cell()).common() == Set::EMPTY || keeps()
    }

    /// Whether a claim that is held is still in its cell. With the mutex held.
    pub(crate) fn has(&self, taken: TakenCell) -> bool {
        // ORDERING: Relaxed: claims are moved under the mutex.
        self.line(taken.cell()).own.load(Ordering::Relaxed) & !STATE == taken.word(0)
    }

    /// Takes the cell of a claim that is held, and is to be moved. With the mutex held.
    pub(crate) fn seize(&self, cell: u32) -> Option<TakenCell> {
        let own = &self.line(cell).own;
        // ORDERING: Relaxed: a guess.
        let settled = own.load(Ordering::Relaxed);
        if settled & STATE != SETTLED || settled / MOVE >= MOST_MOVES {
            return None;
        }
        let taken = TakenCell::new(cell, settled);
        // ORDERING: Acquire, paired with the Release in `settle`: the summary has the claim.
        own.compare_exchange(settled, taken.word(TAKEN), Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
            .then_some(taken)
    }

    /// Frees a cell whose claim was moved, and is now shown elsewhere.
    pub(crate) fn hand_on(&self, taken: TakenCell) {
        // ORDERING: Release, paired with the Acquire in `try_take`: a claim that finds another span
        // in the cell finds the watches that were set for the claim that was moved.
        self.line(taken.cell()).own.store(taken.word(FREE) + MOVE, Ordering::Release);
    }

    /// Writes the span of a claim to a cell that it has taken.
    #[inline]
    pub(crate) fn show(&self, cell: u32, span: Span) {
        show_word(&self.shown(cell).start, span.start());
        show_word(&self.shown(cell).end, span.end());
    }

    #[inline]
    pub(crate) fn settle(&self, taken: TakenCell) {
        // ORDERING: Release, paired with the Acquire in `seize`. For the other loads Relaxed would be
        // enough: a new claim that finds this one settled only saves a second check, and a snapshot
        // loads the word of a cell that it has watched.
        self.line(taken.cell()).own.store(taken.word(SETTLED), Ordering::Release);
    }

    pub(crate) fn is_settled(&self, cell: u32) -> bool {
        // ORDERING: Relaxed: as in `settle`.
        self.line(cell).own.load(Ordering::Relaxed) & STATE >= SETTLED
    }

    /// Frees a cell, after the claim was taken off the board and the claims that it blocked were
    /// granted. If the cell were freed earlier, the registry could take the cell's next claim for
    /// the one that has left.
    #[inline]
    pub(crate) fn free(&self, taken: TakenCell) {
        // ORDERING: Release, paired with the Acquire in `try_take`.
        self.line(taken.cell()).own.store(taken.word(FREE), Ordering::Release);
    }

    /// The span in a cell. If it changes meanwhile, the start and the end may be those of different
    /// spans.
    #[inline]
    pub(crate) fn span(&self, cell: u32) -> Span {
        // ORDERING: Acquire, paired with the Release in `show`.
        let start = self.shown(cell).start.load(Ordering::Acquire);
        let end = self.shown(cell).end.load(Ordering::Acquire);
        Span::from_range(start.min(end)..end)
    }

    /// Whether a claim that `summary` has in a cell may be in the way. `None` is certain.
    pub(crate) fn meet(&self, summary: Summary, span: Span, mode: Mode) -> Option<Met> {
        let overlaps = |&cell: &u32| self.span(cell).overlaps(span);
        let met = |cell| if self.is_settled(cell) { Met::Settled } else { Met::Undecided };
        summary.conflicting(mode).find(overlaps).map(met)
    }

    #[inline]
    pub(crate) fn readers(&self, cell: u32) -> &AtomicU64 {
        &self.line(cell).readers
    }

    /// The number of the cell that has this reader's word.
    pub(in crate::raw) fn cell_of_readers(&self, readers: &AtomicU64) -> u32 {
        let is_here = |cell: &u32| ptr::eq(self.readers(*cell), readers);
        (0..BOARD_CELLS as u32).find(is_here).expect("a reader is in a reader's word")
    }

    /// The line that has a cell's state.
    #[inline]
    fn line(&self, cell: u32) -> &Line {
        // With the remainder the compiler needs no bounds check.
        &self.lines[cell as usize % BOARD_CELLS]
    }

    /// The line that has a cell's span.
    #[inline]
    fn shown(&self, cell: u32) -> &Line {
        self.line(cell + BOARD_CELLS as u32 / 2)
    }
}

/// Writes the start or the end of a span, unless it is there already: then other threads keep the cache
/// line, and a thread that claims the same range again does not wait for it.
#[inline]
fn show_word(word: &AtomicU64, bound: u64) {
    // ORDERING: Relaxed: only the claim that has the cell writes the word.
    if word.load(Ordering::Relaxed) != bound {
        // ORDERING: Release, paired with the Acquire in `span`. A claim that finds another span in
        // a cell, which does not overlap, must see what the cell's last claim did before it left.
        word.store(bound, Ordering::Release);
    }
}

#[cfg(all(test, not(spanlock_loom)))]
mod tests;
