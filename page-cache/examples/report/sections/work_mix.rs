//! The mix with work: throughput, and latencies by class.

use crate::grid::{Grid, NANOS};
use crate::harness::contender::Conflicts;
use crate::harness::workloads::work_mix::{Class, clocked, operations};
use crate::lab::Lab;
use crate::sections::{MEDIAN, Quantile, Section, TAIL, by_class, column};

const THREADS: [usize; 3] = [1, 2, 4];

pub fn measure(lab: &Lab<'_>) -> Section {
    let mut grids = vec![throughput(lab)];
    grids.extend(quantiles(lab, &MEDIAN));
    grids.extend(quantiles(lab, &TAIL));
    Section::of_grids("work-mix", grids)
}

pub fn throughput(lab: &Lab<'_>) -> Grid {
    let mut grid = Grid::new("both classes, 2 µs of work each".to_owned(), "threads", &NANOS);
    for threads in THREADS {
        let name = format!("mix with work, {threads} threads");
        let turns = lab.turns(&name, lab.effort.work(), || operations(threads));
        grid.add_turns(column(threads), Conflicts::among(threads), turns);
    }
    grid
}

/// A quantile of each class.
pub fn quantiles(lab: &Lab<'_>, quantile: &'static Quantile) -> Vec<Grid> {
    by_class(Class::ALL.map(Class::name), quantile, &THREADS, |threads| {
        let name = format!("mix with work, latencies, {threads} threads");
        lab.latencies(&name, lab.effort.distribution(), || clocked(threads))
    })
}
