//! Latencies of each kind of operation.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::workload::op::Path;

/// The largest latency, an hour in nanoseconds. Longer ones count as this long.
const LONGEST: u64 = 3_600_000_000_000;
const SIGNIFICANT_DIGITS: u8 = 2;

/// A histogram of nanoseconds for each kind of operation.
pub struct Latencies([Histogram<u64>; Path::ALL.len()]);

impl Latencies {
    pub fn record(&mut self, path: Path, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.0[path.index()].saturating_record(nanos);
    }

    pub fn add(&mut self, other: &Latencies) {
        for (to, from) in self.0.iter_mut().zip(&other.0) {
            to.add(from).expect("all histograms have the same bounds");
        }
    }

    pub fn of(&self, path: Path) -> &Histogram<u64> {
        &self.0[path.index()]
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Latencies(std::array::from_fn(|_| {
            Histogram::new_with_bounds(1, LONGEST, SIGNIFICANT_DIGITS).expect("valid bounds")
        }))
    }
}
