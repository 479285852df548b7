//! A lock and a store that report to a test what is requested of them, so that the test need not sleep to get an order.

use std::cell::RefCell;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use crate::{File, MemStore, OperationLock, Options, PageCache, Store};
use spanlock::{Access, Claim, ClaimState, MappingGuard, MappingLock};

thread_local! {
    /// The logs of the locks made on this thread.
    static MADE: RefCell<Vec<Arc<Log>>> = const { RefCell::new(Vec::new()) };
}

/// A mapping lock that keeps a log of the requests that have to wait.
pub(crate) struct Observed {
    log: Arc<Log>,
}

/// The requests that had to wait for a lock. The lock is fair, since some tests check the order.
pub(crate) struct Log {
    lock: MappingLock,
    waits: Mutex<Vec<Access>>,
    more: Condvar,
}

impl Default for Log {
    fn default() -> Log {
        Log { lock: MappingLock::fair(), waits: Mutex::default(), more: Condvar::new() }
    }
}

impl Log {
    /// Returns once a claim for `access` has had to wait.
    pub(crate) fn until_waited_for(&self, access: Access) {
        let waits = self.waits.lock().unwrap();
        drop(self.more.wait_while(waits, |waits| !waits.contains(&access)).unwrap());
    }

    /// The claims that there are; their ranges count pages.
    pub(crate) fn claims(&self) -> Vec<Claim> {
        self.lock.pages().claims()
    }

    /// Returns once so many claims are in the lock's queue.
    pub(crate) fn until_queued(&self, count: usize) {
        let waits = |claim: &Claim| claim.state == ClaimState::Waiting;
        while self.claims().into_iter().filter(waits).count() != count {
            thread::yield_now();
        }
    }
}

impl Default for Observed {
    fn default() -> Observed {
        let log: Arc<Log> = Arc::default();
        MADE.with_borrow_mut(|made| made.push(Arc::clone(&log)));
        Observed { log }
    }
}

impl OperationLock for Observed {
    type Guard<'a> = MappingGuard<'a>;

    fn lock(&self, access: Access, bytes: Range<u64>) -> MappingGuard<'_> {
        if let Some(guard) = self.log.lock.try_lock(access, bytes.clone()) {
            return guard;
        }
        self.log.waits.lock().unwrap().push(access);
        self.log.more.notify_all();
        self.log.lock.lock(access, bytes)
    }

    fn try_lock(&self, access: Access, bytes: Range<u64>) -> Option<MappingGuard<'_>> {
        self.log.lock.try_lock(access, bytes)
    }
}

/// A file, and the logs of its IO lock and its mapping lock. Its flusher sleeps.
pub(crate) struct ObservedFile {
    pub(crate) file: File,
    pub(crate) io: Arc<Log>,
    pub(crate) mapping: Arc<Log>,
}

pub(crate) fn observed(store: impl Store + 'static) -> ObservedFile {
    MADE.take();
    let options = Options::new(64).flush_interval(std::time::Duration::from_secs(3600));
    let file = PageCache::with_lock::<Observed>(options).open(store).unwrap();
    let [io, mapping] = <[_; 2]>::try_from(MADE.take()).ok().expect("a file has two locks");
    ObservedFile { file, io, mapping }
}

/// A request to a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Read,
    Write,
}

/// What a test says to a request.
type Answer = dyn Fn(Asked, Range<u64>) -> io::Result<()> + Send + Sync;

/// A store in memory that asks a test before it reads or writes.
pub(crate) struct Asking {
    pub(crate) inner: MemStore,
    pub(crate) alignment: u64,
    answer: Box<Answer>,
}

impl Asking {
    pub(crate) fn new(
        answer: impl Fn(Asked, Range<u64>) -> io::Result<()> + Send + Sync + 'static,
    ) -> Asking {
        Asking { inner: MemStore::new(), alignment: 1, answer: Box::new(answer) }
    }
}

impl Store for Asking {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        (self.answer)(Asked::Read, offset..offset + bytes.len() as u64)?;
        self.inner.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        (self.answer)(Asked::Write, offset..offset + bytes.len() as u64)?;
        self.inner.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.inner.punch_hole(offset, len)
    }

    fn direct_alignment(&self) -> u64 {
        self.alignment
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
}
