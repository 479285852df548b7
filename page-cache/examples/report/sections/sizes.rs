//! What a lock takes that was never used.

use std::mem::size_of;

use spanlock::{MappingLock, RangeLock};

use crate::grid::{Grid, Metric};
use crate::harness::case::contenders;
use crate::harness::contender::{About, Conflicts, Contender};
use crate::harness::interleave::Spread;
use crate::lab::Lab;
use crate::sections::Section;

static BYTES: Metric = Metric { text: "bytes of the value itself", unit: "bytes" };

pub fn measure(_lab: &Lab<'_>) -> Section {
    let mut sizes = Vec::new();
    for About { name, bytes, .. } in contenders() {
        sizes.push((name, bytes));
        if name == RangeLock::NAME {
            sizes.push(("spanlock, MappingLock", size_of::<MappingLock>()));
        }
    }
    let mut markdown = "| never used | bytes |\n| --- | ---: |\n".to_owned();
    for (name, bytes) in &sizes {
        markdown += &format!("| {name} | {bytes} |\n");
    }
    let mut grid = Grid::new("never used".to_owned(), "", &BYTES);
    let spreads = sizes.iter().map(|&(name, bytes)| (name, Spread::exactly(bytes as f64)));
    grid.add("bytes".to_owned(), Conflicts::Never, spreads);
    Section { markdown, charts: Vec::new(), grids: vec![grid] }
}
