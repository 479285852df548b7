//! The gallery: locking protocols that fail, and the scheduler that finds how.
//!
//! Each entry is a protocol that a kernel shipped, or that was proposed and rejected, built from
//! this cache's own locks and pages, beside the correct protocol, which is the cache's own
//! operation where there is one. Both run in the same scenario under a deterministic scheduler, in
//! one schedule after another. The broken protocol must fail within a bounded number of schedules,
//! and the correct one must pass all of them. Compiled with `--cfg spanlock_shuttle` only;
//! `examples/gallery` shows the entries.
//!
//! # Examples
//!
//! ```
//! use spanlock_page_cache::gallery;
//!
//! let entry = gallery::entries().iter().find(|entry| entry.id == "K17").unwrap();
//! assert!(entry.broken.run().finding.is_some());
//! ```

mod bounded;
mod explore;
mod k01;
mod k02;
mod k03;
mod k04;
mod k05;
mod k06;
mod k07;
mod k08;
mod k09;
mod k10;
mod k11;
mod k12;
mod k13;
mod k14;
mod k15;
mod k16;
mod k17;
mod k18;
mod k19;
mod k20;
mod props;
mod random;
mod stage;

pub use crate::order::trace::{Event, What};
pub use explore::{Explored, Fault, Finding, Strategy};

/// A protocol that fails, and the correct one.
#[derive(Debug)]
pub struct Entry {
    /// Its number in the list, such as `K7`.
    pub id: &'static str,
    /// Its name.
    pub title: &'static str,
    /// The mail, patch or reply that the protocol was taken from.
    pub seed: &'static str,
    /// What the broken protocol does wrong, in a clause.
    pub mistake: &'static str,
    /// The broken protocol.
    pub broken: Protocol,
    /// The correct protocol.
    pub right: Protocol,
}

/// A protocol, and the scenario in which it runs.
#[derive(Debug)]
pub struct Protocol {
    /// The steps of the protocol.
    pub steps: &'static [&'static str],
    /// How its schedules are explored.
    pub plans: &'static [Plan],
    scenario: fn(),
}

/// One exploration.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How the thread that runs next is chosen.
    pub strategy: Strategy,
    /// The maximum number of schedules.
    pub most: usize,
}

impl Protocol {
    /// Explores the schedules of all plans, one plan after the other, until an error is found.
    #[must_use]
    pub fn run(&self) -> Explored {
        let mut all = Explored { schedules: 0, exhausted: None, finding: None };
        for plan in self.plans {
            let one = explore::explore(plan.strategy, plan.most, self.scenario);
            all.schedules += one.schedules;
            all.exhausted = all.exhausted.max(one.exhausted);
            all.finding = one.finding;
            if all.finding.is_some() {
                break;
            }
        }
        all
    }
}

/// Returns all entries, in the order of their numbers.
#[must_use]
pub fn entries() -> &'static [Entry] {
    const ENTRIES: &[Entry] = &[
        k01::ENTRY,
        k02::ENTRY,
        k03::ENTRY,
        k04::ENTRY,
        k05::ENTRY,
        k06::ENTRY,
        k07::ENTRY,
        k07::BAILED_OUT,
        k08::ENTRY,
        k09::NO_TRUNCATE_FLAG,
        k09::BOUNDED_RETRY,
        k09::UNMAPPING_LOCK,
        k09::READ_PAGE,
        k09::PROBE,
        k10::FIFO,
        k10::READER_PREFERENCE,
        k11::ENTRY,
        k12::ENTRY,
        k13::ENTRY,
        k14::ENTRY,
        k15::ENTRY,
        k16::ENTRY,
        k17::ENTRY,
        k18::ENTRY,
        k19::ENTRY,
        k20::ENTRY,
    ];
    ENTRIES
}

/// For a scenario of one thread: there is one order.
const ALONE: &[Plan] = &[Plan { strategy: Strategy::Exhaustive { preemptions: 0 }, most: 2 }];

/// To find something: few changes of priority give orders that can be told.
const HUNT: &[Plan] = &[Plan { strategy: Strategy::Priorities { seed: 1, depth: 3 }, most: 2_000 }];

/// To find nothing between two threads.
const SURVIVE_TWO: &[Plan] = &[
    Plan { strategy: Strategy::Exhaustive { preemptions: 2 }, most: 200_000 },
    Plan { strategy: Strategy::Random { seed: 1 }, most: 10_000 },
];

/// To find nothing among more.
const SURVIVE_MORE: &[Plan] = &[
    Plan { strategy: Strategy::Random { seed: 1 }, most: 10_000 },
    Plan { strategy: Strategy::Priorities { seed: 1, depth: 3 }, most: 10_000 },
];
