//! The table of all claims that threads hold or wait for.
//!
//! Every record in the table is true. A claim is recorded as held from after it was granted until
//! before its release begins, and as waiting from when it is queued until it is granted. A waiting
//! claim's record is added and removed under the mutex of its lock's registry. So a cycle of
//! records is a cycle of claims. A claim that becomes due gets a new record, so that the records of
//! due claims on one lock are in the order in which they became due.

use std::backtrace::Backtrace;
use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Instant;

use crate::{Mode, Span};

/// Records by number, in the order in which they were made.
pub(super) struct Table {
    next: u64,
    pub(super) held: BTreeMap<u64, Record>,
    pub(super) waiting: BTreeMap<u64, WaitRecord>,
}

#[derive(Clone)]
pub(super) struct Record {
    pub(super) lock: usize,
    /// The spans claimed together, and their modes.
    pub(super) parts: Vec<(Span, Mode)>,
    pub(super) thread: Thread,
    /// When the claim was granted, or when the thread began to wait.
    pub(super) since: Instant,
    /// The call that acquired the claim, or that waits for it.
    pub(super) location: &'static Location<'static>,
    pub(super) backtrace: Arc<Backtrace>,
}

pub(super) struct WaitRecord {
    pub(super) record: Record,
    pub(super) line: Line,
}

/// Which waiting claims block a waiting claim.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// The due ones. The claim itself may be overtaken, so it is not counted as blocking others.
    Patient,
    /// The ones that were due earlier.
    Due,
    /// None: the claim overtakes them.
    Passes,
}

static TABLE: Mutex<Table> =
    Mutex::new(Table { next: 0, held: BTreeMap::new(), waiting: BTreeMap::new() });

pub(super) fn table() -> MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Table {
    fn hold(&mut self, record: Record) -> Held {
        self.next += 1;
        self.held.insert(self.next, record);
        Held(Some(self.next))
    }

    fn wait(&mut self, record: Record, line: Line) -> Waiting {
        self.next += 1;
        self.waiting.insert(self.next, WaitRecord { record, line });
        Waiting(Some(self.next))
    }
}

impl Record {
    #[track_caller]
    fn new(
        lock: usize,
        parts: impl IntoIterator<Item = (Span, Mode)>,
        backtrace: Backtrace,
    ) -> Record {
        Record {
            lock,
            parts: parts.into_iter().collect(),
            thread: thread::current(),
            since: Instant::now(),
            location: Location::caller(),
            backtrace: Arc::new(backtrace),
        }
    }
}

/// The record of a held claim, owned by its guard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held(Option<u64>);

impl Held {
    /// Records a claim that this thread has just been granted.
    #[track_caller]
    pub(crate) fn by_this_thread(
        lock: usize,
        parts: impl IntoIterator<Item = (Span, Mode)>,
    ) -> Held {
        let record = Record::new(lock, parts, Backtrace::capture());
        table().hold(record)
    }

    /// Records nothing: the claim is held by a task.
    pub(crate) fn by_no_known_thread() -> Held {
        Held(None)
    }

    /// Call it before a claim is downgraded, or after it was upgraded.
    pub(crate) fn set_mode(self, mode: Mode) {
        self.change(|record| record.parts.iter_mut().for_each(|part| part.1 = mode));
    }

    /// Call it before a claim is shrunk.
    pub(crate) fn shrink_to(self, to: Span) {
        self.change(|record| record.parts.iter_mut().for_each(|part| part.0 = to));
    }

    /// Splits the record of a claim on one span; returns that of the upper part.
    pub(crate) fn split_at(self, at: u64) -> Held {
        let upper = self.change(|record| {
            let mut upper = record.clone();
            for (lower, upper) in record.parts.iter_mut().zip(&mut upper.parts) {
                (lower.0, upper.0) = lower.0.split_at(at);
            }
            upper
        });
        upper.map_or(Held(None), |upper| table().hold(upper))
    }

    /// Call it before a claim is released.
    pub(crate) fn end(self) {
        if let Some(number) = self.0 {
            table().held.remove(&number);
        }
    }

    fn change<T>(self, change: impl FnOnce(&mut Record) -> T) -> Option<T> {
        let number = self.0?;
        table().held.get_mut(&number).map(change)
    }
}

/// The record of a waiting thread, owned by its waiter.
#[derive(Debug)]
pub(crate) struct Waiting(Option<u64>);

impl Waiting {
    /// Records that this thread waits, and may be overtaken until its claim [is
    /// due](Waiting::is_due). Call it under the mutex of the registry.
    pub(crate) fn patiently(lock: usize, parts: impl IntoIterator<Item = (Span, Mode)>) -> Waiting {
        Waiting::new(Record::new(lock, parts, Backtrace::force_capture()), Line::Patient)
    }

    /// Call it when a waiting claim becomes due, under the mutex of the registry.
    pub(crate) fn is_due(&mut self) {
        let Some(number) = self.0 else { return };
        let mut table = table();
        let is_patient = |wait: &WaitRecord| wait.line == Line::Patient;
        if let Some(wait) = table.waiting.get(&number).filter(|wait| is_patient(wait)) {
            let record = wait.record.clone();
            table.waiting.remove(&number);
            *self = table.wait(record, Line::Due);
        }
    }

    /// Records that this thread waits for held claims only, and blocks others. Call it under the
    /// mutex of the registry.
    pub(crate) fn passing_those_that_wait(lock: usize, span: Span, mode: Mode) -> Waiting {
        let record = Record::new(lock, [(span, mode)], Backtrace::force_capture());
        Waiting::new(record, Line::Passes)
    }

    /// Records nothing: a task, or a thread with a deadline.
    pub(crate) fn unfollowed() -> Waiting {
        Waiting(None)
    }

    /// Call it when the claim is granted, under the mutex of the registry.
    pub(crate) fn end(&mut self) {
        if let Some(number) = self.0.take() {
            table().waiting.remove(&number);
        }
    }

    fn new(record: Record, line: Line) -> Waiting {
        table().wait(record, line)
    }
}

/// Removes the records that forgotten guards left of a dropped lock: another lock may get its address.
pub(crate) fn forget_lock(lock: usize) {
    table().held.retain(|_, record| record.lock != lock);
}
