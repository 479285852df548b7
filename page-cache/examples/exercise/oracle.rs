//! The oracle: records what each sector of a file may contain while threads use the file.
//!
//! It records each operation before it begins and after it has ended. It makes no operation wait for
//! another: only the lock under test may do that. Its own mutexes, one for each 64 KiB of the file,
//! are held while something is recorded, not while the file is accessed.

pub mod after_crash;
pub mod allowed_versions;
pub mod knowledge;
pub mod length;
mod log;
pub mod page_atomicity;
mod shard;
pub mod stamp;
pub mod tags;
pub mod times;

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_utils::CachePadded;

pub use log::{Entry, Outcome};
use shard::{SHARD, Shard, Sight};

use crate::oracle::allowed_versions::{Content, Mismatch, Version};
use crate::oracle::knowledge::Reliability;
use crate::oracle::page_atomicity::TornPage;
use crate::oracle::stamp::{Found, SECTOR, sectors};
use crate::report::finding::{Finding, What};
use crate::workload::op::Op;

/// What each sector of a file may contain.
pub struct Oracle {
    store: Reliability,
    shards: Box<[CachePadded<Mutex<Shard>>]>,
}

impl Oracle {
    /// An oracle for a file of zeroes that never gets longer than `limit`, over such a store.
    pub fn new(limit: u64, store: Reliability) -> Oracle {
        let shards = 0..limit.div_ceil(SHARD);
        Oracle { store, shards: shards.map(|_| CachePadded::default()).collect() }
    }

    /// To be called before `op` reads its bytes.
    pub fn begin_read(&self, op: &Op) {
        for part in parts(&op.bytes) {
            self.shard(&part).begin_read(op);
        }
    }

    /// To be called when `op` has read `found`, which is all of its bytes or the first of them.
    pub fn end_read(&self, op: &Op, found: &[u8], outcome: Outcome) -> Result<(), Box<Finding>> {
        let mut result = Ok(());
        for part in parts(&op.bytes) {
            let read = part.start..part.end.min(op.bytes.start + found.len() as u64);
            let from = (part.start - op.bytes.start) as usize;
            let found = found.get(from..).unwrap_or_default();
            let found = &found[..found.len().min((part.end - part.start) as usize)];
            let sight = self.shard(&part).end_read(op, &read, found, outcome);
            if result.is_ok() {
                result = compare(&sight, found, &read)
                    .map_err(|mismatch| self.finding(op.to_string(), found, read.start, mismatch));
                if let (Ok(()), Some(torn)) = (&result, sight.torn_page) {
                    result = Err(self.torn_page(op, torn));
                }
            }
        }
        result
    }

    /// To be called when `op` has ended without reporting what it read.
    pub fn forget_read(&self, op: &Op) {
        for part in parts(&op.bytes) {
            self.shard(&part).forget_read(op);
        }
    }

    /// To be called when what was written since `op` began, which continues, may have been lost: until
    /// [`trust`](Oracle::trust) a reader may see what was there before.
    pub fn doubt(&self, op: &Op) {
        for part in parts(&op.bytes) {
            self.shard(&part).doubt(op);
        }
    }

    /// The same, where it is not known what was lost.
    pub fn doubt_everything(&self, op: &Op) {
        for part in parts(&op.bytes) {
            self.shard(&part).doubt_everything();
        }
    }

    /// To be called when the bytes of `op` are durable: none of them can be lost.
    pub fn trust(&self, op: &Op) {
        for part in parts(&op.bytes) {
            self.shard(&part).trust();
        }
    }

    /// Compares `found`, the first bytes that `op` read, with what it may have read until now. `op` has not
    /// ended.
    pub fn compare_since(&self, op: &Op, seen_by: &str, found: &[u8]) -> Result<(), Box<Finding>> {
        let end = op.bytes.end.min(op.bytes.start + found.len() as u64);
        for part in parts(&(op.bytes.start..end)) {
            let from = (part.start - op.bytes.start) as usize;
            let found = &found[from..from + (part.end - part.start) as usize];
            let sight = self.shard(&part).look_since(op, &part, found);
            compare(&sight, found, &part).map_err(|mismatch| {
                self.finding(seen_by.to_owned(), found, part.start, mismatch)
            })?;
        }
        Ok(())
    }

    /// To be called before `op` replaces `bytes` by `content`.
    pub fn begin_write(&self, op: &Op, bytes: &Range<u64>, content: Content) {
        for part in parts(bytes) {
            self.shard(&part).begin_write(op, bytes, content, self.store);
        }
    }

    /// To be called when `op` has ended, and has certainly replaced the bytes `certain`.
    pub fn end_write(&self, op: &Op, bytes: &Range<u64>, certain: &Range<u64>, outcome: Outcome) {
        self.end_write_in(None, op, bytes, certain, outcome);
    }

    /// The same, of a file that ended at `end`: bytes that are not certain are not in the file past its end,
    /// and never will be. But a crash may leave them, if the store was longer when it was last synced.
    pub fn end_write_at(
        &self,
        end: u64,
        op: &Op,
        bytes: &Range<u64>,
        certain: &Range<u64>,
        outcome: Outcome,
    ) {
        self.end_write_in(Some(end), op, bytes, certain, outcome);
    }

    fn end_write_in(
        &self,
        end: Option<u64>,
        op: &Op,
        bytes: &Range<u64>,
        certain: &Range<u64>,
        outcome: Outcome,
    ) {
        for part in parts(bytes) {
            self.shard(&part).end_write(end, op, &part, certain, outcome);
        }
    }

    /// To be called when `op` has failed in a way that left all of `bytes` as they were.
    pub fn refuse_write(&self, op: &Op, bytes: &Range<u64>) {
        for part in parts(bytes) {
            self.shard(&part).refuse_write(op);
        }
    }

    /// To be called before `op` does something with its bytes that changes none of them.
    pub fn begin_other(&self, op: &Op) {
        for part in parts(&op.bytes) {
            self.shard(&part).begin_other(op);
        }
    }

    /// To be called when what [`begin_other`](Oracle::begin_other) began has ended.
    pub fn end_other(&self, op: &Op, outcome: Outcome) {
        for part in parts(&op.bytes) {
            self.shard(&part).end_other(op, outcome);
        }
    }

    /// Compares `found`, which `seen_by` read at `bytes`, when all other operations have ended.
    pub fn compare(
        &self,
        seen_by: &str,
        bytes: &Range<u64>,
        found: &[u8],
    ) -> Result<(), Box<Finding>> {
        for part in parts(bytes) {
            let from = (part.start - bytes.start) as usize;
            let found = &found[from..from + (part.end - part.start) as usize];
            let sight = self.shard(&part).inspect(&part, found);
            compare(&sight, found, &part).map_err(|mismatch| {
                self.finding(seen_by.to_owned(), found, part.start, mismatch)
            })?;
        }
        Ok(())
    }

    fn finding(
        &self,
        seen_by: String,
        found: &[u8],
        start: u64,
        mismatch: Mismatch,
    ) -> Box<Finding> {
        let Mismatch { bytes, expected } = mismatch;
        let sector = bytes.start - bytes.start % SECTOR as u64;
        let whole = sector.max(start)..(sector + SECTOR as u64).min(start + found.len() as u64);
        let read = &found[(whole.start - start) as usize..(whole.end - start) as usize];
        let within = (whole.start - sector) as usize;
        let history = self.shard(&whole).entries_of(&(sector..sector + SECTOR as u64));
        let found = Found::decode(read, sector, within);
        Box::new(Finding { seen_by, what: What::Bytes { bytes, expected, found }, history })
    }

    fn torn_page(&self, op: &Op, torn: Box<TornPage>) -> Box<Finding> {
        let history = self.shard(&torn.older.0).entries_of(&torn.older.0);
        Box::new(Finding { seen_by: op.to_string(), what: What::TornPage(torn), history })
    }

    fn shard(&self, part: &Range<u64>) -> MutexGuard<'_, Shard> {
        let shard = &self.shards[(part.start / SHARD) as usize];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `bytes`, split where one shard ends and the next begins.
fn parts(bytes: &Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let Range { start, end } = bytes.clone();
    let first = start - start % SHARD;
    let last = if start < end { end } else { first };
    (first..last).step_by(SHARD as usize).map(move |shard| start.max(shard)..end.min(shard + SHARD))
}

/// Compares what was read with what `sight` contains of the sectors that no thread was writing.
fn compare(sight: &Sight, found: &[u8], read: &Range<u64>) -> Result<(), Mismatch> {
    let mut settled = sight.settled.iter();
    for (sector, part) in sectors(read.start, found.len()) {
        let Some(&content) = settled.next() else { break };
        let Some(content) = content else { continue };
        let bytes = read.start + part.start as u64..read.start + part.end as u64;
        let within = (bytes.start - sector) as usize;
        if !content.matches(&found[part], sector, within) {
            return Err(Mismatch { bytes, expected: vec![Version::initial(content, sector)] });
        }
    }
    match &sight.mismatch {
        Some(mismatch) => Err(mismatch.clone()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
