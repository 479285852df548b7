//! Cases measured in turns.
//!
//! Timings on a shared machine drift, by a factor of two within minutes. So cases that are compared take
//! turns in short rounds, and only adjacent rounds are compared.

use std::time::Duration;

use super::case::Case;

/// How many rounds each case gets, and how long one lasts.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    pub count: usize,
    pub length: Duration,
}

/// The median and the quartiles of some measurements.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Spread {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Spread {
    /// A value that was not measured in rounds.
    pub fn exactly(value: f64) -> Spread {
        Spread { low: value, median: value, high: value }
    }

    /// The spread of `values`, of which there must be at least one.
    pub fn of(mut values: Vec<f64>) -> Spread {
        values.sort_by(f64::total_cmp);
        let at = |quarters: usize| {
            let place = (values.len() - 1) * quarters;
            let (below, part) = (values[place / 4], (place % 4) as f64 / 4.0);
            below + (values[(place / 4 + 1).min(values.len() - 1)] - below) * part
        };
        Spread { low: at(1), median: at(2), high: at(3) }
    }
}

/// What a case took in each of its rounds.
#[derive(Clone, Debug)]
pub struct Turns {
    pub contender: &'static str,
    /// Wall time over operations of all threads together, round by round.
    pub nanos_per_operation: Vec<f64>,
}

impl Turns {
    pub fn nanos(&self) -> Spread {
        Spread::of(self.nanos_per_operation.clone())
    }

    /// This case over another one of the same call of [`interleave`], round by round.
    pub fn over(&self, other: &Turns) -> Spread {
        let pairs = self.nanos_per_operation.iter().zip(&other.nanos_per_operation);
        Spread::of(pairs.map(|(this, other)| this / other).collect())
    }
}

/// Runs the rounds of all cases, in turns, and in the opposite order every other time.
pub fn interleave(cases: &[Case], rounds: Rounds) -> Vec<Turns> {
    let per_round: Vec<u64> =
        cases.iter().map(|case| operations_within(case, rounds.length)).collect();
    let mut turns: Vec<Turns> = cases
        .iter()
        .map(|case| Turns { contender: case.contender, nanos_per_operation: Vec::new() })
        .collect();
    for round in 0..rounds.count {
        let mut order: Vec<usize> = (0..cases.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for at in order {
            let taken = cases[at].run(per_round[at]);
            let nanos = taken.as_nanos() as f64 / per_round[at] as f64;
            turns[at].nanos_per_operation.push(nanos);
        }
    }
    turns
}

/// About how many operations `case` does in `length`; finding that out warms it up.
fn operations_within(case: &Case, length: Duration) -> u64 {
    let mut operations = 8;
    loop {
        // Twice, because a run that was interrupted says nothing.
        let taken = case.run(operations).min(case.run(operations));
        if taken * 4 >= length {
            let wanted = operations as f64 * length.as_secs_f64() / taken.as_secs_f64();
            return (wanted as u64).max(8);
        }
        operations *= 2;
    }
}
