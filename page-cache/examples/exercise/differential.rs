//! The same operations, by one thread, on a plain file and on cached files over several stores.
//!
//! After each operation, all files must have returned the same value, read the same bytes, and have the same
//! length. At the end, the stores of the cached files must have the same bytes.

mod contestant;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use spanlock_page_cache::{File, FileStore, MemStore, PageCache, Store};

use crate::options::{DirectFiles, Extent, Options};
use crate::oracle::knowledge::WriteMode;
use crate::oracle::stamp::Stamp;
use crate::page_size::cache_of;
use crate::report::grouped;
use crate::report::journal::Answer;
use crate::subject::plain_file::Original;
use crate::workload::met::Met;
use crate::workload::op::{Op, Path};
use crate::workload::{Mix, Plan, Workload};
use contestant::Contestant;

/// How many operations before a difference are printed.
const TOLD: usize = 24;
/// How many mapped operations are made through one mapping.
const MAPPING_USES: u64 = 512;
const CHUNK: usize = 1 << 20;
/// The directory where Linux has a file system in memory.
const TMPFS: &str = "/dev/shm";

/// The result of a comparison.
pub struct Comparison {
    pub difference: Option<Difference>,
    contestants: Vec<String>,
    skipped: Vec<String>,
    operations: u64,
    bytes: u64,
    elapsed: Duration,
}

/// A difference between a contestant and the first one.
pub struct Difference {
    contestant: String,
    at: String,
    what: String,
    operations: VecDeque<String>,
}

/// Compares cached files over the disk's file system, tmpfs and memory with a plain file.
pub fn compare(options: &Options) -> io::Result<Comparison> {
    let mut skipped = Vec::new();
    let mut contestants = vec![original(options)?];
    for (name, folder) in [("disk", std::env::temp_dir()), ("tmpfs", PathBuf::from(TMPFS))] {
        match cached_file(&format!("{name}, {}", folder.display()), &folder, options) {
            Ok(contestant) => contestants.push(contestant),
            // Some file systems may be absent, or have no direct IO.
            Err(error) if name == "tmpfs" || options.direct == DirectFiles::All => {
                skipped.push(format!("{name}: {error}"))
            }
            Err(error) => return Err(error),
        }
    }
    contestants.push(cached_memory("memory", WriteMode::Back, options)?);
    contestants.push(cached_memory("memory, written through", WriteMode::Through, options)?);
    let (start, mut replay) = (Instant::now(), Replay::new(contestants, options));
    let difference = replay.run(options.extent)?;
    let elapsed = start.elapsed();
    let Replay { operations, bytes, contestants, .. } = replay;
    let contestants = contestants.iter().map(|contestant| contestant.name().to_owned()).collect();
    Ok(Comparison { difference, contestants, skipped, operations, bytes, elapsed })
}

fn original(options: &Options) -> io::Result<Contestant> {
    let file = tempfile::tempfile()?;
    file.set_len(options.size)?;
    let beneath = Original::new(file);
    let file = beneath.clone();
    Ok(Contestant::new("a plain file", file, move |bytes, offset| beneath.read(bytes, offset)))
}

fn cached_file(name: &str, folder: &FilePath, options: &Options) -> io::Result<Contestant> {
    let file = tempfile::NamedTempFile::new_in(folder)?;
    let store = match options.direct {
        DirectFiles::EveryThird => FileStore::open(file.path())?,
        DirectFiles::All => FileStore::open_direct(file.path())?,
    };
    store.set_len(options.size)?;
    let beneath = Original::new(file.reopen()?);
    Ok(Contestant::new(name, open(store, WriteMode::Back, options)?, move |bytes, offset| {
        beneath.read(bytes, offset)
    }))
}

fn cached_memory(name: &str, writes: WriteMode, options: &Options) -> io::Result<Contestant> {
    let store = Arc::new(MemStore::new());
    store.set_len(options.size)?;
    let file = open(Arc::clone(&store), writes, options)?;
    Ok(Contestant::new(name, file, move |bytes, offset| store.read_at(bytes, offset)))
}

fn open(store: impl Store + 'static, writes: WriteMode, options: &Options) -> io::Result<File> {
    let cache = PageCache::with_options(cache_of(options.cache));
    cache.open_with(store, writes.options())
}

/// The operations, and the contestants that perform them. The first contestant is the reference.
struct Replay {
    contestants: Vec<Contestant>,
    workload: Workload,
    met: Met,
    limit: u64,
    operations: u64,
    mapped: u64,
    mapping_start: u64,
    bytes: u64,
    last: VecDeque<String>,
}

impl Replay {
    fn new(contestants: Vec<Contestant>, options: &Options) -> Replay {
        Replay {
            contestants,
            workload: Workload::new(options.seed, 0, options.size, Mix::Usual),
            met: Met::default(),
            limit: options.size,
            operations: 0,
            mapped: 0,
            mapping_start: 0,
            bytes: 0,
            last: VecDeque::new(),
        }
    }

    fn run(&mut self, extent: Extent) -> io::Result<Option<Difference>> {
        let start = Instant::now();
        let most = extent.share(0, 1);
        while self.operations < most && start.elapsed() < extent.duration() {
            if let Some(difference) = self.step() {
                return Ok(Some(difference));
            }
        }
        self.close()
    }

    fn step(&mut self) -> Option<Difference> {
        self.operations += 1;
        let op = self.next();
        self.met.note(op.path);
        if matches!(op.path, Path::Load | Path::Store) {
            self.mapped += 1;
            if self.mapped.is_multiple_of(MAPPING_USES) || op.bytes.start < self.mapping_start {
                self.mapping_start = self.workload.mapping_start(&op.bytes);
            }
        }
        let stamp = Stamp::new(op.path, 0, op.sequence);
        for contestant in &mut self.contestants {
            contestant.perform(&op, stamp, self.mapping_start);
        }
        let [original, cached @ ..] = &self.contestants[..] else { return None };
        self.bytes += original.read().len() as u64;
        if self.last.len() == TOLD {
            self.last.pop_front();
        }
        self.last.push_back(format!("{op}: {}", told(original.answer())));
        let what = cached.iter().find_map(|other| Some((other, differs(original, other)?)));
        what.map(|(other, what)| self.difference(other, &op, what))
    }

    /// The next operation for which the file is long enough, and which does not make it too long.
    fn next(&mut self) -> Op {
        let len = self.contestants[0].len();
        let Plan { mut path, mut bytes, len: new_len } = self.workload.next(len, &self.met);
        let count = bytes.end - bytes.start;
        let fits = match path {
            path if path.appends() => len + count <= self.limit,
            Path::Collapse => bytes.end < len,
            Path::Insert => bytes.start < len && len + count <= self.limit,
            _ => true,
        };
        if !fits {
            path = Path::Read;
        }
        if path.appends() {
            bytes = len..len + count;
        }
        Op {
            path,
            thread: 0,
            sequence: self.operations,
            file: 0,
            bytes,
            len: matches!(path, Path::Truncate | Path::Extend).then_some(new_len),
        }
    }

    /// Closes the files, and compares the bytes of their stores.
    fn close(&mut self) -> io::Result<Option<Difference>> {
        for contestant in &mut self.contestants {
            contestant.close()?;
        }
        let [original, cached @ ..] = &self.contestants[..] else { return Ok(None) };
        let (mut expected, mut found) = (vec![0; CHUNK], vec![0; CHUNK]);
        for other in cached {
            let mut at = 0;
            loop {
                let len = original.read_beneath(&mut expected, at)?;
                let other_len = other.read_beneath(&mut found, at)?;
                if let Some(what) = first_difference(&expected[..len], &found[..other_len], at) {
                    return Ok(Some(self.difference(other, &"the files in the end", what)));
                }
                if len == 0 {
                    break;
                }
                at += len as u64;
            }
        }
        Ok(None)
    }

    fn difference(&self, other: &Contestant, at: &dyn fmt::Display, what: String) -> Difference {
        let (contestant, at) = (other.name().to_owned(), at.to_string());
        Difference { contestant, at, what, operations: self.last.clone() }
    }
}

/// How `other` differs from `original` after an operation.
fn differs(original: &Contestant, other: &Contestant) -> Option<String> {
    let (expected, found) = (original.answer(), other.answer());
    if expected != found {
        return Some(format!("it returned {} instead of {}", told(found), told(expected)));
    }
    if original.len() != other.len() {
        return Some(format!("it has {} bytes instead of {}", other.len(), original.len()));
    }
    first_difference(original.read(), other.read(), 0)
}

fn first_difference(expected: &[u8], found: &[u8], offset: u64) -> Option<String> {
    if expected == found {
        return None;
    }
    let at = expected.iter().zip(found).position(|(expected, found)| expected != found);
    let at = at.unwrap_or(expected.len().min(found.len()));
    let (expected, found) = (expected.get(at), found.get(at));
    Some(format!("byte {} is {found:?} instead of {expected:?}", offset + at as u64))
}

fn told(answer: Answer) -> String {
    answer.map_or_else(|kind| kind.to_string(), |count| count.to_string())
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in &self.contestants {
            writeln!(f, "  {name}")?;
        }
        for reason in &self.skipped {
            writeln!(f, "  skipped: {reason}")?;
        }
        let (operations, bytes) = (grouped(self.operations), grouped(self.bytes));
        let seconds = self.elapsed.as_secs_f64();
        writeln!(f, "{operations} operations on each, {bytes} bytes read, in {seconds:.1} s")?;
        let Some(difference) = &self.difference else {
            return writeln!(
                f,
                "agreed: in every byte, size and return value, and in the files at the end"
            );
        };
        let Difference { contestant, at, what, operations } = difference;
        writeln!(f, "the last operations:")?;
        for line in operations {
            writeln!(f, "  {line}")?;
        }
        writeln!(f, "differs: {contestant}, at {at}: {what}")
    }
}

#[cfg(test)]
mod tests;
