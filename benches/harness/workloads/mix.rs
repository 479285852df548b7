//! What the mixes of operations have in common: operations are drawn once for each thread, and run in a cycle, timed
//! as a whole or each by itself.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::super::case::{Case, immortal, time_on_threads};
use super::super::contender::Contender;
use super::super::draws::{DRAWS, Draws, draw};
use super::clocked::{Clocked, Latencies, add, no_latencies, record};

/// An operation of a mix.
pub trait Operation: Send + Sync + Sized + 'static {
    /// How many units the lock covers.
    const UNITS: u64;

    /// What operations use besides the lock.
    type Beside: Send + Sync + 'static;

    fn beside() -> Self::Beside;

    fn draw(random: &mut Rng) -> Self;

    /// The number of its class.
    fn class(&self) -> usize;

    /// Claims, works under the claim, and releases.
    fn run<L: Contender>(&self, lock: &L, beside: &Self::Beside);
}

/// The mix, timed as a whole.
pub fn operations<L: Contender, O: Operation>(threads: usize) -> Option<Case> {
    Some(Case::new::<L, _>(move || {
        let mix = Mix::<L, O>::new(threads);
        move |operations| {
            time_on_threads(threads, operations, |thread, share| mix.work(thread, share))
        }
    }))
}

/// The mix with a clock around each operation, from the call of lock to the return of unlock.
pub fn clocked<L: Contender, O: Operation, const CLASSES: usize>(
    threads: usize,
) -> Option<Clocked<CLASSES>> {
    let mix = Mix::<L, O>::new(threads);
    Some(Clocked::new::<L>(move |length| {
        let total = Mutex::new(no_latencies());
        time_on_threads(threads, threads as u64, |thread, _| {
            let measured = mix.work_on_the_clock(thread, length);
            add(&mut total.lock().expect("no workload panics"), &measured);
        });
        total.into_inner().expect("no workload panics")
    }))
}

struct Mix<L: Contender, O: Operation> {
    lock: &'static L,
    beside: O::Beside,
    draws: Vec<Draws<O>>,
}

impl<L: Contender, O: Operation> Mix<L, O> {
    fn new(threads: usize) -> Mix<L, O> {
        Mix {
            lock: immortal(O::UNITS),
            beside: O::beside(),
            draws: (0..threads).map(|thread| draw(thread, O::draw)).collect(),
        }
    }

    #[inline(never)]
    fn work(&self, thread: usize, operations: u64) {
        for operation in 0..operations {
            self.draws[thread][operation as usize % DRAWS].run(self.lock, &self.beside);
        }
    }

    #[inline(never)]
    fn work_on_the_clock<const CLASSES: usize>(
        &self,
        thread: usize,
        length: Duration,
    ) -> Latencies<CLASSES> {
        let mut latencies = no_latencies();
        let begin = Instant::now();
        for operation in self.draws[thread].iter().cycle() {
            let before = Instant::now();
            operation.run(self.lock, &self.beside);
            let after = Instant::now();
            record(&mut latencies[operation.class()], after - before);
            if after - begin >= length {
                break;
            }
        }
        latencies
    }
}
