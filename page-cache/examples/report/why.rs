//! Where another lock that locks ranges is faster, and what that lock lacks.

use crate::grid::{Grid, number};

/// A ratio up to this counts as equal: rounds of the same lock differ by as much.
pub const LEVEL: f64 = 1.03;

/// What each of the other locks does in another way, and what it lacks.
const WHY: [(&str, &str); 6] = [
    (
        "range-lock",
        "cannot wait: refused claims are repeated, spinning and yielding, so no thread is \
         queued or woken, there is no order, and a claim may be overtaken for milliseconds",
    ),
    (
        "range-mutex",
        "is a mutex around a list: it has no shared mode and no order of waiting claims, and \
         slows down with the number of held claims",
    ),
    (
        "interval tree (Kara, Bueso)",
        "keeps all claims in one tree behind one mutex, and has neither deadlines nor async claims",
    ),
    (
        "sorted list (Kogan et al.)",
        "makes waiting claims spin and yield, in no order, has neither deadlines nor async \
         claims, and visits all claims that precede a new one",
    ),
    (
        "FreeBSD's, cheating (Belousov)",
        "wakes all waiting threads at each release, in no order, and visits all claims that \
         precede a new one",
    ),
    (
        "skip list (after Kim et al.)",
        "has no shared mode, and its waiting claims spin and yield in no order",
    ),
];

/// What the lock has that the faster ones lack.
const INSTEAD: &str = "In return for its additional time spanlock has shared claims, an order of waiting \
     claims, deadlines, async claims, and claims on several ranges at once.";

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
            format!("{peer} at {}; it {why}.", places.join(", "))
        })
        .collect();
    format!("\nOther locks that lock ranges are faster here: {} {INSTEAD}\n", reasons.join(" "))
}
