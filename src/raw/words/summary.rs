//! The summary word: which claims are on the board.
//!
//! | bits   | meaning                                                                             |
//! |--------|-------------------------------------------------------------------------------------|
//! | 0..16  | cell i is in use                                                                    |
//! | 16..32 | cell i is in use by an exclusive claim                                              |
//! | 32..48 | the claim in cell i is watched: it is in the registry, itself or by proxy           |
//! | 48..59 | some claim without a cell is counted in [regions](crate::raw::board::regions) of that size |
//! | 60     | [readers](crate::raw::readers) of a unit may count themselves in words of their own |
//! | 61     | some readers may be counted there                                                   |
//! | 62     | some exclusive claim found no cell                                                  |
//! | 63     | some claim waits; a hint                                                            |
//!
//! The thread that takes a cell sets the cell's bits, and the thread that releases its claim clears
//! them, each in one step. All other bits are written under the mutex. Every write is a
//! read-modify-write, because a plain store could overwrite another thread's change.

use crate::Mode;
use crate::sync::{self, BOARD_CELLS};

const CELLS: u64 = (1 << BOARD_CELLS) - 1;
const EXCLUSIVE_SHIFT: u32 = 16;
const WATCHED_SHIFT: u32 = 32;
const SIZES_SHIFT: u32 = 48;
const UNLISTED_EXCLUSIVE: u64 = 1 << 62;

/// How many sizes regions have.
pub(crate) const SIZES: u32 = 11;

/// A summary as it was read; see the table in the module's documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Summary(u64);

impl Summary {
    pub(crate) const EMPTY: Summary = Summary(0);
    pub(crate) const QUEUE: u64 = 1 << 63;
    pub(crate) const OPEN: u64 = 1 << 60;
    pub(crate) const READERS: u64 = 1 << 61;

    #[inline]
    pub(crate) fn from_bits(bits: u64) -> Summary {
        Summary(bits)
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// Whether no claim is on the board, nor a reader in a word of its own.
    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self == Summary::EMPTY
    }

    /// Whether some claim on the board may conflict with `mode`, or was replaced by one that may.
    #[inline]
    pub(crate) fn concerns(self, mode: Mode) -> bool {
        match mode {
            Mode::Shared => self.0 & (CELLS << EXCLUSIVE_SHIFT | UNLISTED_EXCLUSIVE) != 0,
            Mode::Exclusive => self != Summary::EMPTY,
        }
    }

    /// Whether a claim that found no cell may conflict with `mode`.
    pub(crate) fn has_unlisted(self, mode: Mode) -> bool {
        match mode {
            Mode::Shared => self.0 & UNLISTED_EXCLUSIVE != 0,
            Mode::Exclusive => self.sizes() != Set::EMPTY,
        }
    }

    /// The sizes of regions in which claims without a cell are counted.
    pub(crate) fn sizes(self) -> Set {
        Set((self.0 >> SIZES_SHIFT) & ((1 << SIZES) - 1))
    }

    /// Whether some claim waits: then a new claim that is blocked queues at once, without spinning.
    pub(crate) fn has_queue(self) -> bool {
        self.0 & Summary::QUEUE != 0
    }

    /// Whether readers of a unit may count themselves in words of their own.
    #[inline]
    pub(crate) fn is_open(self) -> bool {
        self.0 & Summary::OPEN != 0
    }

    /// Whether some readers may be counted in words of their own.
    pub(crate) fn has_readers(self) -> bool {
        self.0 & Summary::READERS != 0
    }

    /// Whether another thread has a claim in the cell that belongs to it.
    pub(crate) fn shows_another_thread(self) -> bool {
        self.0 & sync::cells_of_others() != 0
    }

    /// The cells whose claims would conflict with `mode` if they overlapped.
    pub(crate) fn conflicting(self, mode: Mode) -> Set {
        match mode {
            Mode::Shared => Set((self.0 >> EXCLUSIVE_SHIFT) & CELLS),
            Mode::Exclusive => self.used(),
        }
    }

    pub(crate) fn used(self) -> Set {
        Set(self.0 & CELLS)
    }

    pub(crate) fn unused(self) -> Set {
        Set(!self.0 & CELLS)
    }

    /// The same without the cells whose claims are in the registry.
    pub(crate) fn unwatched(self) -> Summary {
        let watched = (self.0 >> WATCHED_SHIFT) & CELLS;
        Summary(self.0 & !(watched | watched << EXCLUSIVE_SHIFT))
    }

    /// The same without the cells that are not in use in `other`.
    pub(crate) fn and(self, other: Summary) -> Summary {
        Summary(self.0 & other.0)
    }

    pub(crate) fn uses(self, cell: u32) -> bool {
        self.0 & 1 << cell != 0
    }

    pub(crate) fn watches(self, cell: u32) -> bool {
        self.0 & Summary::watch(cell) != 0
    }

    pub(crate) fn mode_of(self, cell: u32) -> Mode {
        if self.0 & Summary::exclusive(cell) != 0 { Mode::Exclusive } else { Mode::Shared }
    }

    /// The bits of a claim that has a cell.
    #[inline]
    pub(crate) fn claim(cell: u32, mode: Mode) -> u64 {
        1 << cell | (u64::from(mode == Mode::Exclusive) << cell) << EXCLUSIVE_SHIFT
    }

    /// The bits of a claim that has no cell, and is counted in regions of that size.
    pub(crate) fn unlisted(size: u32, mode: Mode) -> u64 {
        let counted = (1 << size) << SIZES_SHIFT;
        match mode {
            Mode::Shared => counted,
            Mode::Exclusive => counted | UNLISTED_EXCLUSIVE,
        }
    }

    #[inline]
    pub(crate) fn exclusive(cell: u32) -> u64 {
        (1 << cell) << EXCLUSIVE_SHIFT
    }

    #[inline]
    pub(crate) fn watch(cell: u32) -> u64 {
        (1 << cell) << WATCHED_SHIFT
    }

    /// All bits of this cell.
    #[inline]
    pub(crate) fn all_of(cell: u32) -> u64 {
        1 << cell | Summary::exclusive(cell) | Summary::watch(cell)
    }
}

/// A set of cells, or of sizes of regions. Iterates from the lowest to the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Set(u64);

impl Set {
    pub(crate) const EMPTY: Set = Set(0);

    pub(crate) fn of(cell: u32) -> Set {
        Set(1 << cell)
    }

    /// The cells of the set that belong to no thread.
    #[inline]
    pub(crate) fn common(self) -> Set {
        Set(self.0 & sync::common_cells())
    }
}

impl Iterator for Set {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        let cell = (self.0 != 0).then(|| self.0.trailing_zeros());
        self.0 &= self.0.wrapping_sub(1);
        cell
    }
}
