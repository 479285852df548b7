//! What a sync sends to the store, which errors it returns, and which operations wait while pages are dirty.

use std::io::ErrorKind;
use std::ops::Range;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{File, Options, PageCache};

use crate::stores::recording_store::{Asked, RecordingStore};

const PAGE: u64 = 4096;
const NEVER: Duration = Duration::from_secs(3600);

fn open(options: Options) -> (PageCache, File, Arc<RecordingStore>) {
    let cache = PageCache::with_options(options);
    let store = Arc::new(RecordingStore::default());
    let file = cache.open(Arc::clone(&store)).unwrap();
    (cache, file, store)
}

fn quiet() -> (PageCache, File, Arc<RecordingStore>) {
    open(Options::new(64).flush_interval(NEVER))
}

fn hears(file: &File) -> bool {
    file.sync_data().is_err_and(|error| error.kind() == ErrorKind::StorageFull)
}

#[test]
fn sync_range_writes_the_pages_of_its_range_and_has_the_store_sync() {
    let (_cache, file, store) = quiet();
    file.write_all_at(&[1; 4 * PAGE as usize], 0).unwrap();
    file.sync_range(PAGE + 5..2 * PAGE + 1).unwrap();
    assert_eq!(store.asked(), [Asked::Write(PAGE..3 * PAGE), Asked::Sync]);
    file.sync_range(7..7).unwrap();
    assert_eq!(store.asked(), [Asked::Sync]);
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
    let error = file.sync_range(5..4).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().starts_with("sync_range of 0 bytes at 5 in "), "{error}");
}

/// Invariant 15.
#[test]
fn a_write_error_is_reported_once_to_every_handle_that_was_open() {
    let (_cache, file, store) = quiet();
    let other = file.clone();
    let third = file.clone();
    file.write_all_at(&[1; 100], 0).unwrap();
    store.fail_writes(1);
    assert!(hears(&file) && hears(&other));
    assert!(!hears(&file) && !hears(&other));
    assert_eq!(third.sync_range(0..1).unwrap_err().kind(), ErrorKind::StorageFull);
    assert!(!hears(&third));
    assert_eq!(store.bytes(0..100), [1; 100]);
}

/// Invariant 15.
#[test]
fn a_clone_made_after_an_error_was_reported_does_not_return_it() {
    let (_cache, file, store) = quiet();
    let other = file.clone();
    file.write_all_at(&[1; 100], 0).unwrap();
    store.fail_writes(1);
    assert!(hears(&other));
    let late = file.clone();
    assert!(!hears(&late));
    assert!(hears(&file) && !hears(&other));
}

/// Invariant 15.
#[test]
fn an_unreported_error_is_not_lost_with_the_handles_that_were_open() {
    let (_cache, file, store) = quiet();
    let other = cause_unheard_error(&file, &store);
    drop(file);
    let late = other.clone();
    drop(other);
    assert!(hears(&late) && !hears(&late));
}

/// Makes an error that was reported to one handle only, which has been dropped. Returns another handle.
fn cause_unheard_error(file: &File, store: &RecordingStore) -> File {
    file.write_all_at(&[1; 100], 0).unwrap();
    store.fail_writes(1);
    // A write past the file's share of dirty pages writes some back, and gets the error. That does not count as
    // reported to its handle.
    let _heard = file.clone().write_all_at(&[2; 40 * PAGE as usize], 0);
    file.clone()
}

/// Invariant 15.
#[test]
fn an_error_of_the_flusher_is_returned_by_syncs() {
    let (_cache, file, store) = open(Options::new(64).flush_interval(Duration::from_millis(1)));
    let other = file.clone();
    let hold = store.hold_writes();
    file.write_all_at(&[1; 100], 0).unwrap();
    store.wait_for_held(1);
    store.fail_writes(1);
    drop(hold);
    assert!(hears(&file) && hears(&other));
    assert!(!hears(&file) && !hears(&other));
    assert_eq!(store.bytes(0..100), [1; 100]);
}

/// Invariant 15.
#[test]
fn an_error_that_writeback_returned_is_not_reported_to_the_same_handle_again() {
    let (_cache, file, store) = quiet();
    let other = file.clone();
    file.write_all_at(&[1; 100], 0).unwrap();
    store.fail_writes(1);
    assert_eq!(file.writeback(0..1).unwrap_err().kind(), ErrorKind::StorageFull);
    assert!(!hears(&file) && hears(&other));
}

/// Invariant 15.
#[test]
fn a_sync_that_the_store_fails_is_reported_to_every_handle() {
    let (_cache, file, store) = quiet();
    let other = file.clone();
    store.fail_sync();
    assert_eq!(file.sync_all().unwrap_err().kind(), ErrorKind::Other);
    assert_eq!(other.sync_all().unwrap_err().kind(), ErrorKind::Other);
    file.sync_all().unwrap();
    other.sync_all().unwrap();
}

/// Invariant 4.
#[test]
fn a_page_whose_writeback_fails_keeps_its_bytes_and_is_written_again() {
    let (_cache, file, store) = quiet();
    file.write_all_at(&[1; PAGE as usize], 0).unwrap();
    store.fail_writes(1);
    assert!(hears(&file));
    let mut seen = [0; PAGE as usize];
    file.read_exact_at(&mut seen, 0).unwrap();
    assert_eq!(seen, [1; PAGE as usize]);
    store.asked();
    file.sync_data().unwrap();
    assert_eq!(store.asked(), [Asked::Write(0..PAGE), Asked::Sync]);
}

/// Invariant 11.
#[test]
fn a_page_that_is_on_its_way_is_not_sent_again_before_it_has_arrived() {
    let (_cache, file, store) = quiet();
    let mapping = file.map(0..PAGE).unwrap();
    file.write_all_at(&[1; PAGE as usize], 0).unwrap();
    thread::scope(|scope| {
        let hold = store.hold_writes();
        let first = scope.spawn(|| file.sync_data());
        store.wait_for_held(1);
        let writer = scope.spawn(|| mapping.store(0, &[2]));
        let rest = [
            scope.spawn(|| file.sync_data()),
            scope.spawn(|| file.writeback(0..PAGE)),
            scope.spawn(|| file.read_direct_at(&mut [0], 0).map(drop)),
        ];
        for _ in 0..100 {
            thread::yield_now();
        }
        // None of the other syncs has sent the page by now.
        assert_eq!(store.asked(), [Asked::Write(0..PAGE)]);
        drop(hold);
        first.join().unwrap().unwrap();
        writer.join().unwrap().unwrap();
        rest.into_iter().for_each(|one| one.join().unwrap().unwrap());
    });
    file.sync_data().unwrap();
    assert_eq!(store.bytes(0..2), [2, 1]);
}

/// Invariant 10.
#[test]
fn what_a_mapping_stores_while_the_page_is_written_is_written_after() {
    for _ in 0..300 {
        let (_cache, file, store) = quiet();
        file.write_all_at(&[1; PAGE as usize], 0).unwrap();
        let mapping = file.map(0..PAGE).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                for stamp in 1..=100 {
                    mapping.store(9, &[stamp]).unwrap();
                }
            });
            for _ in 0..10 {
                file.writeback(0..PAGE).unwrap();
            }
        });
        file.writeback(0..PAGE).unwrap();
        assert_eq!(store.bytes(9..10), [100]);
    }
}

#[test]
fn a_store_to_a_page_that_is_on_its_way_waits_and_is_written_after() {
    let (_cache, file, store) = quiet();
    file.write_all_at(&[1; PAGE as usize], 0).unwrap();
    let mapping = file.map(0..PAGE).unwrap();
    thread::scope(|scope| {
        let hold = store.hold_writes();
        scope.spawn(|| file.sync_data().unwrap());
        store.wait_for_held(1);
        let stored = scope.spawn(|| mapping.store(9, &[2]).unwrap());
        // So that the store is made, if nothing prevents it.
        (0..1000).take_while(|_| !stored.is_finished()).for_each(|_| thread::yield_now());
        assert!(!stored.is_finished());
        drop(hold);
    });
    file.sync_data().unwrap();
    assert_eq!(store.bytes(8..10), [1, 2]);
}

#[test]
fn a_store_that_fails_fails_no_write_to_another_file_whose_pages_can_be_cleaned() {
    let cache: PageCache = PageCache::with_options(Options::new(32).dirty_limit(32));
    let store = Arc::new(RecordingStore::default());
    let failing = cache.open(Arc::clone(&store)).unwrap();
    let file = cache.open(RecordingStore::default()).unwrap();
    store.fail_writes(usize::MAX);
    for page in 0..8 {
        failing.write_all_at(&[1], 2 * page * PAGE).unwrap();
    }
    for page in 0..3_000 {
        file.write_all_at(&[2; PAGE as usize], page * PAGE).unwrap();
    }
    file.sync_data().unwrap();
    store.fail_writes(0);
    assert!(hears(&failing) && !hears(&failing));
    assert_eq!(store.bytes(0..2), [1, 0]);
}

#[test]
fn a_writer_that_waits_for_pages_to_become_clean_holds_nothing() {
    let options = Options::new(64).dirty_limit(4).flush_interval(NEVER);
    let (_cache, file, store) = open(options);
    file.set_len(200 * PAGE).unwrap();
    // As many dirty pages as the file may have.
    file.write_all_at(&[1; 3 * PAGE as usize], 0).unwrap();
    thread::scope(|scope| {
        let hold = store.hold_writes();
        let writer = scope.spawn(|| file.write_all_at(&[2; 10], 100 * PAGE));
        // The writer writes back pages of the file, or waits for the flusher, which it has woken.
        store.wait_for_held(1);
        for _ in 0..1_000 {
            file.punch_hole(100 * PAGE, PAGE).unwrap();
            file.read_direct_at(&mut [0; 10], 100 * PAGE).unwrap();
            thread::yield_now();
        }
        assert!(!writer.is_finished());
        drop(hold);
        writer.join().unwrap().unwrap();
    });
    let mut seen = [0; 10];
    file.read_exact_at(&mut seen, 100 * PAGE).unwrap();
    assert_eq!(seen, [2; 10]);
}

#[test]
fn a_run_that_fails_is_sent_again_in_halves() {
    let (_cache, file, store) = quiet();
    file.write_all_at(&[1; 16 * PAGE as usize], 0).unwrap();
    store.fail_writes(1);
    file.sync_data().unwrap_err();
    let pages = |pages: Range<u64>| Asked::Write(pages.start * PAGE..pages.end * PAGE);
    assert_eq!(store.asked(), [pages(0..16), pages(0..8), pages(8..16), Asked::Sync]);
}
