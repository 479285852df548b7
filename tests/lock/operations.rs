//! Programs of lock operations, run on a real lock and on the naive one at once.
//!
//! The fuzz targets include this file; what they find, the tests can replay.

use arbitrary::{Arbitrary, Unstructured};

#[path = "operations/place.rs"]
mod place;
#[path = "operations/run.rs"]
mod run;

use place::Place;
use run::Run;
use spanlock::RangeLock;

/// One operation. A number that names a guard or a future counts round among those there are.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Op {
    TryShared(Place),
    TryExclusive(Place),
    /// A timed claim whose time is up at once.
    HurryShared(Place),
    HurryExclusive(Place),
    Release(u8),
    /// A future, polled once.
    QueueShared(Place),
    QueueExclusive(Place),
    Poll(u8),
    /// A poll by a task other than the one that polled last.
    PollElsewhere(u8),
    /// Drops a future, whether it waits or has been granted unseen.
    Abandon(u8),
    Downgrade(u8),
    TryUpgrade(u8),
    /// Splits a guard at one of its cells.
    Split(u8, u8),
    /// Shrinks a guard to some of its cells.
    Shrink(u8, u8, u8),
    Reenter(Place),
    TryMany([(Place, Wanted); 3]),
    Look(Place),
}

/// A mode that can be drawn.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Wanted {
    Shared,
    Exclusive,
}

impl Op {
    /// Whether this is a try, a claim whose time is up, or a release.
    fn is_of_a_try(self) -> bool {
        use Op::{HurryExclusive, HurryShared, Release, TryExclusive, TryShared};
        matches!(
            self,
            TryShared(_) | TryExclusive(_) | HurryShared(_) | HurryExclusive(_) | Release(_)
        )
    }
}

/// The operations of one run.
#[derive(Clone, Debug)]
pub struct Program(Vec<Op>);

impl<'a> Arbitrary<'a> for Program {
    /// Takes all bytes: the usual way for a list, one bit for "and another", ends too soon.
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Program> {
        let mut ops = Vec::new();
        while !bytes.is_empty() {
            ops.push(bytes.arbitrary()?);
        }
        Ok(Program(ops))
    }
}

impl Program {
    /// The same program without what is neither a try nor a release.
    pub fn tries_only(mut self) -> Program {
        self.0.retain(|op| op.is_of_a_try());
        self
    }

    /// Runs the program, and panics at the first difference.
    pub fn run(&self) {
        let lock = RangeLock::new();
        let mut run = Run::on(&lock);
        for &op in &self.0 {
            run.step(op);
            run.compare_wakes();
        }
        run.finish();
    }
}
