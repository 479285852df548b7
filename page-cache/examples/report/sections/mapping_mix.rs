//! The mapping mix: throughput, and latencies by class.

use std::time::Instant;

use crate::grid::{Grid, NANOS};
use crate::harness::contender::Conflicts;
use crate::harness::workloads::mapping_mix::{Class, clocked, operations};
use crate::lab::Lab;
use crate::sections::{MEDIAN, Quantile, Section, TAIL, THREADS, by_class, column};

pub fn measure(lab: &Lab<'_>) -> Section {
    let mut grids = vec![throughput(lab)];
    grids.extend(quantiles(lab, &MEDIAN));
    grids.extend(quantiles(lab, &TAIL));
    let mut section = Section::of_grids("mapping-mix", grids);
    section.markdown += &format!(
        "\nReading the clock is part of each latency, and costs {} ns by itself.\n",
        clock_cost()
    );
    section
}

pub fn throughput(lab: &Lab<'_>) -> Grid {
    let mut grid = Grid::new("all classes".to_owned(), "threads", &NANOS);
    for threads in THREADS {
        let name = format!("mapping mix, {threads} threads");
        let turns = lab.turns(&name, lab.effort.entry(threads), || operations(threads));
        grid.add_turns(column(threads), Conflicts::among(threads), turns);
    }
    grid
}

/// A quantile of each class.
pub fn quantiles(lab: &Lab<'_>, quantile: &'static Quantile) -> Vec<Grid> {
    by_class(Class::ALL.map(Class::name), quantile, &THREADS, |threads| {
        let name = format!("mapping mix, latencies, {threads} threads");
        lab.latencies(&name, lab.effort.distribution(), || clocked(threads))
    })
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
