//! Programs of lock operations, run on the real lock and on the reference together.
//!
//! The fuzz targets include this file, so the tests can replay what they find.

use arbitrary::{Arbitrary, Unstructured};

#[path = "operations/face.rs"]
mod face;
#[path = "operations/guard.rs"]
mod guard;
#[path = "operations/place.rs"]
mod place;
#[path = "operations/run.rs"]
mod run;

use std::sync::Arc;

use face::{Face, Fairness, Patience, Reach, Way};
use place::Place;
use run::Run;
use spanlock::{MappingLock, Mode, RangeLock};

/// One operation. A number selects a guard or a future, modulo their number.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Op {
    /// A claim that is granted or refused before it returns.
    Claim(Way, Reach, Part),
    Release(u8),
    /// A future, polled once.
    Queue(Reach, Part),
    Poll(u8),
    /// A poll by a task other than the one that polled last.
    PollElsewhere(u8),
    /// Drops a future, whether it waits or has been granted.
    Abandon(u8),
    Downgrade(u8),
    TryUpgrade(u8),
    /// Splits a guard at one of its cells.
    Split(u8, u8),
    /// Shrinks a guard to some of its cells.
    Shrink(u8, u8, u8),
    /// A recursive claim, unless it would block.
    Reenter(Place),
    TryMany([Part; 3]),
    /// A claim on several places, unless it would block.
    Many([Part; 3]),
    /// A claim on two places of the lock, unless it would block.
    Pair([Part; 2]),
    /// A claim on a place of the lock and one of another, which is free; unless it would block.
    PairWithAnother([Part; 2]),
    Look(Place),
    /// A future of a claim on several places, polled once.
    QueueMany([Part; 3]),
    /// An upgrade that waits, polled once.
    Upgrade(u8),
}

/// What is claimed, and how.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Part {
    at: Place,
    wanted: Wanted,
}

/// A mode that can be drawn.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Wanted {
    Shared,
    Exclusive,
}

impl Part {
    fn mode(self) -> Mode {
        match self.wanted {
            Wanted::Shared => Mode::Shared,
            Wanted::Exclusive => Mode::Exclusive,
        }
    }
}

impl Op {
    /// Whether this is a try, a claim whose time is up, or a release.
    fn is_of_a_try(self) -> bool {
        match self {
            Op::Claim(way, ..) => {
                matches!(way, Way::Try | Way::For(Patience::None) | Way::Until(Patience::None))
            }
            op => matches!(op, Op::Release(_)),
        }
    }
}

/// The public type on which a program runs.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Subject {
    Range,
    Mapping,
}

/// The operations of one run.
#[derive(Clone, Debug)]
pub struct Program {
    on: Subject,
    fairness: Fairness,
    ops: Vec<Op>,
}

impl<'a> Arbitrary<'a> for Program {
    /// Takes all bytes: the usual way for a list, one bit for "and another", ends too soon.
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Program> {
        let (on, fairness) = (bytes.arbitrary()?, bytes.arbitrary()?);
        let mut ops = Vec::new();
        while !bytes.is_empty() {
            ops.push(bytes.arbitrary()?);
        }
        Ok(Program { on, fairness, ops })
    }
}

impl Program {
    /// The same program with only its tries and releases.
    pub fn tries_only(mut self) -> Program {
        self.ops.retain(|op| op.is_of_a_try());
        self
    }

    /// Runs the program, and panics at the first difference.
    pub fn run(&self) {
        match self.on {
            Subject::Range => self.run_on::<RangeLock>(),
            Subject::Mapping => self.run_on::<MappingLock>(),
        }
    }

    fn run_on<F: Face>(&self) {
        let (lock, another) = (Arc::new(F::over_units(self.fairness)), RangeLock::new());
        let mut run = Run::on(&lock, &another, self.fairness);
        for &op in &self.ops {
            run.step(op);
            run.compare_wakes();
        }
        run.finish();
    }
}
