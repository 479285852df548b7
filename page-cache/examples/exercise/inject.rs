//! Fault injection: a few fixed workloads are run again and again, so that each of their requests to the
//! store fails in each way once. After each operation, what a crash would leave is checked.
//!
//! In each run one thread performs all operations on a small file, closes it and opens it again, and
//! syncs it several times. A sync that fails may lose any part of what was not synced. The oracle checks
//! what is read, during the fault and after it, and what crashes would leave. At the end the store works
//! again, and then:
//!
//! 1. A sync reports errors that were not reported before, to each handle once. If it fails again,
//!    bytes are lost that the cache cannot send again; it succeeds after these were written again.
//! 2. After that, buffered reads, direct reads, mappings and the store have the same bytes. The oracle
//!    allows them, and the store is as long as the file.
//! 3. Nothing is left locked: the file can be truncated.

mod trial;

use std::fmt;
use std::time::{Duration, Instant};

use crate::oracle::knowledge::WriteMode;
use crate::report::grouped;
use crate::stores::faults::{Fault, Plan};
use trial::{Look, Trial};

/// How many runs there are, and how long each is.
#[derive(Clone, Copy)]
pub struct Scope {
    pub seed: u64,
    /// The number of workloads into which faults are injected, each with a seed of its own.
    pub workloads: u64,
    /// The number of operations of a run.
    pub operations: u32,
    /// After every so many operations a crash is simulated, in runs for faults.
    pub between_crashes: u32,
    /// The number of runs for crashes.
    pub crash_runs: u64,
    /// The number of crashes that such a run simulates after each operation.
    pub crashes: u32,
}

impl Scope {
    pub fn new(seed: u64) -> Scope {
        Scope {
            seed,
            workloads: 4,
            operations: 60,
            between_crashes: 4,
            crash_runs: 120,
            crashes: 8,
        }
    }
}

/// The results of all runs.
pub struct Injection {
    rows: Vec<Row>,
    first_findings: Vec<String>,
    elapsed: Duration,
}

/// The runs of one kind.
struct Row {
    what: String,
    mode: WriteMode,
    runs: u64,
    struck: u64,
    crashes: u64,
    findings: u64,
}

/// Injects every fault into every request, and crashes.
pub fn inject(scope: Scope) -> Injection {
    let start = Instant::now();
    let mut injection =
        Injection { rows: Vec::new(), first_findings: Vec::new(), elapsed: start.elapsed() };
    for mode in [WriteMode::Back, WriteMode::Through] {
        let look = Look::InTheEnd;
        let trial = |plan, seed| Trial { plan, seed, mode, scope, crashes: 1, look };
        let workloads: Vec<_> = (scope.seed..scope.seed + scope.workloads)
            .map(|seed| (seed, trial(Plan::Never, seed).run().requests))
            .collect();
        let everywhere = |plan: &dyn Fn(u64) -> Plan| -> Vec<Trial> {
            let numbers = |&(seed, requests)| (0..requests).map(move |number| (seed, number));
            let trials = workloads.iter().flat_map(numbers).flat_map(|(seed, number)| {
                let trial = trial(plan(number), seed);
                [Trial { look: Look::AtOnce, ..trial.clone() }, trial]
            });
            trials.collect()
        };
        for fault in Fault::ALL {
            let trials = everywhere(&|number| Plan::Nth(number, fault));
            injection.row(fault.name().to_owned(), mode, trials);
        }
        let trials = everywhere(&|number| Plan::NthAndTwo(number, Fault::Late));
        injection.row("late, then refused".to_owned(), mode, trials);
        let crash = |plan, seed| Trial {
            crashes: scope.crashes,
            scope: Scope { between_crashes: 1, ..scope },
            ..trial(plan, seed)
        };
        let seeds = || scope.seed..scope.seed + scope.crash_runs;
        let sound = seeds().map(|seed| crash(Plan::Never, seed)).collect();
        injection.row("crash".to_owned(), mode, sound);
        let failing = seeds().map(|seed| crash(Plan::Seeded(seed), seed)).collect();
        injection.row("crash, with faults".to_owned(), mode, failing);
        let losing = seeds().map(|seed| crash(Plan::Syncs(seed), seed)).collect();
        injection.row("crash, syncs fail".to_owned(), mode, losing);
    }
    injection.elapsed = start.elapsed();
    injection
}

impl Injection {
    pub fn findings(&self) -> u64 {
        self.rows.iter().map(|row| row.findings).sum()
    }

    fn row(&mut self, what: String, mode: WriteMode, trials: Vec<Trial>) {
        let mut row = Row { what, mode, runs: 0, struck: 0, crashes: 0, findings: 0 };
        for trial in trials {
            let result = trial.run();
            row.runs += 1;
            row.struck += result.struck;
            row.crashes += result.crashes;
            if let Some(finding) = result.finding {
                row.findings += 1;
                if row.findings == 1 {
                    self.first_findings.push(format!("{trial:?}: {finding}"));
                }
            }
        }
        self.rows.push(row);
    }
}

impl fmt::Display for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let titles = ("fault", "writes", "runs", "failed", "crashes", "findings");
        let (what, mode, runs, struck, crashes, findings) = titles;
        writeln!(f, "{what:<20}{mode:<9}{runs:>9}{struck:>9}{crashes:>12}{findings:>10}")?;
        for Row { what, mode, runs, struck, crashes, findings } in &self.rows {
            let mode = match mode {
                WriteMode::Back => "back",
                WriteMode::Through => "through",
            };
            write!(f, "{what:<20}{mode:<9}{:>9}{:>9}", grouped(*runs), grouped(*struck))?;
            writeln!(f, "{:>12}{:>10}", grouped(*crashes), grouped(*findings))?;
        }
        let sum = |count: fn(&Row) -> u64| grouped(self.rows.iter().map(count).sum());
        let (runs, struck) = (sum(|row| row.runs), sum(|row| row.struck));
        let (crashes, findings) = (sum(|row| row.crashes), sum(|row| row.findings));
        for finding in &self.first_findings {
            writeln!(f, "\n{finding}")?;
        }
        writeln!(
            f,
            "{runs} runs, {struck} failed requests, {crashes} crashes: {findings} findings, in {:.1} s",
            self.elapsed.as_secs_f64()
        )
    }
}

#[cfg(test)]
mod tests;
