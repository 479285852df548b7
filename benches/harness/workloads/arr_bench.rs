//! ArrBench of Kogan, Dice and Issa (EuroSys 2020): an array of 256 cells; an operation locks a
//! range, reads or increments each of its cells, and unlocks. Cells are words side by side, and
//! there is no work between operations.

use std::ops::Range;

use fastrand::Rng;
use spanlock::Mode;

use super::super::case::{Case, each_contender, immortal, time_on_threads};
use super::super::cells::Cells;
use super::super::contender::Contender;
use super::super::draws::{DRAWS, draw};

/// The cells of the array.
pub const CELLS: u64 = 256;

/// Which range an operation takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ranges {
    /// The whole array.
    Whole,
    /// The thread's own part of the array.
    Disjoint,
    /// Any range but the empty one.
    Random,
}

impl Ranges {
    pub const ALL: [Ranges; 3] = [Ranges::Whole, Ranges::Disjoint, Ranges::Random];

    pub fn name(self) -> &'static str {
        match self {
            Ranges::Whole => "whole",
            Ranges::Disjoint => "disjoint",
            Ranges::Random => "random",
        }
    }

    fn draw(self, thread: usize, threads: usize, random: &mut Rng) -> Range<u64> {
        let share = CELLS / threads as u64;
        match self {
            Ranges::Whole => 0..CELLS,
            Ranges::Disjoint => thread as u64 * share..(thread as u64 + 1) * share,
            Ranges::Random => {
                let (one, other) = (random.u64(..CELLS), random.u64(..CELLS));
                one.min(other)..one.max(other) + 1
            }
        }
    }
}

/// One operation: its range, and whether it reads or increments.
struct Operation {
    range: Range<u64>,
    mode: Mode,
}

/// The benchmark with so many reads in a hundred operations.
pub fn operations(
    ranges: Ranges,
    reads_per_cent: u8,
    threads: usize,
) -> impl Iterator<Item = Case> {
    each_contender!(some_operations(ranges, reads_per_cent, threads))
}

fn some_operations<L: Contender>(
    ranges: Ranges,
    reads_per_cent: u8,
    threads: usize,
) -> Option<Case> {
    let draw_for = move |thread| {
        draw(thread, |random| Operation {
            range: ranges.draw(thread, threads, random),
            mode: if random.u8(..100) < reads_per_cent { Mode::Shared } else { Mode::Exclusive },
        })
    };
    Some(Case::new::<L, _>(move || {
        let draws: Vec<_> = (0..threads).map(draw_for).collect();
        let lock = immortal::<L>(CELLS);
        let cells = Cells::new(CELLS);
        move |operations| {
            time_on_threads(threads, operations, |thread, share| {
                work(lock, &cells, &draws[thread], share);
            })
        }
    }))
}

#[inline(never)]
fn work<L: Contender>(lock: &L, cells: &Cells, draws: &[Operation; DRAWS], operations: u64) {
    for operation in 0..operations {
        let Operation { range, mode } = &draws[operation as usize % DRAWS];
        match mode {
            Mode::Shared => {
                let guard = lock.lock_shared(range.clone());
                cells.read(range.clone());
                drop(guard);
            }
            Mode::Exclusive => {
                let guard = lock.lock_exclusive(range.clone());
                cells.increment(range.clone());
                drop(guard);
            }
        }
    }
}
