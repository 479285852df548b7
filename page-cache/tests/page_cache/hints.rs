//! Hints: pages that will be needed, or will not be; and which parts of a file have data.

#![allow(clippy::single_range_in_vec_init, reason = "ranges of data are compared")]

use std::io::ErrorKind;
use std::ops::Range;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{File, MemStore, Options, PageCache};

use crate::stores::recording_store::{Asked, RecordingStore};

const PAGE: u64 = 4096;

fn asleep(capacity: usize) -> Options {
    Options::new(capacity).flush_interval(Duration::MAX)
}

fn until_resident(file: &File, pages: u64) {
    while file.stats().resident < pages {
        thread::yield_now();
    }
}

#[test]
fn pages_that_will_be_needed_are_read_in_long_reads_and_are_hits_afterwards() {
    let store = Arc::new(RecordingStore::with(&[1; 100 * PAGE as usize]));
    let file = PageCache::with_options(asleep(256)).open(Arc::clone(&store)).unwrap();
    file.read_exact_at(&mut [0; 10], 10 * PAGE).unwrap();
    store.asked();
    file.will_need(0..100 * PAGE).unwrap();
    // A page is resident before it is filled, and a read that waits for the fill is a miss.
    while !(0..100).all(|page| file.try_page(page).unwrap().is_some()) {
        thread::yield_now();
    }
    let hits = file.stats().hits;
    file.read_exact_at(&mut vec![0; 100 * PAGE as usize], 0).unwrap();
    assert_eq!(file.stats().hits - hits, 100);
    let reads = store.asked();
    assert!(reads.len() <= 8, "{reads:?}");
}

#[test]
fn pages_in_use_are_not_evicted_for_those_that_will_be_needed() {
    let cache = PageCache::with_options(asleep(64));
    let used = cache.open(RecordingStore::with(&[1; 60 * PAGE as usize])).unwrap();
    for _ in 0..4 {
        (0..60).for_each(|page| used.read_exact_at(&mut [0; 10], page * PAGE).unwrap());
    }
    let resident = used.stats().resident;
    let file = cache.open(RecordingStore::with(&[1; 500 * PAGE as usize])).unwrap();
    file.will_need(0..u64::MAX).unwrap();
    until_resident(&file, 1);
    // A second hint is processed after the first.
    file.will_need(499 * PAGE..500 * PAGE).unwrap();
    file.read_exact_at(&mut [0; 10], 0).unwrap();
    assert!(used.stats().resident + 8 >= resident, "{} of {resident}", used.stats().resident);
}

#[test]
fn a_hint_does_not_wait_and_a_failed_page_is_read_again_when_it_is_needed() {
    let store = Arc::new(RecordingStore::with(&[1; 4 * PAGE as usize]));
    let file = PageCache::with_options(asleep(64)).open(Arc::clone(&store)).unwrap();
    store.fail_reads_of(0..PAGE);
    file.will_need(0..4 * PAGE).unwrap();
    while store.asked().is_empty() {
        thread::yield_now();
    }
    file.read_at(&mut [0; 10], 0).unwrap_err();
    store.fail_reads_of(0..0);
    file.read_exact_at(&mut [0; 10], 0).unwrap();
}

#[test]
fn an_empty_range_within_a_page_brings_in_and_evicts_nothing() {
    let store = Arc::new(RecordingStore::with(&[1; 2 * PAGE as usize]));
    let file = PageCache::with_options(asleep(64)).open(Arc::clone(&store)).unwrap();
    file.read_exact_at(&mut [0; 10], 0).unwrap();
    assert_eq!(file.dont_need(5..5).unwrap(), 0);
    file.drop_cached(5..5).unwrap();
    assert_eq!(file.stats().resident, 1);
    file.drop_cached(0..PAGE).unwrap();
    store.asked();
    file.will_need(PAGE + 5..PAGE + 5).unwrap();
    // A hint that reads the first page is processed after that one.
    file.will_need(0..1).unwrap();
    let asked = loop {
        match store.asked() {
            asked if asked.is_empty() => thread::yield_now(),
            asked => break asked,
        }
    };
    assert!(matches!(&asked[0], Asked::Read(read) if read.start == 0), "{asked:?}");
}

#[test]
fn pages_that_are_not_needed_leave_unless_they_are_dirty_pinned_or_guarded() {
    let cache = PageCache::with_options(asleep(64));
    let file = cache.open(RecordingStore::with(&[1; 8 * PAGE as usize])).unwrap();
    file.read_exact_at(&mut [0; 8 * PAGE as usize], 0).unwrap();
    file.write_all_at(&[2; 10], 0).unwrap();
    let pin = file.pin(1).unwrap();
    let other = file.clone();
    thread::scope(|scope| {
        let guard = file.page(2).unwrap();
        scope.spawn(move || assert_eq!(other.dont_need(0..7 * PAGE).unwrap(), 4)).join().unwrap();
        drop(guard);
    });
    drop(pin);
    assert_eq!((file.stats().resident, cache.stats().evictions), (4, 4));
    assert_eq!(file.dont_need(0..u64::MAX).unwrap(), 3);
    let mut byte = [0];
    file.read_exact_at(&mut byte, 0).unwrap();
    assert_eq!(byte, [2]);
}

#[test]
fn what_is_dropped_was_written_back_and_is_read_from_the_store() {
    let store = Arc::new(RecordingStore::default());
    let file = PageCache::with_options(asleep(64)).open(Arc::clone(&store)).unwrap();
    file.write_all_at(&[1; 3 * PAGE as usize], 0).unwrap();
    store.asked();
    file.drop_cached(0..2 * PAGE).unwrap();
    assert_eq!((store.asked(), file.stats().resident), (vec![Asked::Write(0..2 * PAGE)], 1));
    store.fail_writes(1);
    file.drop_cached(0..u64::MAX).unwrap_err();
    assert_eq!((file.stats().resident, file.stats().dirty), (1, 1));
    file.drop_cached(0..0).unwrap();
}

fn data(file: &File, range: Range<u64>) -> Vec<Range<u64>> {
    file.data_ranges(range).unwrap()
}

fn dirty_pages_and_stored_ones_are_data(file: &File) {
    file.set_len(20 * PAGE).unwrap();
    assert_eq!(data(file, 0..u64::MAX), []);
    file.write_all_at(&[1; PAGE as usize], 2 * PAGE).unwrap();
    file.write_all_at(&[1; 10], 5 * PAGE).unwrap();
    assert_eq!(data(file, 0..u64::MAX), [2 * PAGE..3 * PAGE, 5 * PAGE..6 * PAGE]);
    assert_eq!(file.stats().writebacks, 0);
    file.sync_all().unwrap();
    file.write_all_at(&[1; PAGE as usize], 3 * PAGE).unwrap();
    assert_eq!(data(file, 0..u64::MAX), [2 * PAGE..4 * PAGE, 5 * PAGE..6 * PAGE]);
    assert_eq!(data(file, 2 * PAGE + 5..3 * PAGE + 7), [2 * PAGE + 5..3 * PAGE + 7]);
    file.punch_hole(2 * PAGE, 2 * PAGE).unwrap();
    assert_eq!(data(file, 0..5 * PAGE), []);
    file.write_all_at(&[1; 10], 25 * PAGE).unwrap();
    assert_eq!(data(file, 6 * PAGE..u64::MAX), [25 * PAGE..25 * PAGE + 10]);
}

#[test]
fn data_is_found_in_the_cache_and_in_the_store_without_a_flush() {
    let cache = PageCache::with_options(asleep(64));
    dirty_pages_and_stored_ones_are_data(&cache.open(MemStore::new()).unwrap());
}

#[cfg(target_os = "linux")]
#[test]
fn data_and_blocks_of_a_file_of_the_system_are_what_the_file_system_says() {
    let folder = tempfile::tempdir().unwrap();
    let store = spanlock_page_cache::FileStore::create(folder.path().join("file")).unwrap();
    let cache = PageCache::with_options(asleep(64));
    let file = cache.open(store).unwrap();
    let before = file.allocated_size().unwrap().unwrap();
    file.write_all_at(&[1; 64 * PAGE as usize], 0).unwrap();
    file.sync_all().unwrap();
    let after = file.allocated_size().unwrap().unwrap();
    assert!(after >= before + 64 * PAGE, "{before} and {after}");
    assert_eq!(data(&file, 0..u64::MAX), [0..64 * PAGE]);
}

#[test]
fn a_store_that_does_not_report_holes_has_data_up_to_its_end() {
    // This one leaves the default.
    let store = RecordingStore::with(&[0; 3 * PAGE as usize]);
    let file = PageCache::with_options(asleep(64)).open(store).unwrap();
    file.write_all_at(&[1; 10], 10 * PAGE).unwrap();
    assert_eq!(data(&file, PAGE..u64::MAX), [PAGE..3 * PAGE, 10 * PAGE..10 * PAGE + 10]);
    assert_eq!(file.allocated_size().unwrap(), None);
}

#[test]
fn hints_for_inverted_ranges_are_refused() {
    let file = PageCache::new(64).open(MemStore::new()).unwrap();
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
    let range = 2..1;
    let kinds = [
        file.will_need(range.clone()).unwrap_err().kind(),
        file.dont_need(range.clone()).unwrap_err().kind(),
        file.drop_cached(range.clone()).unwrap_err().kind(),
        file.data_ranges(range).unwrap_err().kind(),
    ];
    assert_eq!(kinds, [ErrorKind::InvalidInput; 4]);
}

#[test]
fn a_hint_reads_the_pages_that_it_names_in_few_reads_and_no_others() {
    let store = Arc::new(RecordingStore::with(&[1; 100 * PAGE as usize]));
    let file = PageCache::with_options(asleep(256)).open(Arc::clone(&store)).unwrap();
    let read = |pages: Range<u64>| {
        file.will_need(pages.start * PAGE..pages.end * PAGE).unwrap();
        until_resident(&file, file.stats().resident.max(pages.end - pages.start));
        let len = (pages.end - pages.start) * PAGE;
        // Waits for the reads.
        file.read_exact_at(&mut vec![0; len as usize], pages.start * PAGE).unwrap();
        store.asked()
    };
    assert_eq!(read(0..2), [Asked::Read(0..2 * PAGE)]);
    file.drop_cached(0..u64::MAX).unwrap();
    assert_eq!(read(10..12), [Asked::Read(10 * PAGE..12 * PAGE)]);
    assert_eq!(file.stats().resident, 2);
}
