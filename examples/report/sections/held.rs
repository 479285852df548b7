//! Held growth: by the number of claims that are held.

use crate::Effort;
use crate::grid::{Grid, NANOS, number};
use crate::harness::held::{CLAIMS, Lengths, among};
use crate::sections::{Progress, Section};

pub fn measure(effort: Effort, progress: Progress<'_>) -> Section {
    let mut grids = Vec::new();
    for lengths in Lengths::ALL {
        let mut grid = Grid::new(lengths.name().replace('-', " "), "claims held", NANOS);
        for claims in CLAIMS {
            progress(&format!("{}, {claims} held", lengths.name()));
            let column = number(claims as f64).replace(".00", "");
            grid.measure(column, among(lengths, claims), effort.entry(1));
        }
        grids.push(grid);
    }
    Section::of_grids("held", grids)
}
