//! Every text of a chart is within the picture.

use super::svg::width;
use super::{Bar, COLOURS, Standing, panels, standings, targets};
use crate::grid::{Grid, NANOS};
use crate::harness::contender::Conflicts;
use crate::harness::interleave::Spread;

/// The text between `before` and the next quotation mark of `element`.
fn attribute<'a>(element: &'a str, before: &str) -> &'a str {
    let (_, rest) = element.split_once(before).expect("every element has its attributes");
    rest.split_once('"').expect("it ends").0
}

fn number(text: &str) -> f64 {
    text.parse().expect("a number")
}

fn assert_that_all_texts_are_within(svg: &str) {
    let (whole, height) = (number(attribute(svg, "width=\"")), number(attribute(svg, "height=\"")));
    let mut texts = 0;
    for element in svg.lines().filter(|line| line.starts_with("<text")) {
        let (_, rest) = element.split_once('>').expect("the tag ends");
        let text = rest.strip_suffix("</text>").expect("one line for each text");
        let (x, y) = (number(attribute(element, " x=\"")), number(attribute(element, " y=\"")));
        let (left, right) = match attribute(element, "text-anchor=\"") {
            "start" => (x, x + width(text)),
            "end" => (x - width(text), x),
            _ => (x - width(text) / 2.0, x + width(text) / 2.0),
        };
        assert!(left >= 0.0 && right <= whole, "{text:?} is cut off: {left} to {right}");
        assert!(y >= 10.0 && y <= height - 3.0, "{text:?} is cut off: at {y} of {height}");
        texts += 1;
    }
    assert!(texts > 5, "there are texts");
}

#[test]
fn panels_fit_long_titles_and_large_and_small_values() {
    let mut grids = Vec::new();
    for values in [[1e-4, 3e7], [9.0, 10.0], [2e9, 2e9]] {
        let title = "a title that is quite a bit longer than the panel below it is wide, in words";
        let mut grid = Grid::new(title.to_owned(), "part of its waits", &NANOS);
        for column in ["p50", "p99.9", "maximum", "65,536", "all"] {
            let rows = COLOURS.iter().zip(values.iter().cycle());
            let rows = rows.map(|((name, _), value)| (*name, Spread::exactly(*value)));
            grid.add(column.to_owned(), Conflicts::Possible, rows);
        }
        grids.push(grid);
    }
    assert_that_all_texts_are_within(&panels(&grids));
}

#[test]
fn bars_fit_long_labels_and_large_ratios() {
    let label = "16: a figure of which much is to be said, more than fits into one line, or two";
    let bars =
        [(0.001, 40_000.0), (1.0, 1.0), (f64::INFINITY, f64::INFINITY)].map(|(low, high)| Bar {
            label: label.to_owned(),
            low,
            median: high,
            high,
            must: 1.0,
            goal: 0.3,
        });
    assert_that_all_texts_are_within(&targets(&bars));
}

#[test]
fn the_first_picture_fits_its_labels() {
    let standings_of = [0.01, 1.0, 5_000.0].map(|over_peer| Standing {
        label: "a writer of everything beside readers, p99.9".to_owned(),
        over_peer,
        over_rwlock: Some(1.0 / over_peer),
    });
    assert_that_all_texts_are_within(&standings(&standings_of));
}
