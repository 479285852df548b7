//! Charts as SVG, drawn from grids. Whatever text they have room is made for, as a text that does not
//! fit is cut off.

mod axis;
mod svg;
#[cfg(test)]
mod tests;

use axis::Axis;
use svg::{Anchor, LINE, Svg, width, wrapped};

use crate::grid::Grid;

const WIDTH: f64 = 900.0;
const PLOT_HEIGHT: f64 = 190.0;
const MARGIN: f64 = 14.0;

const GOAL: &str = "#009e73";
const MUST: &str = "#d55e00";
const BLACK: &str = "#000000";
const RULE: &str = "#dddddd";

/// Each lock has its own colour in all charts: Okabe and Ito's, which colour-blind readers can tell
/// apart, and three more.
const COLOURS: [(&str, &str); 11] = [
    ("spanlock", BLACK),
    ("parking_lot::RwLock", "#0072b2"),
    ("std::sync::RwLock", "#56b4e9"),
    ("BRAVO rwlock (Dice, Kogan)", "#7b5fc4"),
    ("range-lock", "#d55e00"),
    ("range-mutex", "#e69f00"),
    ("interval tree (Kara, Bueso)", "#009e73"),
    ("sorted list (Kogan et al.)", "#cc79a7"),
    ("FreeBSD's, cheating (Belousov)", "#8c510a"),
    ("skip list (after Kim et al.)", "#b8b000"),
    ("256 segment rwlocks", "#999999"),
];

/// One panel for each grid, side by side in twos; the vertical axes are logarithmic.
pub fn panels(grids: &[Grid]) -> String {
    let mut names: Vec<&'static str> = Vec::new();
    for row in grids.iter().flat_map(|grid| &grid.rows) {
        if !names.contains(&row.name) {
            names.push(row.name);
        }
    }
    let widest = names.iter().map(|name| width(name)).fold(0.0, f64::max);
    let across = ((WIDTH - MARGIN) / (widest + 46.0)).floor().max(1.0);
    let legend = LINE * (names.len() as f64 / across).ceil() + 20.0;
    let panel_width = WIDTH / 2.0;
    let height_of =
        |grid: &Grid| PLOT_HEIGHT + LINE * (title(grid, panel_width).len() as f64 + 4.0);
    let rows: Vec<f64> =
        grids.chunks(2).map(|row| row.iter().map(height_of).fold(0.0, f64::max)).collect();
    let mut svg = Svg::new(WIDTH, legend + rows.iter().sum::<f64>());
    for (at, name) in names.iter().enumerate() {
        let x = MARGIN + (at as f64 % across) * (WIDTH - MARGIN) / across;
        let y = 18.0 + (at as f64 / across).floor() * LINE;
        svg.line((x, y - 4.0), (x + 22.0, y - 4.0), colour(name), weight(name));
        svg.text((x + 28.0, y), Anchor::Start, name);
    }
    let mut top = legend;
    for (row, height) in grids.chunks(2).zip(rows) {
        for (at, grid) in row.iter().enumerate() {
            panel(&mut svg, (at as f64 * panel_width, top), panel_width, grid, &names);
        }
        top += height;
    }
    svg.finish()
}

/// The lines above a panel.
fn title(grid: &Grid, panel_width: f64) -> Vec<String> {
    wrapped(&grid.title, panel_width - 2.0 * MARGIN)
}

fn panel(svg: &mut Svg, (left, top): (f64, f64), panel_width: f64, grid: &Grid, names: &[&str]) {
    let mut y = top + LINE;
    for line in title(grid, panel_width) {
        svg.text((left + MARGIN, y), Anchor::Start, &line);
        y += LINE;
    }
    svg.text((left + MARGIN, y), Anchor::Start, &format!("{}, logarithmic", grid.metric.unit));
    let (upper, lower) = (y + 8.0, y + 8.0 + PLOT_HEIGHT);
    let medians = grid.rows.iter().flat_map(|row| &row.values).flatten().map(|value| value.median);
    let axis = Axis::around(medians, lower, upper);
    let labels: Vec<(f64, String)> =
        axis.ticks().into_iter().map(|tick| (axis.place_of(tick), axis::label(tick))).collect();
    let widest = labels.iter().map(|(_, label)| width(label)).fold(0.0, f64::max);
    let (from, to) = (left + MARGIN + widest + 6.0, left + panel_width - MARGIN);
    for (y, label) in labels {
        svg.line((from, y), (to, y), RULE, 1.0);
        svg.text((from - 6.0, y + 4.0), Anchor::End, &label);
    }
    let step = (to - from) / grid.columns.len() as f64;
    let x_of = |column: usize| from + step * (column as f64 + 0.5);
    for (at, column) in grid.columns.iter().enumerate() {
        svg.text((x_of(at), lower + LINE), Anchor::Middle, &column.name);
    }
    svg.text(((from + to) / 2.0, lower + 2.0 * LINE), Anchor::Middle, grid.over);
    for name in names.iter().rev() {
        let Some(row) = grid.rows.iter().find(|row| row.name == *name) else { continue };
        let (colour, weight) = (colour(name), weight(name));
        let points = row.values.iter().enumerate().filter_map(|(column, value)| {
            let value = value.as_ref()?;
            Some((x_of(column), axis.place_of(value.median)))
        });
        let points: Vec<(f64, f64)> = points.collect();
        for ends in points.windows(2) {
            svg.line(ends[0], ends[1], colour, weight);
        }
        for point in points {
            svg.circle(point, 2.0 + weight / 2.0, colour);
        }
    }
}

/// A ratio, what it extends to, and what it should be at most.
pub struct Bar {
    pub label: String,
    pub low: f64,
    pub median: f64,
    pub high: f64,
    pub must: f64,
    pub goal: f64,
}

/// Ratios as dots with their quartiles, between the goal and the must.
pub fn ratios(bars: &[Bar]) -> String {
    bar_chart(bars, "dot: median, line: quartiles; green: goal, red: must; logarithmic")
}

/// The worst of several ratios as dots, between the goal and the must.
pub fn targets(bars: &[Bar]) -> String {
    bar_chart(
        bars,
        "dot: the worst entry, line: to the best one; green: goal, red: must; logarithmic",
    )
}

fn bar_chart(bars: &[Bar], caption: &str) -> String {
    const LABELS: f64 = 430.0;
    let labels: Vec<Vec<String>> =
        bars.iter().map(|bar| wrapped(&bar.label, LABELS - MARGIN - 12.0)).collect();
    let height_of = |lines: &Vec<String>| lines.len() as f64 * LINE + 10.0;
    let height = 2.0 * LINE + labels.iter().map(height_of).sum::<f64>() + 2.0 * LINE;
    let values = bars.iter().flat_map(|bar| [bar.low, bar.high, bar.must, bar.goal]);
    let axis = Axis::around(values, LABELS, WIDTH - MARGIN - 10.0);
    let mut svg = Svg::new(WIDTH, height);
    svg.text((MARGIN, 18.0), Anchor::Start, caption);
    let (above, below) = (2.0 * LINE, height - 2.0 * LINE);
    rules(&mut svg, &axis, above, below);
    let mut top = above;
    for (bar, lines) in bars.iter().zip(&labels) {
        for (at, line) in lines.iter().enumerate() {
            svg.text((MARGIN, top + 5.0 + LINE * (at as f64 + 0.8)), Anchor::Start, line);
        }
        let y = top + height_of(lines) / 2.0;
        let x_of = |ratio: f64| axis.place_of(ratio);
        svg.line((x_of(bar.goal), y - 8.0), (x_of(bar.goal), y + 8.0), GOAL, 3.0);
        svg.line((x_of(bar.must), y - 8.0), (x_of(bar.must), y + 8.0), MUST, 3.0);
        svg.line((x_of(bar.low), y), (x_of(bar.high), y), BLACK, 2.0);
        svg.circle((x_of(bar.median), y), 4.0, BLACK);
        top += height_of(lines);
    }
    svg.finish()
}

/// Vertical lines at the ticks, with labels below where they fit.
fn rules(svg: &mut Svg, axis: &Axis, above: f64, below: f64) {
    let mut taken = f64::NEG_INFINITY;
    for tick in axis.ticks() {
        let (x, label) = (axis.place_of(tick), axis::label(tick));
        svg.line((x, above), (x, below), RULE, if tick == 1.0 { 2.0 } else { 1.0 });
        let half = width(&label) / 2.0;
        if x - half > taken && x + half < WIDTH {
            svg.text((x, below + LINE), Anchor::Middle, &label);
            taken = x + half + 4.0;
        }
    }
}

/// One workload of the picture at the head of the page.
pub struct Standing {
    pub label: String,
    /// The lock itself over the best other one that locks ranges.
    pub over_peer: f64,
    /// The lock itself over one rwlock, which cannot take part everywhere.
    pub over_rwlock: Option<f64>,
}

/// The lock compared with the others, a line for each workload.
pub fn standings(standings: &[Standing]) -> String {
    const ROW: f64 = 22.0;
    let widest = standings.iter().map(|standing| width(&standing.label)).fold(0.0, f64::max);
    let (from, to) = (MARGIN + widest + 20.0, WIDTH - MARGIN - 20.0);
    let ratios = |standing: &Standing| [Some(standing.over_peer), standing.over_rwlock];
    let axis = Axis::around(standings.iter().flat_map(ratios).flatten().chain([1.0]), from, to);
    let above = 3.0 * LINE + 10.0;
    let below = above + ROW * standings.len() as f64;
    let mut svg = Svg::new(WIDTH, below + 2.0 * LINE);
    let one = axis.place_of(1.0);
    svg.area((from, above), (one - from, below - above), "#e8f5ee");
    svg.circle((MARGIN + 6.0, 14.0), 5.0, BLACK);
    svg.text(
        (MARGIN + 20.0, 18.0),
        Anchor::Start,
        "spanlock over the best other that locks ranges",
    );
    svg.diamond((WIDTH / 2.0 + 6.0, 14.0), 5.0, "#0072b2");
    let rwlock = "spanlock over one parking_lot rwlock for everything";
    svg.text((WIDTH / 2.0 + 20.0, 18.0), Anchor::Start, rwlock);
    svg.text((one - 12.0, above - 8.0), Anchor::End, "faster");
    svg.text((one, above - 8.0), Anchor::Middle, "|");
    svg.text((one + 12.0, above - 8.0), Anchor::Start, "slower");
    rules(&mut svg, &axis, above, below);
    for (at, standing) in standings.iter().enumerate() {
        let y = above + ROW * (at as f64 + 0.5);
        svg.text((MARGIN, y + 4.0), Anchor::Start, &standing.label);
        svg.line((axis.place_of(standing.over_peer), y), (one, y), "#888888", 2.0);
        if let Some(over) = standing.over_rwlock {
            svg.diamond((axis.place_of(over), y), 5.0, "#0072b2");
        }
        svg.circle((axis.place_of(standing.over_peer), y), 5.0, BLACK);
    }
    svg.finish()
}

fn colour(name: &str) -> &'static str {
    let known = COLOURS.iter().find(|(known, _)| *known == name);
    known.map_or("#444444", |(_, colour)| colour)
}

/// The lock itself is highlighted.
fn weight(name: &str) -> f64 {
    if name == "spanlock" { 3.0 } else { 1.6 }
}
