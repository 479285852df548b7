//! Loads and stores through mappings, and through guards of pages.

use std::io;

use super::{Worker, expect, finding, is_past_end, outcome_of, stamp_of};
use crate::oracle::allowed_versions::Content;
use crate::oracle::length::{Glance, count};
use crate::oracle::stamp::UNFILLED;
use crate::oracle::tags::tag_of;
use crate::page_size::page_size;
use crate::report::finding::{Finding, What};
use crate::subject::{Mapped, Subject};
use crate::workload::op::{Op, Path};

/// How many mapped operations are made through one mapping.
const MAPPING_USES: u32 = 512;

impl<S: Subject> Worker<'_, S> {
    pub(super) fn load(&mut self, op: &Op) -> Result<(), Box<Finding>> {
        let known = self.known;
        let file = self.file;
        let start = self.map(op)?;
        let mut bytes = std::mem::take(&mut self.buffer);
        let loaded = &mut bytes[..(op.bytes.end - op.bytes.start) as usize];
        loaded.fill(UNFILLED);
        let glance = known.length.glance();
        known.oracle.begin_read(op);
        let result = match op.path {
            Path::GuardRead => {
                self.timed(op, || file.read_by_guards(loaded, op.bytes.start).map(|()| 0))
            }
            Path::ListRead => {
                self.timed(op, || file.read_by_list(loaded, op.bytes.start).map(|()| 0))
            }
            _ => self.through_mapping(op, |mapping| mapping.load(op.bytes.start - start, loaded)),
        };
        // Bytes past the end, in the last page, are not in the file.
        let surely = match result {
            Ok(_) => *count(&op.bytes, &known.length.since(glance)).start() as usize,
            Err(_) => 0,
        };
        self.record.digest.add_bytes(&loaded[..surely]);
        let seen = known.oracle.end_read(op, &loaded[..surely], outcome_of(&result));
        self.buffer = bytes;
        seen?;
        self.expect_mapped(op, result, glance)
    }

    pub(super) fn store(&mut self, op: &Op) -> Result<(), Box<Finding>> {
        let known = self.known;
        let file = self.file;
        let start = self.map(op)?;
        let mut bytes = std::mem::take(&mut self.buffer);
        let stored = self.stamped(op, &mut bytes);
        let glance = known.length.glance();
        known.oracle.begin_write(op, &op.bytes, Content::Of(stamp_of(op)));
        let (at, tag) = (op.bytes.start, tag_of(op));
        let result = match op.path {
            Path::GuardWrite => {
                self.timed(op, || file.write_by_guards(stored, at, tag).map(|()| 0))
            }
            Path::GuardBytes => {
                self.timed(op, || file.write_bytes_by_guards(stored, at, tag).map(|()| 0))
            }
            Path::OwnedWrite => {
                self.timed(op, || file.write_by_owned_guards(stored, at, tag).map(|()| 0))
            }
            Path::ListWrite => self.timed(op, || file.write_by_list(stored, at, tag).map(|()| 0)),
            _ => self.through_mapping(op, |mapping| mapping.store(op.bytes.start - start, stored)),
        };
        // If a truncation comes first, the bytes are stored past the end, and are discarded.
        let surely = match result {
            Ok(_) => *count(&op.bytes, &known.length.since(glance)).start(),
            Err(_) => 0,
        };
        let certain = op.bytes.start..op.bytes.start + surely;
        match &result {
            // All guards are acquired before a byte is written.
            Err(error) if op.path == Path::ListWrite && is_past_end(error) => {
                known.oracle.refuse_write(op, &op.bytes);
            }
            result => known.oracle.end_write(op, &op.bytes, &certain, outcome_of(result)),
        }
        self.buffer = bytes;
        self.expect_mapped(op, result, glance)
    }

    /// Stores past the end of the file, in its last page. No thread must ever see these bytes.
    pub(super) fn scribble(&mut self, op: Op) -> Result<(), Box<Finding>> {
        let known = self.known;
        let start = self.map(&Op { path: Path::Store, bytes: 0..0, ..op.clone() })?;
        let mut bytes = std::mem::take(&mut self.buffer);
        let mut result = Ok(0);
        let mut op = op;
        known.length.while_steady(|len| {
            let end = len.next_multiple_of(page_size());
            op.bytes = len..end;
            if len < end {
                known.oracle.begin_other(&op);
                let stored = self.stamped(&op, &mut bytes);
                result = self.through_mapping(&op, |mapping| mapping.store(len - start, stored));
                known.oracle.end_other(&op, outcome_of(&result));
            }
        });
        self.buffer = bytes;
        expect(&op, result)
    }

    /// Checks the result of a mapped access: it must fail if it touches pages past the end, and only then.
    fn expect_mapped(
        &self,
        op: &Op,
        result: io::Result<u64>,
        glance: Glance,
    ) -> Result<(), Box<Finding>> {
        let lens = self.known.length.since(glance);
        let mapped_end = |len: u64| len.saturating_add(page_size() - 1) & !(page_size() - 1);
        match result {
            Ok(_) if op.bytes.end > mapped_end(*lens.end()) => {
                Err(finding(op, What::PastEnd { end: op.bytes.end, len: *lens.end() }))
            }
            Err(error) if is_past_end(&error) && op.bytes.end > mapped_end(*lens.start()) => Ok(()),
            result => expect(op, result),
        }
    }

    /// Maps the bytes of `op` if they are not mapped, and returns where the mapping starts.
    fn map(&mut self, op: &Op) -> Result<u64, Box<Finding>> {
        self.mapping_uses += 1;
        match &self.mapping {
            Some((range, _))
                if range.start <= op.bytes.start && self.mapping_uses < MAPPING_USES =>
            {
                Ok(range.start)
            }
            _ => {
                let end = self.known.limit.next_multiple_of(page_size());
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

    fn through_mapping(
        &mut self,
        op: &Op,
        work: impl FnOnce(&S::Mapping) -> io::Result<()>,
    ) -> io::Result<u64> {
        let Some((range, mapping)) = self.mapping.take() else { return Ok(0) };
        let done = self.timed(op, || work(&mapping).map(|()| 0));
        self.mapping = Some((range, mapping));
        done
    }
}
