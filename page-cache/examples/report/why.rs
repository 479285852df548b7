//! Where the lock itself is not the best of those that lock ranges, and why.

use crate::grid::{Grid, number};

/// What is within so much of the best is level with it: rounds of the same lock differ by that.
pub const LEVEL: f64 = 1.03;

/// Why each of the other locks is faster where it is, and what it lacks.
const WHY: [(&str, &str); 6] = [
    (
        "range-lock",
        "cannot wait: its refused claims spin and yield until they find the range free, so that \
         no thread is queued or woken, there is no order, and one may be overtaken for milliseconds",
    ),
    (
        "range-mutex",
        "is a mutex around a list: it has no shared mode, knows no order among those that wait, \
         and slows down with what is held",
    ),
    (
        "interval tree (Kara, Bueso)",
        "keeps everything in one tree under one mutex, with neither deadlines nor tasks",
    ),
    (
        "sorted list (Kogan et al.)",
        "has its waiting claims spin and yield in no order, without deadlines or tasks, and walks \
         all claims that are in front",
    ),
    (
        "FreeBSD's, cheating (Belousov)",
        "wakes all that wait at each release, in no order, and walks all claims that are in front",
    ),
    (
        "skip list (after Kim et al.)",
        "has no shared mode, and its waiting claims spin and yield in no order",
    ),
];

/// What a caller has of the lock where another one is faster.
const INSTEAD: &str = "spanlock's price buys shared claims, an order among those that wait, \
    deadlines, tasks, and claims of many ranges at once.";

/// A paragraph for the page, or nothing if the lock is first in all columns.
pub fn not_first(grid: &Grid) -> String {
    let mut winners: Vec<(&str, Vec<String>)> = Vec::new();
    for (at, column) in grid.columns.iter().enumerate() {
        let Some(rivals) = grid.rivals(at) else { continue };
        if rivals.own.median <= rivals.best.median * LEVEL {
            continue;
        }
        let place = format!("{} ({})", column.name, number(rivals.best.median));
        match winners.iter_mut().find(|(peer, _)| *peer == rivals.peer) {
            Some((_, places)) => places.push(place),
            None => winners.push((rivals.peer, vec![place])),
        }
    }
    if winners.is_empty() {
        return String::new();
    }
    let reasons: Vec<String> = winners
        .iter()
        .map(|(peer, places)| {
            let why = WHY.iter().find(|(name, _)| name == peer).map_or("", |(_, why)| why);
            format!("{peer} is ahead at {}; it {why}.", places.join(", "))
        })
        .collect();
    format!("\nNot first of those that lock ranges: {} {INSTEAD}\n", reasons.join(" "))
}
