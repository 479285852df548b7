//! Operations that run alone, because the oracle does not know what operations that overlap them may see.

use std::io;

use super::{Worker, expect, finding, outcome_of};
use crate::oracle::allowed_versions::Content;
use crate::oracle::stamp::SECTOR;
use crate::page_size::page_size;
use crate::report::finding::{Finding, What};
use crate::stores::faults::is_injected;
use crate::subject::Subject;
use crate::workload::op::{Op, Path};

/// How often moving the bytes back is tried.
const TRIES: u32 = 1000;

impl<S: Subject> Worker<'_, S> {
    /// Writes bytes over themselves, through a mapping of them.
    pub(super) fn write_itself(&mut self, op: Op) -> Result<(), Box<Finding>> {
        let (file, known) = (self.file, self.known);
        // Whole sectors: otherwise a crash could leave a part of a sector that no write has written.
        let len = file.len();
        let [start, end] = [op.bytes.start, op.bytes.end.next_multiple_of(SECTOR as u64)];
        let op = Op { bytes: (start - start % SECTOR as u64).min(len)..end.min(len), ..op };
        known.oracle.begin_other(&op);
        let result =
            self.timed(&op, || file.write_from_itself(op.bytes.clone()).map(|count| count as u64));
        known.oracle.end_other(&op, outcome_of(&result));
        expect(&op, result)
    }

    /// Moves the bytes after some pages, checks them at their new place, and moves them back. After a collapse and an
    /// insertion the pages are a hole; after an insertion and a collapse nothing has changed.
    pub(super) fn shift(&mut self, op: Op) -> Result<(), Box<Finding>> {
        let (file, known) = (self.file, self.known);
        let (size, len) = (file.len(), op.bytes.end - op.bytes.start);
        let has_room = match op.path {
            Path::Collapse => op.bytes.end < size,
            _ => op.bytes.start < size && size + len <= known.limit,
        };
        if !has_room {
            return Ok(());
        }
        if let Some(floor) = self.floor {
            floor.suspend();
        }
        let collapses = op.path == Path::Collapse;
        if collapses {
            known.oracle.begin_write(&op, &op.bytes, Content::Zero);
        } else {
            known.oracle.begin_other(&op);
        }
        let collapse = || file.collapse_range(op.bytes.start, len).map(|()| 0);
        let insert = || file.insert_range(op.bytes.start, len).map(|()| 0);
        let there = self.timed(&op, || if collapses { collapse() } else { insert() });
        let mut seen = Ok(());
        let back = match there {
            Ok(_) => {
                seen = self.look_behind(&op, size);
                again(|| if collapses { insert() } else { collapse() })
            }
            Err(_) => Ok(0),
        };
        if collapses {
            let certain = if there.is_ok() { op.bytes.clone() } else { 0..0 };
            known.oracle.end_write(&op, &op.bytes, &certain, outcome_of(&there));
        } else {
            known.oracle.end_other(&op, outcome_of(&there));
        }
        expect(&op, there)?;
        if let Err(error) = back {
            return Err(finding(&op, What::Refused(error)));
        }
        seen
    }

    /// Compares some of what was moved, in a file that had `size` bytes.
    fn look_behind(&mut self, op: &Op, size: u64) -> Result<(), Box<Finding>> {
        let (from, to) = match op.path {
            Path::Collapse => (op.bytes.end, op.bytes.start),
            _ => (op.bytes.start, op.bytes.end),
        };
        let mut bytes = std::mem::take(&mut self.buffer);
        let seen = &mut bytes[..(size - from).min(4 * page_size()) as usize];
        let count = again(|| self.file.read_at(seen, to).map(|count| count as u64));
        let found = match &count {
            Ok(count) => &seen[..*count as usize],
            Err(_) => &[],
        };
        let moved = from..from + found.len() as u64;
        let compared =
            self.known.oracle.compare(&format!("a look at {to} after {op}"), &moved, found);
        self.buffer = bytes;
        expect(op, count)?;
        compared
    }
}

/// Repeats `work` until it does not fail by an injected fault.
fn again(mut work: impl FnMut() -> io::Result<u64>) -> io::Result<u64> {
    for _ in 1..TRIES {
        match work() {
            Err(error) if is_injected(&error) => {}
            result => return result,
        }
    }
    work()
}
