//! Held growth: what a pair costs while many disjoint claims are held.
//!
//! Everything is exclusive, as two of the contenders know nothing else. Contenders that would make
//! disjoint claims wait for each other cannot take part: the thread would wait for itself.

use std::time::Duration;

use fastrand::Rng;
use spanlock::Mode;

use super::super::case::{Case, each_contender, immortal_for_many, while_holding};
use super::super::contender::{Contender, Fill, Precision};
use super::super::draws::draw;
use super::pairs;

/// How many claims are held.
pub const CLAIMS: [u64; 4] = [0, 256, 4_096, 65_536];

/// How long the held claims are, and the one that is locked and unlocked among them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lengths {
    UnitAmongUnits,
    UnitAmongPairs,
    PairAmongPairs,
}

impl Lengths {
    pub const ALL: [Lengths; 3] =
        [Lengths::UnitAmongUnits, Lengths::UnitAmongPairs, Lengths::PairAmongPairs];

    pub fn name(self) -> &'static str {
        match self {
            Lengths::UnitAmongUnits => "unit-among-units",
            Lengths::UnitAmongPairs => "unit-among-pairs",
            Lengths::PairAmongPairs => "pair-among-pairs",
        }
    }

    fn held(self) -> u64 {
        match self {
            Lengths::UnitAmongUnits => 1,
            Lengths::UnitAmongPairs | Lengths::PairAmongPairs => 2,
        }
    }
}

/// Locking and unlocking among `claims` held claims.
pub fn among(lengths: Lengths, claims: u64) -> impl Iterator<Item = Case> {
    each_contender!(some_among(lengths, claims))
}

fn some_among<L: Contender>(lengths: Lengths, claims: u64) -> Option<Case> {
    matches!(L::PRECISION, Precision::Exact | Precision::WholeAtFirst)
        .then(|| among_on::<L>(lengths, claims))
}

/// The same on one contender. Of every four units the first one or two are held; the third, or
/// the third and the fourth, are what is locked.
pub fn among_on<L: Contender>(lengths: Lengths, claims: u64) -> Case {
    Case::new::<L, _>(move || {
        let fours = claims.max(256);
        let lock = immortal_for_many::<L>(4 * fours);
        let hold = |four: u64| lock.lock_exclusive(4 * four..4 * four + lengths.held());
        let held: Vec<_> = match L::FILL {
            Fill::Ascending => (0..claims).map(hold).collect(),
            Fill::Descending => (0..claims).rev().map(hold).collect(),
        };
        while_holding(held, repeat(lock, lengths, fours))
    })
}

fn repeat<L: Contender>(
    lock: &'static L,
    lengths: Lengths,
    fours: u64,
) -> Box<dyn Fn(u64) -> Duration> {
    let between = move |random: &mut Rng| 4 * random.u64(..fours) + 2;
    match lengths {
        Lengths::UnitAmongUnits | Lengths::UnitAmongPairs => {
            Box::new(pairs::repeat(lock, vec![draw(0, between)], Mode::Exclusive))
        }
        Lengths::PairAmongPairs => {
            let pairs = draw(0, |random| {
                let start = between(random);
                start..start + 2
            });
            Box::new(pairs::repeat(lock, vec![pairs], Mode::Exclusive))
        }
    }
}
