//! Reads and writes, buffered and direct.

use std::io;
use std::ops::{Range, RangeInclusive};

use super::{Worker, expect, finding, is_of_sync, is_past_end, outcome_of, stamp_of};
use crate::oracle::Outcome;
use crate::oracle::allowed_versions::Content;
use crate::oracle::knowledge::{Reliability, WriteMode};
use crate::oracle::length::count;
use crate::oracle::stamp::UNFILLED;
use crate::oracle::tags::tag_of;
use crate::page_size::page_size;
use crate::report::finding::{Finding, What};
use crate::subject::Subject;
use crate::workload::op::{Op, Path};

impl<S: Subject> Worker<'_, S> {
    pub(super) fn read(&mut self, op: &Op) -> Result<(), Box<Finding>> {
        let (file, known) = (self.file, self.known);
        let glance = known.length.glance();
        known.oracle.begin_read(op);
        let mut bytes = std::mem::take(&mut self.buffer);
        let read = &mut bytes[..(op.bytes.end - op.bytes.start) as usize];
        read.fill(UNFILLED);
        let result = self.timed(op, || {
            let found = match op.path {
                Path::DirectRead => file.read_direct_at(read, op.bytes.start),
                Path::VectoredDirectRead => file.read_direct_vectored_at(read, op.bytes.start),
                Path::UninitRead => file.read_uninit_at(read, op.bytes.start),
                Path::VectoredRead => file.read_vectored_at(read, op.bytes.start),
                Path::MemoryRead => file.read_by_memory(read, op.bytes.start),
                Path::CopyRead => file.read_by_copy(read, op.bytes.start),
                Path::ExactDirectRead => {
                    file.read_exact_direct_at(read, op.bytes.start).map(|()| read.len())
                }
                _ => file.read_at(read, op.bytes.start),
            };
            found.map(|found| found as u64)
        });
        let found = *result.as_ref().unwrap_or(&0);
        let expected = count(&op.bytes, &known.length.since(glance));
        let outcome = match &result {
            Ok(found) if *found < read.len() as u64 => Outcome::Short(*found as usize),
            result => outcome_of(result),
        };
        let seen = &read[..read.len().min(found as usize)];
        self.record.digest.add_bytes(seen);
        let seen = known.oracle.end_read(op, seen, outcome);
        self.buffer = bytes;
        let failed = result.is_err();
        match result {
            Err(error)
                if op.path == Path::ExactDirectRead
                    && is_past_end(&error)
                    && *expected.start() < op.bytes.end - op.bytes.start => {}
            result => expect(op, result)?,
        }
        seen?;
        match failed || self.may_count(op, found, &expected) {
            true => Ok(()),
            false => Err(finding(op, What::Count { expected, found })),
        }
    }

    pub(super) fn write(&mut self, op: &Op) -> Result<(), Box<Finding>> {
        let (file, known) = (self.file, self.known);
        let mut bytes = std::mem::take(&mut self.buffer);
        let written = self.stamped(op, &mut bytes);
        known.length.begin_write(self.post.thread, op.bytes.end);
        known.oracle.begin_write(op, &op.bytes, Content::Of(stamp_of(op)));
        let result = self.timed(op, || {
            let count = match op.path {
                Path::DirectWrite => file.write_direct_at(written, op.bytes.start),
                Path::VectoredDirectWrite => file.write_direct_vectored_at(written, op.bytes.start),
                Path::VectoredWrite => file.write_vectored_at(written, op.bytes.start),
                Path::TaggedWrite => file.write_tagged_at(written, op.bytes.start, tag_of(op)),
                Path::MemoryWrite => file.write_by_memory(written, op.bytes.start),
                Path::CopyWrite => file.write_by_copy(written, op.bytes.start),
                Path::WholeDirectWrite => {
                    file.write_all_direct_at(written, op.bytes.start).map(|()| written.len())
                }
                Path::DurableWrite => file.write_durable_at(written, op.bytes.start, op.sequence),
                _ => file.write_at(written, op.bytes.start),
            };
            count.map(|count| count as u64)
        });
        let asked = op.bytes.end - op.bytes.start;
        let count = *result.as_ref().unwrap_or(&0);
        let certain = op.bytes.start..op.bytes.start + count.min(asked);
        let outcome = match &result {
            Ok(count) if *count < asked => Outcome::Short(*count as usize),
            result => outcome_of(result),
        };
        known.length.end_write(self.post.thread, (count > 0).then_some(certain.end));
        self.buffer = bytes;
        let observed = self.observe(op);
        match self.floor {
            None => known.oracle.end_write(op, &op.bytes, &certain, outcome),
            // No operation overlaps it then, and the file has the length that it reports.
            Some(_) => {
                let end = *known.length.now().end();
                known.oracle.end_write_at(end, op, &op.bytes, &certain, outcome);
            }
        }
        self.promised(op, certain, &result);
        let failed = result.is_err();
        expect(op, result)?;
        if !failed && !self.may_count(op, count, &(asked..=asked)) {
            return Err(finding(op, What::Count { expected: asked..=asked, found: count }));
        }
        observed
    }

    /// Appends, if the file may grow and no other thread is changing its length: the bytes to write depend on the
    /// offset.
    pub(super) fn append(&mut self, op: Op) -> Result<(), Box<Finding>> {
        let (file, known) = (self.file, self.known);
        let mut bytes = std::mem::take(&mut self.buffer);
        let count = op.bytes.end - op.bytes.start;
        let (mut appended, mut promised) = (Ok(()), None);
        known.length.while_appending(count, |len| {
            let op = Op { bytes: len..(len + count).min(known.limit), ..op };
            if op.bytes.is_empty() {
                return None;
            }
            let written = self.stamped(&op, &mut bytes);
            known.oracle.begin_write(&op, &op.bytes, Content::Of(stamp_of(&op)));
            let result = self.timed(&op, || match op.path {
                Path::VectoredAppend => file.append_vectored(written),
                Path::DirectAppend => file.append_direct(written),
                Path::DurableAppend => file.append_durable(written),
                _ => file.append(written),
            });
            // If only the sync failed, the bytes are there.
            let is_there = is_of_sync(&result) && file.len() == op.bytes.end;
            let certain = if result.is_ok() || is_there { op.bytes.clone() } else { 0..0 };
            known.oracle.end_write(&op, &op.bytes, &certain, outcome_of(&result));
            let reached = match &result {
                Ok(start) => Some(start + op.bytes.end - op.bytes.start),
                Err(_) => is_there.then_some(op.bytes.end),
            };
            promised = Some((op.clone(), is_of_sync(&result), result.is_ok()));
            appended = match reached {
                Some(found) if found != op.bytes.end => {
                    let expected = op.bytes.end..=op.bytes.end;
                    Err(finding(&op, What::Len { expected, found }))
                }
                _ => expect(&op, result),
            };
            reached
        });
        self.buffer = bytes;
        if let Some((op, is_of_sync, true)) = promised {
            debug_assert!(!is_of_sync);
            self.promised(&op, op.bytes.clone(), &Ok(0));
        } else if let Some((_, true, _)) = promised {
            self.record.heard_errors += 1;
            // The sync that failed may have lost what others wrote before.
            self.watch();
        }
        appended
    }

    /// Records that the bytes of a write are durable, or that its sync failed.
    fn promised(&mut self, op: &Op, written: Range<u64>, result: &io::Result<u64>) {
        if !matches!(op.path, Path::DurableWrite | Path::DurableAppend) {
            return;
        }
        self.record.heard_errors += u64::from(is_of_sync(result));
        self.watch();
        if let (Some(floor), Ok(_), false) = (self.floor, result, written.is_empty()) {
            floor.promise(written, self.known);
        }
    }

    /// Whether `op` may have read or written `found` bytes, if there were so many. An operation that fails after some
    /// bytes returns their number: whole pages if it does not itself write to the store.
    fn may_count(&self, op: &Op, found: u64, expected: &RangeInclusive<u64>) -> bool {
        let known = self.known;
        let is_cut_off = known.store == Reliability::Failing
            && (1..=*expected.end()).contains(&found)
            && (matches!(op.path, Path::DirectWrite | Path::VectoredDirectWrite)
                || matches!(op.path, Path::CopyRead | Path::CopyWrite)
                || !op.path.reads_whole_pages() && known.writes == WriteMode::Through
                || (op.bytes.start + found).is_multiple_of(page_size()));
        expected.contains(&found) || is_cut_off
    }
}
