//! What a crash may leave: nothing that is older than the last sync.
//!
//! Take a reader of the whole file that began when the last successful sync began, and ends now. A crash may
//! leave what this reader may see: bytes that were there then, or were written later, but none that had been
//! replaced by then. A sync that fails may lose as much without a crash: until a sync succeeds, readers may
//! see the same.
//!
//! The rule holds for the bytes of a durable write too, with a reader that began when the write returned; and for what
//! was written with a tag that a sync included, with a reader that began when the sync returned.

mod latest_writes;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fastrand::Rng;

use crate::oracle::knowledge::Knowledge;
use crate::oracle::length::Glance;
use crate::report::finding::{Finding, What};
use crate::stores::crash::Volatile;
use crate::workload::op::{Op, Path};
use latest_writes::LatestWrites;

/// How many ranges of durable bytes are remembered.
const MOST_PROMISES: usize = 32;

/// The last sync, and the store that it synced.
pub struct Floor {
    /// `None` if it is a real one.
    store: Option<Arc<Volatile>>,
    last: Mutex<Synced>,
    /// The last durable writes since then, and how many there were.
    promises: Mutex<(VecDeque<Synced>, u64)>,
    /// The writes with tags since then.
    tagged: Mutex<LatestWrites>,
    /// Set if bytes were moved since, of which a crash may leave any part.
    unknown: AtomicBool,
    /// How often the store had lost something when that was last asked for.
    losses: AtomicU64,
    doubtful: AtomicBool,
}

/// A sync that has begun.
#[derive(Clone)]
pub struct Synced {
    op: Op,
    glance: Glance,
}

impl Floor {
    /// The floor of a file of zeroes, which are durable.
    pub fn new(store: Arc<Volatile>, known: &Knowledge) -> Floor {
        Floor { store: Some(store), ..Floor::of_a_file(known) }
    }

    /// The same, of a real file.
    pub fn of_a_file(known: &Knowledge) -> Floor {
        let op = Op {
            path: Path::Sync,
            thread: u16::MAX,
            sequence: 0,
            file: 0,
            bytes: 0..known.limit,
            len: None,
        };
        Floor {
            store: None,
            last: Mutex::new(begin(op, known)),
            promises: Mutex::default(),
            tagged: Mutex::default(),
            unknown: AtomicBool::new(false),
            losses: AtomicU64::new(0),
            doubtful: AtomicBool::new(false),
        }
    }

    /// Whether it is of a store that can crash, and not of a real file.
    pub fn has_store(&self) -> bool {
        self.store.is_some()
    }

    /// To be called before a sync.
    pub fn begin(&self, op: &Op, known: &Knowledge) -> Synced {
        begin(op.clone(), known)
    }

    /// To be called when `sync` has succeeded: what it found is durable.
    pub fn raise(&self, sync: Synced, known: &Knowledge) {
        let last = std::mem::replace(&mut *self.last(), sync);
        known.oracle.forget_read(&last.op);
        for promise in self.promises().0.drain(..) {
            known.oracle.forget_read(&promise.op);
        }
        self.tagged().clear();
        known.oracle.trust(&last.op);
        known.times.sync();
        self.doubtful.store(false, Ordering::SeqCst);
        self.unknown.store(false, Ordering::SeqCst);
    }

    /// To be called when `op` has changed bytes of the file, or may have.
    pub fn note_change(&self, op: &Op) {
        self.tagged().replace(&op.bytes);
    }

    /// To be called when a write with a tag has returned that has replaced these bytes.
    pub fn note_tagged(&self, bytes: Range<u64>, tag: u64) {
        self.tagged().add(bytes, tag);
    }

    /// What a sync of this tag promises: the bytes whose latest write has a tag up to this one.
    pub fn tagged_up_to(&self, tag: u64) -> Vec<Range<u64>> {
        self.tagged().up_to(tag)
    }

    /// To be called when bytes are durable: those of a write that promised that, or that a sync included.
    pub fn promise(&self, bytes: Range<u64>, known: &Knowledge) {
        let (promises, count) = &mut *self.promises();
        *count += 1;
        let op = Op { sequence: *count, ..promised(bytes) };
        promises.push_back(begin(op, known));
        if promises.len() > MOST_PROMISES
            && let Some(oldest) = promises.pop_front()
        {
            known.oracle.forget_read(&oldest.op);
        }
    }

    /// Checks whether the store has lost something. Must be called before any read, and before a sync counts
    /// as successful.
    pub fn watch(&self, known: &Knowledge) {
        let losses = self.store.as_ref().map_or(0, |store| store.losses());
        if self.losses.swap(losses, Ordering::SeqCst) == losses {
            return;
        }
        self.doubtful.store(true, Ordering::SeqCst);
        let last = self.last();
        match self.unknown.load(Ordering::SeqCst) {
            true => known.oracle.doubt_everything(&last.op),
            false => known.oracle.doubt(&last.op),
        }
    }

    /// Whether something may be lost that was written since the last sync.
    pub fn is_doubtful(&self) -> bool {
        self.doubtful.load(Ordering::SeqCst)
    }

    /// To be called when bytes are moved: until the next sync it is unknown what a crash leaves.
    pub fn suspend(&self) {
        self.tagged().clear();
        self.unknown.store(true, Ordering::SeqCst);
    }

    /// Checks what a crash now would leave.
    pub fn crash(&self, known: &Knowledge, rng: &mut Rng) -> Result<(), Box<Finding>> {
        match &self.store {
            Some(store) => self.judge(known, "a crash after", &store.crash(rng)),
            None => Ok(()),
        }
    }

    /// Checks what a crash has left.
    pub fn judge(&self, known: &Knowledge, what: &str, left: &[u8]) -> Result<(), Box<Finding>> {
        if self.unknown.load(Ordering::SeqCst) {
            return Ok(());
        }
        let last = self.last();
        let seen_by = format!("{what} {}", last.op);
        let (expected, found) = (known.length.since(last.glance), left.len() as u64);
        if !expected.contains(&found) {
            let what = What::Len { expected, found };
            return Err(Box::new(Finding { seen_by, what, history: Vec::new() }));
        }
        known.oracle.compare_since(&last.op, &seen_by, left)?;
        for Synced { op, glance } in &self.promises().0 {
            let seen_by = format!("{what} {}..{} was durable", op.bytes.start, op.bytes.end);
            // If the file has not become shorter since, its length was durable too.
            let expected = op.bytes.end..=*known.length.since(*glance).end();
            if *known.length.since(*glance).start() >= op.bytes.end && found < op.bytes.end {
                let what = What::Len { expected, found };
                return Err(Box::new(Finding { seen_by, what, history: Vec::new() }));
            }
            let there = op.bytes.start.min(found) as usize..op.bytes.end.min(found) as usize;
            known.oracle.compare_since(op, &seen_by, &left[there])?;
        }
        Ok(())
    }

    fn promises(&self) -> MutexGuard<'_, (VecDeque<Synced>, u64)> {
        self.promises.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tagged(&self) -> MutexGuard<'_, LatestWrites> {
        self.tagged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last(&self) -> MutexGuard<'_, Synced> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Synced {
    /// To be called when it has failed.
    pub fn forget(self, known: &Knowledge) {
        known.oracle.forget_read(&self.op);
    }
}

/// A read of what a durable write wrote.
fn promised(bytes: Range<u64>) -> Op {
    Op { path: Path::Sync, thread: u16::MAX - 1, sequence: 0, file: 0, bytes, len: None }
}

fn begin(op: Op, known: &Knowledge) -> Synced {
    let glance = known.length.glance();
    known.oracle.begin_read(&op);
    Synced { op, glance }
}
