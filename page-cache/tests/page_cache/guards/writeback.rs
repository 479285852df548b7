//! Guards of pages that are written back.

use std::io::ErrorKind;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{File, FileOptions, Options, PAGE_SIZE, PageCache, PageMut};

use super::{PAGE, cache, elsewhere, open, read};
use crate::stores::recording_store::RecordingStore;

#[test]
fn a_sync_does_not_wait_for_a_shared_guard() {
    let (_cache, file, store) = open(64, 2);
    file.write_all_at(&[9; 8], 0).unwrap();
    file.map(0..PAGE).unwrap().store(8, &[9; 8]).unwrap();
    let page = file.page(0).unwrap();
    elsewhere(|| file.sync_data().unwrap());
    assert_eq!(store.bytes(0..17), page[..17]);
}

#[test]
fn a_page_is_read_through_a_guard_while_it_is_written_back_and_changed_only_afterwards() {
    let (_cache, file, store) = open(64, 2);
    file.page_mut(0).unwrap().fill(8);
    let hold = store.hold_writes();
    thread::scope(|scope| {
        let sync = scope.spawn(|| file.sync_data().unwrap());
        store.wait_for_held(1);
        assert_eq!(*file.page(0).unwrap(), [8; PAGE_SIZE]);
        assert!(file.try_page_mut(0).unwrap().is_none());
        let error = file.page_mut_within(0, Duration::from_millis(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let change = scope.spawn(|| file.page_mut(0).unwrap().fill(9));
        drop(hold);
        sync.join().unwrap();
        change.join().unwrap();
    });
    assert_eq!(store.bytes(0..PAGE), [8; PAGE_SIZE]);
    assert_eq!(read(&file, 0), [9; PAGE_SIZE]);
}

/// Dirty pages 0 to 3, of which this thread has page 1 exclusively, half changed.
fn half_changed(file: &File) -> PageMut<'_> {
    file.write_all_at(&[8; 4 * PAGE_SIZE], 0).unwrap();
    let mut page = file.page_mut(1).unwrap();
    page[..PAGE_SIZE / 2].fill(9);
    page
}

#[test]
fn a_sync_waits_for_an_exclusive_guard_with_no_other_page_on_its_way() {
    let (_cache, file, store) = open(64, 8);
    let mut page = half_changed(&file);
    thread::scope(|scope| {
        let sync = scope.spawn(|| file.sync_data().unwrap());
        // Page 0 has been sent alone, and can be changed.
        while store.bytes(0..1) != [8] {
            thread::yield_now();
        }
        file.page_mut(0).unwrap()[0] = 7;
        page.fill(9);
        drop(page);
        sync.join().unwrap();
    });
    assert_eq!(store.bytes(PAGE..2 * PAGE), [9; PAGE_SIZE]);
    assert_eq!(store.bytes(2 * PAGE..4 * PAGE), [8; 2 * PAGE_SIZE]);
}

#[test]
fn the_flusher_passes_over_a_page_that_is_held_exclusively() {
    let cache = PageCache::with_options(Options::new(64).flush_interval(Duration::from_millis(1)));
    let store = Arc::new(RecordingStore::with(&[0; 8 * PAGE_SIZE]));
    let file = cache.open(Arc::clone(&store)).unwrap();
    let mut page = half_changed(&file);
    page[0] = 1;
    while store.bytes(3 * PAGE..4 * PAGE) != [8; PAGE_SIZE] {
        thread::yield_now();
    }
    let stored = store.bytes(PAGE..2 * PAGE);
    assert!(stored == [0; PAGE_SIZE] || stored == [8; PAGE_SIZE]);
    drop(page);
    file.sync_data().unwrap();
    assert_eq!(store.bytes(PAGE..PAGE + 2), [1, 9]);
}

#[test]
fn a_writer_at_its_limit_skips_pages_that_are_held_exclusively() {
    let cache =
        PageCache::with_options(Options::new(64).dirty_limit(8).flush_interval(Duration::MAX));
    let store = Arc::new(RecordingStore::with(&[0; 100 * PAGE_SIZE]));
    let file = cache.open(Arc::clone(&store)).unwrap();
    let mut first = file.page_mut(0).unwrap();
    first[0] = 1;
    elsewhere(|| {
        for page in 1..50 {
            file.write_all_at(&[1; PAGE_SIZE], page * PAGE).unwrap();
        }
    });
    first[0] = 2;
    drop(first);
    file.sync_data().unwrap();
    assert_eq!(store.bytes(0..2), [2, 0]);
}

#[test]
fn a_write_that_goes_through_waits_for_a_guard_with_no_page_on_its_way() {
    let cache = cache(64);
    let store = Arc::new(RecordingStore::with(&[0; 8 * PAGE_SIZE]));
    let options = FileOptions::new().write_through();
    let file = cache.open_with(Arc::clone(&store), options).unwrap();
    let held = file.page(2).unwrap();
    thread::scope(|scope| {
        let writer = scope.spawn(|| file.write_all_at(&[9; 4 * PAGE_SIZE], 0).unwrap());
        while store.bytes(PAGE..PAGE + 1) != [9] {
            thread::yield_now();
        }
        // Pages 0 and 1 were sent separately, so this thread can get a guard of one of them.
        assert_eq!(file.page_mut(0).unwrap()[0], 9);
        assert_eq!(held[0], 0);
        drop(held);
        writer.join().unwrap();
    });
    assert_eq!(store.bytes(0..4 * PAGE), [9; 4 * PAGE_SIZE]);
}
