//! Small ranges by their length, up to everything.

use crate::Effort;
use crate::grid::{Grid, NANOS};
use crate::harness::pairs::MODES;
use crate::harness::ranges::{LENGTHS, apart, whole};
use crate::sections::{Progress, Section};

pub fn measure(effort: Effort, progress: Progress<'_>) -> Section {
    let mut grids = Vec::new();
    for (threads, on) in [(1, "1 thread"), (2, "2 threads"), (4, "4 threads")] {
        for (mode, name) in MODES {
            let title = format!("{name}, {on}, each in its own part (\"all\": the same range)");
            progress(&title);
            let mut grid = Grid::new(title, "units", NANOS);
            for length in LENGTHS {
                let cases = apart(length, mode, threads);
                grid.measure(length.to_string(), cases, effort.entry(threads));
            }
            grid.measure("all".to_owned(), whole(mode, threads), effort.entry(threads));
            grids.push(grid);
        }
    }
    Section::of_grids("ranges", grids)
}
