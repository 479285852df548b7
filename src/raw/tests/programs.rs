//! Random programs of one thread that only tries to lock, with claims in every kind of place. The
//! lock must agree with a list of guards on what is held, and nothing must be left of claims that
//! were released.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::assert_idle;
use crate::Mode::{self, Exclusive, Shared};
use crate::{ClaimState, LockFuture, RangeGuard, RangeLock};

/// What kind of claims a program makes.
#[derive(Clone, Copy)]
struct Kind {
    /// The lowest unit: it decides whether the units fit into slots.
    base: u64,
    units: u64,
    longest: u64,
    guards: usize,
}

struct Program<'a> {
    rng: fastrand::Rng,
    kind: Kind,
    lock: &'a RangeLock,
    guards: Vec<RangeGuard<'a>>,
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}

fn conflict(a: Mode, b: Mode) -> bool {
    a == Exclusive || b == Exclusive
}

impl<'a> Program<'a> {
    fn new(seed: u64, kind: Kind, lock: &'a RangeLock) -> Program<'a> {
        Program { rng: fastrand::Rng::with_seed(seed), kind, lock, guards: Vec::new() }
    }

    fn range(&mut self) -> Range<u64> {
        let Kind { base, units, longest, .. } = self.kind;
        let start = self.rng.u64(..units);
        // Lengths of every order of magnitude.
        let most = 1 << self.rng.u32(..=longest.ilog2());
        let len = if self.rng.bool() { 1 } else { self.rng.u64(1..=most) };
        base + start..base + (start + len).min(units)
    }

    fn mode(&mut self) -> Mode {
        if self.rng.u8(..3) == 0 { Exclusive } else { Shared }
    }

    fn take(&mut self) -> Option<RangeGuard<'a>> {
        (!self.guards.is_empty())
            .then(|| self.guards.swap_remove(self.rng.usize(..self.guards.len())))
    }

    fn is_free(&self, range: &Range<u64>, mode: Mode) -> bool {
        let blocks =
            |guard: &RangeGuard<'_>| overlap(&guard.range(), range) && conflict(guard.mode(), mode);
        !self.guards.iter().any(blocks)
    }

    fn step(&mut self) {
        match self.rng.u8(..16) {
            0..6 if self.guards.len() < self.kind.guards => self.claim(),
            0..9 => drop(self.take()),
            9 => self.open_or_shut(),
            10 => self.downgrade(),
            11 | 12 => self.upgrade(),
            13 => self.split(),
            14 => self.shrink(),
            _ => self.look(),
        }
    }

    fn claim(&mut self) {
        let (range, mode) = (self.range(), self.mode());
        let guard = self.lock.try_lock(range.clone(), mode);
        assert_eq!(guard.is_some(), self.is_free(&range, mode), "{mode:?} {range:?}");
        self.guards.extend(guard);
    }

    fn open_or_shut(&mut self) {
        match self.rng.bool() {
            true => self.lock.raw.open(),
            false => self.lock.raw.shut(),
        }
    }

    fn downgrade(&mut self) {
        if let Some(guard) = self.take() {
            self.guards.push(guard.downgrade());
        }
    }

    fn upgrade(&mut self) {
        let Some(guard) = self.take() else { return };
        let is_alone = self.is_free(&guard.range(), Exclusive);
        let upgraded = guard.try_upgrade();
        assert_eq!(upgraded.is_ok(), is_alone);
        self.guards.push(upgraded.unwrap_or_else(|guard| guard));
    }

    fn split(&mut self) {
        let Some(guard) = self.take() else { return };
        let at = self.rng.u64(guard.range().start..=guard.range().end);
        let (lower, upper) = guard.split_at(at);
        self.guards.extend([lower, upper].into_iter().filter(|guard| !guard.range().is_empty()));
    }

    fn shrink(&mut self) {
        let Some(mut guard) = self.take() else { return };
        let Range { start, end } = guard.range();
        let from = self.rng.u64(start..end);
        let to = self.rng.u64(from + 1..=end);
        guard.shrink_to(from..to);
        self.guards.push(guard);
    }

    fn look(&mut self) {
        let (range, mode) = (self.range(), self.mode());
        assert_eq!(self.lock.conflicts(range.clone(), mode), !self.is_free(&range, mode));
        assert_eq!(self.lock.is_locked(range.clone()), !self.is_free(&range, Exclusive));
        let mut shown: Vec<_> = self
            .lock
            .claims()
            .into_iter()
            .map(|claim| {
                assert_eq!(claim.state, ClaimState::Held);
                (claim.range.start, claim.range.end, claim.mode)
            })
            .collect();
        let mut held: Vec<_> = self
            .guards
            .iter()
            .map(|guard| (guard.range().start, guard.range().end, guard.mode()))
            .collect();
        // Several readers of a unit are shown as one claim if they share a slot.
        for claims in [&mut shown, &mut held] {
            claims.sort_unstable();
            claims.dedup_by(|a, b| a == b && a.1 - a.0 == 1);
        }
        assert_eq!(shown, held);
    }

    fn run(mut self, steps: usize) {
        for _ in 0..steps {
            self.step();
        }
        while let Some(guard) = self.take() {
            drop(guard);
            self.look();
        }
    }
}

fn run(kind: Kind) {
    for seed in 0..10 {
        let lock = RangeLock::new();
        // In the second round the lock has the core and the table that the first one has made.
        for round in 0..2 {
            Program::new(seed * 2 + round, kind, &lock).run(300);
            assert_idle(&lock.raw);
        }
    }
}

#[test]
fn a_few_units_are_held_as_acquired_and_nothing_is_left_of_them() {
    run(Kind { base: 0, units: 4, longest: 4, guards: 8 });
}

#[test]
fn units_and_ranges_are_held_as_acquired_and_nothing_is_left_of_them() {
    run(Kind { base: 0, units: 64, longest: 32, guards: 24 });
}

#[test]
fn more_claims_than_cells_are_held_as_acquired_and_leave_no_count() {
    run(Kind { base: 1 << 20, units: 1 << 16, longest: 1 << 12, guards: 80 });
}

#[test]
fn claims_of_every_length_are_held_as_acquired_and_leave_no_count() {
    run(Kind { base: 0, units: 1 << 62, longest: 1 << 61, guards: 60 });
}

#[test]
fn units_beyond_a_packed_word_are_held_as_acquired_and_nothing_is_left_of_them() {
    run(Kind { base: (1 << 48) - 3, units: 8, longest: 8, guards: 30 });
}

/// Claims that wait, whose futures are polled at random.
struct Queue<'a> {
    program: Program<'a>,
    waiting: Vec<Pin<Box<LockFuture<&'a RangeLock, Mode>>>>,
}

impl<'a> Queue<'a> {
    fn step(&mut self) {
        match self.program.rng.u8(..8) {
            0..3 if self.waiting.len() < self.program.kind.guards => {
                let (range, mode) = (self.program.range(), self.program.mode());
                self.poll(Box::pin(self.program.lock.lock_async(range, mode)));
            }
            0..5 => {
                if let Some(future) = self.take() {
                    self.poll(future);
                }
            }
            5 => drop(self.take()),
            6 => self.program.open_or_shut(),
            _ => drop(self.program.take()),
        }
    }

    fn take(&mut self) -> Option<Pin<Box<LockFuture<&'a RangeLock, Mode>>>> {
        let at = (!self.waiting.is_empty()).then(|| self.program.rng.usize(..self.waiting.len()));
        at.map(|at| self.waiting.swap_remove(at))
    }

    fn poll(&mut self, mut future: Pin<Box<LockFuture<&'a RangeLock, Mode>>>) {
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(guard) => {
                let (range, mode) = (guard.range(), guard.mode());
                assert!(self.program.is_free(&range, mode), "{mode:?} {range:?} is held by two");
                self.program.guards.push(guard);
            }
            Poll::Pending => self.waiting.push(future),
        }
    }

    /// Polls all futures until each has been granted.
    fn end(mut self) {
        let mut turns = 0;
        while !self.waiting.is_empty() {
            self.program.guards.clear();
            let waiting = std::mem::take(&mut self.waiting);
            waiting.into_iter().for_each(|future| self.poll(future));
            turns += 1;
            assert!(turns < 10_000, "no claim is granted");
        }
    }
}

#[test]
fn claims_that_wait_and_are_granted_or_withdrawn_exclude_each_other_and_leave_nothing() {
    let few = Kind { base: 0, units: 4, longest: 4, guards: 6 };
    let many = Kind { base: 0, units: 1 << 16, longest: 1 << 14, guards: 50 };
    for (seed, kind) in (0..40).map(|seed| (seed, if seed % 4 == 0 { many } else { few })) {
        for lock in [RangeLock::new(), RangeLock::fair()] {
            let program = Program::new(seed, kind, &lock);
            let mut queue = Queue { program, waiting: Vec::new() };
            for _ in 0..200 {
                queue.step();
            }
            queue.end();
            assert_idle(&lock.raw);
        }
    }
}
