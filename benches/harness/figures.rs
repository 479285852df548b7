//! The figures the lock has to reach that are ratios of two cases, which take turns in one run.
//!
//! The figures that compare with the best of the other locks are computed from whole tables, by the report.

use spanlock::{Mode, RangeLock};

use super::adapters::RangeLockCrate;
use super::case::Case;
use super::interleave::{Rounds, Spread, interleave};
use super::workloads::one_unit::{self, Pattern};
use super::workloads::ranges;

type ParkingLot = parking_lot::RwLock<()>;

/// What several figures have in common: a must and a goal, which each of them has to reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    OneUnit,
    SixteenUnits,
    Everything,
    HotUnit,
    TwoThreads,
    BesideARange,
    OverACrate,
}

impl Target {
    /// Those of the first edition that no other figure contains.
    pub const OF_THE_FIRST_EDITION: [Target; 3] =
        [Target::TwoThreads, Target::BesideARange, Target::OverACrate];

    pub fn what(self) -> &'static str {
        match self {
            Target::OneUnit => "one unit, shared and exclusive, over a `parking_lot` pair",
            Target::SixteenUnits => "16 units, 1 thread, over a `parking_lot` read pair",
            Target::Everything => "whole range with a used table, over 16 units",
            Target::HotUnit => "hot unit, shared, 2 threads, over a `parking_lot` read",
            Target::TwoThreads => "2 threads, a unit each, over 2 threads reading a `parking_lot`",
            Target::BesideARange => {
                "one unit while an exclusive range is held elsewhere, over the idle lock"
            }
            Target::OverACrate => "16 units, 2 threads, over crate `range-lock`",
        }
    }

    pub fn must(self) -> f64 {
        match self {
            Target::OneUnit => 1.05,
            Target::SixteenUnits => 2.0,
            Target::Everything => 3.0,
            Target::HotUnit | Target::OverACrate => 1.0,
            Target::TwoThreads => 0.8,
            Target::BesideARange => 1.6,
        }
    }

    pub fn goal(self) -> f64 {
        match self {
            Target::OneUnit => 1.0,
            Target::SixteenUnits => 1.5,
            Target::Everything => 2.0,
            Target::HotUnit => 0.3,
            Target::TwoThreads | Target::OverACrate => 0.4,
            Target::BesideARange => 1.2,
        }
    }
}

/// A ratio of two cases.
pub struct Figure {
    pub target: Target,
    /// What distinguishes it from others of the same target.
    pub what: &'static str,
    this: fn() -> Case,
    over: fn() -> Case,
}

/// A measured figure.
pub struct Measured {
    pub ratio: Spread,
    /// The lock that is compared with.
    pub other: &'static str,
    /// Nanoseconds per operation.
    pub this: Spread,
    pub over: Spread,
}

impl Figure {
    /// Measures both sides in turns.
    pub fn measure(&self, rounds: Rounds) -> Measured {
        let turns = interleave(&[(self.this)(), (self.over)()], rounds);
        let [this, over] = &turns[..] else { unreachable!("two cases were given") };
        Measured {
            ratio: this.over(over),
            other: over.contender,
            this: this.nanos(),
            over: over.nanos(),
        }
    }
}

/// All of them. "Used" is a lock of which many units were held at the same time before.
pub static FIGURES: [Figure; 18] = [
    Figure {
        target: Target::OneUnit,
        what: "shared",
        this: || one_unit::pairs_on::<RangeLock>(Pattern::Hot, Mode::Shared, 1),
        over: || one_unit::pairs_on::<ParkingLot>(Pattern::Hot, Mode::Shared, 1),
    },
    Figure {
        target: Target::OneUnit,
        what: "exclusive",
        this: || one_unit::pairs_on::<RangeLock>(Pattern::Hot, Mode::Exclusive, 1),
        over: || one_unit::pairs_on::<ParkingLot>(Pattern::Hot, Mode::Exclusive, 1),
    },
    Figure {
        target: Target::OneUnit,
        what: "shared, used",
        this: || one_unit::pairs_after_many_on::<RangeLock>(Pattern::Uniform, Mode::Shared, 1),
        over: || one_unit::pairs_on::<ParkingLot>(Pattern::Uniform, Mode::Shared, 1),
    },
    Figure {
        target: Target::OneUnit,
        what: "exclusive, used",
        this: || one_unit::pairs_after_many_on::<RangeLock>(Pattern::Uniform, Mode::Exclusive, 1),
        over: || one_unit::pairs_on::<ParkingLot>(Pattern::Uniform, Mode::Exclusive, 1),
    },
    Figure {
        target: Target::SixteenUnits,
        what: "shared",
        this: || ranges::apart_on::<RangeLock>(16, Mode::Shared, 1),
        over: || ranges::apart_on::<ParkingLot>(16, Mode::Shared, 1),
    },
    Figure {
        target: Target::SixteenUnits,
        what: "exclusive",
        this: || ranges::apart_on::<RangeLock>(16, Mode::Exclusive, 1),
        over: || ranges::apart_on::<ParkingLot>(16, Mode::Shared, 1),
    },
    Figure {
        target: Target::SixteenUnits,
        what: "shared, used",
        this: || ranges::apart_after_many_on::<RangeLock>(16, Mode::Shared),
        over: || ranges::apart_on::<ParkingLot>(16, Mode::Shared, 1),
    },
    Figure {
        target: Target::Everything,
        what: "shared",
        this: || ranges::whole_after_many_on::<RangeLock>(Mode::Shared),
        over: || ranges::apart_after_many_on::<RangeLock>(16, Mode::Shared),
    },
    Figure {
        target: Target::Everything,
        what: "exclusive",
        this: || ranges::whole_after_many_on::<RangeLock>(Mode::Exclusive),
        over: || ranges::apart_after_many_on::<RangeLock>(16, Mode::Exclusive),
    },
    Figure {
        target: Target::HotUnit,
        what: "2 threads",
        this: || one_unit::pairs_on::<RangeLock>(Pattern::Hot, Mode::Shared, 2),
        over: || one_unit::pairs_on::<ParkingLot>(Pattern::Hot, Mode::Shared, 2),
    },
    Figure {
        target: Target::TwoThreads,
        what: "side by side, shared",
        this: || one_unit::pairs_on::<RangeLock>(Pattern::Neighbours, Mode::Shared, 2),
        over: || one_unit::pairs_on::<ParkingLot>(Pattern::Neighbours, Mode::Shared, 2),
    },
    Figure {
        target: Target::TwoThreads,
        what: "side by side, exclusive",
        this: || one_unit::pairs_on::<RangeLock>(Pattern::Neighbours, Mode::Exclusive, 2),
        over: || one_unit::pairs_on::<ParkingLot>(Pattern::Neighbours, Mode::Shared, 2),
    },
    Figure {
        target: Target::TwoThreads,
        what: "any units of their own halves, shared",
        this: || one_unit::pairs_on::<RangeLock>(Pattern::Apart, Mode::Shared, 2),
        over: || one_unit::pairs_on::<ParkingLot>(Pattern::Apart, Mode::Shared, 2),
    },
    Figure {
        target: Target::BesideARange,
        what: "shared, 1 thread",
        this: || one_unit::pairs_beside_a_range_on::<RangeLock>(Pattern::Hot, Mode::Shared, 1),
        over: || one_unit::pairs_on::<RangeLock>(Pattern::Hot, Mode::Shared, 1),
    },
    Figure {
        target: Target::BesideARange,
        what: "shared, 2 threads with a unit each",
        this: || {
            one_unit::pairs_beside_a_range_on::<RangeLock>(Pattern::Neighbours, Mode::Shared, 2)
        },
        over: || one_unit::pairs_on::<RangeLock>(Pattern::Neighbours, Mode::Shared, 2),
    },
    Figure {
        target: Target::BesideARange,
        what: "exclusive, 1 thread",
        this: || one_unit::pairs_beside_a_range_on::<RangeLock>(Pattern::Hot, Mode::Exclusive, 1),
        over: || one_unit::pairs_on::<RangeLock>(Pattern::Hot, Mode::Exclusive, 1),
    },
    Figure {
        target: Target::OverACrate,
        what: "exclusive",
        this: || ranges::apart_on::<RangeLock>(16, Mode::Exclusive, 2),
        over: || ranges::apart_on::<RangeLockCrate>(16, Mode::Exclusive, 2),
    },
    Figure {
        target: Target::OverACrate,
        what: "shared",
        this: || ranges::apart_on::<RangeLock>(16, Mode::Shared, 2),
        over: || ranges::apart_on::<RangeLockCrate>(16, Mode::Shared, 2),
    },
];

/// The figure that is a size: what a lock takes that was never used, in bytes.
pub const NEVER_USED: usize = size_of::<RangeLock>();
pub const NEVER_USED_MUST: usize = 64;
pub const NEVER_USED_GOAL: usize = 32;
