//! The page cache: the figures that it has to reach, and its neighbours.

use crate::chart::{self, Bar};
use crate::grid::{Grid, NANOS};
use crate::groups::{FIGURES, Figure, GROUPS, Group, claims_of_hits};
use crate::harness::contender::Conflicts;
use crate::harness::interleave::{Rounds, Spread, Turns, interleave};
use crate::lab::Lab;
use crate::sections::Section;
use crate::sections::figures::reached;

const HITS: u64 = 1000;

pub fn measure(lab: &Lab<'_>) -> Section {
    let measured: Vec<(&Group, Vec<Turns>)> = GROUPS
        .iter()
        .map(|&group| {
            lab.say(group.name);
            let Rounds { count, length } = lab.effort.ratio();
            let rounds = Rounds { count: 4 * count - 3, length: group.round.min(length) };
            (group, interleave(&(group.cases)(), rounds))
        })
        .collect();
    let file = "performance-page-cache.svg".to_owned();
    let mut markdown = format!("![page cache]({file})\n\n");
    markdown += "| what | claims of the mapping lock | of the IO lock |\n| --- | ---: | ---: |\n";
    for of in claims_of_hits(HITS) {
        markdown += &format!("| {HITS} {} | {} | {} |\n", of.what, of.mapping, of.io);
    }
    markdown += "\n| # | what | ratio | quartiles | must | goal | reached |\n";
    markdown += "| ---: | --- | ---: | --- | ---: | ---: | --- |\n";
    let ratios: Vec<Spread> = FIGURES.iter().map(|figure| ratio(figure, &measured)).collect();
    for (at, (figure, ratio)) in FIGURES.iter().zip(&ratios).enumerate() {
        markdown += &row(at + 1, figure, *ratio);
    }
    let grids: Vec<Grid> = measured.iter().map(|(group, turns)| grid(group, turns)).collect();
    for grid in &grids {
        markdown += &format!("\n{}", grid.markdown());
    }
    let bars: Vec<Bar> = FIGURES
        .iter()
        .zip(ratios)
        .enumerate()
        .map(|(at, (figure, ratio))| Bar {
            label: format!("{}: {}", at + 1, figure.what),
            low: ratio.low,
            median: ratio.median,
            high: ratio.high,
            must: figure.must,
            goal: figure.goal,
        })
        .collect();
    Section { markdown, charts: vec![(file, chart::ratios(&bars))], grids }
}

fn ratio(figure: &Figure, measured: &[(&Group, Vec<Turns>)]) -> Spread {
    let of_group = measured.iter().find(|(group, _)| group.name == figure.group.name);
    let (_, turns) = of_group.expect("every figure's group is measured");
    let find = |name: &str| {
        let found = turns.iter().find(|turns| turns.contender == name);
        found.expect("a figure names cases of its group")
    };
    find(figure.this).over(find(figure.over))
}

fn row(at: usize, figure: &Figure, ratio: Spread) -> String {
    format!(
        "| {at} | {} | {:.2} | {:.2} to {:.2} | {} | {} | {} |\n",
        figure.what,
        ratio.median,
        ratio.low,
        ratio.high,
        figure.must,
        figure.goal,
        reached(ratio.median, figure.must, figure.goal),
    )
}

fn grid(group: &Group, turns: &[Turns]) -> Grid {
    let mut grid = Grid::new(group.operation.to_owned(), "case", &NANOS);
    let nanos = turns.iter().map(|turns| (turns.contender, turns.nanos()));
    grid.add("ns".to_owned(), Conflicts::Never, nanos);
    let first = &turns[0];
    let ratios = turns.iter().map(|turns| (turns.contender, turns.over(first)));
    grid.add(format!("over {}", first.contender), Conflicts::Never, ratios);
    grid
}
