//! The journal: which operations were performed, in which order, and with which results.
//!
//! Each thread keeps its last operations, for the report of a failure. With `--log`, all operations
//! are also written to a file.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path as FilePath;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_utils::CachePadded;

use crate::workload::op::Op;

/// How many operations of a thread are kept.
const KEPT: usize = 16;

/// The operations of all threads.
pub struct Journal {
    /// Incremented whenever an operation begins or ends.
    now: AtomicU64,
    threads: Box<[CachePadded<Beacon>]>,
    file: Option<Mutex<BufWriter<File>>>,
}

/// What other threads read of a thread's operations.
#[derive(Default)]
struct Beacon {
    done: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    current: Option<(u64, Op)>,
    last: VecDeque<Line>,
}

/// An operation, and its result.
#[derive(Clone, Debug)]
pub struct Line {
    begun: u64,
    /// When it ended, and what it returned; `None` while it runs.
    end: Option<(u64, Answer)>,
    op: Op,
}

/// What an operation returned: a count of bytes, if it counts them, or a kind of error.
pub type Answer = Result<u64, io::ErrorKind>;

impl Journal {
    /// The journal of so many threads, in memory only.
    pub fn new(threads: u16) -> Journal {
        let threads = (0..threads).map(|_| CachePadded::default()).collect();
        Journal { now: AtomicU64::new(0), threads, file: None }
    }

    /// The same, also written to the file at `path`, which is created or emptied.
    pub fn in_file(threads: u16, path: &FilePath) -> io::Result<Journal> {
        let file = BufWriter::new(File::create(path)?);
        Ok(Journal { file: Some(Mutex::new(file)), ..Journal::new(threads) })
    }

    pub fn begin(&self, op: &Op) {
        let mut state = self.state(op.thread);
        // A scribble is a part of the operation after it, and is not listed itself.
        state.current = Some((self.tick(), op.clone()));
    }

    pub fn end(&self, thread: u16, answer: Answer) {
        let beacon = &self.threads[usize::from(thread)];
        let mut state = beacon.state();
        if let Some((begun, op)) = state.current.take() {
            let line = Line { begun, end: Some((self.tick(), answer)), op };
            if let Some(file) = &self.file {
                // If a line cannot be written, it is missing in the file, and the run continues.
                let _ = writeln!(lock(file), "{line}");
            }
            if state.last.len() == KEPT {
                state.last.pop_front();
            }
            state.last.push_back(line);
        }
        beacon.done.store(beacon.done.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Records that a thread has ended, also within an operation.
    pub fn rest(&self, thread: u16) {
        self.state(thread).current = None;
    }

    /// How many operations each thread has performed.
    pub fn done(&self) -> impl Iterator<Item = u64> {
        self.threads.iter().map(|beacon| beacon.done.load(Ordering::Relaxed))
    }

    /// The operation that a thread performs now.
    pub fn current(&self, thread: u16) -> Option<Op> {
        self.state(thread).current.as_ref().map(|(_, op)| op.clone())
    }

    /// The last operations of all threads, in the order in which they began.
    pub fn last(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for beacon in &self.threads {
            let state = beacon.state();
            lines.extend(state.last.iter().cloned());
            let current = state.current.clone();
            lines.extend(current.map(|(begun, op)| Line { begun, end: None, op }));
        }
        lines.sort_unstable_by_key(|line| line.begun);
        lines
    }

    /// Writes all operations that have ended to the file.
    pub fn flush(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), |file| lock(file).flush())
    }

    fn state(&self, thread: u16) -> MutexGuard<'_, State> {
        self.threads[usize::from(thread)].state()
    }

    fn tick(&self) -> u64 {
        self.now.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Beacon {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line { begun, end, op } = self;
        match end {
            Some((ended, Ok(count))) => write!(f, "{begun} to {ended}  {op}: {count}"),
            Some((ended, Err(kind))) => write!(f, "{begun} to {ended}  {op}: {kind}"),
            None => write!(f, "{begun} to ...  {op}"),
        }
    }
}

#[cfg(test)]
mod tests;
