//! The mapping mix: the claims that the operations on a file make on its mapping lock.
//!
//! An operation locks its range, reads (shared) or increments (exclusive) one word for each of its
//! units, 256 at most, and unlocks.

use fastrand::Rng;

use super::super::case::{Case, each_contender};
use super::super::cells::Cells;
use super::super::contender::Contender;
use super::clocked::Clocked;
use super::mix;

/// The pages of the file.
pub const UNITS: u64 = 1 << 16;

/// The kind of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// A fault or a buffered read or write of one page: one unit, shared; 90 of 100.
    Page,
    /// Readahead or writeback: 32 to 256 units, shared; 5 of 100.
    Run,
    /// Direct IO or a hole punch: 16 to 256 units, exclusive; 4 of 100.
    Direct,
    /// Truncation: all units from one on, exclusive; 1 of 100.
    Truncate,
}

impl Class {
    pub const ALL: [Class; 4] = [Class::Page, Class::Run, Class::Direct, Class::Truncate];

    pub fn name(self) -> &'static str {
        match self {
            Class::Page => "one unit, shared",
            Class::Run => "32 to 256 units, shared",
            Class::Direct => "16 to 256 units, exclusive",
            Class::Truncate => "[n, MAX), exclusive",
        }
    }

    fn draw(random: &mut Rng) -> Class {
        match random.u8(..100) {
            0..90 => Class::Page,
            90..95 => Class::Run,
            95..99 => Class::Direct,
            _ => Class::Truncate,
        }
    }
}

struct Operation {
    class: Class,
    start: u64,
    /// Units, except for a truncation.
    length: u64,
}

impl mix::Operation for Operation {
    const UNITS: u64 = UNITS;

    type Beside = Cells;

    fn beside() -> Cells {
        Cells::new(UNITS)
    }

    fn draw(random: &mut Rng) -> Operation {
        let class = Class::draw(random);
        let length = match class {
            Class::Page => 1,
            Class::Run => random.u64(32..=256),
            Class::Direct | Class::Truncate => random.u64(16..=256),
        };
        Operation { class, start: random.u64(..=UNITS - length), length }
    }

    fn class(&self) -> usize {
        self.class as usize
    }

    #[inline]
    fn run<L: Contender>(&self, lock: &L, cells: &Cells) {
        let touched = self.start..self.start + self.length;
        match self.class {
            Class::Page => {
                let guard = lock.lock_shared(self.start..self.start + 1);
                cells.read(self.start..self.start + 1);
                drop(guard);
            }
            Class::Run => {
                let guard = lock.lock_shared(touched.clone());
                cells.read(touched);
                drop(guard);
            }
            Class::Direct => {
                let guard = lock.lock_exclusive(touched.clone());
                cells.increment(touched);
                drop(guard);
            }
            Class::Truncate => {
                let guard = lock.lock_exclusive(self.start..u64::MAX);
                cells.increment(touched);
                drop(guard);
            }
        }
    }
}

/// The mix, timed as a whole.
pub fn operations(threads: usize) -> impl Iterator<Item = Case> {
    each_contender!(some_operations(threads))
}

fn some_operations<L: Contender>(threads: usize) -> Option<Case> {
    mix::operations::<L, Operation>(threads)
}

/// The mix with a clock around each operation, from the call of lock to the return of unlock.
pub fn clocked(threads: usize) -> impl Iterator<Item = Clocked<CLASSES>> {
    each_contender!(some_clocked(threads))
}

fn some_clocked<L: Contender>(threads: usize) -> Option<Clocked<CLASSES>> {
    mix::clocked::<L, Operation, CLASSES>(threads)
}

/// How many classes there are.
const CLASSES: usize = Class::ALL.len();
