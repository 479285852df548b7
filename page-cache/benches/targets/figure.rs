//! A figure: two sides that take turns, or a time alone.

use std::fmt;
use std::time::{Duration, Instant};

/// How long measuring may take.
#[derive(Clone, Copy)]
pub struct Effort {
    pub rounds: usize,
    /// What a number of operations or bytes is divided by.
    pub divisor: u64,
}

impl Effort {
    /// So many operations in a round, or fewer.
    pub fn operations(self, most: u64) -> u64 {
        (most / self.divisor).max(100)
    }

    /// The size of a file, in whole MiB.
    pub fn size(self, most: u64) -> u64 {
        most / self.divisor
    }

    pub fn is_test(self) -> bool {
        self.rounds == 1
    }
}

/// A figure as it was measured.
pub struct Figure {
    pub what: &'static str,
    pub aim: Aim,
    pub rounds: Rounds,
    /// What else there is to say.
    pub note: String,
}

/// What a figure is to be, at most.
#[derive(Clone, Copy)]
pub enum Aim {
    Must(f64),
    MustAndGoal(f64, f64),
    /// It is there for comparison.
    None,
}

/// What was measured in each round.
pub enum Rounds {
    /// Nanoseconds an operation, of what is measured and of what it is compared with.
    Ratios(Vec<(f64, f64)>),
    /// Nanoseconds.
    Times(Vec<f64>),
}

impl Figure {
    pub fn ratio(what: &'static str, aim: Aim, rounds: Vec<(f64, f64)>) -> Figure {
        Figure { what, aim, rounds: Rounds::Ratios(rounds), note: String::new() }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (values, sides, unit) = match &self.rounds {
            Rounds::Ratios(rounds) => {
                let [this, other] = [
                    quartiles(rounds.iter().map(|round| round.0)),
                    quartiles(rounds.iter().map(|round| round.1)),
                ];
                let sides = format!("{:.0} over {:.0}", this[1], other[1]);
                (quartiles(rounds.iter().map(|(this, other)| this / other)), sides, "")
            }
            Rounds::Times(rounds) => {
                (quartiles(rounds.iter().map(|time| time / 1e6)), String::new(), " ms")
            }
        };
        let [low, median, high] = values;
        let (must, goal, verdict) = match self.aim {
            Aim::MustAndGoal(must, goal) if median <= goal => {
                (must.to_string(), goal.to_string(), "reaches the goal")
            }
            Aim::MustAndGoal(must, goal) => {
                (must.to_string(), goal.to_string(), within(median, must))
            }
            Aim::Must(must) => (must.to_string(), String::new(), within(median, must)),
            Aim::None => (String::new(), String::new(), ""),
        };
        let what = self.what;
        write!(
            f,
            "| {what} | {median:.2}{unit} | {low:.2} to {high:.2} | {must} | {goal} | {sides} |"
        )?;
        let note = &self.note;
        match note.is_empty() {
            true => write!(f, " {verdict} |"),
            false => write!(f, " {verdict}; {note} |"),
        }
    }
}

fn within(median: f64, must: f64) -> &'static str {
    if median <= must { "is within must" } else { "**falls short**" }
}

/// The lower quartile, the median and the upper quartile.
fn quartiles(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    [values.len() / 4, values.len() / 2, values.len() * 3 / 4].map(|at| values[at])
}

/// Nanoseconds an operation took.
pub fn nanos(elapsed: Duration, operations: u64) -> f64 {
    elapsed.as_nanos() as f64 / operations as f64
}

/// The nanoseconds for an operation, which gets its number as an argument.
#[inline(always)]
pub fn time(operations: u64, mut operation: impl FnMut(u64)) -> f64 {
    let start = Instant::now();
    for turn in 0..operations {
        operation(turn);
    }
    nanos(start.elapsed(), operations)
}

/// Two measurements in turns, after a turn of each that does not count.
pub fn in_turns(
    effort: Effort,
    mut this: impl FnMut() -> f64,
    mut other: impl FnMut() -> f64,
) -> Vec<(f64, f64)> {
    this();
    other();
    (0..effort.rounds).map(|_| (this(), other())).collect()
}
