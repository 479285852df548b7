//! The table of all claims that threads hold or wait for.
//!
//! A record says what is true for as long as it is in the table: a claim is recorded as held after it
//! was granted, and no longer when its release begins; as waiting from when it is queued until it is granted,
//! both under the mutex of its lock's registry. So a circle of records is a circle of claims. A claim that
//! becomes due is recorded anew: the records of claims that are due on one lock are in the order in which they became so.

use std::backtrace::Backtrace;
use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use crate::{Mode, Span};

/// Records by number; a later one has a greater number.
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
    pub(super) thread: ThreadId,
    /// Where the claim was taken, if it is held; where it waits, if it does.
    pub(super) location: &'static Location<'static>,
    pub(super) backtrace: Arc<Backtrace>,
}

pub(super) struct WaitRecord {
    pub(super) record: Record,
    pub(super) line: Line,
}

/// Whether a waiting claim stands behind those that wait already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// Behind those that are due, and may be passed: nobody waits for it for good.
    Patient,
    /// Behind those that were due before.
    Due,
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
            thread: thread::current().id(),
            location: Location::caller(),
            backtrace: Arc::new(backtrace),
        }
    }
}

/// The record of a claim that is held, kept by its guard.
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

    /// Records nothing: whoever holds the claim is not a thread that could be found waiting.
    pub(crate) fn by_somebody() -> Held {
        Held(None)
    }

    /// To be called before a claim is downgraded, or after it was upgraded.
    pub(crate) fn set_mode(self, mode: Mode) {
        self.change(|record| record.parts.iter_mut().for_each(|part| part.1 = mode));
    }

    /// To be called before a claim is shrunk.
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

    /// To be called before a claim is released.
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

/// The record of a thread that waits, kept by what is to wake it.
#[derive(Debug)]
pub(crate) struct Waiting(Option<u64>);

impl Waiting {
    /// Records that this thread waits from now on, and may be passed until its claim [is due](Waiting::is_due). To be called
    /// under the mutex of the registry.
    pub(crate) fn patiently(lock: usize, parts: impl IntoIterator<Item = (Span, Mode)>) -> Waiting {
        Waiting::new(Record::new(lock, parts, Backtrace::force_capture()), Line::Patient)
    }

    /// To be called when a claim that waits becomes due, under the mutex of the registry.
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

    /// Records that this thread waits from now on for held claims only, and others for it. To be called
    /// under the mutex of the registry.
    pub(crate) fn passing_those_that_wait(lock: usize, span: Span, mode: Mode) -> Waiting {
        let record = Record::new(lock, [(span, mode)], Backtrace::force_capture());
        Waiting::new(record, Line::Passes)
    }

    /// Records nothing: a task, or a thread that will give up.
    pub(crate) fn unfollowed() -> Waiting {
        Waiting(None)
    }

    /// To be called when the claim is granted, under the mutex of the registry.
    pub(crate) fn end(&mut self) {
        if let Some(number) = self.0.take() {
            table().waiting.remove(&number);
        }
    }

    fn new(record: Record, line: Line) -> Waiting {
        table().wait(record, line)
    }
}

/// Strikes out what forgotten guards left of a lock that is no more: another may get its address.
pub(crate) fn forget_lock(lock: usize) {
    table().held.retain(|_, record| record.lock != lock);
}
