//! Size and extent changes, and operations that do not change the file.

use std::time::{Duration, UNIX_EPOCH};

use spanlock_page_cache::Length;

use super::{Worker, expect, finding, outcome_of, stamp_of};
use crate::oracle::after_crash::Floor;
use crate::oracle::allowed_versions::Content;
use crate::oracle::knowledge::Reliability;
use crate::oracle::tags::tag_of;
use crate::report::finding::{Finding, What};
use crate::subject::Subject;
use crate::subject::reopening::Farewell;
use crate::workload::op::{Op, Path};

impl<S: Subject> Worker<'_, S> {
    fn truncate(&mut self, op: Op, len: u64) -> Result<(), Box<Finding>> {
        let (file, known) = (self.file, self.known);
        // From the new length on if the file becomes shorter; from the old one on if it becomes longer.
        let longest = known.length.begin_set(len);
        let op = Op { bytes: len.min(longest)..known.limit, len: Some(len), ..op };
        known.oracle.begin_write(&op, &op.bytes, Content::Zero);
        // Writes that extended the file before the truncation was recorded are not removed by it.
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

    /// A truncation or an extension; before it, stores past the end, which an extension must not show.
    pub(super) fn set_len_after_scribble(&mut self, op: Op, len: u64) -> Result<(), Box<Finding>> {
        if self.workload.once_in(2) {
            self.scribble(Op { path: Path::Store, ..op.clone() })?;
        }
        match op.path {
            Path::Extend => self.extend(op, len),
            _ => self.truncate(op, len),
        }
    }

    /// Makes the file at least `len` bytes long. For the oracle this is a write up to there that writes no byte.
    fn extend(&mut self, op: Op, len: u64) -> Result<(), Box<Finding>> {
        let (file, known) = (self.file, self.known);
        let longest = known.length.longest();
        let op = Op { bytes: longest.min(len)..len, len: Some(len), ..op };
        // No operation overlaps it then, so all bytes that it adds are zero, whatever the store had there.
        let is_alone = self.floor.is_some();
        match is_alone {
            true => known.oracle.begin_write(&op, &op.bytes, Content::Zero),
            false => known.oracle.begin_other(&op),
        }
        known.length.begin_write(self.post.thread, len);
        let result = self.timed(&op, || file.extend_to(len).map(|()| 0));
        known.length.end_write(self.post.thread, result.is_ok().then_some(len));
        match (is_alone, &result) {
            (true, Ok(_)) => known.oracle.end_write(&op, &op.bytes, &op.bytes, outcome_of(&result)),
            (true, Err(_)) => known.oracle.refuse_write(&op, &op.bytes),
            (false, _) => known.oracle.end_other(&op, outcome_of(&result)),
        }
        expect(&op, result)?;
        self.observe(&op)
    }

    pub(super) fn zero(&mut self, op: &Op) -> Result<(), Box<Finding>> {
        let (file, known) = (self.file, self.known);
        known.oracle.begin_write(op, &op.bytes, Content::Zero);
        let (start, len) = (op.bytes.start, op.bytes.end - op.bytes.start);
        let result = self.timed(op, || {
            let done = match op.path {
                Path::ZeroRange => file.zero_range(start, len, Length::Keep),
                _ => file.punch_hole(start, len),
            };
            done.map(|()| 0)
        });
        let certain = if result.is_ok() { op.bytes.clone() } else { 0..0 };
        known.oracle.end_write(op, &op.bytes, &certain, outcome_of(&result));
        expect(op, result)
    }

    /// Operations that change no byte.
    pub(super) fn leave_alone(&mut self, op: &Op) -> Result<(), Box<Finding>> {
        let (file, known) = (self.file, self.known);
        known.oracle.begin_other(op);
        let (start, len) = (op.bytes.start, op.bytes.end - op.bytes.start);
        let result = self.timed(op, || {
            let done = match op.path {
                Path::Allocate => file.allocate(start, len, Length::Keep),
                Path::SyncRange => file.sync_range(op.bytes.clone()),
                Path::Hint => file.hint(op.bytes.clone(), op.sequence),
                _ => file.writeback(op.bytes.clone()),
            };
            done.map(|()| 0)
        });
        known.oracle.end_other(op, outcome_of(&result));
        self.watch();
        let tells = matches!(op.path, Path::Writeback | Path::SyncRange);
        self.record.heard_errors += u64::from(tells && result.is_err());
        expect(op, result)
    }

    /// Compares the list of dirty pages with what was written.
    pub(super) fn list_dirty(&mut self, op: &Op) -> Result<(), Box<Finding>> {
        let (file, tags) = (self.file, &self.known.tags);
        let glances = tags.glance(&op.bytes);
        let result = self.timed(op, || {
            let listed = file.dirty_pages()?;
            tags.compare(&glances, &op.bytes, &listed);
            Ok(0)
        });
        expect(op, result)
    }

    /// Closes the file while other threads use it, and opens it again: the length must not change. If the close
    /// succeeded, what was written before it is durable, as after a sync.
    pub(super) fn reopen(&mut self, op: &Op) -> Result<(), Box<Finding>> {
        let (file, known) = (self.file, self.known);
        let op = Op { bytes: 0..known.limit, ..op.clone() };
        // It is not known what a drop of the file has lost.
        let how = match known.store == Reliability::Sound && self.workload.once_in(2) {
            _ if op.path == Path::Discard => Farewell::Discarded,
            true => Farewell::Dropped,
            false => Farewell::Closed,
        };
        let glance = known.length.glance();
        let sync = self.floor.map(|floor| (floor, floor.begin(&op, known)));
        let result = self.timed(&op, || file.reopen(how).map(|()| 0));
        self.record.heard_errors = match &result {
            Ok(_) => 0,
            Err(_) => self.record.heard_errors + 1,
        };
        self.watch();
        match (sync, &result) {
            (Some((floor, sync)), Ok(_)) => floor.raise(sync, known),
            (Some(_), Err(_)) => known.oracle.forget_read(&op),
            (None, _) => {}
        }
        expect(&op, result)?;
        let found = file.len();
        let expected = known.length.since(glance);
        match expected.contains(&found) {
            true => Ok(()),
            false => Err(finding(&op, What::Len { expected, found })),
        }
    }

    /// Syncs, writes, discards the last handle, and opens the file again: the length must not change, and only what was
    /// written since the sync may be lost. No other thread uses the file meanwhile.
    pub(super) fn abandon(&mut self, op: Op) -> Result<(), Box<Finding>> {
        let (file, known) = (self.file, self.known);
        let len = file.len();
        let op = Op { bytes: op.bytes.start.min(len)..op.bytes.end.min(len), ..op };
        // Another handle keeps the file open where there is a store that can crash.
        if op.bytes.is_empty() || self.floor.is_some_and(Floor::has_store) {
            return Ok(());
        }
        let sync = self.op(Path::Sync, 0..known.limit);
        let sync = self.floor.map(|floor| (floor, floor.begin(&sync, known)));
        let mut bytes = std::mem::take(&mut self.buffer);
        let written = self.stamped(&op, &mut bytes);
        known.oracle.begin_write(&op, &op.bytes, Content::Of(stamp_of(&op)));
        let result = self.timed(&op, || file.abandon(written, op.bytes.start).map(|()| 0));
        known.oracle.end_write_at(len, &op, &op.bytes, &(0..0), outcome_of(&result));
        self.buffer = bytes;
        match sync {
            Some((floor, sync)) if result.is_ok() => floor.raise(sync, known),
            Some((_, sync)) => sync.forget(known),
            None => {}
        }
        self.record.heard_errors = 0;
        expect(&op, result)?;
        match file.len() {
            found if found == len => Ok(()),
            found => Err(finding(&op, What::Len { expected: len..=len, found })),
        }
    }

    /// Compares the time of the last change with the expected one, and sets it. No other thread uses the file
    /// meanwhile.
    pub(super) fn time(&mut self, op: &Op) -> Result<(), Box<Finding>> {
        let (file, known) = (self.file, self.known);
        let op = Op { bytes: 0..0, ..op.clone() };
        let time = UNIX_EPOCH + Duration::from_secs(op.sequence % (1 << 20));
        let result = self.timed(&op, || {
            known.times.check(file.modified())?;
            file.set_modified(time)?;
            known.times.set(time);
            known.times.check(file.modified())?;
            Ok(0)
        });
        expect(&op, result)?;
        // Where the file may be all that is left.
        match self.floor.is_some_and(|floor| !floor.has_store()) {
            true => self.sync_now().map(drop),
            false => Ok(()),
        }
    }

    pub(super) fn sync(&mut self, op: &Op) -> Result<(), Box<Finding>> {
        let (file, known) = (self.file, self.known);
        let op = Op { bytes: 0..known.limit, ..op.clone() };
        let all = self.workload.once_in(2);
        let sync = self.floor.map(|floor| (floor, floor.begin(&op, known)));
        let result = self.timed(&op, || {
            let done = match (op.path, all) {
                (Path::CacheSync, _) => file.sync_cache(),
                (_, true) => file.sync_all(),
                (_, false) => file.sync_data(),
            };
            done.map(|()| 0)
        });
        // A sync of the cache does not count as a sync of a handle.
        self.record.heard_errors += u64::from(op.path == Path::Sync && result.is_err());
        self.watch();
        match (sync, &result) {
            (Some((floor, sync)), Ok(_)) => floor.raise(sync, known),
            (Some(_), Err(_)) => known.oracle.forget_read(&op),
            (None, _) => {}
        }
        expect(&op, result)
    }

    /// Syncs what was written with tags up to some tag.
    pub(super) fn sync_up_to(&mut self, op: &Op) -> Result<(), Box<Finding>> {
        let file = self.file;
        let op = Op { bytes: 0..0, ..op.clone() };
        // About half of all tags are less.
        let tag = tag_of(&op);
        let included = self.floor.map(|floor| floor.tagged_up_to(tag)).unwrap_or_default();
        let result = self.timed(&op, || file.sync_up_to(tag).map(|()| 0));
        self.record.heard_errors += u64::from(result.is_err());
        self.watch();
        if let (Some(floor), Ok(_)) = (self.floor, &result) {
            included.into_iter().for_each(|bytes| floor.promise(bytes, self.known));
        }
        expect(&op, result)
    }
}
