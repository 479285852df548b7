//! Locking and unlocking, over and over: the timed loop of all workloads without work.

use std::hint::black_box;
use std::ops::Range;
use std::time::Duration;

use spanlock::Mode;

use super::super::case::time_on_threads;
use super::super::contender::Contender;
use super::super::draws::{DRAWS, Draws};

/// Both modes, with what they are called in benchmark ids and tables.
pub const MODES: [(Mode, &str); 2] = [(Mode::Shared, "shared"), (Mode::Exclusive, "exclusive")];

/// What is drawn: a unit, or a range of several.
pub trait Drawn: Sync + 'static {
    fn range(&self) -> Range<u64>;
}

impl Drawn for u64 {
    #[inline]
    fn range(&self) -> Range<u64> {
        *self..*self + 1
    }
}

impl Drawn for Range<u64> {
    #[inline]
    fn range(&self) -> Range<u64> {
        self.clone()
    }
}

/// Locks and unlocks what `draws` has, one set for each thread.
pub fn repeat<L: Contender, D: Drawn>(
    lock: &'static L,
    draws: Vec<Draws<D>>,
    mode: Mode,
) -> impl Fn(u64) -> Duration {
    move |operations| {
        time_on_threads(draws.len(), operations, |thread, share| match mode {
            Mode::Shared => shared(lock, &draws[thread], share),
            Mode::Exclusive => exclusive(lock, &draws[thread], share),
        })
    }
}

#[inline(never)]
fn shared<L: Contender>(lock: &L, draws: &[impl Drawn; DRAWS], operations: u64) {
    let mut used = 0;
    for operation in 0..operations {
        let range = draws[operation as usize % DRAWS].range();
        used ^= range.start;
        drop(lock.lock_shared(range));
    }
    black_box(used);
}

#[inline(never)]
fn exclusive<L: Contender>(lock: &L, draws: &[impl Drawn; DRAWS], operations: u64) {
    let mut used = 0;
    for operation in 0..operations {
        let range = draws[operation as usize % DRAWS].range();
        used ^= range.start;
        drop(lock.lock_exclusive(range));
    }
    black_box(used);
}
