//! A worker: one thread's operations, each of them told to the oracle.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use spanlock::page_cache::PAGE_SIZE;

use crate::finding::{Finding, What};
use crate::history::Content;
use crate::latency::Latencies;
use crate::length::{Glance, Length, count};
use crate::op::{Op, Path};
use crate::oracle::{Oracle, Outcome};
use crate::stamp::{Stamp, UNFILLED};
use crate::subject::{Mapped, Subject};
use crate::workload::{LONGEST, Plan, Workload};

/// How many mapped operations go through one mapping.
const MAPPING_USES: u32 = 512;

/// What is known of the file beside the file.
pub struct Knowledge {
    pub oracle: Oracle,
    pub length: Length,
    /// The length that the file never exceeds.
    pub limit: u64,
}

impl Knowledge {
    /// About a file of `len` zeroes.
    pub fn new(len: u64, threads: u16) -> Knowledge {
        let length = Length::new(len, usize::from(threads));
        Knowledge { oracle: Oracle::new(len), length, limit: len }
    }
}

/// What others see of a worker.
#[derive(Default)]
pub struct Beacon {
    done: AtomicU64,
    current: Mutex<Option<Op>>,
}

impl Beacon {
    /// How many operations it has done.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// The operation that it is at.
    pub fn current(&self) -> Option<Op> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn begin(&self, op: &Op) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(op.clone());
    }

    /// Tells that its worker went home.
    pub fn rest(&self) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn end(&self) {
        let done = self.done.load(Ordering::Relaxed);
        self.done.store(done + 1, Ordering::Relaxed);
    }
}

/// One thread at work on a file.
pub struct Worker<'a, S: Subject> {
    file: &'a S,
    known: &'a Knowledge,
    beacon: &'a Beacon,
    thread: u16,
    sequence: u64,
    workload: Workload,
    buffer: Vec<u8>,
    mapping: Option<(Range<u64>, S::Mapping)>,
    mapping_uses: u32,
    latencies: Latencies,
}

impl<'a, S: Subject> Worker<'a, S> {
    pub fn new(
        file: &'a S,
        known: &'a Knowledge,
        beacon: &'a Beacon,
        thread: u16,
        seed: u64,
    ) -> Worker<'a, S> {
        Worker {
            file,
            known,
            beacon,
            thread,
            sequence: 0,
            workload: Workload::new(seed, thread, known.limit),
            buffer: vec![0; LONGEST],
            mapping: None,
            mapping_uses: 0,
            latencies: Latencies::default(),
        }
    }

    /// Does one operation.
    pub fn step(&mut self) -> Result<(), Box<Finding>> {
        self.sequence += 1;
        let plan = self.workload.next(self.known.length.hint());
        let op = Op {
            path: plan.path,
            thread: self.thread,
            sequence: self.sequence,
            bytes: plan.bytes.clone(),
            len: None,
        };
        self.beacon.begin(&op);
        match plan.path {
            Path::Read | Path::DirectRead => self.read(&op)?,
            Path::Write | Path::DirectWrite => self.write(&op)?,
            Path::Load => self.load(&op)?,
            Path::Store if self.workload.once_in(64) => self.scribble(op)?,
            Path::Store => self.store(&op)?,
            Path::Truncate => {
                // For an extension to bring to light.
                if self.workload.once_in(2) {
                    self.scribble(Op { path: Path::Store, ..op.clone() })?;
                    self.beacon.begin(&op);
                }
                self.truncate(op, &plan)?;
            }
            Path::Punch => self.punch(&op)?,
            Path::Writeback => {
                let file = self.file;
                self.known.oracle.begin_other(&op);
                let result = self.timed(op.path, || file.writeback(op.bytes.clone()));
                self.known.oracle.end_other(&op, outcome_of(&result));
                expect(&op, result)?;
            }
            Path::Sync => {
                let (file, all) = (self.file, self.workload.once_in(2));
                let result =
                    self.timed(op.path, || if all { file.sync_all() } else { file.sync_data() });
                expect(&op, result)?;
            }
        }
        self.beacon.end();
        Ok(())
    }

    /// The latencies of the operations that it did.
    pub fn into_latencies(self) -> Latencies {
        self.latencies
    }

    fn read(&mut self, op: &Op) -> Result<(), Box<Finding>> {
        let (file, known) = (self.file, self.known);
        let glance = known.length.glance();
        known.oracle.begin_read(op);
        let mut bytes = std::mem::take(&mut self.buffer);
        let read = &mut bytes[..(op.bytes.end - op.bytes.start) as usize];
        read.fill(UNFILLED);
        let result = self.timed(op.path, || match op.path {
            Path::DirectRead => file.read_direct_at(read, op.bytes.start),
            _ => file.read_at(read, op.bytes.start),
        });
        let found = *result.as_ref().unwrap_or(&0);
        let expected = count(&op.bytes, &known.length.since(glance));
        let outcome = match &result {
            Ok(found) if *found < read.len() => Outcome::Short(*found),
            result => outcome_of(result),
        };
        let seen = known.oracle.end_read(op, &read[..found.min(read.len())], outcome);
        self.buffer = bytes;
        expect(op, result)?;
        seen?;
        let found = found as u64;
        match expected.contains(&found) {
            true => Ok(()),
            false => Err(finding(op, What::Count { expected, found })),
        }
    }

    fn write(&mut self, op: &Op) -> Result<(), Box<Finding>> {
        let (file, known) = (self.file, self.known);
        let mut bytes = std::mem::take(&mut self.buffer);
        let written = self.stamped(op, &mut bytes);
        known.length.begin_write(self.thread, op.bytes.end);
        known.oracle.begin_write(op, &op.bytes, Content::Of(stamp_of(op)));
        let result = self.timed(op.path, || match op.path {
            Path::DirectWrite => file.write_direct_at(written, op.bytes.start),
            _ => file.write_at(written, op.bytes.start),
        });
        let count = *result.as_ref().unwrap_or(&0);
        let certain = op.bytes.start..op.bytes.start + count.min(written.len()) as u64;
        let outcome = match &result {
            Ok(count) if *count < written.len() => Outcome::Short(*count),
            result => outcome_of(result),
        };
        known.oracle.end_write(op, &op.bytes, &certain, outcome);
        known.length.end_write(self.thread, (count > 0).then_some(certain.end));
        self.buffer = bytes;
        expect(op, result)?;
        self.observe(op)
    }

    fn load(&mut self, op: &Op) -> Result<(), Box<Finding>> {
        let known = self.known;
        let mut bytes = std::mem::take(&mut self.buffer);
        let loaded = &mut bytes[..(op.bytes.end - op.bytes.start) as usize];
        loaded.fill(UNFILLED);
        let start = self.map(op)?;
        let glance = known.length.glance();
        known.oracle.begin_read(op);
        let result =
            self.timed_mapped(op.path, |mapping| mapping.load(op.bytes.start - start, loaded));
        // What lies past the end, in the last page, is nobody's.
        let surely = match result {
            Ok(()) => count(&op.bytes, &known.length.since(glance)).start().to_owned() as usize,
            Err(_) => 0,
        };
        let seen = known.oracle.end_read(op, &loaded[..surely], outcome_of(&result));
        self.buffer = bytes;
        seen?;
        self.expect_mapped(op, result, glance)
    }

    fn store(&mut self, op: &Op) -> Result<(), Box<Finding>> {
        let known = self.known;
        let mut bytes = std::mem::take(&mut self.buffer);
        let stored = self.stamped(op, &mut bytes);
        let start = self.map(op)?;
        let glance = known.length.glance();
        known.oracle.begin_write(op, &op.bytes, Content::Of(stamp_of(op)));
        let result =
            self.timed_mapped(op.path, |mapping| mapping.store(op.bytes.start - start, stored));
        // What a truncation overtakes is stored past the end, where it is lost.
        let surely = match result {
            Ok(()) => *count(&op.bytes, &known.length.since(glance)).start(),
            Err(_) => 0,
        };
        let certain = op.bytes.start..op.bytes.start + surely;
        known.oracle.end_write(op, &op.bytes, &certain, outcome_of(&result));
        self.buffer = bytes;
        self.expect_mapped(op, result, glance)
    }

    /// Stores past the end of the file, in its last page: nobody may ever see that.
    fn scribble(&mut self, op: Op) -> Result<(), Box<Finding>> {
        let known = self.known;
        let mut bytes = std::mem::take(&mut self.buffer);
        let start = self.map(&Op { bytes: 0..0, ..op.clone() })?;
        let mut result = Ok(());
        let mut op = op;
        known.length.while_steady(|len| {
            let end = len.next_multiple_of(PAGE_SIZE as u64);
            op.bytes = len..end;
            if len < end {
                known.oracle.begin_other(&op);
                let stored = self.stamped(&op, &mut bytes);
                result = self.timed_mapped(op.path, |mapping| mapping.store(len - start, stored));
                known.oracle.end_other(&op, outcome_of(&result));
            }
        });
        self.buffer = bytes;
        expect(&op, result)
    }

    fn truncate(&mut self, op: Op, plan: &Plan) -> Result<(), Box<Finding>> {
        let (file, known) = (self.file, self.known);
        // From the new length on when it goes down; from the old one on when it goes up.
        let longest = known.length.begin_set(plan.len);
        let op = Op { bytes: plan.len.min(longest)..known.limit, len: Some(plan.len), ..op };
        self.beacon.begin(&op);
        known.oracle.begin_write(&op, &op.bytes, Content::Zero);
        // Writes that extended the file before the oracle heard of the truncation survive it.
        let certain = plan.len.min(known.length.longest())..known.limit;
        let result = self.timed(op.path, || file.set_len(plan.len));
        let certain = if result.is_ok() { certain } else { 0..0 };
        known.oracle.end_write(&op, &op.bytes, &certain, outcome_of(&result));
        known.length.end_set();
        expect(&op, result)?;
        self.observe(&op)
    }

    fn punch(&mut self, op: &Op) -> Result<(), Box<Finding>> {
        let (file, known) = (self.file, self.known);
        known.oracle.begin_write(op, &op.bytes, Content::Zero);
        let len = op.bytes.end - op.bytes.start;
        let result = self.timed(op.path, || file.punch_hole(op.bytes.start, len));
        let certain = if result.is_ok() { op.bytes.clone() } else { 0..0 };
        known.oracle.end_write(op, &op.bytes, &certain, outcome_of(&result));
        expect(op, result)
    }

    /// Has the file say how long it is, where that depends on the order of what overlapped.
    fn observe(&self, op: &Op) -> Result<(), Box<Finding>> {
        let observed = self.known.length.observe(|| self.file.len());
        observed.map_err(|(expected, found)| finding(op, What::Len { expected, found }))
    }

    /// Judges a mapped access: it is to fail if it touches pages past the end, and only then.
    fn expect_mapped(
        &self,
        op: &Op,
        result: io::Result<()>,
        glance: Glance,
    ) -> Result<(), Box<Finding>> {
        let lens = self.known.length.since(glance);
        let mapped_end =
            |len: u64| len.saturating_add(PAGE_SIZE as u64 - 1) & !(PAGE_SIZE as u64 - 1);
        match result {
            Ok(()) if op.bytes.end > mapped_end(*lens.end()) => {
                Err(finding(op, What::PastEnd { end: op.bytes.end, len: *lens.end() }))
            }
            Err(error)
                if error.kind() == io::ErrorKind::UnexpectedEof
                    && op.bytes.end > mapped_end(*lens.start()) =>
            {
                Ok(())
            }
            result => expect(op, result),
        }
    }

    /// Sees to a mapping that covers the bytes of `op`, and tells where it starts.
    fn map(&mut self, op: &Op) -> Result<u64, Box<Finding>> {
        self.mapping_uses += 1;
        match &self.mapping {
            Some((range, _))
                if range.start <= op.bytes.start && self.mapping_uses < MAPPING_USES =>
            {
                Ok(range.start)
            }
            _ => {
                let end = self.known.limit.next_multiple_of(PAGE_SIZE as u64);
                let range = self.workload.mapping_start(&op.bytes)..end;
                let mapping = self.file.map(range.clone());
                let mapping = mapping.map_err(|error| finding(op, What::Refused(error)))?;
                let start = range.start;
                self.mapping = Some((range, mapping));
                self.mapping_uses = 0;
                Ok(start)
            }
        }
    }

    fn stamped<'b>(&self, op: &Op, buffer: &'b mut [u8]) -> &'b [u8] {
        let bytes = &mut buffer[..(op.bytes.end - op.bytes.start) as usize];
        stamp_of(op).fill(bytes, op.bytes.start);
        bytes
    }

    fn timed<T>(&mut self, path: Path, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        self.latencies.record(path, start.elapsed());
        done
    }

    fn timed_mapped(
        &mut self,
        path: Path,
        work: impl FnOnce(&S::Mapping) -> io::Result<()>,
    ) -> io::Result<()> {
        let Some((range, mapping)) = self.mapping.take() else { return Ok(()) };
        let done = self.timed(path, || work(&mapping));
        self.mapping = Some((range, mapping));
        done
    }
}

fn stamp_of(op: &Op) -> Stamp {
    Stamp::new(op.path, op.thread, op.sequence)
}

fn outcome_of<T>(result: &io::Result<T>) -> Outcome {
    if result.is_ok() { Outcome::Done } else { Outcome::Failed }
}

fn expect<T>(op: &Op, result: io::Result<T>) -> Result<(), Box<Finding>> {
    result.map(drop).map_err(|error| finding(op, What::Refused(error)))
}

fn finding(op: &Op, what: What) -> Box<Finding> {
    Box::new(Finding { seen_by: op.to_string(), what, history: Vec::new() })
}

#[cfg(test)]
mod tests;
