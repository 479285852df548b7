//! The figures that the lock has to reach, each beside what it must be and what it should be.

mod targets;

use crate::chart::{self, Bar};
use crate::grid::{Grid, Metric, number};
use crate::harness::contender::Conflicts;
use crate::harness::interleave::Spread;
use crate::lab::Lab;
use crate::sections::Section;

static METRIC: Metric = Metric {
    text: "a ratio: the median of the ratios of rounds side by side, or one of two quantiles",
    unit: "ratio",
};

/// The unit of the figure that is no ratio.
const BYTES: &str = "bytes";

/// What some entries have to reach, each of them.
struct Target {
    what: &'static str,
    must: f64,
    goal: f64,
    entries: Vec<Entry>,
}

/// A ratio to another lock.
struct Entry {
    what: String,
    ratio: Spread,
    /// Of the lock itself, and of the other one.
    values: [f64; 2],
    unit: &'static str,
    other: String,
}

pub fn measure(lab: &Lab<'_>) -> Section {
    let targets = targets::measure(lab);
    let file = "performance-figures.svg".to_owned();
    let mut markdown = format!("![figures]({file})\n\n");
    markdown += "| # | what | worst | where it is worst | best | must | goal | reached |\n";
    markdown += "| ---: | --- | ---: | --- | ---: | ---: | ---: | --- |\n";
    for (at, target) in targets.iter().enumerate() {
        markdown += &target.row(at + 1);
        lab.say(&format!("{}: {:.2}, {}", target.what, target.worst_ratio(), target.reached()));
    }
    markdown += "\n<details><summary>Every entry</summary>\n\n";
    markdown += "| # | entry | ratio | quartiles | here | other lock | there |\n";
    markdown += "| ---: | --- | ---: | --- | ---: | --- | ---: |\n";
    for (at, target) in targets.iter().enumerate() {
        let ratios = target.entries.iter().filter(|entry| entry.unit != BYTES);
        markdown.extend(ratios.map(|entry| entry.row(at + 1)));
    }
    markdown += "\n</details>\n";
    // A size has no place among ratios.
    let ratios = targets.iter().enumerate().filter(|(_, target)| target.unit() != BYTES);
    let bars: Vec<Bar> = ratios.map(|(at, target)| target.bar(at + 1)).collect();
    Section { markdown, charts: vec![(file, chart::targets(&bars))], grids: vec![grid(&targets)] }
}

impl Target {
    fn worst(&self) -> &Entry {
        let by_ratio = |a: &&Entry, b: &&Entry| a.ratio.median.total_cmp(&b.ratio.median);
        self.entries.iter().max_by(by_ratio).expect("every target has entries")
    }

    fn worst_ratio(&self) -> f64 {
        self.worst().ratio.median
    }

    fn unit(&self) -> &'static str {
        self.worst().unit
    }

    fn best_ratio(&self) -> f64 {
        self.entries.iter().map(|entry| entry.ratio.median).fold(f64::INFINITY, f64::min)
    }

    fn reached(&self) -> &'static str {
        reached(self.worst_ratio(), self.must, self.goal)
    }

    fn row(&self, number: usize) -> String {
        let worst = self.worst();
        let place = match self.unit() {
            BYTES => worst.what.clone(),
            _ => format!("{}, over {}", worst.what, worst.other),
        };
        format!(
            "| {number} | {} | {:.2} | {place} | {:.2} | {} | {} | {} |\n",
            self.what,
            worst.ratio.median,
            self.best_ratio(),
            self.must,
            self.goal,
            self.reached(),
        )
    }

    fn bar(&self, number: usize) -> Bar {
        Bar {
            label: format!("{number}: {}", self.what),
            low: self.best_ratio(),
            median: self.worst_ratio(),
            high: self.worst_ratio(),
            must: self.must,
            goal: self.goal,
        }
    }
}

impl Entry {
    fn row(&self, target: usize) -> String {
        format!(
            "| {target} | {} | {:.2} | {:.2} to {:.2} | {} {} | {} | {} {} |\n",
            self.what,
            self.ratio.median,
            self.ratio.low,
            self.ratio.high,
            number(self.values[0]),
            self.unit,
            self.other,
            number(self.values[1]),
            self.unit,
        )
    }
}

/// Compares to the two decimals that the table shows.
pub fn reached(value: f64, must: f64, goal: f64) -> &'static str {
    let value = (value * 100.0).round() / 100.0;
    if value <= goal {
        "goal met"
    } else if value <= must {
        "must met"
    } else {
        "missed"
    }
}

fn grid(targets: &[Target]) -> Grid {
    let mut grid = Grid::new("figures".to_owned(), "figure", &METRIC);
    for target in targets {
        let values = [
            ("worst", target.worst().ratio),
            ("best", Spread::exactly(target.best_ratio())),
            ("must", Spread::exactly(target.must)),
            ("goal", Spread::exactly(target.goal)),
        ];
        grid.add(target.what.to_owned(), Conflicts::Never, values);
    }
    grid
}
