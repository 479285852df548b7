//! Charts as SVG, drawn from grids.

use std::fmt::Write;

use crate::grid::{Grid, number};
use crate::harness::interleave::Spread;

const PANEL_WIDTH: f64 = 430.0;
const PANEL_HEIGHT: f64 = 250.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 40.0;
const LEGEND_ROW: f64 = 20.0;
const LEGEND_COLUMNS: usize = 4;

/// Each lock has its own colour in all charts: Okabe and Ito's, which colour-blind readers can tell
/// apart, and three more.
const COLOURS: [(&str, &str); 11] = [
    ("spanlock", "#000000"),
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

/// One panel for each grid, side by side in twos; the vertical axis is logarithmic.
pub fn panels(grids: &[Grid]) -> String {
    let mut names: Vec<&'static str> = Vec::new();
    for row in grids.iter().flat_map(|grid| &grid.rows) {
        if !names.contains(&row.name) {
            names.push(row.name);
        }
    }
    let across = grids.len().min(2);
    let legend = LEGEND_ROW * names.len().div_ceil(LEGEND_COLUMNS) as f64 + 10.0;
    let width = PANEL_WIDTH * across.max(2) as f64;
    let height = legend + PANEL_HEIGHT * grids.len().div_ceil(across) as f64;
    let mut svg = open(width, height);
    for (at, name) in names.iter().enumerate() {
        let x = 14.0 + (at % LEGEND_COLUMNS) as f64 * (width - 14.0) / LEGEND_COLUMNS as f64;
        let y = 18.0 + (at / LEGEND_COLUMNS) as f64 * LEGEND_ROW;
        line(&mut svg, (x, y - 4.0), (x + 22.0, y - 4.0), colour(name), weight(name));
        text(&mut svg, (x + 28.0, y), "start", name);
    }
    for (at, grid) in grids.iter().enumerate() {
        let x = (at % across) as f64 * PANEL_WIDTH;
        let y = legend + (at / across) as f64 * PANEL_HEIGHT;
        panel(&mut svg, (x, y), grid, &names);
    }
    svg + "</svg>\n"
}

fn panel(svg: &mut String, (left, top): (f64, f64), grid: &Grid, names: &[&str]) {
    let medians = grid.rows.iter().flat_map(|row| &row.values).flatten().map(|value| value.median);
    let axis = Axis::around(medians, top + TOP, top + PANEL_HEIGHT - BOTTOM);
    let (from, to) = (left + LEFT, left + PANEL_WIDTH - RIGHT);
    let step = (to - from) / grid.columns.len() as f64;
    let x_of = |column: usize| from + step * (column as f64 + 0.5);
    text(svg, (left + LEFT, top + 20.0), "start", &grid.title);
    for tick in axis.ticks() {
        let y = axis.y_of(tick);
        line(svg, (from, y), (to, y), "#dddddd", 1.0);
        text(svg, (from - 6.0, y + 4.0), "end", &short(tick));
    }
    for (column, name) in grid.columns.iter().enumerate() {
        text(svg, (x_of(column), top + PANEL_HEIGHT - BOTTOM + 16.0), "middle", name);
    }
    let middle = (from + to) / 2.0;
    text(svg, (middle, top + PANEL_HEIGHT - BOTTOM + 32.0), "middle", grid.over);
    for name in names.iter().rev() {
        let Some(row) = grid.rows.iter().find(|row| row.name == *name) else { continue };
        let (colour, weight) = (colour(name), weight(name));
        let points = row.values.iter().enumerate().filter_map(|(column, value)| {
            let value = value.as_ref()?;
            Some((x_of(column), axis.y_of(value.median)))
        });
        let points: Vec<(f64, f64)> = points.collect();
        for ends in points.windows(2) {
            line(svg, ends[0], ends[1], colour, weight);
        }
        for (x, y) in points {
            circle(svg, (x, y), 2.0 + weight / 2.0, colour);
        }
    }
}

/// A ratio, its quartiles, and what it should be at most.
pub struct Bar {
    pub label: String,
    pub low: f64,
    pub median: f64,
    pub high: f64,
    pub must: f64,
    pub goal: f64,
}

impl Bar {
    /// A bar with its number; a long text is cut off.
    pub fn new(number: usize, what: &str, ratio: Spread, must: f64, goal: f64) -> Bar {
        let mut label = format!("{number}: {}", what.replace('`', ""));
        if let Some((end, _)) = label.char_indices().nth(72) {
            label.truncate(end);
            label.push('…');
        }
        Bar { label, low: ratio.low, median: ratio.median, high: ratio.high, must, goal }
    }
}

/// Ratios as dots with their quartiles, between the goal and the must.
pub fn ratios(bars: &[Bar]) -> String {
    const LABEL: f64 = 500.0;
    const ROW: f64 = 24.0;
    let (width, height) = (2.0 * PANEL_WIDTH, 60.0 + ROW * bars.len() as f64);
    let greatest = bars.iter().map(|bar| bar.high.max(bar.must)).fold(1.0, f64::max);
    let x_of = |ratio: f64| LABEL + (width - LABEL - 20.0) * ratio.min(greatest) / greatest;
    let mut svg = open(width, height);
    text(&mut svg, (14.0, 20.0), "start", "dot: median, line: quartiles; green: goal, red: must");
    for (row, bar) in bars.iter().enumerate() {
        let y = 44.0 + ROW * row as f64;
        text(&mut svg, (LABEL - 12.0, y + 4.0), "end", &bar.label);
        line(&mut svg, (x_of(0.0), y), (x_of(greatest), y), "#eeeeee", 1.0);
        line(&mut svg, (x_of(bar.goal), y - 8.0), (x_of(bar.goal), y + 8.0), "#009e73", 3.0);
        line(&mut svg, (x_of(bar.must), y - 8.0), (x_of(bar.must), y + 8.0), "#d55e00", 3.0);
        line(&mut svg, (x_of(bar.low), y), (x_of(bar.high), y), "#000000", 2.0);
        circle(&mut svg, (x_of(bar.median), y), 4.0, "#000000");
    }
    let below = height - 8.0;
    for tick in 0..=greatest as u32 {
        text(&mut svg, (x_of(f64::from(tick)), below), "middle", &tick.to_string());
    }
    svg + "</svg>\n"
}

/// The logarithmic axis of a panel.
struct Axis {
    /// Decimal logarithms.
    least: f64,
    greatest: f64,
    top: f64,
    bottom: f64,
}

impl Axis {
    fn around(values: impl Iterator<Item = f64>, top: f64, bottom: f64) -> Axis {
        let logarithms: Vec<f64> = values.map(|value| value.max(1e-3).log10()).collect();
        let least = logarithms.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Axis { least: least - 0.1, greatest: greatest + 0.1, top, bottom }
    }

    fn y_of(&self, value: f64) -> f64 {
        let part = (value.max(1e-3).log10() - self.least) / (self.greatest - self.least);
        self.bottom - part * (self.bottom - self.top)
    }

    /// Powers of ten, with their double and fivefold where there is room.
    fn ticks(&self) -> Vec<f64> {
        let steps: &[f64] =
            if self.greatest - self.least > 2.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let decades = self.least.floor() as i32..=self.greatest.ceil() as i32;
        decades
            .flat_map(|decade| steps.iter().map(move |step| step * 10f64.powi(decade)))
            .filter(|tick| (self.least..=self.greatest).contains(&tick.log10()))
            .collect()
    }
}

fn short(tick: f64) -> String {
    if tick < 1.0 {
        format!("{tick}")
    } else {
        number(tick).trim_end_matches(".00").trim_end_matches(".0").to_owned()
    }
}

fn colour(name: &str) -> &'static str {
    let known = COLOURS.iter().find(|(known, _)| *known == name);
    known.map_or("#444444", |(_, colour)| colour)
}

/// The lock itself stands out.
fn weight(name: &str) -> f64 {
    if name == "spanlock" { 3.0 } else { 1.6 }
}

fn open(width: f64, height: f64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    )
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64), colour: &str, weight: f64) {
    put(
        svg,
        format_args!(
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\" \
             stroke-width=\"{weight}\"/>",
            from.0, from.1, to.0, to.1
        ),
    );
}

fn circle(svg: &mut String, (x, y): (f64, f64), radius: f64, colour: &str) {
    put(
        svg,
        format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{colour}\"/>"),
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    put(
        svg,
        format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"#222222\">{text}</text>"
        ),
    );
}

fn put(svg: &mut String, element: std::fmt::Arguments<'_>) {
    writeln!(svg, "{element}").expect("a string takes everything");
}
