//! A worker: one thread's operations on one file, each of which is reported to the oracle.
//!
//! An operation may fail only with an error that was injected into the store. Then each byte that it should have
//! written may be old or new. A length that could not be set is as before.

mod change;
mod mapped;
mod shift;
mod transfer;

use std::io;
use std::ops::Range;
use std::sync::PoisonError;
use std::time::Instant;

use crate::oracle::Outcome;
use crate::oracle::after_crash::Floor;
use crate::oracle::knowledge::Knowledge;
use crate::oracle::stamp::Stamp;
use crate::oracle::tags::tag_of;
use crate::report::digest::Digest;
use crate::report::finding::{Finding, What};
use crate::report::journal::Journal;
use crate::report::latency::Latencies;
use crate::stores::faults::is_injected;
use crate::subject::Subject;
use crate::workload::op::{Op, Path};
use crate::workload::{Workload, longest};

/// The operations of one thread on one file.
pub struct Worker<'a, S: Subject> {
    file: &'a S,
    known: &'a Knowledge,
    journal: &'a Journal,
    post: Post,
    sequence: u64,
    workload: Workload,
    buffer: Vec<u8>,
    mapping: Option<(Range<u64>, S::Mapping)>,
    mapping_uses: u32,
    floor: Option<&'a Floor>,
    record: Record,
}

/// The thread of a worker, and which of how many files it uses. The workers of a thread number their operations so that
/// no two operations have the same stamp.
#[derive(Clone, Copy, Debug)]
pub struct Post {
    pub thread: u16,
    pub file: u16,
    pub files: u16,
}

/// The results of a worker.
#[derive(Default)]
pub struct Record {
    pub latencies: Latencies,
    /// Of its operations, their results, and what they read.
    pub digest: Digest,
    /// How often an error was reported of bytes that did not reach the store.
    pub heard_errors: u64,
}

impl Record {
    pub fn add(&mut self, other: &Record) {
        self.latencies.add(&other.latencies);
        self.digest.add(other.digest.value());
        self.heard_errors += other.heard_errors;
    }
}

impl<'a, S: Subject> Worker<'a, S> {
    pub fn new(
        file: &'a S,
        known: &'a Knowledge,
        journal: &'a Journal,
        post: Post,
        workload: Workload,
    ) -> Worker<'a, S> {
        Worker {
            file,
            known,
            journal,
            post,
            sequence: u64::from(post.file),
            workload,
            buffer: vec![0; longest()],
            mapping: None,
            mapping_uses: 0,
            floor: None,
            record: Record::default(),
        }
    }

    /// Makes it report its syncs to `floor`.
    pub fn over(self, floor: &'a Floor) -> Worker<'a, S> {
        Worker { floor: Some(floor), ..self }
    }

    /// Performs one operation.
    pub fn step(&mut self) -> Result<(), Box<Finding>> {
        let plan = self.workload.next(self.known.length.hint(), &self.known.met);
        let op = self.op(plan.path, plan.bytes);
        let known = self.known;
        let is_alone = matches!(
            op.path,
            Path::SelfWrite | Path::Collapse | Path::Insert | Path::Times | Path::Abandon
        );
        let (alone, together) = match is_alone {
            true => (Some(known.gate.write().unwrap_or_else(PoisonError::into_inner)), None),
            false => (None, Some(known.gate.read().unwrap_or_else(PoisonError::into_inner))),
        };
        let done = match op.path {
            Path::Read
            | Path::VectoredRead
            | Path::UninitRead
            | Path::MemoryRead
            | Path::CopyRead
            | Path::DirectRead
            | Path::VectoredDirectRead
            | Path::ExactDirectRead => self.read(&op),
            Path::Write
            | Path::VectoredWrite
            | Path::TaggedWrite
            | Path::MemoryWrite
            | Path::CopyWrite
            | Path::DurableWrite
            | Path::DirectWrite
            | Path::VectoredDirectWrite
            | Path::WholeDirectWrite => self.write(&op),
            // Not while bytes may be lost: those that this would read and write may be among them.
            Path::SelfWrite if self.floor.is_some_and(Floor::is_doubtful) => Ok(()),
            Path::SelfWrite => self.write_itself(op.clone()),
            Path::Append | Path::VectoredAppend | Path::DirectAppend | Path::DurableAppend => {
                self.append(op.clone())
            }
            Path::Load | Path::GuardRead | Path::ListRead => self.load(&op),
            Path::Store if self.workload.once_in(64) => self.scribble(op.clone()),
            Path::Store
            | Path::GuardWrite
            | Path::GuardBytes
            | Path::OwnedWrite
            | Path::ListWrite => self.store(&op),
            Path::Truncate | Path::Extend => self.set_len_after_scribble(op.clone(), plan.len),
            Path::Punch | Path::ZeroRange => self.zero(&op),
            Path::Collapse | Path::Insert => self.shift(op.clone()),
            Path::Allocate | Path::Writeback | Path::SyncRange | Path::Hint => {
                self.leave_alone(&op)
            }
            Path::DirtyPages => self.list_dirty(&op),
            Path::Times => self.time(&op),
            Path::Sync | Path::CacheSync => self.sync(&op),
            Path::SyncUpTo => self.sync_up_to(&op),
            Path::Reopen | Path::Discard => self.reopen(&op),
            Path::Abandon => self.abandon(op.clone()),
        };
        drop((alone, together));
        // The hook may have been called on another thread.
        done.and_then(|()| match known.tags.take_wrong() {
            None => Ok(()),
            Some(wrong) => Err(Box::new(Finding::of_tags(&op.to_string(), wrong))),
        })
    }

    /// Syncs, in addition to the planned operations. Returns whether that succeeded.
    pub fn sync_now(&mut self) -> Result<bool, Box<Finding>> {
        let op = self.op(Path::Sync, 0..0);
        let before = self.record.heard_errors;
        self.sync(&op)?;
        Ok(self.record.heard_errors == before)
    }

    /// Syncs all files of the cache, in addition to the planned operations.
    pub fn sync_cache_now(&mut self) -> Result<(), Box<Finding>> {
        let op = self.op(Path::CacheSync, 0..0);
        self.sync(&op)
    }

    /// Writes all of the file again.
    pub fn rewrite(&mut self) -> Result<(), Box<Finding>> {
        let len = self.file.len();
        for start in (0..len).step_by(longest()) {
            let op = self.op(Path::Write, start..len.min(start + longest() as u64));
            self.write(&op)?;
        }
        Ok(())
    }

    /// How often an error was reported of bytes that did not reach the store, since the file was opened.
    pub fn heard_errors(&self) -> u64 {
        self.record.heard_errors
    }

    /// Records what the store has lost.
    fn watch(&self) {
        if let Some(floor) = self.floor {
            floor.watch(self.known);
        }
    }

    pub fn into_record(self) -> Record {
        self.record
    }

    fn op(&mut self, path: Path, bytes: Range<u64>) -> Op {
        self.sequence += u64::from(self.post.files);
        let file = if self.post.files > 1 { self.post.file + 1 } else { 0 };
        Op { path, thread: self.post.thread, sequence: self.sequence, file, bytes, len: None }
    }

    fn stamped<'b>(&self, op: &Op, buffer: &'b mut [u8]) -> &'b [u8] {
        let bytes = &mut buffer[..(op.bytes.end - op.bytes.start) as usize];
        stamp_of(op).fill(bytes, op.bytes.start);
        bytes
    }

    /// Calls `work`, which performs `op` on the file, and returns how many bytes it reports to have read or written,
    /// or 0.
    fn timed(&mut self, op: &Op, work: impl FnOnce() -> io::Result<u64>) -> io::Result<u64> {
        self.known.met.note(op.path);
        self.known.times.begin(op.path);
        if S::TAGS {
            self.known.tags.begin(op);
        }
        self.journal.begin(op);
        let start = Instant::now();
        let result = work();
        self.record.latencies.record(op.path, start.elapsed());
        self.known.times.end(op.path, &result);
        if S::TAGS {
            self.known.tags.end(op, &result);
            self.note_change(op, &result);
        }
        let answer = result.as_ref().map_or_else(|error| Err(error.kind()), |&count| Ok(count));
        self.journal.end(self.post.thread, answer);
        for word in [op.path as u64, op.bytes.start, op.bytes.end, op.len.unwrap_or(u64::MAX)] {
            self.record.digest.add(word);
        }
        self.record.digest.add(answer.unwrap_or(u64::MAX));
        result
    }

    /// Records what a sync of tags will make durable, if no other thread uses the file.
    fn note_change(&self, op: &Op, result: &io::Result<u64>) {
        let Some(floor) = self.floor.filter(|_| op.path.may_change()) else { return };
        floor.note_change(op);
        let end = match (result, op.path) {
            (Ok(count), Path::TaggedWrite) => op.bytes.start + count,
            (Ok(_), path) if path.is_tagged() => op.bytes.end.min(self.file.len()),
            _ => return,
        };
        floor.note_tagged(op.bytes.start..end, tag_of(op));
    }

    /// Asks the file for its length, if that depends on the order of operations that overlapped.
    fn observe(&self, op: &Op) -> Result<(), Box<Finding>> {
        let observed = self.known.length.observe(|| self.file.len());
        observed.map_err(|(expected, found)| finding(op, What::Len { expected, found }))
    }
}

fn stamp_of(op: &Op) -> Stamp {
    Stamp::new(op.path, op.thread, op.sequence)
}

/// Whether an error of a durable write is from the sync at its end.
fn is_of_sync(result: &io::Result<u64>) -> bool {
    result.as_ref().is_err_and(|error| error.to_string().starts_with("sync_range"))
}

fn is_past_end(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
}

fn outcome_of(result: &io::Result<u64>) -> Outcome {
    if result.is_ok() { Outcome::Done } else { Outcome::Failed }
}

/// Checks the result of an operation.
fn expect(op: &Op, result: io::Result<u64>) -> Result<(), Box<Finding>> {
    match result {
        Err(error) if !is_injected(&error) => Err(finding(op, What::Refused(error))),
        _ => Ok(()),
    }
}

fn finding(op: &Op, what: What) -> Box<Finding> {
    Box::new(Finding { seen_by: op.to_string(), what, history: Vec::new() })
}

#[cfg(test)]
mod tests;
