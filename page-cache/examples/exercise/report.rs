//! The results, as a table or as JSON.

pub mod digest;
pub mod finding;
pub mod journal;
pub mod latency;
pub mod progress;
mod unmet;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use spanlock::{Access, Mode};
use spanlock_page_cache::{CacheStats, ClaimCounts};

use crate::options::{DirectFiles, Extent, Options};
use crate::oracle::knowledge::Reliability;
use crate::page_size::page_size;
use crate::run::Run;
use crate::subject::test_file::Backing;
use crate::workload::op::Path;

/// How many findings are shown in full.
const SHOWN: usize = 3;

const ACCESSES: [(Access, &str); 12] = [
    (Access::BufferedRead, "buffered read"),
    (Access::BufferedWrite, "buffered write"),
    (Access::Fault, "fault"),
    (Access::Writeback, "writeback"),
    (Access::Readahead, "readahead"),
    (Access::DirectRead, "direct read"),
    (Access::DirectWrite, "direct write"),
    (Access::Truncate, "truncate"),
    (Access::PunchHole, "punch hole"),
    (Access::Invalidate, "invalidate"),
    (Access::Shift, "shift"),
    (Access::Allocate, "allocate"),
];

/// The results of a run. Times are in nanoseconds, sizes in bytes.
#[derive(Serialize)]
pub struct Report {
    pub verdict: Verdict,
    settings: Settings,
    seconds: f64,
    operations: u64,
    rate: f64,
    paths: Vec<PathReport>,
    claims: Vec<ClaimsReport>,
    cache: CacheReport,
    faults: Vec<FaultReport>,
    /// Equal for equal operations with equal results. `None` if there were several threads.
    digest: Option<String>,
    /// What the report lists and did not happen.
    unmet: Vec<String>,
    findings: u64,
    first_findings: Vec<String>,
    last_operations: Vec<String>,
}

/// The verdict on a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Clean,
    /// No error was found, but something that the report lists did not happen.
    Incomplete,
    Corrupt,
}

/// What was run.
#[derive(Serialize)]
pub struct Settings {
    lock: String,
    file: Option<String>,
    files: u16,
    size: u64,
    cache: u64,
    threads: u16,
    seconds: Option<f64>,
    operations: Option<u64>,
    seed: u64,
    direct: bool,
    /// How many files bypass the kernel's cache.
    direct_files: usize,
    faults: bool,
}

#[derive(Serialize)]
struct PathReport {
    path: &'static str,
    operations: u64,
    rate: f64,
    p50: u64,
    p99: u64,
    max: u64,
}

#[derive(Serialize)]
struct ClaimsReport {
    lock: &'static str,
    access: &'static str,
    mode: &'static str,
    taken: u64,
    waited: u64,
}

#[derive(Serialize)]
struct FaultReport {
    fault: &'static str,
    requests: u64,
}

#[derive(Serialize)]
struct CacheReport {
    hits: u64,
    misses: u64,
    fills: u64,
    read_ahead: u64,
    writebacks: u64,
    pageouts: u64,
    evictions: u64,
    /// Evictions of the crowded cache. The other numbers do not include it.
    crowded_evictions: u64,
}

impl Settings {
    pub fn of(options: &Options, files: &[Arc<Backing>]) -> Settings {
        Settings {
            lock: options.lock.to_string(),
            files: options.files,
            file: options.file.as_ref().map(|path| path.display().to_string()),
            size: options.size,
            cache: options.cache as u64 * page_size(),
            threads: options.threads,
            seconds: match options.extent {
                Extent::Time(duration) => Some(duration.as_secs_f64()),
                Extent::Operations(_) => None,
            },
            operations: match options.extent {
                Extent::Time(_) => None,
                Extent::Operations(count) => Some(count),
            },
            seed: options.seed,
            direct: options.direct == DirectFiles::All,
            direct_files: files.iter().filter(|file| file.is_direct()).count(),
            faults: options.store == Reliability::Failing,
        }
    }
}

impl Report {
    pub fn new(options: &Options, files: &[Arc<Backing>], run: &Run) -> Report {
        let seconds = run.elapsed.as_secs_f64();
        let rate = |operations: u64| operations as f64 / seconds.max(1e-9);
        let paths: Vec<PathReport> = Path::ALL
            .into_iter()
            .map(|path| {
                let latencies = run.latencies.of(path);
                PathReport {
                    path: path.name(),
                    operations: latencies.len(),
                    rate: rate(latencies.len()),
                    p50: latencies.value_at_quantile(0.5),
                    p99: latencies.value_at_quantile(0.99),
                    max: latencies.max(),
                }
            })
            .collect();
        let operations = paths.iter().map(|path| path.operations).sum();
        let CacheStats { hits, misses, fills, read_ahead, writebacks, pageouts, evictions, .. } =
            run.stats;
        let crowded_evictions = run.crowded.evictions;
        let unmet = unmet::unmet(options, run);
        Report {
            verdict: match run.findings.count {
                0 if unmet.is_empty() => Verdict::Clean,
                0 => Verdict::Incomplete,
                _ => Verdict::Corrupt,
            },
            settings: Settings::of(options, files),
            seconds,
            operations,
            rate: rate(operations),
            paths,
            claims: claims(&run.stats),
            cache: CacheReport {
                hits,
                misses,
                fills,
                read_ahead,
                writebacks,
                pageouts,
                evictions,
                crowded_evictions,
            },
            faults: run
                .struck
                .iter()
                .filter(|(_, requests)| *requests > 0)
                .map(|(fault, requests)| FaultReport { fault: fault.name(), requests: *requests })
                .collect(),
            digest: (options.threads == 1 && matches!(options.extent, Extent::Operations(_)))
                .then(|| run.digest.to_string()),
            unmet,
            findings: run.findings.count,
            first_findings: run
                .findings
                .first
                .iter()
                .take(SHOWN)
                .map(ToString::to_string)
                .collect(),
            last_operations: match run.findings.count {
                0 => Vec::new(),
                _ => run.last_operations.clone(),
            },
        }
    }
}

fn claims(stats: &CacheStats) -> Vec<ClaimsReport> {
    let report = |lock, access, mode, claims: ClaimCounts| ClaimsReport {
        lock,
        access,
        mode,
        taken: claims.taken,
        waited: claims.waited,
    };
    let mapping = ACCESSES.into_iter().map(|(access, name)| {
        let mode = match access.mode() {
            Mode::Shared => "shared",
            Mode::Exclusive => "exclusive",
        };
        report("mapping", name, mode, stats.claims(access))
    });
    let io = report("io", "any", "either", stats.io_claims);
    mapping.chain([io]).filter(|claims| claims.taken > 0).collect()
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings {
            lock, file, files, size, cache, threads, seed, direct_files, faults, ..
        } = self;
        write!(f, "seed {seed}: lock {lock}, {threads} threads, ")?;
        match (self.seconds, self.operations) {
            (Some(seconds), _) => write!(f, "{seconds} s, ")?,
            (_, operations) => write!(f, "{} operations, ", operations.unwrap_or(0))?,
        }
        if *files > 1 {
            write!(f, "{files} times ")?;
        }
        let file = file.as_deref().unwrap_or("an unnamed file");
        write!(f, "{} KiB in {file}", size >> 10)?;
        write!(f, ", {} KiB of cache", cache >> 10)?;
        match *direct_files {
            0 => {}
            count if count == usize::from(*files) => write!(f, ", direct")?,
            count => write!(f, ", {count} of them direct")?,
        }
        if *faults { write!(f, ", faults") } else { Ok(()) }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n{:<20}{:>12}{:>12}{:>11}{:>11}{:>11}",
            "operation", "count", "per second", "p50", "p99", "max"
        )?;
        for path in &self.paths {
            write!(f, "{:<20}{:>12}", path.path, grouped(path.operations))?;
            write!(f, "{:>12}", grouped(path.rate as u64))?;
            for nanos in [path.p50, path.p99, path.max] {
                write!(f, "{:>11}", Latency(nanos).to_string())?;
            }
            writeln!(f)?;
        }
        let (operations, rate) = (grouped(self.operations), grouped(self.rate as u64));
        writeln!(f, "{:<20}{operations:>12}{rate:>12}", "all")?;
        let headings = ("claims", "mode", "taken", "waited");
        writeln!(f, "\n{:<24}{:<10}{:>14}{:>14}", headings.0, headings.1, headings.2, headings.3)?;
        for ClaimsReport { lock, access, mode, taken, waited } in &self.claims {
            let claim = format!("{lock}, {access}");
            let (taken, waited) = (grouped(*taken), grouped(*waited));
            writeln!(f, "{claim:<24}{mode:<10}{taken:>14}{waited:>14}")?;
        }
        let CacheReport {
            hits,
            misses,
            fills,
            read_ahead,
            writebacks,
            pageouts,
            evictions,
            crowded_evictions,
        } = &self.cache;
        writeln!(
            f,
            "\npages: {} hits, {} misses, {} fills ({} read ahead), {} writebacks ({} pageouts), \
             {} evictions; {} from a crowded cache\n",
            grouped(*hits),
            grouped(*misses),
            grouped(*fills),
            grouped(*read_ahead),
            grouped(*writebacks),
            grouped(*pageouts),
            grouped(*evictions),
            grouped(*crowded_evictions),
        )?;
        if !self.faults.is_empty() {
            write!(f, "faults:")?;
            for FaultReport { fault, requests } in &self.faults {
                write!(f, " {} {fault}", grouped(*requests))?;
            }
            writeln!(f, "\n")?;
        }
        for (index, finding) in self.first_findings.iter().enumerate() {
            writeln!(f, "finding {}: {finding}", index + 1)?;
        }
        if !self.last_operations.is_empty() {
            writeln!(f, "the last operations of each thread, in the order in which they began:")?;
            for line in &self.last_operations {
                writeln!(f, "  {line}")?;
            }
            writeln!(f)?;
        }
        if let Some(digest) = &self.digest {
            writeln!(
                f,
                "digest {digest}: of the operations, of what they returned and read, and of the files"
            )?;
        }
        match self.verdict {
            Verdict::Clean => {
                writeln!(
                    f,
                    "clean: every sector that was read, and every file at the end, was as expected"
                )
            }
            Verdict::Incomplete => writeln!(
                f,
                "incomplete: no error was found, but the run did not cover: {}",
                self.unmet.join(", ")
            ),
            Verdict::Corrupt => writeln!(
                f,
                "corrupt: {} findings, the first {} above; seed {}",
                self.findings,
                self.first_findings.len(),
                self.settings.seed
            ),
        }
    }
}

/// A number of nanoseconds, printed in a suitable unit.
struct Latency(u64);

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let latency = Duration::from_nanos(self.0);
        match self.0 {
            0..1_000 => write!(f, "{} ns", self.0),
            1_000..1_000_000 => write!(f, "{:.1} us", latency.as_secs_f64() * 1e6),
            1_000_000..1_000_000_000 => write!(f, "{:.1} ms", latency.as_secs_f64() * 1e3),
            _ => write!(f, "{:.1} s", latency.as_secs_f64()),
        }
    }
}

/// A number with separators between thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests;
