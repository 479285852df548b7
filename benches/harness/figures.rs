//! The figures the lock has to reach: each a ratio of two cases that take turns in one run.

use spanlock::{Mode, RangeLock};

use super::adapters::RangeLockCrate;
use super::case::Case;
use super::held::{self, Lengths};
use super::interleave::{Rounds, Spread, interleave};
use super::one_unit::{self, Pattern};
use super::ranges;

type ParkingLot = parking_lot::RwLock<()>;

/// A ratio, and what it should be at most.
pub struct Figure {
    pub what: &'static str,
    pub must: f64,
    pub goal: f64,
    this: fn() -> Case,
    over: fn() -> Case,
}

/// What came out.
pub struct Measured {
    pub figure: &'static Figure,
    pub ratio: Spread,
    /// Nanoseconds per operation.
    pub this: Spread,
    pub over: Spread,
}

impl Figure {
    /// Measures both sides in turns.
    pub fn measure(&'static self, rounds: Rounds) -> Measured {
        let turns = interleave(&[(self.this)(), (self.over)()], rounds);
        let [this, over] = &turns[..] else { unreachable!("two cases were given") };
        Measured { figure: self, ratio: this.over(over), this: this.nanos(), over: over.nanos() }
    }
}

/// All figures that are ratios of times.
pub static FIGURES: [Figure; 17] = [
    Figure {
        what: "one unit, shared, uncontended, over `parking_lot::RwLock` read",
        must: 1.25,
        goal: 1.0,
        this: || one_unit::pairs_on::<RangeLock>(Pattern::Hot, Mode::Shared, 1),
        over: || one_unit::pairs_on::<ParkingLot>(Pattern::Hot, Mode::Shared, 1),
    },
    Figure {
        what: "one unit, exclusive, uncontended, over `parking_lot::RwLock` write",
        must: 1.25,
        goal: 1.0,
        this: || one_unit::pairs_on::<RangeLock>(Pattern::Hot, Mode::Exclusive, 1),
        over: || one_unit::pairs_on::<ParkingLot>(Pattern::Hot, Mode::Exclusive, 1),
    },
    Figure {
        what: "one unit, shared, after many were held at once, over `parking_lot::RwLock` read",
        must: 1.25,
        goal: 1.0,
        this: || one_unit::pairs_after_many_on::<RangeLock>(Pattern::Uniform, Mode::Shared, 1),
        over: || one_unit::pairs_on::<ParkingLot>(Pattern::Uniform, Mode::Shared, 1),
    },
    Figure {
        what: "one unit, exclusive, after many were held at once, over `parking_lot::RwLock` write",
        must: 1.25,
        goal: 1.0,
        this: || one_unit::pairs_after_many_on::<RangeLock>(Pattern::Uniform, Mode::Exclusive, 1),
        over: || one_unit::pairs_on::<ParkingLot>(Pattern::Uniform, Mode::Exclusive, 1),
    },
    Figure {
        what: "two threads, a unit each, side by side, shared, over two threads reading one \
               `parking_lot::RwLock`",
        must: 0.8,
        goal: 0.4,
        this: || one_unit::pairs_on::<RangeLock>(Pattern::Neighbours, Mode::Shared, 2),
        over: || one_unit::pairs_on::<ParkingLot>(Pattern::Neighbours, Mode::Shared, 2),
    },
    Figure {
        what: "two threads, a unit each, side by side, exclusive, over two threads reading one \
               `parking_lot::RwLock`",
        must: 0.8,
        goal: 0.4,
        this: || one_unit::pairs_on::<RangeLock>(Pattern::Neighbours, Mode::Exclusive, 2),
        over: || one_unit::pairs_on::<ParkingLot>(Pattern::Neighbours, Mode::Shared, 2),
    },
    Figure {
        what: "two threads, any units of their own halves, shared, over two threads reading one \
               `parking_lot::RwLock`",
        must: 0.8,
        goal: 0.4,
        this: || one_unit::pairs_on::<RangeLock>(Pattern::Apart, Mode::Shared, 2),
        over: || one_unit::pairs_on::<ParkingLot>(Pattern::Apart, Mode::Shared, 2),
    },
    Figure {
        what: "one unit, shared, while an exclusive range is held elsewhere, over the idle lock, \
               1 thread",
        must: 1.6,
        goal: 1.2,
        this: || one_unit::pairs_beside_a_range_on::<RangeLock>(Pattern::Hot, Mode::Shared, 1),
        over: || one_unit::pairs_on::<RangeLock>(Pattern::Hot, Mode::Shared, 1),
    },
    Figure {
        what: "the same, 2 threads with a unit each",
        must: 1.6,
        goal: 1.2,
        this: || {
            one_unit::pairs_beside_a_range_on::<RangeLock>(Pattern::Neighbours, Mode::Shared, 2)
        },
        over: || one_unit::pairs_on::<RangeLock>(Pattern::Neighbours, Mode::Shared, 2),
    },
    Figure {
        what: "the same, exclusive, 1 thread",
        must: 1.6,
        goal: 1.2,
        this: || one_unit::pairs_beside_a_range_on::<RangeLock>(Pattern::Hot, Mode::Exclusive, 1),
        over: || one_unit::pairs_on::<RangeLock>(Pattern::Hot, Mode::Exclusive, 1),
    },
    Figure {
        what: "16 units, exclusive, uncontended, over crate `range-lock`",
        must: 2.0,
        goal: 1.0,
        this: || ranges::apart_on::<RangeLock>(16, Mode::Exclusive, 1),
        over: || ranges::apart_on::<RangeLockCrate>(16, Mode::Exclusive, 1),
    },
    Figure {
        what: "16 units, exclusive, 2 threads, disjoint, over crate `range-lock`",
        must: 1.0,
        goal: 0.4,
        this: || ranges::apart_on::<RangeLock>(16, Mode::Exclusive, 2),
        over: || ranges::apart_on::<RangeLockCrate>(16, Mode::Exclusive, 2),
    },
    Figure {
        what: "16 units, shared, 2 threads, disjoint, over crate `range-lock`",
        must: 1.0,
        goal: 0.4,
        this: || ranges::apart_on::<RangeLock>(16, Mode::Shared, 2),
        over: || ranges::apart_on::<RangeLockCrate>(16, Mode::Shared, 2),
    },
    Figure {
        what: "whole range, shared, over 16 units, shared",
        must: 4.0,
        goal: 2.0,
        this: || ranges::whole_on::<RangeLock>(Mode::Shared, 1),
        over: || ranges::apart_on::<RangeLock>(16, Mode::Shared, 1),
    },
    Figure {
        what: "whole range, exclusive, over 16 units, exclusive",
        must: 4.0,
        goal: 2.0,
        this: || ranges::whole_on::<RangeLock>(Mode::Exclusive, 1),
        over: || ranges::apart_on::<RangeLock>(16, Mode::Exclusive, 1),
    },
    Figure {
        what: "whole range, shared, after many units were held at once, over 16 units, shared",
        must: 4.0,
        goal: 2.0,
        this: || ranges::whole_after_many_on::<RangeLock>(Mode::Shared),
        over: || ranges::apart_after_many_on::<RangeLock>(16, Mode::Shared),
    },
    Figure {
        what: "one unit among 65,536 held pairs of units, over crate `range-lock` with as many",
        must: 0.8,
        goal: 0.4,
        this: || held::among_on::<RangeLock>(Lengths::UnitAmongPairs, 65_536),
        over: || held::among_on::<RangeLockCrate>(Lengths::UnitAmongPairs, 65_536),
    },
];

/// The figure that is a size: what a lock takes that was never used, in bytes.
pub const NEVER_USED: usize = size_of::<RangeLock>();
pub const NEVER_USED_MUST: usize = 64;
pub const NEVER_USED_GOAL: usize = 16;
