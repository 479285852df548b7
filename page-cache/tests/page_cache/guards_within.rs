//! Guards that are waited for a limited time.

use std::io::{self, ErrorKind};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{File, MemStore, Options, PageCache, Store, StoreLayer};

use crate::stores::stopping_store::{StoppingStore, stop_at_next_request};

const PAGE: u64 = 4096;
const SHORT: Duration = Duration::from_millis(20);
const NEVER: Duration = Duration::from_secs(3600);

/// Longer than any operation takes that ends.
const TOO_LONG: Duration = Duration::from_secs(60);

/// Lets threads read a file's pages with requests to the store that do not end, and then requests a page, with a
/// short time limit.
fn ask_beside_reads(reads: &[u64], asked: u64) {
    let cache: PageCache = PageCache::with_options(Options::new(16).readahead(0));
    let file = cache.open(StoppingStore::default()).unwrap();
    file.set_len(20 * PAGE).unwrap();
    let gate: Arc<Mutex<()>> = Arc::default();
    let held = gate.lock().unwrap();
    let (stopped, told) = channel();
    thread::scope(|scope| {
        for &page in reads {
            let (file, gate, stopped) = (&file, Arc::clone(&gate), stopped.clone());
            scope.spawn(move || {
                stop_at_next_request(stopped, gate);
                file.read_exact_at(&mut [0], page * PAGE).unwrap();
            });
        }
        reads.iter().for_each(|_| told.recv().unwrap());
        let (done, over) = channel();
        let file = &file;
        scope.spawn(move || {
            let shared = file.page_within(asked, SHORT).map(drop);
            done.send((shared, file.page_mut_within(asked, SHORT).map(drop)))
        });
        let outcome = over.recv_timeout(TOO_LONG);
        drop(held);
        let (shared, exclusive) = outcome.expect("the wait is limited");
        for error in [shared.unwrap_err(), exclusive.unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            let message = error.to_string();
            assert!(message.contains(": no guard after 20ms: "), "{message}");
        }
    });
    // Nothing is wrong with the file.
    assert!(file.last_failure().is_none(), "{:?}", file.last_failure());
    drop(file.page_within(asked, TOO_LONG).unwrap());
}

#[test]
fn a_page_that_another_thread_is_reading_is_waited_for_a_limited_time() {
    ask_beside_reads(&[3], 3);
}

#[test]
fn a_frame_that_the_files_other_requests_have_is_waited_for_a_limited_time() {
    // As many as may read at the same time, in a cache of this size.
    ask_beside_reads(&[3, 4], 5);
}

/// A store whose writes wait for a gate.
struct Gated {
    inner: MemStore,
    gate: Arc<Mutex<()>>,
}

impl StoreLayer for Gated {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.inner
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        drop(self.gate.lock().unwrap());
        self.inner.write_at(bytes, offset)
    }
}

#[test]
fn room_for_a_dirty_page_is_waited_for_a_limited_time_though_the_store_hangs() {
    let gate: Arc<Mutex<()>> = Arc::default();
    let options = Options::new(32).dirty_limit(6).flush_interval(NEVER).readahead(0);
    let cache: PageCache = PageCache::with_options(options);
    let file = cache.open(Gated { inner: MemStore::new(), gate: Arc::clone(&gate) }).unwrap();
    file.set_len(20 * PAGE).unwrap();
    let held = gate.lock().unwrap();
    let (done, over) = channel();
    thread::scope(|scope| {
        let file = &file;
        scope.spawn(move || {
            let write = |page| file.page_mut_within(page, SHORT).map(|mut page| page[0] = 7);
            let refused = (0..20).find_map(|page| write(page).err().map(|error| (page, error)));
            done.send(refused)
        });
        let outcome = over.recv_timeout(TOO_LONG);
        drop(held);
        let (page, error) = outcome.expect("the wait is limited").expect("there is a limit");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        // When the store answers, more pages may be dirty.
        file.page_mut_within(page, TOO_LONG).unwrap()[0] = 7;
    });
    drop(file.page_within(0, TOO_LONG).unwrap());
}

#[test]
fn room_that_a_failing_store_keeps_is_not_waited_for() {
    struct Dead(MemStore);
    impl StoreLayer for Dead {
        type Below = MemStore;
        fn below(&self) -> &MemStore {
            &self.0
        }
        fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
            Err(io::Error::other("dead"))
        }
    }
    let options = Options::new(32).dirty_limit(6).flush_interval(NEVER).readahead(0);
    let cache: PageCache = PageCache::with_options(options);
    let file = cache.open(Dead(MemStore::new())).unwrap();
    file.set_len(20 * PAGE).unwrap();
    let write = |page| file.page_mut_within(page, TOO_LONG).map(|mut page| page[0] = 7);
    let error = (0..20).find_map(|page| write(page).err()).expect("there is a limit");
    assert!(error.to_string().contains("dead"), "{error}");
}

/// A file of two pages of ones.
fn two_pages() -> File {
    let file = PageCache::new(16).open(MemStore::new()).unwrap();
    file.write_all_at(&[1; 2 * PAGE as usize], 0).unwrap();
    file
}

#[test]
fn a_second_guard_of_a_page_that_a_truncation_waits_to_cut_is_refused() {
    let file = two_pages();
    let page = file.page(1).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| file.set_len(PAGE + 100).unwrap());
        while file.len() != PAGE + 100 {
            thread::yield_now();
        }
        // The truncation is about to zero the end of the page, and waits for the first guard.
        assert_eq!(file.page(1).unwrap_err().kind(), ErrorKind::Deadlock);
        assert_eq!(file.page_within(1, TOO_LONG).unwrap_err().kind(), ErrorKind::Deadlock);
        assert!(file.try_page(1).unwrap().is_none());
        assert!(page.iter().all(|&byte| byte == 1));
        drop(page);
    });
    let page = file.page(1).unwrap();
    assert!(page[..100].iter().all(|&byte| byte == 1));
    assert!(page[100..].iter().all(|&byte| byte == 0));
}

#[test]
fn a_page_that_a_direct_write_has_claimed_is_waited_for_a_limited_time() {
    let cache: PageCache = PageCache::with_options(Options::new(16).readahead(0));
    let file = cache.open(StoppingStore::default()).unwrap();
    file.set_len(20 * PAGE).unwrap();
    let gate: Arc<Mutex<()>> = Arc::default();
    let held = gate.lock().unwrap();
    let (stopped, told) = channel();
    thread::scope(|scope| {
        let (file, opens) = (&file, Arc::clone(&gate));
        scope.spawn(move || {
            stop_at_next_request(stopped, opens);
            assert_eq!(file.write_direct_at(&[1; PAGE as usize], 3 * PAGE).unwrap(), PAGE as usize);
        });
        told.recv().unwrap();
        let (done, over) = channel();
        scope.spawn(move || done.send(file.page_within(3, SHORT).map(drop)));
        let outcome = over.recv_timeout(TOO_LONG);
        drop(held);
        let error = outcome.expect("the wait is limited").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(error.to_string().ends_with("or uses direct IO"), "{error}");
    });
    assert_eq!(file.page_within(3, TOO_LONG).unwrap()[0], 1);
}
