//! Ranges by their length, up to everything.

use spanlock::Mode;

use crate::grid::{Grid, NANOS};
use crate::harness::contender::Conflicts;
use crate::harness::workloads::pairs::MODES;
use crate::harness::workloads::ranges::{LENGTHS, apart, whole};
use crate::lab::Lab;
use crate::sections::Section;

pub fn measure(lab: &Lab<'_>) -> Section {
    let mut grids = Vec::new();
    for threads in [1, 2, 4] {
        for (mode, name) in MODES {
            let mut grid = by_length(lab, mode, name, threads);
            let key = format!("everything, {}", grid.title);
            let turns = lab.turns(&key, lab.effort.entry(threads), || whole(mode, threads));
            grid.add_turns("all".to_owned(), Conflicts::in_mode(mode, threads), turns);
            grids.push(grid);
        }
    }
    Section::of_grids("ranges", grids)
}

/// Each thread in its own part, without the column for everything.
pub fn by_length(lab: &Lab<'_>, mode: Mode, name: &str, threads: usize) -> Grid {
    let title = format!("{name}, {threads} thread{}", if threads == 1 { "" } else { "s" });
    let mut grid = Grid::new(title, "units", &NANOS);
    for length in LENGTHS {
        let key = format!("{length} units, {}", grid.title);
        let turns = lab.turns(&key, lab.effort.entry(threads), || apart(length, mode, threads));
        grid.add_turns(length.to_string(), Conflicts::in_mode(mode, threads), turns);
    }
    grid
}
