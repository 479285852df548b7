//! What changes the shape of the file, or nothing of it.

use super::{Worker, expect, outcome_of};
use crate::finding::Finding;
use crate::history::Content;
use crate::op::Op;
use crate::subject::Subject;

impl<S: Subject> Worker<'_, S> {
    pub(super) fn truncate(&mut self, op: Op, len: u64) -> Result<(), Box<Finding>> {
        let (file, known) = (self.file, self.known);
        // From the new length on when it goes down; from the old one on when it goes up.
        let longest = known.length.begin_set(len);
        let op = Op { bytes: len.min(longest)..known.limit, len: Some(len), ..op };
        known.oracle.begin_write(&op, &op.bytes, Content::Zero);
        // Writes that extended the file before the oracle heard of the truncation survive it.
        let certain = len.min(known.length.longest())..known.limit;
        let result = self.timed(&op, || file.set_len(len).map(|()| 0));
        match result {
            Ok(_) => known.oracle.end_write(&op, &op.bytes, &certain, outcome_of(&result)),
            Err(_) => known.oracle.refuse_write(&op, &op.bytes),
        }
        known.length.end_set(result.is_ok().then_some(len));
        expect(&op, result)?;
        self.observe(&op)
    }

    pub(super) fn punch(&mut self, op: &Op) -> Result<(), Box<Finding>> {
        let (file, known) = (self.file, self.known);
        known.oracle.begin_write(op, &op.bytes, Content::Zero);
        let len = op.bytes.end - op.bytes.start;
        let result = self.timed(op, || file.punch_hole(op.bytes.start, len).map(|()| 0));
        let certain = if result.is_ok() { op.bytes.clone() } else { 0..0 };
        known.oracle.end_write(op, &op.bytes, &certain, outcome_of(&result));
        expect(op, result)
    }

    pub(super) fn writeback(&mut self, op: &Op) -> Result<(), Box<Finding>> {
        let (file, known) = (self.file, self.known);
        known.oracle.begin_other(op);
        let result = self.timed(op, || file.writeback(op.bytes.clone()).map(|()| 0));
        known.oracle.end_other(op, outcome_of(&result));
        self.record.heard_errors += u64::from(result.is_err());
        expect(op, result)
    }

    pub(super) fn sync(&mut self, op: &Op) -> Result<(), Box<Finding>> {
        let (file, known) = (self.file, self.known);
        let op = Op { bytes: 0..known.limit, ..op.clone() };
        let all = self.workload.once_in(2);
        let sync = self.floor.map(|floor| (floor, floor.begin(&op, known)));
        let result =
            self.timed(&op, || if all { file.sync_all() } else { file.sync_data() }.map(|()| 0));
        self.record.heard_errors += u64::from(result.is_err());
        match (sync, &result) {
            (Some((floor, sync)), Ok(_)) => floor.raise(sync, known),
            (Some(_), Err(_)) => known.oracle.forget_read(&op),
            (None, _) => {}
        }
        expect(&op, result)
    }
}
