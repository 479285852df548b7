//! The flood: how long a claim on everything waits among readers that never stop.

use crate::grid::{Grid, Metric};
use crate::harness::contender::Conflicts;
use crate::harness::interleave::Spread;
use crate::harness::workloads::flood::waits;
use crate::lab::Lab;
use crate::sections::Section;

static METRIC: Metric =
    Metric { text: "a quantile of µs from the call of lock to its return", unit: "µs" };

pub fn measure(lab: &Lab<'_>) -> Section {
    let (grid, fewest) = grid(lab);
    let mut section = Section::of_grids("flood", vec![grid]);
    section.markdown += &format!("\nOf {fewest} claims or more on each lock.\n");
    section
}

/// The quantiles, and how many claims there were of the lock with the fewest.
pub fn grid(lab: &Lab<'_>) -> (Grid, u64) {
    let waits = lab.latencies("a writer of everything beside readers", lab.effort.waits(), waits);
    let mut grid =
        Grid::new("a claim on everything, exclusive".to_owned(), "part of its waits", &METRIC);
    for (column, quantile) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("maximum", 1.0)] {
        let at = waits.iter().map(|(name, classes)| {
            let nanos = classes[0].value_at_quantile(quantile) as f64;
            (*name, Spread::exactly(nanos / 1e3))
        });
        grid.add(column.to_owned(), Conflicts::Possible, at);
    }
    let claims = waits.iter().map(|(_, classes)| classes[0].len());
    (grid, claims.min().unwrap_or_default())
}
