//! Two claims that arrive at the same moment, over and over.
//!
//! A claim on a unit and a claim on a range each write first and then look for the other. Loom explores
//! every order of these steps, but has no store buffers, which a processor has. This is a separate
//! binary because the two sides meet only if each has a core.

#![cfg(not(spanlock_loom))]

#[path = "../lock/cells.rs"]
mod cells;
#[path = "../lock/watchdog.rs"]
mod watchdog;

use std::hint;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use fastrand::Rng;
use spanlock::{ExclusiveGuard, Mode, RangeLock, SharedGuard};

use cells::Cells;
use watchdog::Watchdog;

const ROUNDS: u64 = match (cfg!(miri), cfg!(debug_assertions)) {
    (true, _) => 40,
    (_, true) => 20_000,
    (_, false) => 100_000,
};
/// The number of rounds if each needs a new lock.
const FRESH_ROUNDS: u64 = if cfg!(miri) { 40 } else { 4_000 };

/// One race at a time.
fn take_the_cores() -> MutexGuard<'static, ()> {
    static CORES: Mutex<()> = Mutex::new(());
    CORES.lock().unwrap_or_else(PoisonError::into_inner)
}

type Side = (Range<u64>, Mode);

/// Conflicting pairs, one for each combination of kinds of claims.
fn meetings() -> Vec<[Side; 2]> {
    use Mode::{Exclusive, Shared};
    let far = 1 << 50;
    vec![
        [(7..8, Exclusive), (7..8, Exclusive)],
        [(7..8, Shared), (7..8, Exclusive)],
        [(7..8, Exclusive), (0..100, Exclusive)],
        [(7..8, Shared), (0..100, Exclusive)],
        [(7..8, Exclusive), (0..100, Shared)],
        [(7..8, Exclusive), (0..u64::MAX, Exclusive)],
        [(7..8, Exclusive), (6..9, Exclusive)],
        [(7..8, Shared), (7..9, Exclusive)],
        [(5..8, Exclusive), (7..9, Exclusive)],
        [(5..8, Shared), (7..9, Exclusive)],
        [(6..9, Exclusive), (0..100, Exclusive)],
        [(6..9, Exclusive), (8..u64::MAX, Shared)],
        [(0..100, Exclusive), (99..200, Exclusive)],
        [(far..far + 1, Exclusive), (far..far + 100, Exclusive)],
        [(far..far + 1, Exclusive), (far..far + 1, Shared)],
    ]
}

enum Guard<'a> {
    Shared(SharedGuard<'a>),
    Exclusive(ExclusiveGuard<'a>),
}

fn lock<'a>(lock: &'a RangeLock, (span, mode): &Side) -> Guard<'a> {
    match mode {
        Mode::Shared => Guard::Shared(lock.lock_shared(span.clone())),
        Mode::Exclusive => Guard::Exclusive(lock.lock_exclusive(span.clone())),
    }
}

fn try_lock<'a>(lock: &'a RangeLock, (span, mode): &Side) -> Option<Guard<'a>> {
    match mode {
        Mode::Shared => lock.try_lock_shared(span.clone()).map(Guard::Shared),
        Mode::Exclusive => lock.try_lock_exclusive(span.clone()).map(Guard::Exclusive),
    }
}

/// A spinning barrier, so that two threads start as nearly together as possible.
#[derive(Default)]
struct Line {
    crossings: AtomicU64,
}

/// One of the two threads.
struct Runner<'a> {
    line: &'a Line,
    watchdog: &'a Watchdog,
    crossed: u64,
}

impl<'a> Runner<'a> {
    fn new(line: &'a Line, watchdog: &'a Watchdog) -> Runner<'a> {
        Runner { line, watchdog, crossed: 0 }
    }

    fn cross(&mut self) {
        // ORDERING: the increments are read-modify-writes, so the load that sees the second of a
        // crossing acquires from both.
        self.line.crossings.fetch_add(1, Ordering::AcqRel);
        self.crossed += 1;
        if self.crossed.is_multiple_of(1024) {
            self.watchdog.moved();
        }
        let mut spins = 0_u32;
        while self.line.crossings.load(Ordering::Acquire) < 2 * self.crossed {
            spins += 1;
            if spins.is_multiple_of(512) {
                // The other thread may have no core.
                thread::yield_now();
            }
            hint::spin_loop();
        }
    }
}

/// Lets the other thread continue alone if this one fails, so that the failure is reported.
impl Drop for Runner<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.line.crossings.store(u64::MAX / 2, Ordering::Release);
        }
    }
}

fn stagger(rng: &mut Rng) {
    for _ in 0..rng.u8(..24) {
        hint::spin_loop();
    }
}

/// Both threads try once each round, and keep their guards until both have tried. Round `r` uses
/// `locks[r % locks.len()]`.
fn both_try(sides: &[Side; 2], locks: &[RangeLock], rounds: u64, watchdog: &Watchdog) {
    let line = Line::default();
    let got = [AtomicBool::new(false), AtomicBool::new(false)];
    let play = |me: usize| {
        let mut runner = Runner::new(&line, watchdog);
        let mut rng = Rng::with_seed(me as u64);
        for round in 0..rounds {
            let lock = &locks[(round % locks.len() as u64) as usize];
            runner.cross();
            stagger(&mut rng);
            let guard = try_lock(lock, &sides[me]);
            got[me].store(guard.is_some(), Ordering::Relaxed);
            runner.cross();
            let both = [0, 1].map(|side: usize| got[side].load(Ordering::Relaxed));
            assert_ne!(both, [true; 2], "both got in: {sides:?}, round {round}");
            assert_ne!(both, [false; 2], "neither got in: {sides:?}, round {round}");
            drop(guard);
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| play(0));
        scope.spawn(|| play(1));
    });
}

#[test]
fn of_two_tries_at_the_same_moment_exactly_one_succeeds() {
    let _cores = take_the_cores();
    let watchdog = Watchdog::over("two tries at once");
    for sides in meetings() {
        both_try(&sides, &[RangeLock::new()], ROUNDS, &watchdog);
    }
}

#[test]
fn of_two_first_claims_on_a_new_lock_exactly_one_succeeds() {
    let _cores = take_the_cores();
    let watchdog = Watchdog::over("two tries at a new lock");
    for sides in meetings() {
        let locks: Vec<RangeLock> = (0..FRESH_ROUNDS).map(|_| RangeLock::new()).collect();
        both_try(&sides, &locks, FRESH_ROUNDS, &watchdog);
    }
}

#[test]
fn two_disjoint_tries_at_the_same_moment_both_succeed() {
    let _cores = take_the_cores();
    let watchdog = Watchdog::over("two disjoint tries at once");
    let far = 1 << 50;
    for (one, other) in [
        (7..8, 8..9),
        (7..8, 8..10),
        (7..8, 8..100),
        (5..8, 8..9),
        (5..8, 8..11),
        (0..8, 8..u64::MAX),
        (7..8, far..far + 1),
        (far..far + 1, far + 1..u64::MAX),
    ] {
        let lock = RangeLock::new();
        let line = Line::default();
        let play = |span: Range<u64>| {
            let mut runner = Runner::new(&line, &watchdog);
            for _ in 0..ROUNDS {
                runner.cross();
                assert!(lock.try_lock_exclusive(span.clone()).is_some(), "{span:?}");
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| play(one));
            scope.spawn(|| play(other));
        });
    }
}

#[test]
fn of_two_claims_at_the_same_moment_each_is_granted() {
    let _cores = take_the_cores();
    let watchdog = Watchdog::over("two claims at once");
    for sides in meetings() {
        let range_lock = RangeLock::new();
        let mut cells = Cells::on(0..200);
        let line = Line::default();
        let play = |me: usize| {
            let mut runner = Runner::new(&line, &watchdog);
            let mut rng = Rng::with_seed(me as u64);
            let mut raised = 0;
            for _ in 0..ROUNDS {
                runner.cross();
                stagger(&mut rng);
                match lock(&range_lock, &sides[me]) {
                    Guard::Shared(held) => cells.check(&held),
                    Guard::Exclusive(held) => raised += cells.raise(&held),
                }
            }
            raised
        };
        let raised: u64 = thread::scope(|scope| {
            let players = [scope.spawn(|| play(0)), scope.spawn(|| play(1))];
            players.into_iter().map(|player| player.join().expect("a player")).sum()
        });
        assert_eq!(cells.totals(), [raised; 2], "{sides:?}");
    }
}
