//! The last handle of a file whose store hangs while it is being closed: the drop returns after
//! some seconds, and the closing ends when the store answers.

use std::io;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{FileOptions, MemStore, Options, PageCache, Store, StoreLayer};

const PAGE: u64 = 4096;

/// Longer than the drop of a handle takes if the store does not answer.
const TOO_LONG: Duration = Duration::from_secs(60);

/// Where a store hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Read,
    Drop,
    Release,
}

/// A store that hangs in one method as long as its gate is locked, and reports when it hangs.
struct Hanging {
    inner: Arc<MemStore>,
    at: At,
    gate: Arc<Mutex<()>>,
    hangs: Sender<()>,
}

impl Hanging {
    fn pass(&self, at: At) {
        if at == self.at && self.gate.try_lock().is_err() {
            let _ = self.hangs.send(());
            drop(self.gate.lock());
        }
    }
}

impl StoreLayer for Hanging {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.inner
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.pass(At::Read);
        self.inner.read_at(bytes, offset)
    }

    fn release(&self) {
        self.pass(At::Release);
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        self.pass(At::Drop);
    }
}

/// Whether a file has something to write when it is dropped.
#[derive(Clone, Copy, Debug)]
enum When {
    Clean,
    Dirty,
}

/// Drops the last handle of a file whose store hangs, and lets the store answer when the drop has returned.
fn drop_in_time(at: At, when: When) {
    let inner = Arc::new(MemStore::new());
    inner.set_len(8 * PAGE).unwrap();
    let gate: Arc<Mutex<()>> = Arc::default();
    let (hangs, hanging) = channel();
    let store = Hanging { inner: Arc::clone(&inner), at, gate: Arc::clone(&gate), hangs };
    let options = Options::new(64).readahead(0).flush_interval(TOO_LONG);
    let cache: PageCache = PageCache::with_options(options);
    let file = cache.open_with(store, FileOptions::new()).unwrap();
    if let When::Dirty = when {
        file.write_all_at(b"kept", 7 * PAGE).unwrap();
    }
    let (dropped, over) = channel();
    let held = gate.lock().unwrap();
    if at == At::Read {
        file.will_need(0..8 * PAGE).unwrap();
        hanging.recv().unwrap();
    }
    thread::scope(|scope| {
        scope.spawn(move || {
            drop(file);
            let _ = dropped.send(());
        });
        let returned = over.recv_timeout(TOO_LONG);
        // Other files are not delayed.
        let other = cache.open(MemStore::new()).unwrap();
        other.write_all_at(b"other", 0).unwrap();
        other.close().unwrap();
        drop(held);
        returned.unwrap_or_else(|_| panic!("{at:?}, {when:?}: the drop waits for the store"));
    });
    // The file is closed when the store answers. The sender is dropped with the store.
    while hanging.recv().is_ok() {}
    assert_eq!(Arc::strong_count(&inner), 1);
    if let When::Dirty = when {
        let mut seen = [0; 4];
        assert_eq!(inner.read_at(&mut seen, 7 * PAGE).unwrap(), 4);
        assert_eq!(&seen, b"kept");
    }
}

#[test]
fn a_clean_file_is_dropped_though_the_read_of_a_hint_hangs() {
    drop_in_time(At::Read, When::Clean);
}

#[test]
fn a_clean_file_is_dropped_though_its_store_hangs_in_its_own_drop() {
    drop_in_time(At::Drop, When::Clean);
}

#[test]
fn a_dirty_file_is_dropped_though_its_store_hangs_in_its_own_drop() {
    drop_in_time(At::Drop, When::Dirty);
}

#[test]
fn a_file_is_dropped_though_its_store_hangs_when_it_is_released() {
    drop_in_time(At::Release, When::Clean);
}

#[test]
fn files_are_closed_while_another_hangs_though_its_thread_was_there_first() {
    let gate: Arc<Mutex<()>> = Arc::default();
    let (hangs, hanging) = channel();
    let inner = Arc::new(MemStore::new());
    let cache = PageCache::new(64);
    let close = || {
        let store = Arc::new(MemStore::new());
        drop(cache.open(Arc::clone(&store)).unwrap());
        // The drop has not given up waiting: the store is dropped.
        assert_eq!(Arc::strong_count(&store), 1);
    };
    let store = Hanging { inner: Arc::clone(&inner), at: At::Drop, gate: Arc::clone(&gate), hangs };
    let file = cache.open(store).unwrap();
    let held = gate.lock().unwrap();
    thread::scope(|scope| {
        // Its thread takes the file that hangs.
        close();
        scope.spawn(move || drop(file));
        close();
        hanging.recv().unwrap();
        close();
        drop(held);
    });
    assert!(hanging.recv().is_err());
    assert_eq!(Arc::strong_count(&inner), 1);
}
