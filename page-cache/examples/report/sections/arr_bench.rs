//! ArrBench, by the number of threads.

use crate::grid::{Grid, NANOS};
use crate::harness::contender::Conflicts;
use crate::harness::workloads::arr_bench::{Ranges, operations};
use crate::lab::Lab;
use crate::sections::{Section, THREADS, column};

pub fn measure(lab: &Lab<'_>) -> Section {
    Section::of_grids("arr-bench", grids(lab))
}

pub fn grids(lab: &Lab<'_>) -> Vec<Grid> {
    let mut grids = Vec::new();
    for ranges in Ranges::ALL {
        for reads in [100, 60] {
            let title = format!("{} ranges, {reads} % reads", ranges.name());
            let mut grid = Grid::new(title, "threads", &NANOS);
            for threads in THREADS {
                let name = format!("ArrBench, {}, {threads} threads", grid.title);
                let rounds = lab.effort.entry(threads);
                let turns = lab.turns(&name, rounds, || operations(ranges, reads, threads));
                let conflicts = match reads {
                    100 => Conflicts::Never,
                    _ => Conflicts::among(threads),
                };
                grid.add_turns(column(threads), conflicts, turns);
            }
            grids.push(grid);
        }
    }
    grids
}
