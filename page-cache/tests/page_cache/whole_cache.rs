//! Operations on all files of a cache.

use std::io::{self, ErrorKind};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{File, MemStore, Options, PageCache, Store, StoreLayer};

/// A store with a name, whose syncs are counted, and fail or hang as a test requires.
struct Named {
    below: MemStore,
    label: String,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    syncs: u64,
    fails: bool,
    hangs: bool,
}

impl Named {
    fn new(label: impl Into<String>) -> Arc<Named> {
        let (below, state, changed) = (MemStore::new(), Mutex::default(), Condvar::new());
        Arc::new(Named { below, label: label.into(), state, changed })
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
    }

    fn syncs(&self) -> u64 {
        self.state.lock().unwrap().syncs
    }

    fn wait_for_syncs(&self, syncs: u64) {
        let state = self.state.lock().unwrap();
        drop(self.changed.wait_while(state, |state| state.syncs < syncs).unwrap());
    }
}

impl StoreLayer for Named {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.below
    }

    fn label(&self) -> String {
        self.label.clone()
    }

    fn sync(&self) -> io::Result<()> {
        let state = self.state.lock().unwrap();
        let mut state = self.changed.wait_while(state, |state| state.hangs).unwrap();
        if state.fails {
            return Err(io::Error::other("told to fail"));
        }
        state.syncs += 1;
        self.changed.notify_all();
        Ok(())
    }
}

/// Files of one cache that nothing writes back by itself, each with a dirty page.
fn dirty_files(count: usize) -> (PageCache, Vec<Arc<Named>>, Vec<File>) {
    let cache = PageCache::with_options(Options::new(64).flush_interval(Duration::MAX));
    let stores: Vec<_> = (0..count).map(|number| Named::new(format!("file {number}"))).collect();
    let open = |store: &Arc<Named>| cache.open(Arc::clone(store)).unwrap();
    let files: Vec<File> = stores.iter().map(open).collect();
    files.iter().for_each(|file| file.write_all_at(b"dirty", 0).unwrap());
    (cache, stores, files)
}

#[test]
fn a_sync_of_the_cache_makes_every_file_durable_and_skips_those_that_are() {
    let (cache, stores, files) = dirty_files(7);
    cache.sync_all().unwrap();
    cache.sync_all().unwrap();
    files[3].write_all_at(b"again", 0).unwrap();
    files[5].allocate(0, 5, spanlock_page_cache::Length::Keep).unwrap();
    cache.sync_all().unwrap();
    let syncs: Vec<u64> = stores.iter().map(|store| store.syncs()).collect();
    assert_eq!(syncs, [1, 1, 1, 2, 1, 2, 1]);
    assert!(stores.iter().all(|store| store.below.len().unwrap() == 5));
}

#[test]
fn a_file_of_which_only_blocks_changed_is_in_each_sync_of_the_cache_until_one_succeeds() {
    let (cache, stores, files) = dirty_files(1);
    cache.sync_all().unwrap();
    files[0].allocate(0, 5, spanlock_page_cache::Length::Keep).unwrap();
    stores[0].set(|state| state.fails = true);
    cache.sync_all().unwrap_err();
    cache.sync_all().unwrap_err();
    stores[0].set(|state| state.fails = false);
    cache.sync_all().unwrap();
    cache.sync_all().unwrap();
    assert_eq!(stores[0].syncs(), 2);
}

/// A sync of the data leaves out what else the store keeps, such as times and allocated blocks.
#[test]
fn a_file_of_which_only_the_data_was_synced_is_in_a_sync_of_the_cache() {
    let (cache, stores, files) = dirty_files(2);
    files[0].sync_data().unwrap();
    cache.sync_all().unwrap();
    assert_eq!(stores[0].syncs(), 1);
    files[0].allocate(0, 5, spanlock_page_cache::Length::Keep).unwrap();
    files[0].sync_data().unwrap();
    files[1].sync_data().unwrap();
    cache.sync_all().unwrap();
    cache.sync_all().unwrap();
    assert_eq!((stores[0].syncs(), stores[1].syncs()), (2, 1));
}

#[test]
fn bytes_that_were_written_back_and_not_synced_are_in_a_sync_of_the_cache() {
    let (cache, stores, files) = dirty_files(1);
    files[0].writeback(0..5).unwrap();
    assert_eq!((files[0].stats().dirty, stores[0].syncs()), (0, 0));
    cache.sync_all().unwrap();
    assert_eq!(stores[0].syncs(), 1);
}

#[test]
fn stores_that_hang_keep_no_other_file_from_a_sync_of_the_cache() {
    let (cache, stores, _files) = dirty_files(12);
    // More files than threads at first.
    stores[..6].iter().for_each(|store| store.set(|state| state.hangs = true));
    thread::scope(|scope| {
        let sync = scope.spawn(|| cache.sync_all());
        stores[6..].iter().for_each(|store| store.wait_for_syncs(1));
        assert!(!sync.is_finished());
        stores[..6].iter().for_each(|store| store.set(|state| state.hangs = false));
        sync.join().unwrap().unwrap();
    });
    assert!(stores.iter().all(|store| store.syncs() == 1));
}

#[test]
fn a_sync_of_the_cache_with_a_timeout_names_the_files_whose_stores_hang() {
    let (cache, stores, files) = dirty_files(3);
    stores[1].set(|state| state.hangs = true);
    let error = loop {
        let error = cache.sync_all_for(Duration::from_millis(100)).unwrap_err();
        if error.failures().len() == 1 {
            break error;
        }
    };
    assert_eq!(error.failures()[0].label(), "file 1");
    assert_eq!(error.failures()[0].kind(), ErrorKind::TimedOut);
    assert_eq!(
        error.to_string(),
        r#"sync_all of "file 1": the sync had not ended after 100ms, and continues"#
    );
    // Syncs that have not ended continue.
    stores[1].set(|state| state.hangs = false);
    stores[1].wait_for_syncs(1);
    cache.sync_all().unwrap();
    drop(files);
}

#[test]
fn a_sync_of_the_cache_names_each_file_that_fails_and_syncs_the_others() {
    let (cache, stores, files) = dirty_files(6);
    for number in [0, 4] {
        stores[number].set(|state| state.fails = true);
    }
    let error = cache.sync_all().unwrap_err();
    let mut labels: Vec<&str> = error.failures().iter().map(|failure| failure.label()).collect();
    labels.sort_unstable();
    assert_eq!(labels, ["file 0", "file 4"]);
    assert!(error.to_string().ends_with("; and 1 more file"), "{error}");
    assert_eq!(io::Error::from(error).kind(), ErrorKind::Other);
    assert!([1, 2, 3, 5].iter().all(|&number| stores[number].syncs() == 1));
    // The pages are dirty again, and the next sync makes them durable.
    stores.iter().for_each(|store| store.set(|state| state.fails = false));
    cache.sync_all().unwrap();
    assert_eq!(stores[0].syncs(), 1);
    assert_eq!(files[0].stats().dirty, 0);
    // The failed sync is reported to each handle.
    assert!(files[0].sync_all().is_err());
    files[0].sync_all().unwrap();
}

#[test]
fn a_sync_of_the_cache_does_not_wait_for_a_guard_of_its_own_thread() {
    let (cache, stores, files) = dirty_files(2);
    let guard = files[0].page_mut(0).unwrap();
    let error = cache.sync_all().unwrap_err();
    assert_eq!(error.failures().len(), 1);
    assert_eq!(error.failures()[0].kind(), ErrorKind::Deadlock);
    assert_eq!((stores[0].syncs(), stores[1].syncs()), (0, 1));
    drop(guard);
    cache.sync_all().unwrap();
    assert_eq!(stores[0].syncs(), 1);
}

#[test]
fn a_file_that_is_dropped_during_a_sync_of_the_cache_is_synced() {
    let (cache, stores, mut files) = dirty_files(5);
    stores[..4].iter().for_each(|store| store.set(|state| state.hangs = true));
    thread::scope(|scope| {
        let sync = scope.spawn(|| cache.sync_all());
        // Its bytes are in this sync, whether it was dropped before its turn or after.
        let last = files.pop().unwrap();
        while cache.stats().unstable < 4 {
            thread::yield_now();
        }
        let dropped = scope.spawn(move || drop(last));
        stores[4].wait_for_syncs(1);
        stores[..4].iter().for_each(|store| store.set(|state| state.hangs = false));
        sync.join().unwrap().unwrap();
        dropped.join().unwrap();
    });
}

#[test]
fn writeback_of_the_cache_is_started_for_every_file() {
    let (cache, stores, _files) = dirty_files(5);
    cache.start_writeback();
    while cache.stats().dirty > 0 {
        thread::yield_now();
    }
    assert!(stores.iter().all(|store| store.below.len().unwrap() == 5));
    assert!(stores.iter().all(|store| store.syncs() == 0));
}

#[test]
fn the_files_of_a_cache_are_listed_with_their_numbers() {
    let (cache, _stores, mut files) = dirty_files(3);
    files[1].sync_all().unwrap();
    drop(files.remove(0));
    let listed = cache.files();
    let listed: Vec<_> = listed.iter().map(|(label, stats)| (&**label, stats.dirty)).collect();
    assert_eq!(listed, [("file 1", 0), ("file 2", 1)]);
}

#[test]
fn a_clean_file_is_dropped_although_its_store_hangs_in_a_sync_of_the_cache() {
    let (cache, stores, mut files) = dirty_files(1);
    files[0].writeback(0..5).unwrap();
    stores[0].set(|state| state.hangs = true);
    let error = loop {
        let error = cache.sync_all_for(Duration::from_millis(50)).unwrap_err();
        // After its sync has begun: before that, no request is at the store.
        if error.failures()[0].kind() == ErrorKind::TimedOut {
            break error;
        }
    };
    assert_eq!(error.failures().len(), 1);
    drop(files.pop());
    stores[0].set(|state| state.hangs = false);
    stores[0].wait_for_syncs(1);
}
