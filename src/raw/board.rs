//! The board: what a single-unit claim reads instead of taking the registry's mutex.
//!
//! Each claim of the registry, held or waiting, is shown in one of a few cells, or else counted as
//! unlisted. The summary word says which cells are in use, which of them are exclusive and how many
//! claims are unlisted:
//!
//! | bits    | meaning                                  |
//! |---------|------------------------------------------|
//! | 0..8    | cell i is in use                         |
//! | 8..16   | cell i is in use by an exclusive claim   |
//! | 16..63  | how many claims are unlisted             |
//! | 63      | some claim waits; a hint                 |
//!
//! Board and summary are written under the registry's mutex only.
//!
//! **A cell needs no sequence lock.** A reader loads the summary, then the cells that it names. If it
//! reads the summary that a publisher stored, or a later one, it sees that publisher's cell, or a
//! later one. If it reads an earlier summary, then by the two-sided argument (raw.rs, I4) the
//! publisher sees the reader's slot, and whatever mixture the reader made of the cell does not
//! matter. A mixture that overlaps without cause only costs the mutex. While a claim is held its cell
//! is narrowed to what it still has, and what it has no longer was let go of before; the one
//! exception is a split, which has its own rule (raw.rs, I6).

use crate::raw::registry::ClaimId;
use crate::sync::{AtomicU64, BOARD_CELLS, Ordering};
use crate::{Mode, Span};

const EXCLUSIVE_SHIFT: u32 = 8;
const UNLISTED_SHIFT: u32 = 16;
const CELLS: u64 = (1 << BOARD_CELLS) - 1;
const UNLISTED: u64 = 1 << UNLISTED_SHIFT;
const QUEUE: u64 = 1 << 63;

/// Where others can see a claim of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the slot for which it is the proxy.
    Slot,
    /// In this cell of the board.
    Cell(u32),
    /// Only under the mutex; the number is its position in the list of unlisted claims.
    Unlisted(u32),
}

/// The summary word: who is on the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Summary(u64);

impl Summary {
    pub(crate) const EMPTY: u64 = 0;

    pub(crate) fn from_bits(bits: u64) -> Summary {
        Summary(bits)
    }

    /// Whether nobody is on the board.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == Summary::EMPTY
    }

    pub(crate) fn has_unlisted(self) -> bool {
        (self.0 & !QUEUE) >> UNLISTED_SHIFT != 0
    }

    /// Whether some claim waits: newcomers then queue behind it rather than spin beside it.
    pub(crate) fn has_queue(self) -> bool {
        self.0 & QUEUE != 0
    }

    /// The cells, one bit each, whose claims would conflict with `mode` if they overlapped.
    fn conflicting(self, mode: Mode) -> u64 {
        match mode {
            Mode::Shared => (self.0 >> EXCLUSIVE_SHIFT) & CELLS,
            Mode::Exclusive => self.0 & CELLS,
        }
    }

    fn free_cell(self) -> Option<u32> {
        let free = !self.0 & CELLS;
        (free != 0).then(|| free.trailing_zeros())
    }

    fn with(self, cell: u32, mode: Mode) -> Summary {
        let exclusive = u64::from(mode == Mode::Exclusive);
        Summary(self.without(cell).0 | 1 << cell | exclusive << (cell + EXCLUSIVE_SHIFT))
    }

    fn without(self, cell: u32) -> Summary {
        Summary(self.0 & !(1 << cell | 1 << (cell + EXCLUSIVE_SHIFT)))
    }
}

struct Cell {
    start: AtomicU64,
    end: AtomicU64,
}

/// The cells of a lock's board. The summary lives in the lock itself, one load from the fast path.
pub(crate) struct Board {
    cells: [Cell; BOARD_CELLS],
}

impl Board {
    pub(crate) fn new() -> Board {
        Board {
            cells: std::array::from_fn(|_| Cell {
                start: AtomicU64::new(0),
                end: AtomicU64::new(0),
            }),
        }
    }

    /// Whether a claim of the registry may conflict with a claim in slots. `false` is certain.
    pub(crate) fn may_conflict(&self, summary: Summary, span: Span, mode: Mode) -> bool {
        if summary.has_unlisted() {
            return true;
        }
        let mut cells = summary.conflicting(mode);
        while cells != 0 {
            let cell = &self.cells[cells.trailing_zeros() as usize];
            // ORDERING: Acquire, paired with the Release in `show`. Whoever finds in a cell that no
            // claim overlaps it any more must see what the cell's last claim did before it left.
            let start = cell.start.load(Ordering::Acquire);
            let end = cell.end.load(Ordering::Acquire);
            if start < span.end() && span.start() < end {
                return true;
            }
            cells &= cells - 1;
        }
        false
    }

    fn show(&self, cell: u32, span: Span) {
        let cell = &self.cells[cell as usize];
        // ORDERING: Release, paired with the Acquire in `may_conflict`: the claim that was shown here
        // before has left, under the mutex that we hold.
        cell.start.store(span.start(), Ordering::Release);
        cell.end.store(span.end(), Ordering::Release);
    }
}

/// The board as its writer sees it, with the registry's mutex held.
pub(crate) struct Notices<'a> {
    pub(crate) summary: &'a AtomicU64,
    pub(crate) board: &'a Board,
    pub(crate) unlisted: &'a mut Vec<ClaimId>,
}

impl Notices<'_> {
    /// Shows a claim, before it has a number, and orders that before the reads of slots that follow.
    pub(crate) fn publish(&mut self, span: Span, mode: Mode) -> Place {
        let summary = self.summary();
        let (place, summary) = match summary.free_cell() {
            Some(cell) => {
                self.board.show(cell, span);
                (Place::Cell(cell), summary.with(cell, mode))
            }
            None => {
                self.unlisted.push(ClaimId::NONE);
                (Place::Unlisted(self.unlisted.len() as u32 - 1), Summary(summary.0 + UNLISTED))
            }
        };
        // ORDERING: SeqCst, the range's side of the two-sided argument (raw.rs, I4). It is a release
        // as well: whoever reads this summary sees the cell.
        self.summary.store(summary.0, Ordering::SeqCst);
        crate::sync::two_sided_barrier();
        place
    }

    /// Gives a published claim its number, by which it is moved when a cell becomes free.
    pub(crate) fn name(&mut self, place: Place, id: ClaimId) {
        if let Place::Unlisted(position) = place {
            self.unlisted[position as usize] = id;
        }
    }

    /// Stops showing a claim that leaves. Returns an unlisted claim whose place is now a cell.
    pub(crate) fn retract(&mut self, place: Place) -> Option<Moved> {
        match place {
            Place::Slot => None,
            Place::Cell(cell) => {
                self.replace(self.summary().without(cell));
                self.unlisted.last().map(|&id| Moved { id, place })
            }
            Place::Unlisted(position) => {
                self.unlisted.swap_remove(position as usize);
                self.replace(Summary(self.summary().0 - UNLISTED));
                self.unlisted.get(position as usize).map(|&id| Moved { id, place })
            }
        }
    }

    /// Shows the last unlisted claim in a cell that has become free.
    pub(crate) fn list_last(&mut self, cell: u32, span: Span, mode: Mode) {
        self.unlisted.pop();
        self.board.show(cell, span);
        self.replace(Summary(self.summary().with(cell, mode).0 - UNLISTED));
    }

    /// Shows the new span or mode of a claim, which allows more to others than the old one.
    pub(crate) fn weaken(&mut self, place: Place, span: Span, mode: Mode) {
        if let Place::Cell(cell) = place {
            self.board.show(cell, span);
            self.replace(self.summary().with(cell, mode));
        }
    }

    /// Shows the new mode of a claim, which allows less to others than the old one.
    pub(crate) fn strengthen(&mut self, place: Place, mode: Mode) {
        if let Place::Cell(cell) = place {
            // ORDERING: SeqCst, as in `publish`: the slots are read after it.
            self.summary.store(self.summary().with(cell, mode).0, Ordering::SeqCst);
        }
        crate::sync::two_sided_barrier();
    }

    /// Says whether some claim waits.
    pub(crate) fn set_queue(&mut self, has_queue: bool) {
        let summary = self.summary();
        if summary.has_queue() != has_queue {
            self.replace(Summary(summary.0 ^ QUEUE));
        }
    }

    fn summary(&self) -> Summary {
        // ORDERING: Relaxed: written under the mutex that we hold.
        Summary(self.summary.load(Ordering::Relaxed))
    }

    fn replace(&self, summary: Summary) {
        // ORDERING: Release, paired with the load of the summary on the fast path: who finds that a
        // claim has left the board sees what it did.
        self.summary.store(summary.0, Ordering::Release);
    }
}

/// A claim whose place changed because another left.
pub(crate) struct Moved {
    pub(crate) id: ClaimId,
    pub(crate) place: Place,
}
