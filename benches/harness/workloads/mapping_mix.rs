//! The mapping mix: the claims that a file's paths make on its mapping lock.
//!
//! An operation locks its range, reads (shared) or increments (exclusive) one word for each of its
//! units, 256 at most, and unlocks.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::super::case::{Case, each_contender, immortal, time_on_threads};
use super::super::cells::Cells;
use super::super::contender::Contender;
use super::super::draws::{DRAWS, Draws, draw};
use super::clocked::{Clocked, Latencies, add, no_latencies, record};

/// The pages of the file.
pub const UNITS: u64 = 1 << 16;

/// The thread that claims.
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

impl Operation {
    fn draw(random: &mut Rng) -> Operation {
        let class = Class::draw(random);
        let length = match class {
            Class::Page => 1,
            Class::Run => random.u64(32..=256),
            Class::Direct | Class::Truncate => random.u64(16..=256),
        };
        Operation { class, start: random.u64(..=UNITS - length), length }
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
    cells: Cells,
    draws: Vec<Draws<Operation>>,
}

impl<L: Contender> Mix<L> {
    fn new(threads: usize) -> Mix<L> {
        Mix {
            lock: immortal(UNITS),
            cells: Cells::new(UNITS),
            draws: (0..threads).map(|thread| draw(thread, Operation::draw)).collect(),
        }
    }

    #[inline(never)]
    fn work(&self, thread: usize, operations: u64) {
        for operation in 0..operations {
            self.draws[thread][operation as usize % DRAWS].run(self.lock, &self.cells);
        }
    }

    #[inline(never)]
    fn work_on_the_clock(&self, thread: usize, length: Duration) -> Latencies<CLASSES> {
        let mut latencies = no_latencies();
        let begin = Instant::now();
        let mut before = begin;
        for operation in self.draws[thread].iter().cycle() {
            operation.run(self.lock, &self.cells);
            let after = Instant::now();
            record(&mut latencies[operation.class as usize], after - before);
            if after - begin >= length {
                break;
            }
            before = Instant::now();
        }
        latencies
    }
}
