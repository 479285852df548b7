//! The mix with work: half the operations take one page shared, half of them 16 to 256 pages
//! exclusively, and each does 2 µs of work while it holds its claim.
//!
//! The work is a fixed number of multiplications, measured once, and not a wait for a time: a holder
//! that loses its processor has as much left to do when it gets it back.

use std::hint::black_box;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::super::case::{Case, each_contender, immortal, time_on_threads};
use super::super::contender::Contender;
use super::super::draws::{DRAWS, Draws, draw};
use super::clocked::{Clocked, Latencies, add, no_latencies, record};

/// The pages of the file.
const UNITS: u64 = 1 << 16;

/// What a holder works.
const WORK: Duration = Duration::from_micros(2);

/// The thread that claims.
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

impl Operation {
    fn draw(random: &mut Rng) -> Operation {
        let (class, length) = match random.bool() {
            true => (Class::Page, 1),
            false => (Class::Range, random.u64(16..=256)),
        };
        Operation { class, start: random.u64(..=UNITS - length), length }
    }

    #[inline]
    fn run<L: Contender>(&self, lock: &L, multiplications: u64) {
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
    Some(Case::new::<L, _>(move || {
        let mix = Mix::<L>::new(threads);
        move |operations| {
            time_on_threads(threads, operations, |thread, share| mix.work(thread, share))
        }
    }))
}

/// How many classes there are.
const CLASSES: usize = Class::ALL.len();

/// The mix with a clock around each operation, from the call of lock to the return of unlock.
pub fn clocked(threads: usize) -> impl Iterator<Item = Clocked<CLASSES>> {
    each_contender!(some_clocked(threads))
}

fn some_clocked<L: Contender>(threads: usize) -> Option<Clocked<CLASSES>> {
    let mix = Mix::<L>::new(threads);
    Some(Clocked::new::<L>(move |length| {
        let total = Mutex::new(no_latencies());
        time_on_threads(threads, threads as u64, |thread, _| {
            let measured = mix.work_on_the_clock(thread, length);
            add(&mut total.lock().expect("no workload panics"), &measured);
        });
        total.into_inner().expect("no workload panics")
    }))
}

struct Mix<L: Contender> {
    lock: &'static L,
    draws: Vec<Draws<Operation>>,
    multiplications: u64,
}

impl<L: Contender> Mix<L> {
    fn new(threads: usize) -> Mix<L> {
        Mix {
            lock: immortal(UNITS),
            draws: (0..threads).map(|thread| draw(thread, Operation::draw)).collect(),
            multiplications: *MULTIPLICATIONS,
        }
    }

    #[inline(never)]
    fn work(&self, thread: usize, operations: u64) {
        for operation in 0..operations {
            let operation = &self.draws[thread][operation as usize % DRAWS];
            operation.run(self.lock, self.multiplications);
        }
    }

    #[inline(never)]
    fn work_on_the_clock(&self, thread: usize, length: Duration) -> Latencies<CLASSES> {
        let mut latencies = no_latencies();
        let begin = Instant::now();
        for operation in self.draws[thread].iter().cycle() {
            let before = Instant::now();
            operation.run(self.lock, self.multiplications);
            let after = Instant::now();
            record(&mut latencies[operation.class as usize], after - before);
            if after - begin >= length {
                break;
            }
        }
        latencies
    }
}
