//! Single units: what most claims are.

use spanlock::Mode;

use super::super::case::{
    Case, each_contender, immortal, immortal_after_many, immortal_for_many, while_holding,
};
use super::super::contender::{Contender, Precision};
use super::super::draws::{Draws, Zipf, draw};
use super::pairs::repeat;

/// The units that are drawn from.
pub const UNITS: u64 = 1 << 16;

/// Which units a thread claims, one after the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pattern {
    /// Any unit, each as likely as the other.
    Uniform,
    /// The k-th most wanted unit is wanted 1/k^0.99 as often as the first.
    Zipf,
    /// All threads want the same unit all the time.
    Hot,
    /// Each thread has one unit to itself, beside those of the other threads.
    Neighbours,
    /// Each thread draws from its own share of the units.
    Apart,
}

impl Pattern {
    pub const ALL: [Pattern; 5] =
        [Pattern::Uniform, Pattern::Zipf, Pattern::Hot, Pattern::Neighbours, Pattern::Apart];

    pub fn name(self) -> &'static str {
        match self {
            Pattern::Uniform => "uniform",
            Pattern::Zipf => "zipf-0.99",
            Pattern::Hot => "hot",
            Pattern::Neighbours => "neighbours",
            Pattern::Apart => "apart",
        }
    }

    fn draw(self, threads: usize) -> Vec<Draws<u64>> {
        let share = UNITS / threads as u64;
        let zipf = Zipf::new(if self == Pattern::Zipf { UNITS } else { 0 }, 0.99);
        let draw_for = |thread| {
            draw(thread, |random| match self {
                Pattern::Uniform => random.u64(..UNITS),
                Pattern::Zipf => scattered(zipf.rank(random)),
                Pattern::Hot => UNITS / 2,
                Pattern::Neighbours => UNITS / 2 + thread as u64,
                Pattern::Apart => thread as u64 * share + random.u64(..share),
            })
        };
        (0..threads).map(draw_for).collect()
    }
}

/// Puts the most wanted units far apart, one to one.
fn scattered(rank: u64) -> u64 {
    rank.wrapping_mul(0x9E37_79B1) % UNITS
}

/// Locking and unlocking single units.
pub fn pairs(pattern: Pattern, mode: Mode, threads: usize) -> impl Iterator<Item = Case> {
    each_contender!(some_pairs(pattern, mode, threads))
}

fn some_pairs<L: Contender>(pattern: Pattern, mode: Mode, threads: usize) -> Option<Case> {
    Some(pairs_on::<L>(pattern, mode, threads))
}

/// The same on one contender.
pub fn pairs_on<L: Contender>(pattern: Pattern, mode: Mode, threads: usize) -> Case {
    Case::new::<L, _>(move || repeat(immortal::<L>(UNITS), pattern.draw(threads), mode))
}

/// The same in a lock of which many units were held at the same time before.
pub fn pairs_after_many_on<L: Contender>(pattern: Pattern, mode: Mode, threads: usize) -> Case {
    Case::new::<L, _>(move || repeat(immortal_after_many::<L>(UNITS), pattern.draw(threads), mode))
}

/// The same while the last 64 units are held exclusively, by those that can do both.
pub fn pairs_beside_a_range(
    pattern: Pattern,
    mode: Mode,
    threads: usize,
) -> impl Iterator<Item = Case> {
    each_contender!(some_pairs_beside_a_range(pattern, mode, threads))
}

fn some_pairs_beside_a_range<L: Contender>(
    pattern: Pattern,
    mode: Mode,
    threads: usize,
) -> Option<Case> {
    (L::PRECISION != Precision::Whole).then(|| pairs_beside_a_range_on::<L>(pattern, mode, threads))
}

/// The same on one contender. The held range must not be drawn, so `pattern` must be one that
/// stays in the middle.
pub fn pairs_beside_a_range_on<L: Contender>(pattern: Pattern, mode: Mode, threads: usize) -> Case {
    assert!(matches!(pattern, Pattern::Hot | Pattern::Neighbours), "{pattern:?} may draw any unit");
    Case::new::<L, _>(move || {
        let lock = immortal_for_many::<L>(UNITS);
        let held = lock.lock_exclusive(UNITS - 64..UNITS);
        while_holding(held, repeat(lock, pattern.draw(threads), mode))
    })
}
