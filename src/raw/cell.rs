//! Cells: what slots are to units, cells are to ranges.
//!
//! A cell has a word of its own, by which it is taken, and shows a span. Its claim is published by
//! the [summary](crate::raw::summary) after the span has been written. The word is one of:
//!
//! | state   | meaning                                                       | set by                  |
//! |---------|---------------------------------------------------------------|-------------------------|
//! | free    | nobody has the cell                                           | who had it, the last of all |
//! | taken   | somebody has it, and may find that he must let go             | whoever takes it        |
//! | settled | its claim is held, or is queued in the registry               | who has it              |
//!
//! A claim that finds a settled one in its way is refused for good; beside one that is only taken it looks
//! again.
//!
//! **A cell needs no sequence lock.** A reader has a summary first, and then reads the cells that it
//! names. If that summary is the one by which a claim was published, or a later one, he sees that claim's
//! span, or what is later there. If it is an earlier one then he is seen, by the order of the summary's
//! writes if he is in a cell, by the two-sided argument (raw.rs, I4) if he is in a slot; and whatever mixture
//! he made of the cell does not matter. A mixture that overlaps without cause only costs him another look.
//! While a claim has its cell the span stays as it is; one that is changed is replaced (raw.rs, I6).

use crate::raw::summary::{Set, Summary};
use crate::sync::{self, AtomicU64, BOARD_CELLS, Ordering};
use crate::{Mode, Span};

const FREE: u64 = 0;
const TAKEN: u64 = 1;
const SETTLED: u64 = 2;

/// Alone on its line: two threads with a range each write different ones.
#[repr(align(64))]
struct Cell {
    own: AtomicU64,
    start: AtomicU64,
    end: AtomicU64,
    /// Readers of some unit. They have nothing to do with the cell but share its line: see [`readers`](crate::raw::readers).
    readers: AtomicU64,
}

/// The cells of a lock. The summary lives in the lock itself, one load from the fast path.
pub(crate) struct Cells {
    cells: [Cell; BOARD_CELLS],
}

/// Whether a claim in a cell may yet find that it must let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Met {
    Settled,
    Undecided,
}

impl Cells {
    pub(crate) fn new() -> Cells {
        let zero = || AtomicU64::new(0);
        let cell =
            |_| Cell { own: AtomicU64::new(FREE), start: zero(), end: zero(), readers: zero() };
        Cells { cells: std::array::from_fn(cell) }
    }

    /// Takes a free cell: this thread's own, or else one of those that `hint` has and that are anybody's.
    #[inline]
    pub(crate) fn take(&self, hint: impl FnOnce() -> Set) -> Option<u32> {
        let own = sync::own_cell().filter(|&own| self.take_own(own));
        own.or_else(|| self.take_common(hint()))
    }

    /// Takes one of the cells of `hint` that are anybody's.
    pub(crate) fn take_common(&self, hint: Set) -> Option<u32> {
        hint.common().find(|&cell| self.try_take(cell))
    }

    /// Takes the cell that belongs to this thread. Nobody else takes it, though anybody may give it back.
    #[inline]
    fn take_own(&self, cell: u32) -> bool {
        // ORDERING: Acquire, paired with the Release in `free`, as in `try_take`. The store is Relaxed: what
        // others read of the cell is published by the summary.
        let is_free = self.cell(cell).own.load(Ordering::Acquire) == FREE;
        if is_free {
            self.cell(cell).own.store(TAKEN, Ordering::Relaxed);
        }
        is_free
    }

    #[inline]
    fn try_take(&self, cell: u32) -> bool {
        // ORDERING: Acquire, paired with the Release in `free`: our span is written over one whose claim
        // has left, and who reads ours follows that claim.
        let taken =
            self.cell(cell).own.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed);
        taken.is_ok()
    }

    /// Shows the span of a claim in a cell that is ours.
    #[inline]
    pub(crate) fn show(&self, cell: u32, span: Span) {
        // ORDERING: Release, paired with the Acquire in `span`. Whoever finds in a cell that no claim overlaps
        // it any more must see what the cell's last claim did before it left.
        self.cell(cell).start.store(span.start(), Ordering::Release);
        self.cell(cell).end.store(span.end(), Ordering::Release);
    }

    #[inline]
    pub(crate) fn settle(&self, cell: u32) {
        // ORDERING: Relaxed: it spares those who find the claim in their way a second look, and snapshots
        // read it of a cell that they have watched.
        self.cell(cell).own.store(SETTLED, Ordering::Relaxed);
    }

    pub(crate) fn is_settled(&self, cell: u32) -> bool {
        // ORDERING: Relaxed: as in `settle`.
        self.cell(cell).own.load(Ordering::Relaxed) == SETTLED
    }

    /// Gives a cell back, after the claim was taken off the board and all that it blocked was granted: were
    /// it given back before, the cell's next claim could be taken for it under the mutex.
    #[inline]
    pub(crate) fn free(&self, cell: u32) {
        // ORDERING: Release, paired with the Acquire in `try_take`.
        self.cell(cell).own.store(FREE, Ordering::Release);
    }

    /// The span in a cell, or a mixture of two if it changes meanwhile.
    #[inline]
    pub(crate) fn span(&self, cell: u32) -> Span {
        // ORDERING: Acquire, paired with the Release in `show`.
        let start = self.cell(cell).start.load(Ordering::Acquire);
        let end = self.cell(cell).end.load(Ordering::Acquire);
        Span::from_range(start.min(end)..end)
    }

    /// Whether a claim that `summary` has in a cell may be in the way. `None` is certain.
    pub(crate) fn meet(&self, summary: Summary, span: Span, mode: Mode) -> Option<Met> {
        let overlaps = |&cell: &u32| self.span(cell).overlaps(span);
        let met = |cell| if self.is_settled(cell) { Met::Settled } else { Met::Undecided };
        summary.conflicting(mode).find(overlaps).map(met)
    }

    #[inline]
    pub(super) fn readers(&self, cell: u32) -> &AtomicU64 {
        &self.cell(cell).readers
    }

    #[inline]
    fn cell(&self, cell: u32) -> &Cell {
        // The remainder spares the check of the index.
        &self.cells[cell as usize % BOARD_CELLS]
    }
}
