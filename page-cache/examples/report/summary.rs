//! The head of the page: one picture and ten lines, made from all records, whenever measured.

use serde_json::Value;

use crate::chart::{self, Standing};
use crate::grid::number;
use crate::why::LEVEL;

pub const NAME: &str = "summary";
const PICTURE: &str = "performance-summary.svg";

/// How many lines there are: so many of the best and of the worst, and the rest from between.
const LINES: usize = 10;
const AT_EACH_END: usize = 4;

/// A workload that represents a table or a part of it.
struct Workload {
    label: &'static str,
    section: &'static str,
    case: &'static str,
    column: &'static str,
}

const fn workload(
    label: &'static str,
    section: &'static str,
    case: &'static str,
    column: &'static str,
) -> Workload {
    Workload { label, section, case, column }
}

const WORKLOADS: [Workload; 18] = [
    workload("one unit, 1 thread", "one-unit", "uniform, shared", "1"),
    workload("a unit for each of 2 threads", "one-unit", "neighbours, exclusive", "2"),
    workload("one hot unit, shared, 2 threads", "one-unit", "hot, shared", "2"),
    workload("2 units, 1 thread", "ranges", "exclusive, 1 thread", "2"),
    workload("16 units, 1 thread", "ranges", "exclusive, 1 thread", "16"),
    workload("16 units for each of 2 threads", "ranges", "exclusive, 2 threads", "16"),
    workload("everything, 1 thread", "ranges", "exclusive, 1 thread", "all"),
    workload("a unit beside 4,096 held units", "held", "unit among units", "4,096"),
    workload("a pair beside 65,536 held pairs", "held", "pair among pairs", "65,536"),
    workload(
        "ArrBench, disjoint, 60 % reads, 8 threads",
        "arr-bench",
        "disjoint ranges, 60 % reads",
        "8",
    ),
    workload(
        "ArrBench, random, 60 % reads, 8 threads",
        "arr-bench",
        "random ranges, 60 % reads",
        "8",
    ),
    workload(
        "ArrBench, whole, 60 % reads, 8 threads",
        "arr-bench",
        "whole ranges, 60 % reads",
        "8",
    ),
    workload("mapping mix, 2 threads", "mapping-mix", "all classes", "2"),
    workload("mapping mix, 8 threads", "mapping-mix", "all classes", "8"),
    workload(
        "mapping mix, 8 threads, p99.9 of a unit",
        "mapping-mix",
        "one unit, shared, p99.9",
        "8",
    ),
    workload("mix with work, 2 threads", "work-mix", "both classes, 2 µs of work each", "2"),
    workload("mix with work, 4 threads", "work-mix", "both classes, 2 µs of work each", "4"),
    workload(
        "a writer of everything beside readers, p99.9",
        "flood",
        "a claim on everything, exclusive",
        "p99.9",
    ),
];

/// The lock compared with the best other one in one workload.
struct Stand {
    label: &'static str,
    unit: String,
    own: f64,
    peer: String,
    best: f64,
    rwlock: Option<f64>,
}

impl Stand {
    fn of(workload: &Workload, records: &[Value]) -> Option<Stand> {
        let record = records.iter().find(|record| {
            record["section"] == workload.section && record["case"] == workload.case
        })?;
        let columns = record["columns"].as_array()?;
        let at = columns.iter().position(|column| column == workload.column)?;
        let median = |lock: &str| {
            let rows = record["rows"].as_array()?;
            rows.iter().find(|row| row["name"] == lock)?["quartiles"][at][1].as_f64()
        };
        let peer = record["best other that locks ranges"][at].as_str()?;
        Some(Stand {
            label: workload.label,
            unit: record["unit"].as_str()?.to_owned(),
            own: median("spanlock")?,
            peer: peer.to_owned(),
            best: median(peer)?,
            rwlock: median("parking_lot::RwLock"),
        })
    }

    fn ratio(&self) -> f64 {
        self.own / self.best
    }

    fn line(&self) -> String {
        let ratio = self.ratio();
        let verdict = match ratio {
            ratio if ratio * LEVEL < 1.0 => "best",
            ratio if ratio <= LEVEL => "level",
            _ => "behind",
        };
        let unit = &self.unit;
        let mut line = format!(
            "- **{}, {verdict}**: {} {unit}, {:.2} times the {} {unit} of {}",
            self.label,
            number(self.own),
            ratio,
            number(self.best),
            self.peer,
        );
        if let Some(rwlock) = self.rwlock {
            line += &format!("; one rwlock {} {unit}", number(rwlock));
        }
        line + "."
    }
}

/// The text and the picture; none if nothing has been measured yet.
pub fn of(records: &[Value]) -> Option<(String, (String, String))> {
    let mut stands: Vec<Stand> =
        WORKLOADS.iter().filter_map(|workload| Stand::of(workload, records)).collect();
    if stands.is_empty() {
        return None;
    }
    stands.sort_by(|a, b| a.ratio().total_cmp(&b.ratio()));
    let standings: Vec<Standing> = stands
        .iter()
        .map(|stand| Standing {
            label: stand.label.to_owned(),
            over_peer: stand.ratio(),
            over_rwlock: stand.rwlock.map(|rwlock| stand.own / rwlock),
        })
        .collect();
    let lines: Vec<String> = chosen(&stands).into_iter().map(Stand::line).collect();
    let markdown = format!("![summary]({PICTURE})\n\n{}\n", lines.join("\n"));
    Some((markdown, (PICTURE.to_owned(), chart::standings(&standings))))
}

/// The best, those that are nearest to level, and the worst, of stands in order.
fn chosen(stands: &[Stand]) -> Vec<&Stand> {
    if stands.len() <= LINES {
        return stands.iter().collect();
    }
    let (first, rest) = stands.split_at(AT_EACH_END);
    let (between, last) = rest.split_at(rest.len() - AT_EACH_END);
    let mut level: Vec<&Stand> = between.iter().collect();
    level.sort_by(|a, b| a.ratio().ln().abs().total_cmp(&b.ratio().ln().abs()));
    level.truncate(LINES - 2 * AT_EACH_END);
    level.sort_by(|a, b| a.ratio().total_cmp(&b.ratio()));
    first.iter().chain(level).chain(last).collect()
}
