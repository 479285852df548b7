//! Checkpoints: which pages are dirty, up to which tag they are cleaned, and files whose pages only a sync writes.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{File, FileOptions, MemStore, Options, PageCache, Store, StoreLayer};

use crate::stores::recording_store::{Asked, RecordingStore};

const PAGE: u64 = 4096;

fn asleep(capacity: usize) -> Options {
    Options::new(capacity).flush_interval(Duration::MAX)
}

fn oldest_tags(file: &File) -> Vec<u64> {
    file.dirty_pages().iter().map(|page| page.oldest_tag).collect()
}

#[test]
fn a_sync_up_to_a_tag_writes_the_pages_that_were_dirtied_by_then_and_syncs_the_store() {
    let store = Arc::new(RecordingStore::default());
    let file = PageCache::with_options(asleep(64)).open(Arc::clone(&store)).unwrap();
    for (page, tag) in [10, 20, 15, 30].into_iter().enumerate() {
        file.write_all_at_tagged(&[1; PAGE as usize], page as u64 * PAGE, tag).unwrap();
    }
    // Dirtied before the tag, and again after it; dirtied after the tag, and then by a late write with a tag before it.
    file.write_at_tagged(&[2; 10], 0, 40).unwrap();
    file.write_at_tagged(&[2; 10], 3 * PAGE, 14).unwrap();
    store.asked();
    file.sync_up_to(15).unwrap();
    let written = [0..PAGE, 2 * PAGE..4 * PAGE].map(Asked::Write);
    assert_eq!(store.asked(), [&written[..], &[Asked::Sync]].concat());
    assert_eq!(oldest_tags(&file), [20]);
}

#[test]
fn pages_that_were_dirtied_without_a_tag_are_written_by_any_checkpoint() {
    let file = PageCache::with_options(asleep(64)).open(MemStore::new()).unwrap();
    file.write_all_at(&[1; 10], 0).unwrap();
    file.set_len(2 * PAGE).unwrap();
    file.map(0..2 * PAGE).unwrap().store(PAGE, &[1]).unwrap();
    file.write_at_tagged(&[1; 10], 2 * PAGE, 7).unwrap();
    file.sync_up_to(1).unwrap();
    assert_eq!(oldest_tags(&file), [7]);
}

#[test]
fn a_checkpoint_after_a_failed_sync_sends_again_what_may_be_lost_whatever_its_tag() {
    let store = Arc::new(RecordingStore::default());
    let file = PageCache::with_options(asleep(64)).open(Arc::clone(&store)).unwrap();
    file.write_at_tagged(&[1; 10], 0, 50).unwrap();
    file.writeback(0..PAGE).unwrap();
    store.fail_sync();
    file.sync_up_to(20).unwrap_err();
    store.asked();
    file.sync_up_to(20).unwrap();
    assert_eq!(store.asked(), [Asked::Write(0..10), Asked::Sync]);
}

#[test]
fn writeback_that_was_started_ends_without_a_waiter() {
    let (cache, store) = (PageCache::with_options(asleep(64)), Arc::new(RecordingStore::default()));
    let file = cache.open(Arc::clone(&store)).unwrap();
    file.write_all_at(&[1; 10], 0).unwrap();
    let hold = store.hold_writes();
    file.start_writeback();
    store.wait_for_held(1);
    assert_eq!(file.dirty_pages().len(), 1);
    drop(hold);
    while !file.dirty_pages().is_empty() {
        thread::yield_now();
    }
    assert_eq!(store.asked(), [Asked::Write(0..10)]);
}

fn no_steal(cache: &PageCache) -> (File, Arc<RecordingStore>) {
    let store = Arc::new(RecordingStore::default());
    let file = cache.open_with(Arc::clone(&store), FileOptions::new().no_steal()).unwrap();
    (file, store)
}

#[test]
fn pages_that_only_a_sync_may_write_stay_under_memory_pressure_for_any_time() {
    let cache = PageCache::with_options(Options::new(32).flush_interval(Duration::from_millis(1)));
    let (file, store) = no_steal(&cache);
    let full = (0..32).find_map(|page| file.write_all_at(&[1; PAGE as usize], page * PAGE).err());
    assert_eq!(full.unwrap().kind(), ErrorKind::QuotaExceeded);
    let dirty = file.dirty_pages().len();
    // Rounds of the flusher, evictions, and writers that need room.
    let other = cache.open(MemStore::new()).unwrap();
    for page in 0..400 {
        other.write_all_at(&[2; PAGE as usize], page * PAGE).unwrap();
    }
    for page in 0..400 {
        other.read_exact_at(&mut [0; 10], page * PAGE).unwrap();
    }
    other.sync_data().unwrap();
    file.start_writeback();
    while !other.dirty_pages().is_empty() {
        thread::yield_now();
    }
    assert_eq!((file.dirty_pages().len(), store.asked()), (dirty, vec![]));
    let mut bytes = [0; PAGE as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(bytes, [1; PAGE as usize]);
    file.sync_data().unwrap();
    file.write_all_at(&[1; PAGE as usize], 100 * PAGE).unwrap();
    assert_eq!(store.asked(), [Asked::Write(0..dirty as u64 * PAGE), Asked::Sync]);
}

#[test]
fn a_store_to_a_mapping_at_the_limit_fails_where_only_a_sync_may_write_pages() {
    let cache = PageCache::with_options(asleep(32));
    let (file, store) = no_steal(&cache);
    file.set_len(32 * PAGE).unwrap();
    let mapping = file.map(0..32 * PAGE).unwrap();
    let full = (0..32).find_map(|page| mapping.store(page * PAGE, &[1]).err());
    assert_eq!(full.unwrap().kind(), ErrorKind::QuotaExceeded);
    assert!(store.asked().iter().all(|asked| matches!(asked, Asked::Read(_))));
}

#[test]
fn a_direct_request_and_a_shift_refuse_to_write_pages_that_leave_by_a_sync_only() {
    let (file, store) = no_steal(&PageCache::with_options(asleep(64)));
    file.write_all_at(&[1; 4 * PAGE as usize], 0).unwrap();
    let refused = [
        file.read_direct_at(&mut [0; 10], 0).map(drop),
        file.write_direct_at(&[2; 10], 0).map(drop),
        file.collapse_range(0, PAGE),
        file.insert_range(0, PAGE),
    ];
    for outcome in refused {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::ResourceBusy);
    }
    assert_eq!(store.asked(), []);
    file.punch_hole(0, PAGE).unwrap();
    file.write_direct_at(&[2; 10], 0).unwrap();
    file.writeback(0..4 * PAGE).unwrap();
    file.insert_range(0, PAGE).unwrap();
}

#[test]
fn the_last_handle_of_a_file_whose_pages_only_a_sync_may_write_writes_nothing() {
    let cache = PageCache::with_options(asleep(64));
    let (file, store) = no_steal(&cache);
    file.write_all_at(&[1; 10], 0).unwrap();
    drop(file);
    assert_eq!((store.asked(), cache.stats().lost_bytes), (vec![], 10));
    let (file, store) = no_steal(&cache);
    file.write_all_at(&[1; 10], 0).unwrap();
    file.close().unwrap();
    assert_eq!((store.inner.len().unwrap(), cache.stats().lost_bytes), (10, 10));
}

#[test]
fn a_page_is_listed_as_dirty_once_something_was_written_to_it_and_not_because_of_a_guard() {
    let cache = PageCache::with_options(Options::new(64).flush_interval(Duration::MAX));
    let file = cache.open(MemStore::new()).unwrap();
    file.set_len(8 * 4096).unwrap();
    let tags = || -> Vec<u64> { file.dirty_pages().iter().map(|page| page.oldest_tag).collect() };
    let page = file.page_mut(1).unwrap();
    assert_eq!(tags(), []);
    drop(page);
    assert_eq!(tags(), []);
    let mut page = file.page_mut(1).unwrap();
    page[0] = 1;
    page.set_tag(10);
    drop(page);
    assert_eq!(tags(), [10]);
    // While another guard changes it, it is still listed as dirty.
    let mut page = file.page_mut(1).unwrap();
    page[0] = 2;
    page.set_tag(20);
    let clean = file.page_mut(2).unwrap();
    assert_eq!(tags(), [10]);
    drop((page, clean));
    assert_eq!((tags(), file.dirty_pages()[0].newest_tag), (vec![10], 20));
}

/// A store of which one read fails each time the flag is set.
#[derive(Default)]
struct FailsOnce {
    inner: MemStore,
    fails: AtomicBool,
}

impl StoreLayer for FailsOnce {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.inner
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        match self.fails.swap(false, Ordering::Relaxed) {
            true => Err(io::Error::other("fails once")),
            false => self.inner.read_at(bytes, offset),
        }
    }
}

#[test]
fn a_tagged_write_of_all_bytes_goes_on_where_an_error_has_cut_it_off() {
    let store = Arc::new(FailsOnce::default());
    store.inner.write_at(&[1; 3 * PAGE as usize], 0).unwrap();
    let file = PageCache::with_options(asleep(64)).open(Arc::clone(&store)).unwrap();
    let mut expected = vec![1; 3 * PAGE as usize];
    // So many dirty ranges that the next write to the page fills it first.
    for at in (PAGE + 1000..).step_by(10).take(64) {
        file.write_at_tagged(&[2], at, 9).unwrap();
        expected[at as usize] = 2;
    }
    store.fails.store(true, Ordering::Relaxed);
    file.write_all_at_tagged(&[3; 30], PAGE - 10, 5).unwrap();
    assert!(!store.fails.load(Ordering::Relaxed), "no read failed");
    expected[PAGE as usize - 10..PAGE as usize + 20].fill(3);
    let mut seen = vec![0; expected.len()];
    file.read_exact_at(&mut seen, 0).unwrap();
    assert!(seen == expected);
    assert_eq!(oldest_tags(&file), [5, 5]);
}
