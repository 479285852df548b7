//! The places that programs lock: cells of the reference, and the units that they stand for.

use std::ops::{Bound, Range};

use arbitrary::Arbitrary;

/// The borders of the cells: cell `c` is the units from `LANDMARKS[c]` up to `LANDMARKS[c + 1]`.
/// Most cells are a single unit; they crowd where a bound or a packed word could go wrong.
const LANDMARKS: [u64; 64] = landmarks();

/// The number of cells, which together are all units.
pub const CELLS: usize = LANDMARKS.len() - 1;

/// The first unit that does not fit in the 48 bits which a packed word has for it.
const BEYOND_A_WORD: u64 = 1 << 48;

/// Neighbours, then pairs of neighbours at growing distances, then the borders.
const fn landmarks() -> [u64; 64] {
    let mut landmarks = [0; 64];
    let mut at = 0;
    while at < 28 {
        landmarks[at] = at as u64;
        at += 1;
    }
    while at < 52 {
        landmarks[at] = 1 << (at / 2 - 4);
        landmarks[at + 1] = landmarks[at] + 1;
        at += 2;
    }
    while at < 60 {
        landmarks[at] = BEYOND_A_WORD - 4 + (at - 52) as u64;
        at += 1;
    }
    while at < 64 {
        landmarks[at] = u64::MAX - (63 - at) as u64;
        at += 1;
    }
    landmarks
}

/// A range of cells, in the forms in which a caller may write a range of units. Numbers count
/// round.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Place {
    One(u8),
    Few(u8, u8),
    Many(u8, u8),
    From(u8),
    To(u8),
    All,
    Nothing(u8),
}

impl Place {
    pub fn cells(self) -> Range<usize> {
        let cell = |number: u8| usize::from(number) % CELLS;
        match self {
            Place::One(at) => cell(at)..cell(at) + 1,
            Place::Few(at, more) => cell(at)..(cell(at) + 2 + usize::from(more % 4)).min(CELLS),
            Place::Many(one, other) => {
                let (one, other) = (cell(one), cell(other));
                one.min(other)..one.max(other) + 1
            }
            Place::From(at) => cell(at)..CELLS,
            Place::To(at) => 0..cell(at),
            Place::All => 0..CELLS,
            Place::Nothing(at) => cell(at)..cell(at),
        }
    }

    pub fn units(self) -> Range<u64> {
        units(self.cells())
    }

    pub fn bounds(self) -> (Bound<u64>, Bound<u64>) {
        let Range { start, end } = self.units();
        match self {
            Place::One(_) => (Bound::Included(start), Bound::Included(end - 1)),
            Place::From(_) => (Bound::Included(start), Bound::Unbounded),
            Place::To(_) => (Bound::Unbounded, Bound::Excluded(end)),
            Place::All => (Bound::Unbounded, Bound::Unbounded),
            _ => (Bound::Included(start), Bound::Excluded(end)),
        }
    }
}

/// The units that some cells stand for.
pub fn units(cells: Range<usize>) -> Range<u64> {
    LANDMARKS[cells.start]..LANDMARKS[cells.end]
}
