//! The mapping mix: throughput, and latencies by class.

use std::time::Instant;

use crate::Effort;
use crate::grid::{Grid, NANOS};
use crate::harness::clocked::in_turns;
use crate::harness::interleave::Spread;
use crate::harness::mapping_mix::{Class, clocked, operations};
use crate::sections::{Progress, Section, THREADS, column};

const MEDIAN: &str = "the median (p50) of ns from the call of lock to the return of unlock";
const TAIL: &str = "the p99.9 of ns from the call of lock to the return of unlock";

pub fn measure(effort: Effort, progress: Progress<'_>) -> Section {
    let mut throughput = Grid::new("all classes".to_owned(), "threads", NANOS);
    let mut medians = Class::ALL.map(|class| grid(class, "p50", MEDIAN));
    let mut tails = Class::ALL.map(|class| grid(class, "p99.9", TAIL));
    for threads in THREADS {
        progress(&format!("throughput, {threads} threads"));
        throughput.measure(column(threads), operations(threads), effort.entry(threads));
        progress(&format!("latencies, {threads} threads"));
        let latencies = in_turns(clocked(threads), effort.distribution());
        for class in Class::ALL {
            let at = class as usize;
            let of = |quantile: f64| {
                latencies.iter().map(move |(name, measured)| {
                    let value = measured[at].value_at_quantile(quantile) as f64;
                    (*name, Spread::exactly(value))
                })
            };
            medians[at].add(column(threads), of(0.5));
            tails[at].add(column(threads), of(0.999));
        }
    }
    let mut grids = vec![throughput];
    grids.extend(medians);
    grids.extend(tails);
    let mut section = Section::of_grids("mapping-mix", grids);
    section.markdown += &format!(
        "\nReading the clock is part of each latency, and costs {} ns by itself.\n",
        clock_cost()
    );
    section
}

fn grid(class: Class, quantile: &str, metric: &'static str) -> Grid {
    Grid::new(format!("{}, {quantile}", class.name()), "threads", metric)
}

/// The median of what an interval without anything in it takes.
fn clock_cost() -> u64 {
    let mut nanos: Vec<u64> = (0..10_001)
        .map(|_| {
            let before = Instant::now();
            (Instant::now() - before).as_nanos() as u64
        })
        .collect();
    nanos.sort_unstable();
    nanos[nanos.len() / 2]
}
