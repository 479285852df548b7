//! Held growth: by the number of claims that are held.

use crate::grid::{Grid, NANOS, number};
use crate::harness::contender::Conflicts;
use crate::harness::workloads::held::{CLAIMS, Lengths, among};
use crate::lab::Lab;
use crate::sections::Section;

pub fn measure(lab: &Lab<'_>) -> Section {
    Section::of_grids("held", grids(lab))
}

pub fn grids(lab: &Lab<'_>) -> Vec<Grid> {
    let mut grids = Vec::new();
    for lengths in Lengths::ALL {
        let mut grid = Grid::new(lengths.name().replace('-', " "), "claims held", &NANOS);
        for claims in CLAIMS {
            let name = format!("{}, {claims} held", lengths.name());
            let turns = lab.turns(&name, lab.effort.entry(1), || among(lengths, claims));
            let column = number(claims as f64).replace(".00", "");
            grid.add_turns(column, Conflicts::Possible, turns);
        }
        grids.push(grid);
    }
    grids
}
