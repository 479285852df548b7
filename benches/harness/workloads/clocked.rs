//! Workloads whose single operations are timed: for how they are distributed, not for how many there are.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::super::contender::Contender;
use super::super::interleave::Rounds;

/// What each of `N` classes of operations took, in nanoseconds.
pub type Latencies<const N: usize> = [Histogram<u64>; N];

/// One lock under such a workload.
pub struct Clocked<const N: usize> {
    pub contender: &'static str,
    run: Box<dyn Fn(Duration) -> Latencies<N>>,
}

impl<const N: usize> Clocked<N> {
    /// `run` works for so long and answers what it measured.
    pub fn new<L: Contender>(run: impl Fn(Duration) -> Latencies<N> + 'static) -> Clocked<N> {
        Clocked { contender: L::NAME, run: Box::new(run) }
    }
}

/// Histograms of two significant digits without a sample.
pub fn no_latencies<const N: usize>() -> Latencies<N> {
    std::array::from_fn(|_| Histogram::new(2).expect("two digits are supported"))
}

/// Adds a sample. The histogram grows for it, which recording with saturation would not.
pub fn record(latencies: &mut Histogram<u64>, sample: Duration) {
    let nanos = u64::try_from(sample.as_nanos()).expect("nothing is timed for centuries");
    latencies.record(nanos).expect("the histogram grows as needed");
}

/// Adds what was measured to what was measured before.
pub fn add<const N: usize>(total: &mut Latencies<N>, measured: &Latencies<N>) {
    for (total, measured) in total.iter_mut().zip(measured) {
        total.add(measured).expect("all histograms grow as needed");
    }
}

/// Gives all locks their rounds, in turns, and adds up those of each.
pub fn in_turns<const N: usize>(
    cases: impl Iterator<Item = Clocked<N>>,
    rounds: Rounds,
) -> Vec<(&'static str, Latencies<N>)> {
    let cases: Vec<_> = cases.collect();
    let mut totals: Vec<_> = cases.iter().map(|case| (case.contender, no_latencies())).collect();
    for _ in 0..rounds.count {
        for (case, (_, total)) in cases.iter().zip(&mut totals) {
            add(total, &(case.run)(rounds.length));
        }
    }
    totals
}
