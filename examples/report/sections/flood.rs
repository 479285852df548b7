//! The flood: how long a claim on everything waits among readers that never stop.

use crate::Effort;
use crate::grid::Grid;
use crate::harness::clocked::in_turns;
use crate::harness::flood::waits;
use crate::harness::interleave::Spread;
use crate::sections::{Progress, Section};

const METRIC: &str = "a quantile of ms from the call of lock to its return";

pub fn measure(effort: Effort, progress: Progress<'_>) -> Section {
    progress("waits of a claim on everything");
    let waits = in_turns(waits(), effort.waits());
    let mut grid =
        Grid::new("a claim on everything, exclusive".to_owned(), "part of its waits", METRIC);
    for (column, quantile) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("maximum", 1.0)] {
        let at = waits.iter().map(|(name, [waits])| {
            (*name, Spread::exactly(waits.value_at_quantile(quantile) as f64 / 1e6))
        });
        grid.add(column.to_owned(), at);
    }
    let claims = waits.iter().map(|(_, [waits])| waits.len());
    let fewest = claims.min().unwrap_or_default();
    let mut section = Section::of_grids("flood", vec![grid]);
    section.markdown += &format!("\nOf {fewest} claims or more on each lock.\n");
    section
}
