//! The measured parts of the page. Each replaces the line `<!-- measured: name -->` of the template.

mod arr_bench;
mod figures;
mod flood;
mod held;
mod mapping_mix;
mod one_unit;
mod page_cache;
mod ranges;
mod sizes;
mod work_mix;

use std::rc::Rc;

use crate::chart;
use crate::grid::{Grid, Metric};
use crate::harness::contender::Conflicts;
use crate::harness::interleave::Spread;
use crate::lab::{Distributions, Lab};

/// What one part of the page consists of.
pub struct Section {
    pub markdown: String,
    /// Files beside the page, by name.
    pub charts: Vec<(String, String)>,
    pub grids: Vec<Grid>,
}

type Measure = fn(&Lab<'_>) -> Section;

/// All parts, in the order in which they are measured.
pub const SECTIONS: [(&str, Measure); 10] = [
    ("figures", figures::measure),
    ("sizes", sizes::measure),
    ("one-unit", one_unit::measure),
    ("ranges", ranges::measure),
    ("held", held::measure),
    ("arr-bench", arr_bench::measure),
    ("mapping-mix", mapping_mix::measure),
    ("work-mix", work_mix::measure),
    ("flood", flood::measure),
    ("page-cache", page_cache::measure),
];

/// The processors' worth of threads and more: the last two are more than most small machines have.
const THREADS: [usize; 4] = [1, 2, 4, 8];

impl Section {
    /// A chart of all grids, and below it their tables.
    fn of_grids(name: &str, grids: Vec<Grid>) -> Section {
        let file = format!("performance-{name}.svg");
        let mut markdown = format!("![{name}]({file})\n");
        let mut metric = "";
        for grid in &grids {
            if grid.metric.text != metric {
                metric = grid.metric.text;
                markdown += &format!("\nEach entry is {metric}.\n");
            }
            markdown += &format!("\n{}", grid.markdown());
        }
        Section { markdown, charts: vec![(file, chart::panels(&grids))], grids }
    }
}

/// How a count of threads heads its column.
fn column(threads: usize) -> String {
    threads.to_string()
}

/// A part of a distribution.
struct Quantile {
    name: &'static str,
    part: f64,
    metric: Metric,
}

static MEDIAN: Quantile = Quantile {
    name: "p50",
    part: 0.5,
    metric: Metric {
        text: "the median (p50) of ns from the call of lock to the return of unlock",
        unit: "ns",
    },
};

static TAIL: Quantile = Quantile {
    name: "p99.9",
    part: 0.999,
    metric: Metric {
        text: "the p99.9 of ns from the call of lock to the return of unlock",
        unit: "ns",
    },
};

/// A grid for each class, by the number of threads.
fn by_class<const N: usize>(
    classes: [&str; N],
    quantile: &'static Quantile,
    threads: &[usize],
    latencies: impl Fn(usize) -> Rc<[Distributions]>,
) -> Vec<Grid> {
    let mut grids: Vec<Grid> = classes
        .iter()
        .map(|class| Grid::new(format!("{class}, {}", quantile.name), "threads", &quantile.metric))
        .collect();
    for &threads in threads {
        let measured = latencies(threads);
        for (class, grid) in grids.iter_mut().enumerate() {
            let values = measured.iter().map(|(name, classes)| {
                let nanos = classes[class].value_at_quantile(quantile.part) as f64;
                (*name, Spread::exactly(nanos))
            });
            grid.add(column(threads), Conflicts::among(threads), values);
        }
    }
    grids
}
