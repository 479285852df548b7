//! A table of measurements: a row for each lock, a column for each setting.

use std::rc::Rc;

use serde_json::{Value, json};
use spanlock::RangeLock;

use crate::harness::case::contenders;
use crate::harness::contender::{Conflicts, Contender};
use crate::harness::interleave::{Spread, Turns};
use crate::why;

/// One table, which is also one panel of a chart.
pub struct Grid {
    pub title: String,
    /// What the columns are.
    pub over: &'static str,
    pub metric: &'static Metric,
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
}

/// What was computed.
pub struct Metric {
    /// In a sentence that begins with "Each entry is".
    pub text: &'static str,
    pub unit: &'static str,
}

/// The usual metric.
pub static NANOS: Metric = Metric {
    text: "the median of ns per operation: wall time over the operations of all threads",
    unit: "ns",
};

pub struct Column {
    pub name: String,
    pub conflicts: Conflicts,
    /// The rounds behind it; none if it was not measured in rounds.
    turns: Rc<[Turns]>,
}

pub struct Row {
    pub name: &'static str,
    /// One for each column; `None` where the lock cannot do that.
    pub values: Vec<Option<Spread>>,
}

/// The lock itself, and the best of the others that lock ranges.
pub struct Rivals {
    pub own: Spread,
    pub peer: &'static str,
    pub best: Spread,
}

impl Grid {
    pub fn new(title: String, over: &'static str, metric: &'static Metric) -> Grid {
        Grid { title, over, metric, columns: Vec::new(), rows: Vec::new() }
    }

    /// Adds a column of cases that took turns.
    pub fn add_turns(&mut self, column: String, conflicts: Conflicts, turns: Rc<[Turns]>) {
        self.add(column, conflicts, turns.iter().map(|turns| (turns.contender, turns.nanos())));
        self.columns.last_mut().expect("one was just added").turns = turns;
    }

    /// Adds a column that was measured elsewhere.
    pub fn add(
        &mut self,
        column: String,
        conflicts: Conflicts,
        values: impl IntoIterator<Item = (&'static str, Spread)>,
    ) {
        for (name, value) in values {
            let row = match self.rows.iter().position(|row| row.name == name) {
                Some(row) => row,
                None => {
                    self.rows.push(Row { name, values: Vec::new() });
                    self.rows.len() - 1
                }
            };
            self.rows[row].values.resize(self.columns.len(), None);
            self.rows[row].values.push(Some(value));
        }
        self.columns.push(Column { name: column, conflicts, turns: Rc::from([]) });
        for row in &mut self.rows {
            row.values.resize(self.columns.len(), None);
        }
    }

    /// What `lock` has in a column.
    pub fn value(&self, lock: &str, column: usize) -> Option<Spread> {
        self.rows.iter().find(|row| row.name == lock)?.values[column]
    }

    /// The lock itself beside the best other one that locks ranges, if both are in the column.
    pub fn rivals(&self, column: usize) -> Option<Rivals> {
        let own = self.value(RangeLock::NAME, column)?;
        let conflicts = self.columns[column].conflicts;
        let peers = contenders()
            .filter(|peer| peer.name != RangeLock::NAME && peer.locks_ranges(conflicts))
            .filter_map(|peer| Some((peer.name, self.value(peer.name, column)?)));
        let (peer, best) = peers.min_by(|(_, a), (_, b)| a.median.total_cmp(&b.median))?;
        Some(Rivals { own, peer, best })
    }

    /// The lock itself over `other`: round by round, or of what is known if there were no rounds.
    pub fn over(&self, other: &str, column: usize) -> Option<Spread> {
        let turns = &self.columns[column].turns;
        let find = |name: &str| turns.iter().find(|turns| turns.contender == name);
        if let (Some(own), Some(other)) = (find(RangeLock::NAME), find(other)) {
            return Some(own.over(other));
        }
        let (own, other) = (self.value(RangeLock::NAME, column)?, self.value(other, column)?);
        Some(Spread::exactly(own.median / other.median))
    }

    /// The medians as a table, and below it where and why the lock itself is not the best.
    pub fn markdown(&self) -> String {
        let mut table = format!("| {}, by {} |", self.title, self.over);
        table.extend(self.columns.iter().map(|column| format!(" {} |", column.name)));
        table += "\n| --- |";
        table += &" ---: |".repeat(self.columns.len());
        for row in &self.rows {
            table += &format!("\n| {} |", row.name);
            for value in &row.values {
                match value {
                    Some(value) => table += &format!(" {} |", number(value.median)),
                    None => table += " |",
                }
            }
        }
        table + "\n" + &why::not_first(self)
    }

    /// Every measurement: lower quartile, median, upper quartile.
    pub fn json(&self, section: &str, measured: &str) -> Value {
        let quartiles = |value: &Option<Spread>| {
            value.map(|Spread { low, median, high }| [low, median, high].map(short))
        };
        let rows = self.rows.iter().map(|row| {
            let values: Vec<_> = row.values.iter().map(quartiles).collect();
            json!({ "name": row.name, "quartiles": values })
        });
        let columns: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let best: Vec<Option<&str>> = (0..self.columns.len())
            .map(|column| self.rivals(column).map(|rivals| rivals.peer))
            .collect();
        json!({
            "section": section,
            "measured": measured,
            "case": self.title,
            "metric": self.metric.text,
            "unit": self.metric.unit,
            "over": self.over,
            "columns": columns,
            "best other that locks ranges": best,
            "rows": rows.collect::<Vec<_>>(),
        })
    }
}

/// To five digits.
fn short(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let scale = 10f64.powi(4 - value.abs().log10().floor() as i32);
    (value * scale).round() / scale
}

/// Three digits or so, and thousands apart.
pub fn number(value: f64) -> String {
    if value != 0.0 && value < 0.0995 {
        return format!("{value:.4}");
    }
    if value < 9.95 {
        return format!("{value:.2}");
    }
    if value < 99.5 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
