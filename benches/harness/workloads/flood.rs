//! The flood: how long a claim on everything waits among readers that never stop.
//!
//! Two threads lock and unlock a unit each, shared, without a pause. A third locks everything
//! exclusively, now and then. A lock that lets later claims overtake a waiting one starves it.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use super::super::case::{each_contender, immortal};
use super::super::contender::Contender;
use super::clocked::{Clocked, Latencies, no_latencies, record};

/// The units that there are; readers use the first ones.
const UNITS: u64 = 1 << 16;

const READERS: u64 = 2;

/// How long the third thread sleeps between its claims, so that the readers are in full flood again.
const PAUSE: Duration = Duration::from_micros(100);

/// From the call of lock to its return, of the claims on everything.
pub fn waits() -> impl Iterator<Item = Clocked<1>> {
    each_contender!(some_waits())
}

fn some_waits<L: Contender>() -> Option<Clocked<1>> {
    let lock = immortal::<L>(UNITS);
    Some(Clocked::new::<L>(move |length| {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            for unit in 0..READERS {
                let over = &over;
                scope.spawn(move || read_until(over, lock, unit));
            }
            let writer = scope.spawn(|| write_until(&over, lock));
            // The thread that ends the flood takes no part: a claim that starves waits no longer
            // than this.
            thread::sleep(length);
            over.store(true, Relaxed);
            writer.join().expect("no workload panics")
        })
    }))
}

fn read_until<L: Contender>(over: &AtomicBool, lock: &L, unit: u64) {
    while !over.load(Relaxed) {
        drop(lock.lock_shared(unit..unit + 1));
    }
}

fn write_until<L: Contender>(over: &AtomicBool, lock: &L) -> Latencies<1> {
    let mut waits = no_latencies();
    while !over.load(Relaxed) {
        thread::sleep(PAUSE);
        let before = Instant::now();
        let guard = lock.lock_exclusive(0..u64::MAX);
        let waited = before.elapsed();
        drop(guard);
        record(&mut waits[0], waited);
    }
    waits
}
