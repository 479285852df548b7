//! Runs a scenario in many schedules, until one fails.
//!
//! shuttle runs the threads of a scenario as coroutines of one OS thread, and asks a scheduler at
//! each operation on a primitive which thread continues. With the scheduler here the first thread
//! of a scenario, its *root*, starts the others, and after that runs only when no other thread can:
//! then all of them have ended or are deadlocked, and the root can find out why. Until then one of
//! three strategies decides.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};

use shuttle::scheduler::{PctScheduler, Schedule, Scheduler, Task, TaskId as Thread};
use shuttle::{Config, MaxSteps, Runner};

use super::bounded::Bounded;
use super::random::Random;
use crate::order::trace::{self, Event};

/// How the next thread is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Chooses among the threads that can continue, with equal probability.
    Random {
        /// What the choices follow from.
        seed: u64,
    },
    /// Probabilistic concurrency testing (Burckhardt and others, 2010): threads have random
    /// priorities, which change at a few random points.
    Priorities {
        /// What the choices follow from.
        seed: u64,
        /// The number of points at which a priority changes, plus one.
        depth: usize,
    },
    /// Tries every schedule with at most this many preemptions. A preemption is a switch away from a thread
    /// that could have continued.
    Exhaustive {
        /// The maximum number of preemptions in a schedule.
        preemptions: usize,
    },
}

/// The most steps that a schedule may take. None here takes a tenth of it, unless its threads
/// loop.
const MOST_STEPS: usize = 20_000;

thread_local! {
    static PHASE: Cell<Phase> = const { Cell::new(Phase::Setup) };
    static FINDING: RefCell<Option<Finding>> = const { RefCell::new(None) };
    static SCHEDULES: Cell<usize> = const { Cell::new(0) };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The root runs, and others only while it waits.
    Setup,
    /// The others run, and the root only when they cannot.
    Explored,
    /// This schedule is not to go on.
    Over,
}

/// An error that was found, and the schedule that led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The error.
    pub fault: Fault,
    /// What the threads did, in order.
    pub events: Vec<Event>,
    /// The names of the threads. [`Event::thread`] is an index into this list.
    pub threads: Vec<String>,
}

/// How a protocol fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Threads wait for each other. Each string names a thread, what it holds and what it waits for.
    Deadlock(Vec<String>),
    /// A thread read bytes, or got a result, that the protocol must not produce.
    Violation {
        /// The name of the thread.
        reader: String,
        /// What the thread read or got.
        saw: String,
        /// The rule that it violates.
        rule: &'static str,
    },
    /// A thread makes no progress: which one, and how often it retried or was overtaken.
    NoProgress(String),
    /// The scenario panicked, in an assertion or during its setup.
    Panic(String),
}

/// The result of exploring a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explored {
    /// The number of schedules that were run. If something was found, the last of them found it.
    pub schedules: usize,
    /// `Some(n)` if all schedules with at most `n` preemptions were run, and nothing was found.
    pub exhausted: Option<usize>,
    /// The error that was found, if any.
    pub finding: Option<Finding>,
}

/// Runs a scenario in `most` orders, or all that the strategy has, until something is found.
pub(super) fn explore(strategy: Strategy, most: usize, scenario: fn()) -> Explored {
    FINDING.take();
    let mut config = Config::new();
    config.max_steps = MaxSteps::None;
    config.silence_warnings = true;
    config.failure_persistence = shuttle::FailurePersistence::None;
    let run = move || {
        trace::begin();
        scenario();
    };
    SCHEDULES.set(0);
    let explored = panic::catch_unwind(AssertUnwindSafe(|| match strategy {
        Strategy::Random { seed } => {
            Runner::new(Rooted::new(Random::new(seed, most), most), config).run(run)
        }
        Strategy::Priorities { seed, depth } => {
            let inner = PctScheduler::new_from_seed(seed, depth, most);
            Runner::new(Rooted::new(inner, most), config).run(run)
        }
        Strategy::Exhaustive { preemptions } => {
            Runner::new(Rooted::new(Bounded::new(preemptions), most), config).run(run)
        }
    }));
    if let Err(payload) = explored {
        note(Fault::Panic(message_of(&*payload)));
    }
    let schedules = SCHEDULES.get();
    let finding = FINDING.take();
    let exhausted = match strategy {
        Strategy::Exhaustive { preemptions } if schedules < most => Some(preemptions),
        _ => None,
    };
    Explored { schedules, exhausted: exhausted.filter(|_| finding.is_none()), finding }
}

/// From here on the strategy decides which thread runs.
pub(super) fn open() {
    PHASE.set(Phase::Explored);
    trace::record();
}

/// From here on the root runs again.
pub(super) fn close() {
    PHASE.set(Phase::Setup);
    trace::pause();
}

/// Ends the exploration with a finding.
pub(super) fn found(fault: Fault) -> ! {
    note(fault);
    PHASE.set(Phase::Over);
    loop {
        // The scheduler ends the schedule at this point, and leaves the threads where they are.
        shuttle::thread::yield_now();
    }
}

/// Keeps a finding, unless there is one.
fn note(fault: Fault) {
    FINDING.with_borrow_mut(|finding| {
        if finding.is_none() {
            let (events, threads) = trace::events();
            *finding = Some(Finding { fault, events, threads });
        }
    });
}

fn message_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").to_owned()
}

/// The root continues until it waits or yields, and any other thread that it has woken until it sleeps again.
fn in_setup(runnable: &[&Task], current: Option<Thread>, is_yielding: bool) -> Thread {
    let can_run = |wanted: Thread| runnable.iter().any(|thread| thread.id() == wanted);
    match current {
        Some(current) if !is_yielding && can_run(current) => current,
        _ => {
            let other = runnable.iter().rfind(|thread| Some(thread.id()) != current);
            other.unwrap_or(&runnable[0]).id()
        }
    }
}

/// Another scheduler, which is not asked about the root.
struct Rooted<S> {
    inner: S,
    left: usize,
    steps: usize,
}

impl<S> Rooted<S> {
    fn new(inner: S, most: usize) -> Rooted<S> {
        Rooted { inner, left: most, steps: 0 }
    }
}

impl<S: Scheduler> Scheduler for Rooted<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        if self.left == 0 || FINDING.with_borrow(Option::is_some) {
            return None;
        }
        self.left -= 1;
        self.steps = 0;
        PHASE.set(Phase::Setup);
        let schedule = self.inner.new_execution()?;
        SCHEDULES.set(SCHEDULES.get() + 1);
        Some(schedule)
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<Thread>,
        is_yielding: bool,
    ) -> Option<Thread> {
        let root = Thread::from(0);
        self.steps += 1;
        if self.steps > MOST_STEPS && FINDING.with_borrow(Option::is_none) {
            note(match trace::circle() {
                Some(circle) => Fault::Deadlock(circle),
                None => Fault::NoProgress(format!("no progress in {MOST_STEPS} steps")),
            });
            PHASE.set(Phase::Over);
        }
        match PHASE.get() {
            Phase::Over => None,
            Phase::Setup => Some(in_setup(runnable, current, is_yielding)),
            Phase::Explored => {
                let others: Vec<&Task> =
                    runnable.iter().filter(|thread| thread.id() != root).copied().collect();
                if others.is_empty() {
                    Some(root)
                } else {
                    self.inner.next_task(&others, current, is_yielding)
                }
            }
        }
    }

    fn next_u64(&mut self) -> u64 {
        self.inner.next_u64()
    }
}

#[cfg(test)]
mod tests;
