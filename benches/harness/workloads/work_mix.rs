//! The mix with work: half the operations take one page shared, half of them 16 to 256 pages
//! exclusively, and each does 2 µs of work while it holds its claim.
//!
//! The work is a fixed number of multiplications, measured once, and not a wait for a time: a holder
//! that loses its processor has as much left to do when it gets it back.

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::super::case::{Case, each_contender};
use super::super::contender::Contender;
use super::clocked::Clocked;
use super::mix;

/// The pages of the file.
const UNITS: u64 = 1 << 16;

/// How long the work under a claim takes.
const WORK: Duration = Duration::from_micros(2);

/// The kind of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// One page, shared.
    Page,
    /// 16 to 256 pages, exclusive.
    Range,
}

impl Class {
    pub const ALL: [Class; 2] = [Class::Page, Class::Range];

    pub fn name(self) -> &'static str {
        match self {
            Class::Page => "one page, shared",
            Class::Range => "16 to 256 pages, exclusive",
        }
    }
}

struct Operation {
    class: Class,
    start: u64,
    length: u64,
}

impl mix::Operation for Operation {
    const UNITS: u64 = UNITS;

    /// How many multiplications to do under a claim.
    type Beside = u64;

    fn beside() -> u64 {
        *MULTIPLICATIONS
    }

    fn draw(random: &mut Rng) -> Operation {
        let (class, length) = match random.bool() {
            true => (Class::Page, 1),
            false => (Class::Range, random.u64(16..=256)),
        };
        Operation { class, start: random.u64(..=UNITS - length), length }
    }

    fn class(&self) -> usize {
        self.class as usize
    }

    #[inline]
    fn run<L: Contender>(&self, lock: &L, &multiplications: &u64) {
        let range = self.start..self.start + self.length;
        match self.class {
            Class::Page => {
                let guard = lock.lock_shared(range);
                multiply(multiplications);
                drop(guard);
            }
            Class::Range => {
                let guard = lock.lock_exclusive(range);
                multiply(multiplications);
                drop(guard);
            }
        }
    }
}

#[inline(never)]
fn multiply(multiplications: u64) {
    let mut product = black_box(1_u64);
    for _ in 0..multiplications {
        product = product.wrapping_mul(black_box(0x9E37_79B9_7F4A_7C15));
    }
    black_box(product);
}

/// How many multiplications last as long as [`WORK`]: by the fastest of several attempts, as the slow
/// ones were interrupted.
static MULTIPLICATIONS: LazyLock<u64> = LazyLock::new(|| {
    const TRIED: u64 = 100_000;
    let attempts = (0..20).map(|_| {
        let begin = Instant::now();
        multiply(TRIED);
        begin.elapsed()
    });
    let fastest = attempts.min().expect("there are twenty");
    (TRIED as f64 * WORK.as_secs_f64() / fastest.as_secs_f64()) as u64
});

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
