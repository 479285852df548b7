//! loom models of the lock. The name of each is a sentence that it checks. A model fails if an
//! ordering that it depends on is weakened; docs/design.md says which.
//!
//! Run by `.ci/run models`. In models the lock is tiny: it has two cells, and makes a table of two
//! slots at the first collision. Units 0 and 2 share a slot.

mod async_waiters;
mod changes;
mod exclusion;
mod growth;
mod happens_before;
mod many;
mod moves;
mod overflow;
mod patience;
mod readers;
mod tries;
mod upgrades;
mod waiting;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::Mode::{self, Exclusive, Shared};
use crate::raw::place::Kind;
use crate::raw::{Hold, Part, RawLock};
use crate::sync::Ordering;
use crate::{RangeLock, Span};

/// A lock, and one cell of data for each of a few units. loom reports a thread that reads or writes
/// a cell of data without the right claim.
struct Units {
    lock: RawLock,
    cells: [UnsafeCell<u32>; 4],
}

impl Units {
    fn new() -> Arc<Units> {
        Units::over(RawLock::new())
    }

    fn over(lock: RawLock) -> Arc<Units> {
        Arc::new(Units { lock, cells: std::array::from_fn(|_| UnsafeCell::new(0)) })
    }

    /// A lock that has its table already, so that slots differ.
    fn with_table() -> Arc<Units> {
        Units::over_with_table(RawLock::new())
    }

    /// The same, whose claims are due as soon as they wait.
    fn fair_with_table() -> Arc<Units> {
        Units::over_with_table(RawLock::fair())
    }

    fn over_with_table(lock: RawLock) -> Arc<Units> {
        let units = Units::over(lock);
        let zero = units.lock.lock(span(0, 1), Exclusive);
        let one = units.lock.lock(span(1, 2), Exclusive);
        units.lock.unlock(span(1, 2), Exclusive, one);
        units.lock.unlock(span(0, 1), Exclusive, zero);
        assert!(units.lock.table().is_some());
        units
    }

    /// Touches every cell of a held span as its mode allows.
    fn touch(&self, span: Span, mode: Mode) {
        for unit in span.range().take_while(|&unit| unit < 4) {
            let cell = &self.cells[unit as usize];
            match mode {
                // SAFETY: loom checks at run time what the lock has to guarantee.
                Shared => cell.with(|value| unsafe { std::hint::black_box(*value) }),
                // SAFETY: as above.
                Exclusive => cell.with_mut(|value| unsafe {
                    *value += 1;
                    *value
                }),
            };
        }
    }

    fn locked(&self, span: Span, mode: Mode) {
        let hold = self.lock.lock(span, mode);
        self.touch(span, mode);
        self.lock.unlock(span, mode, hold);
    }

    fn try_locked(&self, span: Span, mode: Mode) {
        if let Some(hold) = self.lock.try_lock(span, mode) {
            self.touch(span, mode);
            self.lock.unlock(span, mode, hold);
        }
    }

    /// After all threads are done: nothing is held, watched or shown.
    fn assert_idle(&self) {
        assert!(self.lock.claims(Span::ALL).is_empty(), "a claim was left behind");
        assert_eq!(self.lock.core().summary.load(Ordering::Acquire), 0, "the board is not empty");
        let hold = self.lock.try_lock(Span::ALL, Exclusive).expect("nothing is held");
        self.touch(Span::ALL, Exclusive);
        self.lock.unlock(Span::ALL, Exclusive, hold);
    }
}

/// Two claims that conflict with no other claim of a model.
const ELSEWHERE: [Span; 2] = [Span::of_unit(1 << 50).unwrap(), Span::of_unit(1 << 51).unwrap()];

impl Units {
    /// Fills both cells with claims of the registry, which are not moved out of them.
    fn filled(&self) -> [Hold; 2] {
        ELSEWHERE.map(|span| {
            let part = Part { span, mode: Exclusive };
            self.lock.try_lock_many(&[part]).expect("no claim conflicts")
        })
    }

    fn empty(&self, holds: [Hold; 2]) {
        ELSEWHERE
            .iter()
            .zip(holds)
            .for_each(|(&span, hold)| self.lock.unlock(span, Exclusive, hold));
    }
}

fn span(start: u64, end: u64) -> Span {
    Span::from_range(start..end)
}

/// Runs a model with a preemption bound, which `LOOM_MAX_PREEMPTIONS` overrides.
fn model(preemptions: usize, body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.check(body);
}

/// Runs two claims in two threads, and checks that they exclude each other and that nothing is left
/// of them.
fn race(make: fn() -> Arc<Units>, a: (Span, Mode), b: (Span, Mode)) {
    model(3, move || {
        let units = make();
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || other.locked(b.0, b.1));
        units.locked(a.0, a.1);
        thread.join().unwrap();
        units.lock.shut();
        units.assert_idle();
    });
}
