//! ArrBench, by the number of threads.

use crate::Effort;
use crate::grid::{Grid, NANOS};
use crate::harness::arr_bench::{Ranges, operations};
use crate::sections::{Progress, Section, THREADS, column};

pub fn measure(effort: Effort, progress: Progress<'_>) -> Section {
    let mut grids = Vec::new();
    for ranges in Ranges::ALL {
        for reads in [100, 60] {
            let title = format!("{} ranges, {reads} % reads", ranges.name());
            progress(&title);
            let mut grid = Grid::new(title, "threads", NANOS);
            for threads in THREADS {
                let cases = operations(ranges, reads, threads);
                grid.measure(column(threads), cases, effort.entry(threads));
            }
            grids.push(grid);
        }
    }
    Section::of_grids("arr-bench", grids)
}
