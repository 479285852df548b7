//! Single units, by the number of threads.

use crate::grid::{Grid, NANOS};
use crate::harness::contender::Conflicts;
use crate::harness::workloads::one_unit::{Pattern, pairs, pairs_beside_a_range};
use crate::harness::workloads::pairs::MODES;
use crate::lab::Lab;
use crate::sections::{Section, THREADS, column};

pub fn measure(lab: &Lab<'_>) -> Section {
    let mut grids = Vec::new();
    for pattern in Pattern::ALL {
        for (mode, name) in MODES {
            let mut grid = Grid::new(format!("{}, {name}", pattern.name()), "threads", &NANOS);
            for threads in THREADS {
                let key = format!("one unit, {}, {threads} threads", grid.title);
                let turns =
                    lab.turns(&key, lab.effort.entry(threads), || pairs(pattern, mode, threads));
                grid.add_turns(column(threads), Conflicts::in_mode(mode, threads), turns);
            }
            grids.push(grid);
        }
    }
    for (mode, name) in MODES {
        let title = format!("neighbours, {name}, a range held elsewhere");
        let mut grid = Grid::new(title, "threads", &NANOS);
        for threads in THREADS {
            let key = format!("one unit, {}, {threads} threads", grid.title);
            let turns = lab.turns(&key, lab.effort.entry(threads), || {
                pairs_beside_a_range(Pattern::Neighbours, mode, threads)
            });
            grid.add_turns(column(threads), Conflicts::Possible, turns);
        }
        grids.push(grid);
    }
    Section::of_grids("one-unit", grids)
}
