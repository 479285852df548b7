//! A store whose requests fail by a plan, and that checks how it is used.
//!
//! It fulfils what `Store` requires: after a length could not be set, the length is as before (unless only the
//! answer of this one request is an error); a hole that could not be punched has changed nothing outside of
//! it. Of a write that failed, any number of sectors may have been written, from the first on. The message of
//! an error says that it was injected.
//!
//! It checks what the cache guarantees to a store: one write of a page at a time, and no size or extent change
//! while a read or a write of a page that it changes is in flight.

mod plan;

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use spanlock_page_cache::{Identity, PAGE_SIZE, Store, Version};

pub use plan::{Fault, Plan};

use crate::oracle::stamp::SECTOR;
use crate::oracle::tags::{Consent, Tags};

const INJECTED: &str = "injected fault";
const PAGE: u64 = PAGE_SIZE as u64;

/// How long a request waits for another one to overtake it. There may be no other.
const TIMEOUT: Duration = Duration::from_millis(2);
const LONGEST_DELAY_IN_MICROS: u64 = 300;

/// Whether `error` was injected.
pub fn is_injected(error: &io::Error) -> bool {
    error.to_string().contains(INJECTED)
}

/// An error that counts as injected.
pub fn injected(what: &str) -> io::Error {
    io::Error::other(format!("{INJECTED}: {what}"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
    Len,
    /// If it fails, it changed nothing.
    Shape,
    /// The same for a change of the length. It touches only the bytes past the new end: what a failed request left
    /// there may be removed while the rest of the last page is written.
    Length,
    Zero,
    Sync,
    /// The call of a hook before writeback.
    Hook,
}

impl Kind {
    /// A page may be read while a part of it is written: a fill keeps the dirty bytes, not those that it reads.
    fn excludes(self, other: Kind) -> bool {
        let is_shape = |kind| matches!(kind, Kind::Shape | Kind::Length | Kind::Zero);
        let is_transfer = |kind| matches!(kind, Kind::Read | Kind::Write);
        (self, other) == (Kind::Write, Kind::Write)
            || is_shape(self) && (is_shape(other) || is_transfer(other))
            || is_shape(other) && is_transfer(self)
    }
}

/// The plan of a store, which faults were injected, and which requests collided.
pub struct Faults {
    plan: Plan,
    planned: AtomicBool,
    requests: AtomicU64,
    struck: [AtomicU64; Fault::ALL.len()],
    traffic: Mutex<Traffic>,
    moved: Condvar,
}

#[derive(Default)]
struct Traffic {
    /// By their numbers, with their bytes.
    on_their_way: Vec<(u64, Kind, Range<u64>)>,
    done: u64,
    collisions: Vec<String>,
}

impl Faults {
    /// To be [started](Faults::start).
    pub fn new(plan: Plan) -> Faults {
        Faults {
            plan,
            planned: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            struck: Default::default(),
            traffic: Mutex::default(),
            moved: Condvar::new(),
        }
    }

    pub fn start(&self) {
        self.planned.store(true, Ordering::SeqCst);
    }

    pub fn stop(&self) {
        self.planned.store(false, Ordering::SeqCst);
    }

    /// How many requests there were since the plan was started.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    /// How many requests the fault has changed.
    pub fn struck(&self, fault: Fault) -> u64 {
        self.struck[fault as usize].load(Ordering::SeqCst)
    }

    /// Requests that were in flight at the same time although they must exclude each other.
    pub fn collisions(&self) -> Vec<String> {
        self.traffic().collisions.clone()
    }

    /// Whether a hook refuses its request, and the error if so.
    pub fn consent(&self) -> (Consent, io::Result<()>) {
        let asked = self.begin(Kind::Hook, 0..0).whole(|| Ok(()));
        (if asked.is_ok() { Consent::Given } else { Consent::Refused }, asked)
    }

    fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, kind: Kind, bytes: Range<u64>) -> Request<'_> {
        let (number, fault) = if self.planned.load(Ordering::SeqCst) {
            let number = self.requests.fetch_add(1, Ordering::SeqCst);
            (number, self.plan.strikes(number, kind))
        } else {
            (0, None)
        };
        let mut traffic = self.traffic();
        let id = traffic.done + traffic.on_their_way.len() as u64;
        for (_, other, theirs) in &traffic.on_their_way {
            let is_exact = kind == Kind::Length || *other == Kind::Length;
            let (one, two) = match is_exact {
                true => (bytes.clone(), theirs.clone()),
                false => (pages_of(&bytes), pages_of(theirs)),
            };
            if kind.excludes(*other) && overlap(&one, &two) {
                let text = format!("{kind:?} of {bytes:?} during {other:?} of {theirs:?}");
                traffic.collisions.push(text);
                break;
            }
        }
        traffic.on_their_way.push((id, kind, bytes));
        drop(traffic);
        let request = Request { faults: self, id, number, fault };
        if let Some(fault) = fault {
            self.struck[fault as usize].fetch_add(1, Ordering::SeqCst);
            request.wait(fault);
        }
        request
    }
}

/// A request in flight.
struct Request<'a> {
    faults: &'a Faults,
    id: u64,
    number: u64,
    fault: Option<Fault>,
}

impl Request<'_> {
    fn wait(&self, fault: Fault) {
        match fault {
            Fault::Delayed => {
                let delay = self.draw(LONGEST_DELAY_IN_MICROS);
                thread::sleep(Duration::from_micros(delay));
            }
            Fault::Overtaken => {
                let traffic = self.faults.traffic();
                let before = traffic.done;
                let moved = &self.faults.moved;
                drop(moved.wait_timeout_while(traffic, TIMEOUT, |traffic| traffic.done == before));
            }
            _ => {}
        }
    }

    /// Does `work` on the first bytes of `len`, as many as the fault allows, and returns how many.
    fn transfer(
        &self,
        len: usize,
        offset: u64,
        work: impl FnOnce(usize) -> io::Result<usize>,
    ) -> io::Result<usize> {
        match self.fault {
            Some(Fault::Short) => match self.first_sectors(offset, len as u64) as usize {
                0 => work(len),
                part => work(part),
            },
            Some(Fault::Late) => {
                work(self.first_sectors(offset, len as u64) as usize)?;
                Err(self.error(io::ErrorKind::Other))
            }
            _ => self.whole(|| work(len)),
        }
    }

    /// Does `work`, or fails before or after it.
    fn whole<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self.fault {
            Some(Fault::Refused) => Err(self.error(io::ErrorKind::Other)),
            Some(Fault::Full) => Err(self.error(io::ErrorKind::StorageFull)),
            Some(Fault::Interrupted) => Err(self.error(io::ErrorKind::Interrupted)),
            Some(Fault::Late) => {
                work()?;
                Err(self.error(io::ErrorKind::Other))
            }
            _ => work(),
        }
    }

    /// How many of the bytes of a request to zero are zeroed.
    fn zeroed(&self, offset: u64, len: u64) -> u64 {
        match self.fault {
            Some(Fault::Late) => self.first_sectors(offset, len),
            _ => len,
        }
    }

    /// How many bytes of a request are done if it ends between two sectors.
    fn first_sectors(&self, offset: u64, len: u64) -> u64 {
        let sector = SECTOR as u64;
        let end = offset.saturating_add(self.draw(len.saturating_add(sector)));
        (end - end % sector).max(offset).min(offset.saturating_add(len)) - offset
    }

    fn error(&self, kind: io::ErrorKind) -> io::Error {
        io::Error::new(kind, format!("{INJECTED} {}", self.number))
    }

    fn draw(&self, below: u64) -> u64 {
        Rng::with_seed(self.number ^ 0x5eed).u64(..below.max(1))
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        let mut traffic = self.faults.traffic();
        traffic.on_their_way.retain(|(id, ..)| *id != self.id);
        traffic.done += 1;
        drop(traffic);
        self.faults.moved.notify_all();
    }
}

/// A store that fails as planned.
pub struct FaultyStore<S> {
    inner: S,
    faults: Arc<Faults>,
    /// What a sync that fails does to what was not synced.
    lose: fn(&S, u64),
    tags: Option<Arc<Tags>>,
}

impl<S: Store> FaultyStore<S> {
    /// For a store that loses nothing.
    pub fn new(inner: S, faults: Arc<Faults>) -> FaultyStore<S> {
        FaultyStore { inner, faults, lose: |_, _| {}, tags: None }
    }

    /// Applies a failed sync to the store, as a random number decides.
    pub fn losing(self, lose: fn(&S, u64)) -> FaultyStore<S> {
        FaultyStore { lose, ..self }
    }

    /// Reports to `tags` how its requests to write end.
    pub fn reporting(self, tags: Arc<Tags>) -> FaultyStore<S> {
        FaultyStore { tags: Some(tags), ..self }
    }

    fn sync_by(&self, sync: impl FnOnce(&S) -> io::Result<()>) -> io::Result<()> {
        let request = self.faults.begin(Kind::Sync, 0..0);
        if matches!(request.fault, Some(Fault::Refused | Fault::Full)) {
            (self.lose)(&self.inner, request.number);
        }
        request.whole(|| sync(&self.inner))
    }
}

impl<S: Store> Store for FaultyStore<S> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let request = self.faults.begin(Kind::Read, range(offset, bytes.len() as u64));
        let len = bytes.len();
        request.transfer(len, offset, |part| self.inner.read_at(&mut bytes[..part], offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let request = self.faults.begin(Kind::Write, range(offset, bytes.len() as u64));
        let result = request.transfer(bytes.len(), offset, |part| {
            let mut done = 0;
            while done < part {
                match self.inner.write_at(&bytes[done..part], offset + done as u64)? {
                    0 => break,
                    more => done += more,
                }
            }
            Ok(done)
        });
        if let Some(tags) = &self.tags {
            tags.answered(range(offset, bytes.len() as u64), &result);
        }
        result
    }

    fn len(&self) -> io::Result<u64> {
        self.faults.begin(Kind::Len, 0..0).whole(|| self.inner.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        // An extension touches no page.
        let request = self.faults.begin(Kind::Length, len..self.inner.len()?.max(len));
        request.whole(|| self.inner.set_len(len))
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        let request = self.faults.begin(Kind::Zero, range(offset, len));
        let part = request.zeroed(offset, len);
        request.whole(|| self.inner.punch_hole(offset, part))
    }

    fn zero_range(&self, offset: u64, len: u64) -> io::Result<()> {
        let request = self.faults.begin(Kind::Zero, range(offset, len));
        let part = request.zeroed(offset, len);
        request.whole(|| self.inner.zero_range(offset, part))
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        let request = self.faults.begin(Kind::Shape, range(offset, len));
        request.whole(|| self.inner.allocate(offset, len))
    }

    fn collapse_range(&self, offset: u64, len: u64) -> io::Result<()> {
        let request = self.faults.begin(Kind::Shape, offset..u64::MAX);
        request.whole(|| self.inner.collapse_range(offset, len))
    }

    fn insert_range(&self, offset: u64, len: u64) -> io::Result<()> {
        let request = self.faults.begin(Kind::Shape, offset..u64::MAX);
        request.whole(|| self.inner.insert_range(offset, len))
    }

    fn direct_alignment(&self) -> u64 {
        self.inner.direct_alignment()
    }

    fn modified(&self) -> io::Result<Option<SystemTime>> {
        self.inner.modified()
    }

    fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        let request = self.faults.begin(Kind::Len, 0..0);
        request.whole(|| self.inner.set_modified(time))
    }

    fn identity(&self) -> Option<Identity> {
        self.inner.identity()
    }

    fn version(&self) -> io::Result<Option<Version>> {
        self.faults.begin(Kind::Len, 0..0).whole(|| self.inner.version())
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_by(Store::sync)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync_by(Store::sync_data)
    }
}

fn pages_of(bytes: &Range<u64>) -> Range<u64> {
    match bytes.is_empty() {
        true => 0..0,
        false => bytes.start / PAGE..bytes.end.div_ceil(PAGE),
    }
}

fn overlap(one: &Range<u64>, other: &Range<u64>) -> bool {
    one.start.max(other.start) < one.end.min(other.end)
}

fn range(offset: u64, len: u64) -> Range<u64> {
    offset..offset.saturating_add(len)
}

#[cfg(test)]
mod tests;
