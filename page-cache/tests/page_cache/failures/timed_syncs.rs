//! Syncs of one file that wait for a limited time: beside a page guard that is never dropped, and a store that hangs.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{File, FileOptions, MemStore, Options, PageCache, Store, StoreLayer};

use crate::stores::failing_store::FailingStore;

const PAGE: usize = 4096;
const SHORT: Duration = Duration::from_millis(20);

/// Longer than any operation takes that ends.
const TOO_LONG: Duration = Duration::from_secs(60);

/// A method that performs such a sync.
type TimedSync = fn(&File, Duration) -> io::Result<()>;

const BOTH: [TimedSync; 2] = [File::sync_data_for, File::sync_all_for];

/// Does `work` on another thread, which must end.
fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, outcome) = channel();
    thread::spawn(move || done.send(work()));
    outcome.recv_timeout(TOO_LONG).expect("it ends")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Write,
    SetModified,
    Sync,
}

/// A store that hangs in one method until its gate is unlocked. It reports when it hangs, and fails after that.
struct Hanging {
    inner: MemStore,
    at: At,
    is_to_hang: Arc<AtomicBool>,
    gate: Arc<Mutex<()>>,
    hangs: Mutex<Sender<()>>,
}

impl Hanging {
    fn pass(&self, at: At) -> io::Result<()> {
        if at == self.at && self.is_to_hang.load(Ordering::SeqCst) {
            let _ = self.hangs.lock().unwrap().send(());
            drop(self.gate.lock());
            return Err(io::Error::from_raw_os_error(5));
        }
        Ok(())
    }
}

impl StoreLayer for Hanging {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.inner
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.pass(At::Write)?;
        self.inner.write_at(bytes, offset)
    }

    fn set_modified(&self, time: std::time::SystemTime) -> io::Result<()> {
        self.pass(At::SetModified)?;
        Store::set_modified(&self.inner, time)
    }

    fn sync(&self) -> io::Result<()> {
        self.pass(At::Sync)?;
        self.inner.sync()
    }

    fn sync_data(&self) -> io::Result<()> {
        self.pass(At::Sync)?;
        self.inner.sync_data()
    }
}

#[test]
fn a_store_that_hangs_is_waited_for_a_limited_time_and_its_error_comes_later() {
    for (at, sync) in
        [(At::Write, BOTH[0]), (At::SetModified, BOTH[0]), (At::Sync, BOTH[0]), (At::Sync, BOTH[1])]
    {
        let (gate, is_to_hang, (hangs, hanging)) = (Arc::default(), Arc::default(), channel());
        let store = Hanging {
            inner: MemStore::new(),
            at,
            is_to_hang: Arc::clone(&is_to_hang),
            gate: Arc::clone(&gate),
            hangs: Mutex::new(hangs),
        };
        let cache: PageCache =
            PageCache::with_options(Options::new(16).flush_interval(Duration::MAX));
        let file = cache.open_with(store, FileOptions::new().keep_modified_time()).unwrap();
        file.write_all_at(&[1; 2 * PAGE], 0).unwrap();
        let held = gate.lock().unwrap();
        is_to_hang.store(true, Ordering::SeqCst);
        let [here, other, second] = [(); 3].map(|()| file.clone());
        let errors = in_time(move || {
            let first = sync(&here, SHORT).unwrap_err();
            hanging.recv_timeout(TOO_LONG).expect("it hangs");
            // These wait for the next one.
            [first, sync(&here, SHORT).unwrap_err(), sync(&here, Duration::ZERO).unwrap_err()]
        });
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::TimedOut, "{at:?}: {error}");
            let message = error.to_string();
            assert!(message.starts_with("sync_"), "{message}");
            let given_up = |after| {
                message
                    .ends_with(&format!(": the sync had not ended after {after:?}, and continues"))
            };
            assert!(given_up(SHORT) || given_up(Duration::ZERO), "{message}");
        }
        assert!(file.last_failure().is_none(), "{:?}", file.last_failure());
        is_to_hang.store(false, Ordering::SeqCst);
        drop(held);
        // The sync that was given up fails, and each handle gets its error once.
        for handle in [other, second] {
            let error = in_time(move || {
                loop {
                    if let Err(error) = handle.sync_all() {
                        break error;
                    }
                }
            });
            assert_eq!(error.raw_os_error(), Some(5), "{at:?}");
        }
        assert_eq!(sync(&file, TOO_LONG).unwrap_err().raw_os_error(), Some(5), "{at:?}");
        sync(&file, TOO_LONG).unwrap();
        assert_eq!((file.stats().dirty, file.stats().unstable), (0, 0), "{at:?}");
        // Its threads have ended, or the drop would wait for them.
        drop(file);
    }
}

#[test]
fn a_guard_that_was_leaked_is_waited_for_a_limited_time_and_other_pages_are_written_nevertheless() {
    for sync in BOTH {
        let store = Arc::new(MemStore::new());
        let options = Options::new(64).flush_interval(Duration::MAX);
        let cache: PageCache = PageCache::with_options(options);
        let file = cache.open(Arc::clone(&store)).unwrap();
        file.write_all_at(&[1; PAGE], 0).unwrap();
        file.write_all_at(&[1; PAGE], 8 * PAGE as u64).unwrap();
        let leaks = file.clone();
        in_time(move || std::mem::forget(leaks.page_mut(8).unwrap()));
        let syncs = file.clone();
        let error = in_time(move || sync(&syncs, SHORT).unwrap_err());
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        // The page before it.
        let end = std::time::Instant::now() + TOO_LONG;
        while store.len().unwrap() < PAGE as u64 {
            assert!(std::time::Instant::now() < end, "the sync continues");
            thread::yield_now();
        }
        // Nobody can close this file any more.
        std::mem::forget((file, cache));
    }
}

#[test]
fn a_sync_that_is_given_up_leaves_an_error_that_was_not_reported_to_the_next() {
    let store = Arc::new(FailingStore::default());
    let cache: PageCache = PageCache::with_options(Options::new(16).flush_interval(Duration::MAX));
    let file = cache.open(Arc::clone(&store)).unwrap();
    let other = file.clone();
    file.write_all_at(&[1; PAGE], 0).unwrap();
    store.fail(store.requests()..u64::MAX);
    other.sync_data().unwrap_err();
    store.fail(0..0);
    let ((guards, guarded), (gives_up, given_up)) = (channel(), channel::<()>());
    let holder = thread::spawn(move || {
        let _page = other.page_mut(0).unwrap();
        guards.send(()).unwrap();
        given_up.recv_timeout(TOO_LONG).unwrap();
    });
    guarded.recv_timeout(TOO_LONG).unwrap();
    let error = file.sync_data_for(SHORT).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    gives_up.send(()).unwrap();
    holder.join().unwrap();
    file.sync_data().expect_err("the error of the first sync");
    file.sync_data().unwrap();
}

#[test]
fn a_thread_with_a_guard_of_the_file_is_refused_at_once() {
    let file = PageCache::new(16).open(MemStore::new()).unwrap();
    file.write_all_at(&[1; PAGE], 0).unwrap();
    let page = file.page_mut(0).unwrap();
    let error = file.sync_all_for(TOO_LONG).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadlock, "{error}");
    drop(page);
    file.sync_all_for(Duration::MAX).unwrap();
}

#[test]
fn what_such_a_sync_has_synced_is_durable_and_its_error_has_an_errno() {
    let store = Arc::new(MemStore::with_most_blocks(1));
    let file = PageCache::new(16).open(Arc::clone(&store)).unwrap();
    file.write_all_at(&[1; 2 * PAGE], 0).unwrap();
    let other = file.clone();
    let error = file.sync_data_for(TOO_LONG).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    assert!(error.to_string().starts_with("sync_data of \"memory\""), "{error}");
    // The error was reported to this handle, and not to the other.
    file.set_len(PAGE as u64).unwrap();
    file.sync_data_for(TOO_LONG).unwrap();
    assert_eq!(other.sync_data_for(TOO_LONG).unwrap_err().kind(), ErrorKind::StorageFull);
    other.sync_data_for(TOO_LONG).unwrap();
}
