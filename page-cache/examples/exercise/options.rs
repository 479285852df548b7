//! The command line.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lexopt::prelude::*;
use spanlock_page_cache::{FileStore, PAGE_SIZE};

use crate::kill::{Killing, Serving};
use crate::oracle::knowledge::{Reliability, WriteMode};
use crate::stores::faults::Plan;

/// The output of `--help`.
pub const HELP: &str = "\
Reads, writes, maps, truncates and punches cached files from many threads, and checks
every sector that is read. Besides the requested files it uses a small one, in a cache of its own
that is smaller than the file.

Usage: exercise [OPTIONS]

Options:
  --file PATH      the file to use: created or overwritten, and kept; further files get a
                   number appended [default: unnamed files in the temporary directory]
  --size SIZE      maximum size of a file, as 4096, 64K, 256M or 1G [default: 64M]
  --cache SIZE     size of the cache [default: a quarter of the file size]
  --page-size SIZE size of a page of the cache, from 4096 to 64K [default: 4096]
  --threads N      number of threads, 1 to 1024 [default: 4]
  --seconds N      duration of the run, as 10 or 0.5 [default: 10]
  --operations N   number of operations of all threads together, instead of a duration;
                   with one thread, a run with the same seed repeats exactly
  --files N        number of files in the cache, 1 to 100; every second one is written
                   through, and every third one bypasses the kernel's cache (O_DIRECT)
                   [default: 4, or 1 with --file]
  --seed N         seed of the operations [default: random]
  --lock KIND      lock that serialises operations: range, rwlock or none [default: range]
  --faults         let the stores fail, write short, delay and reorder requests, by the seed
  --log PATH       write every operation and its result to this file
  --differential   instead of a run: perform the operations in one thread on a plain file and,
                   through the cache, on files on disk, on tmpfs and in memory, and compare
                   bytes, sizes and return values [default: 100000 operations on 16M]
  --kill ROUNDS    instead of a run: kill processes that cache a file at random moments, and
                   check that what they had synced is in the file; also with --direct
                   [default: a file of 100K in a cache of 64K]
  --dir PATH       directory of that file [default: the temporary directory]
  --inject         instead of a run: perform small workloads; make each request to the store
                   fail once, in every way, and simulate crashes after every operation
  --direct         bypass the kernel's cache for all files, where the file system supports it
  --json           print the results as a JSON object
  --help           print this help

Exit status: 0 if no error was found, 1 if one was found, 2 if the run was not possible, 3 if no
error was found but something that the report lists did not happen, such as an eviction.
";

const USUAL_FILES: u16 = 4;
const LONGEST_RUN: f64 = 366.0 * 86_400.0;

/// The options of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    pub file: Option<PathBuf>,
    pub size: u64,
    /// In pages.
    pub cache: usize,
    pub files: u16,
    pub threads: u16,
    pub extent: Extent,
    pub seed: u64,
    pub lock: LockKind,
    pub direct: DirectFiles,
    pub store: Reliability,
    pub log: Option<PathBuf>,
    pub output: Output,
}

impl Options {
    /// How the file with this number is opened.
    pub fn access(&self, file: u16) -> StoreAccess {
        match self.direct {
            DirectFiles::EveryThird if file % 3 < 2 => StoreAccess::Buffered,
            DirectFiles::EveryThird | DirectFiles::All => StoreAccess::Direct,
        }
    }

    /// Which requests to the store of the file with this number fail.
    pub fn plan(&self, file: u64) -> Plan {
        match self.store {
            Reliability::Sound => Plan::Never,
            Reliability::Failing => Plan::Seeded(self.seed ^ file << 48),
        }
    }
}

/// When a run ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Extent {
    Time(Duration),
    Operations(u64),
}

impl Extent {
    /// The longest time for which the threads run.
    pub fn duration(self) -> Duration {
        match self {
            Extent::Time(duration) => duration,
            Extent::Operations(_) => Duration::MAX,
        }
    }

    /// The largest number of operations of one thread, if there are so many threads.
    pub fn share(self, thread: u16, threads: u16) -> u64 {
        match self {
            Extent::Time(_) => u64::MAX,
            Extent::Operations(all) => {
                let (thread, threads) = (u64::from(thread), u64::from(threads));
                all / threads + u64::from(thread < all % threads)
            }
        }
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Extent::Time(duration) => write!(f, "{} s", duration.as_secs_f64()),
            Extent::Operations(count) => write!(f, "{count} operations"),
        }
    }
}

/// What serialises the operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    Range,
    WholeFile,
    Nothing,
}

/// Which files bypass the kernel's cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectFiles {
    EveryThird,
    All,
}

/// How the store accesses the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreAccess {
    Buffered,
    Direct,
}

impl StoreAccess {
    /// A store over the file at `path`.
    pub fn open(self, path: &Path) -> io::Result<FileStore> {
        match self {
            StoreAccess::Buffered => FileStore::open(path),
            StoreAccess::Direct => FileStore::open_direct(path),
        }
    }
}

/// How the results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    Table,
    Json,
}

/// A command line.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    pub command: Command,
    /// Of all caches.
    pub page_size: u64,
}

/// What a command line requests.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Run(Options),
    /// Compare cached files with a plain one.
    Compare(Options),
    /// Inject faults into a workload that is drawn from this seed.
    Inject(u64),
    /// Start processes and kill them.
    Kill(Killing),
    /// Run as one of these processes.
    Serve(Serving),
    Help,
}

impl fmt::Display for LockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            LockKind::Range => "range",
            LockKind::WholeFile => "rwlock",
            LockKind::Nothing => "none",
        })
    }
}

impl Invocation {
    /// Parses the arguments.
    pub fn parse(mut parser: lexopt::Parser) -> Result<Invocation, lexopt::Error> {
        let mut options = Options {
            file: None,
            size: 0,
            cache: 0,
            files: 0,
            threads: 4,
            extent: Extent::Operations(0),
            seed: fastrand::u64(..),
            lock: LockKind::Range,
            direct: DirectFiles::EveryThird,
            store: Reliability::Sound,
            log: None,
            output: Output::Table,
        };
        let (mut bytes, mut cache, mut extent, mut count) = (None, None, None, None);
        let (mut folder, mut served, mut requests) = (None, None, u64::MAX);
        let mut page = PAGE_SIZE as u64;
        let (mut task, mut writes) = (Task::Run, WriteMode::Back);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("file") => options.file = Some(file(parser.value()?.into())?),
                Long("size") => bytes = Some(size("--size", &parser.value()?.string()?)?),
                Long("cache") => cache = Some(size("--cache", &parser.value()?.string()?)?),
                Long("page-size") => page = page_bytes(&parser.value()?.string()?)?,
                Long("threads") => options.threads = threads(&parser.value()?.string()?)?,
                Long("seconds") => {
                    extent = Some(Extent::Time(seconds(&parser.value()?.string()?)?));
                }
                Long("operations") => {
                    extent = Some(Extent::Operations(operations(&parser.value()?.string()?)?));
                }
                Long("files") => count = Some(files(&parser.value()?.string()?)?),
                Long("faults") => options.store = Reliability::Failing,
                Long("log") => options.log = Some(parser.value()?.into()),
                Long("seed") => options.seed = seed(&parser.value()?.string()?)?,
                Long("lock") => options.lock = lock(&parser.value()?.string()?)?,
                Long("differential") => task = Task::Compare,
                Long("inject") => task = Task::Inject,
                Long("kill") => task = Task::Kill(rounds(&parser.value()?.string()?)?),
                Long("dir") => folder = Some(parser.value()?.into()),
                // The options with which a process that will be killed is started.
                Long("serve") => served = Some(parser.value()?.into()),
                Long("through") => writes = WriteMode::Through,
                Long("requests") => requests = seed(&parser.value()?.string()?)?,
                Long("direct") => options.direct = DirectFiles::All,
                Long("json") => options.output = Output::Json,
                Short('h') | Long("help") => {
                    return Ok(Invocation { command: Command::Help, page_size: page });
                }
                other => return Err(other.unexpected()),
            }
        }
        let (usual_size, usual_extent) = task.usual();
        options.size = bytes.unwrap_or(usual_size);
        options.extent = extent.unwrap_or(usual_extent);
        options.files = count.unwrap_or(if options.file.is_none() { USUAL_FILES } else { 1 });
        let usual_cache = if matches!(task, Task::Kill(_)) { 16 * page } else { options.size / 4 };
        let cache = cache.unwrap_or(usual_cache).max(page) / page;
        options.cache =
            usize::try_from(cache).map_err(|_| "--cache is more than fits in memory")?;
        let access = match options.direct {
            DirectFiles::EveryThird => StoreAccess::Buffered,
            DirectFiles::All => StoreAccess::Direct,
        };
        let Options { size, cache, seed, .. } = options;
        if let Some(path) = served {
            let command = Command::Serve(Serving { path, access, writes, cache, requests });
            return Ok(Invocation { command, page_size: page });
        }
        let command = match task {
            Task::Kill(rounds) => {
                Command::Kill(Killing { rounds, folder, access, size, cache, seed })
            }
            Task::Run => Command::Run(options),
            Task::Compare => Command::Compare(options),
            Task::Inject => Command::Inject(options.seed),
        };
        Ok(Invocation { command, page_size: page })
    }
}

/// The task for which options are meant.
enum Task {
    Run,
    Compare,
    Inject,
    /// Kill so many processes.
    Kill(u64),
}

impl Task {
    /// The default size and extent.
    fn usual(&self) -> (u64, Extent) {
        match self {
            Task::Run => (64 << 20, Extent::Time(Duration::from_secs(10))),
            Task::Kill(_) => (100 << 10, Extent::Operations(0)),
            Task::Compare | Task::Inject => (16 << 20, Extent::Operations(100_000)),
        }
    }
}

fn file(path: PathBuf) -> Result<PathBuf, String> {
    if path.as_os_str().is_empty() { Err("--file needs a path".into()) } else { Ok(path) }
}

/// A number of bytes, at least a page, with the usual suffixes.
fn size(option: &str, text: &str) -> Result<u64, String> {
    let wrong = || format!("{option} {text:?} is not a size such as 4096, 64K, 256M or 1G");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = text.split_at(digits);
    let shift = match suffix.to_ascii_lowercase().trim_end_matches("ib").trim_end_matches('b') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    match number.checked_mul(1 << shift) {
        Some(bytes) if bytes < PAGE_SIZE as u64 => {
            Err(format!("{option} {text} is less than one page of {PAGE_SIZE} bytes"))
        }
        Some(bytes) if bytes <= i64::MAX as u64 / 2 => Ok(bytes),
        _ => Err(format!("{option} {text} is more than any file can hold")),
    }
}

fn page_bytes(text: &str) -> Result<u64, String> {
    match size("--page-size", text)? {
        bytes if bytes.is_power_of_two() && bytes <= 64 << 10 => Ok(bytes),
        _ => Err(format!("--page-size {text} is not a power of two from 4096 to 64K")),
    }
}

fn threads(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(threads @ 1..=1024) => Ok(threads),
        _ => Err(format!("--threads {text:?} is not a number from 1 to 1024")),
    }
}

fn files(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(files @ 1..=100) => Ok(files),
        _ => Err(format!("--files {text:?} is not a number from 1 to 100")),
    }
}

fn operations(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(operations @ 1..) => Ok(operations),
        _ => Err(format!("--operations {text:?} is not a number greater than 0")),
    }
}

fn rounds(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(rounds @ 1..) => Ok(rounds),
        _ => Err(format!("--kill {text:?} is not a number greater than 0")),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= LONGEST_RUN => {
            Ok(Duration::from_secs_f64(seconds))
        }
        Ok(seconds) if seconds > LONGEST_RUN => {
            Err(format!("--seconds {text} is more than a year"))
        }
        _ => Err(format!("--seconds {text:?} is not a number greater than 0")),
    }
}

fn seed(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("--seed {text:?} is not a number from 0 to {}", u64::MAX))
}

fn lock(text: &str) -> Result<LockKind, String> {
    match text {
        "range" => Ok(LockKind::Range),
        "rwlock" => Ok(LockKind::WholeFile),
        "none" => Ok(LockKind::Nothing),
        _ => Err(format!("--lock {text:?} is none of range, rwlock and none")),
    }
}

#[cfg(test)]
mod tests;
