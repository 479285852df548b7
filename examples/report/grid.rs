//! A table of measurements: a row for each lock, a column for each setting.

use serde_json::{Value, json};

use crate::harness::case::Case;
use crate::harness::interleave::{Rounds, Spread, interleave};

/// One table, which is also one panel of a chart.
pub struct Grid {
    pub title: String,
    /// What the columns are.
    pub over: &'static str,
    /// What was computed, and in which unit.
    pub metric: &'static str,
    pub columns: Vec<String>,
    pub rows: Vec<Row>,
}

pub struct Row {
    pub name: &'static str,
    /// One for each column; `None` where the lock cannot do that.
    pub values: Vec<Option<Spread>>,
}

/// The usual metric.
pub const NANOS: &str = "ns per operation: wall time over the operations of all threads";

impl Grid {
    pub fn new(title: String, over: &'static str, metric: &'static str) -> Grid {
        Grid { title, over, metric, columns: Vec::new(), rows: Vec::new() }
    }

    /// Measures the cases of one column in turns.
    pub fn measure(&mut self, column: String, cases: impl Iterator<Item = Case>, rounds: Rounds) {
        let cases: Vec<Case> = cases.collect();
        let turns = interleave(&cases, rounds);
        self.add(column, turns.iter().map(|turns| (turns.contender, turns.nanos())));
    }

    /// Adds a column that was measured elsewhere.
    pub fn add(
        &mut self,
        column: String,
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
        self.columns.push(column);
        for row in &mut self.rows {
            row.values.resize(self.columns.len(), None);
        }
    }

    /// The medians as a table.
    pub fn markdown(&self) -> String {
        let mut table = format!("| {}, by {} |", self.title, self.over);
        table.extend(self.columns.iter().map(|column| format!(" {column} |")));
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
        table + "\n"
    }

    /// Every measurement: lower quartile, median, upper quartile.
    pub fn json(&self, section: &str, measured: &str) -> Value {
        let thousandths = |value: f64| (value * 1000.0).round() / 1000.0;
        let quartiles = |value: &Option<Spread>| {
            value.map(|Spread { low, median, high }| [low, median, high].map(thousandths))
        };
        let rows = self.rows.iter().map(|row| {
            let values: Vec<_> = row.values.iter().map(quartiles).collect();
            json!({ "name": row.name, "quartiles": values })
        });
        json!({
            "section": section,
            "measured": measured,
            "case": self.title,
            "metric": self.metric,
            "over": self.over,
            "columns": self.columns,
            "rows": rows.collect::<Vec<_>>(),
        })
    }
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
