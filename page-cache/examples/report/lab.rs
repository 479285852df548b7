//! Where everything is measured, each thing once: the table of figures and the part of the page that
//! shows a workload in full use the same measurements if both are wanted.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use hdrhistogram::Histogram;

use crate::Effort;
use crate::harness::case::Case;
use crate::harness::interleave::{Rounds, Turns, interleave};
use crate::harness::workloads::clocked::{Clocked, in_turns};

/// The latencies of one lock, class by class.
pub type Distributions = (&'static str, Vec<Histogram<u64>>);

/// What has been measured so far, by name.
pub struct Lab<'a> {
    pub effort: Effort,
    /// Says what is being measured.
    progress: &'a dyn Fn(&str),
    turns: RefCell<BTreeMap<String, Rc<[Turns]>>>,
    latencies: RefCell<BTreeMap<String, Rc<[Distributions]>>>,
}

impl<'a> Lab<'a> {
    pub fn new(effort: Effort, progress: &'a dyn Fn(&str)) -> Lab<'a> {
        let (turns, latencies) = (RefCell::default(), RefCell::default());
        Lab { effort, progress, turns, latencies }
    }

    /// Says that `what` is being measured, outside of `turns` and `latencies`.
    pub fn say(&self, what: &str) {
        (self.progress)(what);
    }

    /// The rounds of `cases`, measured in turns unless that has been done under this name.
    pub fn turns<C>(&self, name: &str, rounds: Rounds, cases: impl FnOnce() -> C) -> Rc<[Turns]>
    where
        C: Iterator<Item = Case>,
    {
        if let Some(turns) = self.turns.borrow().get(name) {
            return turns.clone();
        }
        self.say(name);
        let cases: Vec<Case> = cases().collect();
        let turns: Rc<[Turns]> = interleave(&cases, rounds).into();
        self.turns.borrow_mut().insert(name.to_owned(), turns.clone());
        turns
    }

    /// The same of single operations.
    pub fn latencies<const N: usize, C>(
        &self,
        name: &str,
        rounds: Rounds,
        cases: impl FnOnce() -> C,
    ) -> Rc<[Distributions]>
    where
        C: Iterator<Item = Clocked<N>>,
    {
        if let Some(latencies) = self.latencies.borrow().get(name) {
            return latencies.clone();
        }
        self.say(name);
        let measured = in_turns(cases(), rounds).into_iter();
        let latencies: Rc<[Distributions]> =
            measured.map(|(contender, classes)| (contender, classes.into())).collect();
        self.latencies.borrow_mut().insert(name.to_owned(), latencies.clone());
        latencies
    }
}
