//! The time of a file's last change, which writeback does not change.

use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use spanlock_page_cache::{
    File, FileOptions, FileStore, Length, MemStore, Options, PageCache, Store, StoreLayer,
};

const PAGE: u64 = 4096;

/// A store that records the times that it is given.
#[derive(Default)]
struct Clocked {
    below: MemStore,
    times: Mutex<Vec<SystemTime>>,
    fails: Mutex<bool>,
}

impl StoreLayer for Clocked {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.below
    }

    fn modified(&self) -> io::Result<Option<SystemTime>> {
        Ok(Some(long_ago()))
    }

    fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        if *self.fails.lock().unwrap() {
            return Err(io::Error::other("told to fail"));
        }
        self.times.lock().unwrap().push(time);
        Ok(())
    }
}

impl Clocked {
    fn times(&self) -> Vec<SystemTime> {
        std::mem::take(&mut self.times.lock().unwrap())
    }
}

fn long_ago() -> SystemTime {
    UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789)
}

fn open(store: impl Store + 'static) -> File {
    let cache = PageCache::with_options(Options::new(64).flush_interval(Duration::MAX));
    cache.open_with(store, FileOptions::new().keep_modified_time()).unwrap()
}

#[test]
fn every_change_of_the_content_sets_the_time_and_nothing_else_does() {
    let file = open(Arc::new(Clocked::default()));
    assert_eq!(file.modified(), Some(long_ago()));
    file.set_len(16 * PAGE).unwrap();
    let mapping = file.map(0..PAGE).unwrap();
    let changes: [(&str, &dyn Fn()); 13] = [
        ("a write", &|| file.write_all_at(b"x", 0).unwrap()),
        ("a write to a cached page", &|| file.write_all_at(b"x", 0).unwrap()),
        ("an append", &|| _ = file.append(b"x").unwrap()),
        ("a direct write", &|| _ = file.write_direct_at(b"x", 0).unwrap()),
        ("a store", &|| mapping.store(0, b"x").unwrap()),
        ("a guard", &|| file.page_mut(0).unwrap()[0] = 1),
        ("a truncation", &|| file.set_len(17 * PAGE).unwrap()),
        ("a punch", &|| file.punch_hole(0, 10).unwrap()),
        ("zeroes", &|| file.zero_range(0, 10, Length::Keep).unwrap()),
        ("a longer allocation", &|| file.allocate(0, 18 * PAGE, Length::Extend).unwrap()),
        ("an insertion", &|| file.insert_range(0, PAGE).unwrap()),
        ("a collapse", &|| file.collapse_range(0, PAGE).unwrap()),
        ("a partial write", &|| file.write_all_at(b"x", 9 * PAGE + 5).unwrap()),
    ];
    for (name, change) in changes {
        file.set_modified(long_ago()).unwrap();
        change();
        let age = SystemTime::now().duration_since(file.modified().unwrap()).unwrap_or_default();
        assert!(age < Duration::from_secs(3600), "{name}");
    }
    let others: [(&str, &dyn Fn()); 9] = [
        ("a read", &|| file.read_exact_at(&mut [0; 10], 0).unwrap()),
        ("a load", &|| mapping.load(0, &mut [0]).unwrap()),
        ("a shared guard", &|| drop(file.page(0).unwrap())),
        ("an allocation within", &|| file.allocate(0, PAGE, Length::Keep).unwrap()),
        ("writeback", &|| file.writeback(0..u64::MAX).unwrap()),
        ("a sync", &|| file.sync_all().unwrap()),
        ("dropping what is cached", &|| file.drop_cached(0..u64::MAX).unwrap()),
        ("a guard that changes nothing", &|| drop(file.page_mut(0).unwrap())),
        ("a guard that is given no bytes", &|| {
            file.sync_all().unwrap();
            file.page_mut(0).unwrap().write(PAGE as usize, &[]);
            assert_eq!(file.stats().dirty, 0);
        }),
    ];
    for (name, other) in others {
        file.set_modified(long_ago()).unwrap();
        other();
        assert_eq!(file.modified(), Some(long_ago()), "{name}");
    }
}

#[test]
fn a_write_through_sets_the_time() {
    let options = FileOptions::new().keep_modified_time().write_through();
    let file = PageCache::new(64).open_with(Arc::new(Clocked::default()), options).unwrap();
    file.write_all_at(b"x", 0).unwrap();
    assert!(file.modified() > Some(long_ago()));
}

#[test]
fn the_store_is_handed_the_time_by_a_sync_and_by_the_close_if_its_own_may_have_moved() {
    let store = Arc::new(Clocked::default());
    let file = open(Arc::clone(&store));
    file.sync_all().unwrap();
    assert_eq!(store.times(), []);
    file.write_all_at(b"x", 0).unwrap();
    let changed = file.modified().unwrap();
    file.sync_data().unwrap();
    file.sync_all().unwrap();
    assert_eq!(store.times(), [changed]);
    // What is written back after the time was handed over moves that of the store.
    file.write_all_at(&[1; 2 * PAGE as usize], 0).unwrap();
    let changed = file.modified().unwrap();
    file.sync_range(0..PAGE).unwrap();
    assert_eq!(store.times(), [changed]);
    file.writeback(PAGE..2 * PAGE).unwrap();
    file.sync_all().unwrap();
    assert_eq!((store.times(), file.modified()), (vec![changed], Some(changed)));
    // A time that is set is handed over like any other, and is not moved by what is written back after it.
    file.write_all_at(b"y", 0).unwrap();
    file.set_modified(long_ago()).unwrap();
    file.writeback(0..PAGE).unwrap();
    assert_eq!(store.times(), []);
    drop(file);
    assert_eq!(store.times(), [long_ago()]);
}

#[test]
fn a_time_that_the_store_refuses_fails_the_sync_and_is_handed_over_by_the_next() {
    let store = Arc::new(Clocked::default());
    let file = open(Arc::clone(&store));
    file.set_modified(long_ago()).unwrap();
    *store.fails.lock().unwrap() = true;
    file.sync_all().unwrap_err();
    *store.fails.lock().unwrap() = false;
    file.sync_all().unwrap();
    assert_eq!(store.times(), [long_ago()]);
}

#[test]
fn writeback_leaves_the_time_of_a_file_of_the_system_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let file = open(FileStore::create(&path).unwrap());
    file.write_all_at(&[1; 2 * PAGE as usize], 0).unwrap();
    file.set_modified(long_ago()).unwrap();
    file.sync_all().unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), long_ago());
    drop(file);
    assert_eq!(open(FileStore::open(&path).unwrap()).modified(), Some(long_ago()));
}

/// Allocating blocks changes no byte of the file, but the file system sets the time.
#[test]
fn allocation_leaves_the_time_of_a_file_of_the_system_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let file = open(FileStore::create(&path).unwrap());
    file.write_all_at(&[1; 2 * PAGE as usize], 0).unwrap();
    let changes: [(&str, &dyn Fn() -> io::Result<()>); 2] = [
        ("allocate", &|| file.allocate(0, PAGE, Length::Keep)),
        ("reserve", &|| file.reserve(8 * PAGE, PAGE)),
    ];
    for (name, change) in changes {
        file.set_modified(long_ago()).unwrap();
        file.sync_all().unwrap();
        change().unwrap();
        file.sync_all().unwrap();
        let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
        assert_eq!(modified, long_ago(), "{name}");
    }
}

#[test]
fn a_file_that_keeps_no_time_hands_none_over() {
    let store = Arc::new(Clocked::default());
    let file = PageCache::new(64).open(Arc::clone(&store)).unwrap();
    file.write_all_at(b"x", 0).unwrap();
    assert_eq!(file.modified(), None);
    let error = file.set_modified(long_ago()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    file.close().unwrap();
    assert_eq!(store.times(), []);
}

#[test]
fn a_sync_of_the_cache_hands_over_a_time_that_the_store_had_refused() {
    let cache = PageCache::with_options(Options::new(64).flush_interval(Duration::MAX));
    let store = Arc::new(Clocked::default());
    let options = FileOptions::new().keep_modified_time();
    let file = cache.open_with(Arc::clone(&store), options).unwrap();
    file.write_all_at(b"x", 0).unwrap();
    *store.fails.lock().unwrap() = true;
    file.sync_all().unwrap_err();
    *store.fails.lock().unwrap() = false;
    // No page is dirty, and nothing is unstable.
    cache.sync_all().unwrap();
    assert_eq!(store.times(), [file.modified().unwrap()]);
}

/// A store whose first call with a time ends after the second one, unless that does not come.
#[derive(Default)]
struct LateClock {
    below: MemStore,
    calls: Mutex<u32>,
    second: Condvar,
    time: Mutex<Option<SystemTime>>,
}

impl StoreLayer for LateClock {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.below
    }

    fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        let mut calls = self.calls.lock().unwrap();
        *calls += 1;
        self.second.notify_all();
        if *calls == 1 {
            let limit = Duration::from_millis(300);
            drop(self.second.wait_timeout_while(calls, limit, |calls| *calls < 2).unwrap());
        } else {
            drop(calls);
        }
        *self.time.lock().unwrap() = Some(time);
        Ok(())
    }
}

#[test]
fn of_two_syncs_neither_returns_before_the_store_has_the_time_and_the_later_time_stays() {
    let store = Arc::new(LateClock::default());
    let file = open(Arc::clone(&store));
    file.set_modified(long_ago()).unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| file.sync_all().unwrap());
        while *store.calls.lock().unwrap() == 0 {
            thread::yield_now();
        }
        scope.spawn(|| {
            file.sync_all().unwrap();
            assert_ne!(*store.time.lock().unwrap(), None);
        });
        let later = long_ago() + Duration::from_secs(1);
        file.set_modified(later).unwrap();
        file.sync_all().unwrap();
        first.join().unwrap();
        assert_eq!(*store.time.lock().unwrap(), Some(later));
    });
}
