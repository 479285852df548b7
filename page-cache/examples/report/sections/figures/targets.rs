//! All targets, and what is measured for each.

use spanlock::RangeLock;

use super::{BYTES, Entry, Target};
use crate::grid::Grid;
use crate::harness::contender::Contender;
use crate::harness::contenders::interval_tree::IntervalTreeLock;
use crate::harness::contenders::sorted_list::SortedListLock;
use crate::harness::figures::{self, FIGURES, NEVER_USED, NEVER_USED_GOAL, NEVER_USED_MUST};
use crate::harness::interleave::Spread;
use crate::harness::workloads::pairs::MODES;
use crate::lab::Lab;
use crate::sections::{TAIL, arr_bench, flood, held, mapping_mix, ranges, work_mix};

/// What a writer of everything waited beside two threads of readers in the first edition (commit
/// 0feaa5d), over what it waits with the interval tree in the same run: the median of several runs,
/// on two hardware threads. The tree queues in order and parks as the first edition did, so that load
/// on the machine affects both alike; the ratio to an rwlock varies tenfold between runs.
const FIRST_EDITION: [(&str, f64); 2] = [("p50", 0.67), ("p99.9", 1.0)];

pub fn measure(lab: &Lab<'_>) -> Vec<Target> {
    let rwlock = <parking_lot::RwLock<()> as Contender>::NAME;
    let list = SortedListLock::NAME;
    let mut lengths = Vec::new();
    for threads in [1, 2] {
        for (mode, name) in MODES {
            lengths.push(ranges::by_length(lab, mode, name, threads));
        }
    }
    let mut targets = vec![
        pairs(lab, figures::Target::OneUnit),
        pairs(lab, figures::Target::SixteenUnits),
        Target {
            what: "2 to 256 units, 1 and 2 threads, over the best peer that locks ranges, every row",
            must: 1.0,
            goal: 0.7,
            entries: over_best(&lengths),
        },
        pairs(lab, figures::Target::Everything),
        pairs(lab, figures::Target::HotUnit),
        Target {
            what: "mapping mix, all classes, 1, 2, 4, 8 threads, over one `parking_lot` rwlock",
            must: 1.2,
            goal: 0.9,
            entries: over(&mapping_mix::throughput(lab), rwlock, "1"),
        },
        Target {
            what: "mix with 2 µs of work, 2 and 4 threads, over one `parking_lot` rwlock",
            must: 0.75,
            goal: 0.6,
            entries: over(&work_mix::throughput(lab), rwlock, "2"),
        },
    ];
    let tails = |grids: Vec<Grid>, first: &str| -> Vec<Entry> {
        grids.iter().flat_map(|grid| over(grid, list, first)).collect()
    };
    targets.extend([
        Target {
            what: "the same, p99.9 of every class, over the EuroSys list",
            must: 1.0,
            goal: 0.3,
            entries: tails(work_mix::quantiles(lab, &TAIL), "2"),
        },
        Target {
            what: "mapping mix, p99.9 of every class, 1, 2, 4, 8 threads, over the EuroSys list",
            must: 1.0,
            goal: 0.3,
            entries: tails(mapping_mix::quantiles(lab, &TAIL), "1"),
        },
        Target {
            what: "ArrBench, every table and column, over the best peer that locks ranges",
            must: 1.0,
            goal: 0.7,
            entries: over_best(&arr_bench::grids(lab)),
        },
        Target {
            what: "held growth, every table and column, over the best peer",
            must: 0.8,
            goal: 0.3,
            entries: over_best(&held::grids(lab)),
        },
        Target {
            what: "a writer of everything beside two threads of readers, over the first edition",
            must: 1.0,
            goal: 0.5,
            entries: over_the_first_edition(&flood::grid(lab).0, IntervalTreeLock::NAME),
        },
        Target {
            what: "a lock that was never used, in bytes",
            must: NEVER_USED_MUST as f64,
            goal: NEVER_USED_GOAL as f64,
            entries: vec![Entry {
                what: "`RangeLock`".to_owned(),
                ratio: Spread::exactly(NEVER_USED as f64),
                values: [NEVER_USED as f64, 0.0],
                unit: BYTES,
                other: String::new(),
            }],
        },
    ]);
    targets.extend(figures::Target::OF_THE_FIRST_EDITION.map(|target| pairs(lab, target)));
    targets
}

/// The figures of one target.
fn pairs(lab: &Lab<'_>, target: figures::Target) -> Target {
    let figures = FIGURES.iter().filter(|figure| figure.target == target);
    let entries = figures.map(|figure| {
        lab.say(&format!("{}: {}", target.what(), figure.what));
        let measured = figure.measure(lab.effort.ratio());
        Entry {
            what: figure.what.to_owned(),
            ratio: measured.ratio,
            values: [measured.this.median, measured.over.median],
            unit: "ns",
            other: measured.other.to_owned(),
        }
    });
    Target {
        what: target.what(),
        must: target.must(),
        goal: target.goal(),
        entries: entries.collect(),
    }
}

/// Every column of every grid, over whichever other lock that locks ranges is best there.
fn over_best(grids: &[Grid]) -> Vec<Entry> {
    let mut entries = Vec::new();
    for grid in grids {
        for at in 0..grid.columns.len() {
            let Some(rivals) = grid.rivals(at) else { continue };
            entries.extend(entry(grid, at, rivals.peer));
        }
    }
    entries
}

/// The columns from the one called `first` on, over `other`.
fn over(grid: &Grid, other: &str, first: &str) -> Vec<Entry> {
    let columns = (0..grid.columns.len()).skip_while(|&at| grid.columns[at].name != first);
    columns.filter_map(|at| entry(grid, at, other)).collect()
}

fn entry(grid: &Grid, column: usize, other: &str) -> Option<Entry> {
    let own = grid.value(RangeLock::NAME, column)?;
    Some(Entry {
        what: format!("{}, {} {}", grid.title, grid.columns[column].name, grid.over),
        ratio: grid.over(other, column)?,
        values: [own.median, grid.value(other, column)?.median],
        unit: grid.metric.unit,
        other: other.to_owned(),
    })
}

/// The ratio to the tree over what that ratio was.
fn over_the_first_edition(grid: &Grid, tree: &str) -> Vec<Entry> {
    let of_part = |&(part, then): &(&str, f64)| {
        let at = grid.columns.iter().position(|column| column.name == part)?;
        let now = entry(grid, at, tree)?;
        Some(Entry {
            what: part.to_owned(),
            ratio: Spread::exactly(now.ratio.median / then),
            other: format!("the first edition's wait, taken as {then} times that of {tree}"),
            values: [now.values[0], now.values[1] * then],
            unit: now.unit,
        })
    };
    FIRST_EDITION.iter().filter_map(of_part).collect()
}
