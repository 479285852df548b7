//! The figures that the lock has to reach.

use crate::Effort;
use crate::chart::{self, Bar};
use crate::grid::{Grid, number};
use crate::harness::figures::{FIGURES, Measured, NEVER_USED, NEVER_USED_GOAL, NEVER_USED_MUST};
use crate::sections::{Progress, Section};

pub fn measure(effort: Effort, progress: Progress<'_>) -> Section {
    let mut measured = Vec::new();
    for figure in &FIGURES {
        progress(figure.what);
        measured.push(figure.measure(effort.ratio()));
    }
    let file = "performance-figures.svg".to_owned();
    let bars: Vec<Bar> = measured.iter().enumerate().map(bar).collect();
    let mut markdown = format!("![figures]({file})\n\n");
    markdown += "| # | what | ratio | quartiles | must | goal | reached | ns over ns |\n";
    markdown += "| ---: | --- | ---: | --- | ---: | ---: | --- | --- |\n";
    for (at, figure) in measured.iter().enumerate() {
        markdown += &row(at, figure);
    }
    markdown += &format!(
        "| {} | a lock that was never used, bytes | {NEVER_USED} | | {NEVER_USED_MUST} | \
         {NEVER_USED_GOAL} | {} | |\n",
        measured.len() + 1,
        reached(NEVER_USED as f64, NEVER_USED_MUST as f64, NEVER_USED_GOAL as f64),
    );
    Section { markdown, charts: vec![(file, chart::ratios(&bars))], grids: vec![grid(&measured)] }
}

fn row(at: usize, measured: &Measured) -> String {
    let (ratio, figure) = (measured.ratio, measured.figure);
    format!(
        "| {} | {} | {:.2} | {:.2} to {:.2} | {} | {} | {} | {} over {} |\n",
        at + 1,
        figure.what,
        ratio.median,
        ratio.low,
        ratio.high,
        figure.must,
        figure.goal,
        reached(ratio.median, figure.must, figure.goal),
        number(measured.this.median),
        number(measured.over.median),
    )
}

/// Compares to the two decimals that the table shows.
pub fn reached(value: f64, must: f64, goal: f64) -> &'static str {
    let value = (value * 100.0).round() / 100.0;
    if value <= goal {
        "goal"
    } else if value <= must {
        "must"
    } else {
        "no"
    }
}

fn bar((at, measured): (usize, &Measured)) -> Bar {
    let figure = measured.figure;
    Bar::new(at + 1, figure.what, measured.ratio, figure.must, figure.goal)
}

fn grid(measured: &[Measured]) -> Grid {
    let metric = "ratio: median of the ratios of rounds side by side";
    let mut grid = Grid::new("figures".to_owned(), "figure", metric);
    for measured in measured {
        grid.add(measured.figure.what.to_owned(), [("spanlock", measured.ratio)]);
    }
    grid
}
