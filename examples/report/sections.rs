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

use crate::Effort;
use crate::chart;
use crate::grid::{Grid, NANOS};

/// What one part of the page consists of.
pub struct Section {
    pub markdown: String,
    /// Files beside the page, by name.
    pub charts: Vec<(String, String)>,
    pub grids: Vec<Grid>,
}

/// Says what is being measured.
pub type Progress<'a> = &'a dyn Fn(&str);

type Measure = fn(Effort, Progress<'_>) -> Section;

/// All parts, in the order in which they are measured.
pub const SECTIONS: [(&str, Measure); 9] = [
    ("figures", figures::measure),
    ("sizes", sizes::measure),
    ("one-unit", one_unit::measure),
    ("ranges", ranges::measure),
    ("held", held::measure),
    ("arr-bench", arr_bench::measure),
    ("mapping-mix", mapping_mix::measure),
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
            if grid.metric != metric {
                metric = grid.metric;
                let part = if metric == NANOS { "the median of " } else { "" };
                markdown += &format!("\nEach entry is {part}{metric}.\n");
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
