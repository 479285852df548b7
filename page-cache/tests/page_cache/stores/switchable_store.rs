//! A store that a test can make fail or hang.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{File, MemStore, PageCache, Store};

/// What a store does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    Works,
    Fails,
    /// Does not answer until the behaviour is changed.
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
    /// Asked for by a layer above, which has versions.
    Version,
}

/// A store of which each kind of request works, fails or hangs, as a test chooses.
pub struct SwitchableStore {
    pub inner: MemStore,
    behaviours: Mutex<[Behaviour; 6]>,
    changed: Condvar,
    pub requests: AtomicU64,
    /// How many requests hang.
    pub hanging: AtomicU64,
}

impl SwitchableStore {
    pub fn new() -> Arc<SwitchableStore> {
        Arc::new(SwitchableStore {
            inner: MemStore::new(),
            behaviours: Mutex::new([Behaviour::Works; 6]),
            changed: Condvar::new(),
            requests: AtomicU64::new(0),
            hanging: AtomicU64::new(0),
        })
    }

    pub fn set(&self, kinds: &[Kind], behaviour: Behaviour) {
        let mut behaviours = self.behaviours.lock().unwrap();
        kinds.iter().for_each(|&kind| behaviours[kind as usize] = behaviour);
        self.changed.notify_all();
    }

    pub fn is_well(&self) -> bool {
        self.behaviours.lock().unwrap().iter().all(|&behaviour| behaviour == Behaviour::Works)
    }

    /// Waits until so many requests hang, or all are released.
    pub fn until_hanging(&self, count: u64) {
        while self.hanging.load(Ordering::SeqCst) < count && !self.is_well() {
            thread::yield_now();
        }
    }

    pub fn ask(&self, kind: Kind) -> io::Result<()> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let mut behaviours = self.behaviours.lock().unwrap();
        if behaviours[kind as usize] == Behaviour::Hangs {
            self.hanging.fetch_add(1, Ordering::SeqCst);
            while behaviours[kind as usize] == Behaviour::Hangs {
                behaviours = self.changed.wait(behaviours).unwrap();
            }
            self.hanging.fetch_sub(1, Ordering::SeqCst);
        }
        match behaviours[kind as usize] {
            Behaviour::Fails => Err(io::Error::other("the disk is dead")),
            _ => Ok(()),
        }
    }
}

impl Store for SwitchableStore {
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

/// A file over a store with these behaviours.
pub fn open(
    cache: &PageCache,
    behaviours: &[(&[Kind], Behaviour)],
) -> (File, Arc<SwitchableStore>) {
    let store = SwitchableStore::new();
    behaviours.iter().for_each(|&(kinds, behaviour)| store.set(kinds, behaviour));
    (cache.open(Arc::clone(&store)).unwrap(), store)
}

/// Runs code that must not wait for a store that hangs. If it does wait, releases all stores.
pub fn without_waiting(stores: &[Arc<SwitchableStore>], work: impl FnOnce() + Send) {
    let (done, over): (_, Receiver<()>) = channel();
    thread::scope(|scope| {
        let worker = scope.spawn(move || {
            work();
            done.send(()).unwrap();
        });
        let waited = over.recv_timeout(Duration::from_secs(100));
        if waited.is_err() {
            let all =
                [Kind::Read, Kind::Write, Kind::SetLen, Kind::Punch, Kind::Sync, Kind::Version];
            stores.iter().for_each(|store| store.set(&all, Behaviour::Works));
        }
        worker.join().unwrap();
        waited.expect("it does not wait for a store that hangs");
    });
}
