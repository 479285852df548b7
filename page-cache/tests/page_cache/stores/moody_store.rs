//! A store that can be told to fail or to hang.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{File, MemStore, PageCache, Store};

/// What a store does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Well,
    /// Fails.
    Dead,
    /// Does not answer until it is in another mood.
    Hangs,
}

/// The requests of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Read,
    Write,
    SetLen,
    Punch,
    Sync,
}

/// A store that can be told how to do with which requests.
pub struct MoodyStore {
    pub inner: MemStore,
    moods: Mutex<[Mood; 5]>,
    changed: Condvar,
    pub requests: AtomicU64,
    /// How many requests hang.
    pub hanging: AtomicU64,
}

impl MoodyStore {
    pub fn new() -> Arc<MoodyStore> {
        Arc::new(MoodyStore {
            inner: MemStore::new(),
            moods: Mutex::new([Mood::Well; 5]),
            changed: Condvar::new(),
            requests: AtomicU64::new(0),
            hanging: AtomicU64::new(0),
        })
    }

    pub fn set(&self, kinds: &[Kind], mood: Mood) {
        let mut moods = self.moods.lock().unwrap();
        kinds.iter().for_each(|&kind| moods[kind as usize] = mood);
        self.changed.notify_all();
    }

    pub fn is_well(&self) -> bool {
        self.moods.lock().unwrap().iter().all(|&mood| mood == Mood::Well)
    }

    /// Waits until so many requests hang, or all are let go.
    pub fn until_hanging(&self, count: u64) {
        while self.hanging.load(Ordering::SeqCst) < count && !self.is_well() {
            thread::yield_now();
        }
    }

    pub fn ask(&self, kind: Kind) -> io::Result<()> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let mut moods = self.moods.lock().unwrap();
        if moods[kind as usize] == Mood::Hangs {
            self.hanging.fetch_add(1, Ordering::SeqCst);
            while moods[kind as usize] == Mood::Hangs {
                moods = self.changed.wait(moods).unwrap();
            }
            self.hanging.fetch_sub(1, Ordering::SeqCst);
        }
        match moods[kind as usize] {
            Mood::Dead => Err(io::Error::other("the disk is dead")),
            _ => Ok(()),
        }
    }
}

impl Store for MoodyStore {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.ask(Kind::Read)?;
        self.inner.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.ask(Kind::Write)?;
        self.inner.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.ask(Kind::SetLen)?;
        self.inner.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.ask(Kind::Punch)?;
        self.inner.punch_hole(offset, len)
    }

    fn sync(&self) -> io::Result<()> {
        self.ask(Kind::Sync)?;
        self.inner.sync()
    }
}

/// A file over a store in moods.
pub fn open(cache: &PageCache, moods: &[(&[Kind], Mood)]) -> (File, Arc<MoodyStore>) {
    let store = MoodyStore::new();
    moods.iter().for_each(|&(kinds, mood)| store.set(kinds, mood));
    (cache.open(Arc::clone(&store)).unwrap(), store)
}

/// Runs what must not wait for a store that hangs, and lets all stores go if it does.
pub fn without_waiting(stores: &[Arc<MoodyStore>], work: impl FnOnce() + Send) {
    let (done, over): (_, Receiver<()>) = channel();
    thread::scope(|scope| {
        let worker = scope.spawn(move || {
            work();
            done.send(()).unwrap();
        });
        let waited = over.recv_timeout(Duration::from_secs(100));
        if waited.is_err() {
            let all = [Kind::Read, Kind::Write, Kind::SetLen, Kind::Punch, Kind::Sync];
            stores.iter().for_each(|store| store.set(&all, Mood::Well));
        }
        worker.join().unwrap();
        waited.expect("it does not wait for a store that hangs");
    });
}
