//! What a lock takes that was never used.

use std::mem::size_of;

use spanlock::{MappingLock, RangeLock};

use crate::Effort;
use crate::grid::Grid;
use crate::harness::adapters::{RangeLockCrate, RangeMutexCrate};
use crate::harness::contender::Contender;
use crate::harness::contenders::interval_tree::IntervalTreeLock;
use crate::harness::contenders::segments::SegmentLocks;
use crate::harness::contenders::sorted_list::SortedListLock;
use crate::harness::interleave::Spread;
use crate::sections::{Progress, Section};

pub fn measure(_effort: Effort, _progress: Progress<'_>) -> Section {
    let sizes = [
        size::<RangeLock>(),
        ("spanlock, MappingLock", size_of::<MappingLock>()),
        size::<parking_lot::RwLock<()>>(),
        size::<std::sync::RwLock<()>>(),
        size::<RangeLockCrate>(),
        size::<RangeMutexCrate>(),
        size::<IntervalTreeLock>(),
        size::<SortedListLock>(),
        size::<SegmentLocks>(),
    ];
    let mut grid = Grid::new("never used".to_owned(), "", "bytes of the value itself");
    grid.add("bytes".to_owned(), sizes.map(|(name, bytes)| (name, Spread::exactly(bytes as f64))));
    let mut markdown = "| never used | bytes |\n| --- | ---: |\n".to_owned();
    for (name, bytes) in sizes {
        markdown += &format!("| {name} | {bytes} |\n");
    }
    Section { markdown, charts: Vec::new(), grids: vec![grid] }
}

fn size<L: Contender>() -> (&'static str, usize) {
    (L::NAME, size_of::<L>())
}
