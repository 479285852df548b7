//! Runs a program of lock operations on a real lock and on the naive one, and compares.
//!
//! The fuzz targets include this file; what they find, the tests can replay.

use std::ops::{Bound, Range};
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use spanlock::{ExclusiveGuard, Mode, RangeLock, SharedGuard};

#[path = "../../src/reference.rs"]
mod reference;

use reference::{Claim, Reference};

/// The borders of the reference's cells: cell `c` is the units from `LANDMARKS[c]` up to
/// `LANDMARKS[c + 1]`. Most cells are a single unit; they crowd where a bound or a packed word
/// could go wrong, and far apart units fall into one slot of a table.
const LANDMARKS: [u64; 64] = landmarks();
const CELLS: usize = LANDMARKS.len() - 1;

/// The first unit that does not fit in the 48 bits which a packed word has for it.
const BEYOND_A_WORD: u64 = 1 << 48;

/// More claims than this at once slow a run down without showing anything new.
const MOST_HELD: usize = 48;

const fn landmarks() -> [u64; 64] {
    let mut landmarks = [0; 64];
    let mut at = 0;
    // Neighbours, then pairs of neighbours at growing distances, then the borders.
    while at < 28 {
        landmarks[at] = at as u64;
        at += 1;
    }
    while at < 52 {
        landmarks[at] = 1 << (at / 2 - 4);
        landmarks[at + 1] = landmarks[at] + 1;
        at += 2;
    }
    let mut border = BEYOND_A_WORD - 4;
    while at < 60 {
        landmarks[at] = border;
        border += 1;
        at += 1;
    }
    let mut below_the_end = 3;
    while at < 64 {
        landmarks[at] = u64::MAX - below_the_end;
        below_the_end = below_the_end.saturating_sub(1);
        at += 1;
    }
    landmarks
}

/// A range of cells, in the forms in which a caller may write a range of units.
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
    fn cells(self) -> Range<usize> {
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

    fn units(self) -> Range<u64> {
        let cells = self.cells();
        LANDMARKS[cells.start]..LANDMARKS[cells.end]
    }

    fn bounds(self) -> (Bound<u64>, Bound<u64>) {
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

/// One operation. A number that names a held claim counts round among those there are.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Op {
    TryShared(Place),
    TryExclusive(Place),
    /// A timed claim whose time is up at once.
    HurryShared(Place),
    HurryExclusive(Place),
    Release(u8),
}

/// The operations of one run.
#[derive(Clone, Debug)]
pub struct Program(Vec<Op>);

impl<'a> Arbitrary<'a> for Program {
    /// Takes all bytes: the usual way for a list, one bit for "and another", ends too soon.
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Program> {
        let mut ops = Vec::new();
        while !bytes.is_empty() {
            ops.push(bytes.arbitrary()?);
        }
        Ok(Program(ops))
    }
}

impl Program {
    /// Runs the program, and panics at the first difference.
    pub fn run(&self) {
        let lock = RangeLock::new();
        let mut run = Run { lock: &lock, reference: Reference::new(CELLS), held: Vec::new() };
        for &op in &self.0 {
            run.step(op);
        }
        run.finish();
    }
}

enum Guard<'a> {
    Shared(SharedGuard<'a>),
    Exclusive(ExclusiveGuard<'a>),
}

impl Guard<'_> {
    fn range(&self) -> Range<u64> {
        match self {
            Guard::Shared(guard) => guard.range(),
            Guard::Exclusive(guard) => guard.range(),
        }
    }
}

struct Run<'a> {
    lock: &'a RangeLock,
    reference: Reference,
    held: Vec<(Claim, Guard<'a>)>,
}

impl<'a> Run<'a> {
    fn step(&mut self, op: Op) {
        let lock = self.lock;
        match op {
            Op::TryShared(at) => {
                let guard = lock.try_lock_shared(at.bounds()).map(Guard::Shared);
                self.tried(op, at, Mode::Shared, guard);
            }
            Op::TryExclusive(at) => {
                let guard = lock.try_lock_exclusive(at.bounds()).map(Guard::Exclusive);
                self.tried(op, at, Mode::Exclusive, guard);
            }
            Op::HurryShared(at) => {
                let guard = lock.try_lock_shared_for(at.bounds(), Duration::ZERO);
                self.tried(op, at, Mode::Shared, guard.map(Guard::Shared));
            }
            Op::HurryExclusive(at) => {
                let guard = lock.try_lock_exclusive_for(at.bounds(), Duration::ZERO);
                self.tried(op, at, Mode::Exclusive, guard.map(Guard::Exclusive));
            }
            Op::Release(which) => {
                if !self.held.is_empty() {
                    self.release(usize::from(which) % self.held.len());
                }
            }
        }
    }

    fn tried(&mut self, op: Op, at: Place, mode: Mode, guard: Option<Guard<'a>>) {
        let expected = self.reference.try_arrive(&[(at.cells(), mode)]);
        let granted = guard.is_some();
        assert_eq!(granted, expected.is_ok(), "granted by {op:?} on {:?}", at.units());
        if let (Some(guard), Ok(claim)) = (guard, expected) {
            assert_eq!(guard.range(), at.units(), "range of the guard from {op:?}");
            self.held.push((claim, guard));
        }
        if self.held.len() > MOST_HELD {
            self.release(0);
        }
    }

    fn release(&mut self, which: usize) {
        let (claim, guard) = self.held.swap_remove(which);
        drop(guard);
        self.reference.leave(claim);
    }

    /// Releases everything, after which the whole must be free.
    fn finish(mut self) {
        while let Some(last) = self.held.len().checked_sub(1) {
            self.release(last);
        }
        assert!(self.lock.try_lock_exclusive(..).is_some(), "a released claim was left behind");
    }
}
