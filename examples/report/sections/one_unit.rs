//! Single units, by the number of threads.

use crate::Effort;
use crate::grid::{Grid, NANOS};
use crate::harness::one_unit::{Pattern, pairs, pairs_beside_a_range};
use crate::harness::pairs::MODES;
use crate::sections::{Progress, Section, THREADS, column};

pub fn measure(effort: Effort, progress: Progress<'_>) -> Section {
    let mut grids = Vec::new();
    for pattern in Pattern::ALL {
        for (mode, name) in MODES {
            let title = format!("{}, {name}", pattern.name());
            progress(&title);
            let mut grid = Grid::new(title, "threads", NANOS);
            for threads in THREADS {
                let cases = pairs(pattern, mode, threads);
                grid.measure(column(threads), cases, effort.entry(threads));
            }
            grids.push(grid);
        }
    }
    for (mode, name) in MODES {
        let title = format!("neighbours, {name}, a range held elsewhere");
        progress(&title);
        let mut grid = Grid::new(title, "threads", NANOS);
        for threads in THREADS {
            let cases = pairs_beside_a_range(Pattern::Neighbours, mode, threads);
            grid.measure(column(threads), cases, effort.entry(threads));
        }
        grids.push(grid);
    }
    Section::of_grids("one-unit", grids)
}
