//! Statistics: of a file and of a cache, and the names of its threads.

use std::io;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{CacheStats, FileOptions, FileStats, MemStore, Options, PageCache};

use crate::stores::failing_store::FailingStore;
use crate::stores::recording_store::RecordingStore;

const PAGE: u64 = 4096;

fn asleep(capacity: usize) -> Options {
    Options::new(capacity).flush_interval(Duration::MAX)
}

#[test]
fn the_pages_of_a_file_are_counted_as_they_come_get_dirty_get_durable_and_go() {
    let cache = PageCache::with_options(asleep(64));
    let file = cache.open(MemStore::new()).unwrap();
    let pages = |stats: FileStats| (stats.resident, stats.dirty, stats.unstable);
    file.write_all_at(&[1; 4 * PAGE as usize], 0).unwrap();
    assert_eq!(pages(file.stats()), (4, 4, 0));
    file.writeback(0..3 * PAGE).unwrap();
    assert_eq!(pages(file.stats()), (4, 1, 3));
    file.write_all_at(&[2; 10], 0).unwrap();
    assert_eq!(pages(file.stats()), (4, 2, 3));
    file.sync_data().unwrap();
    assert_eq!(pages(file.stats()), (4, 0, 0));
    file.set_len(PAGE).unwrap();
    assert_eq!(pages(file.stats()), (1, 0, 0));
}

#[test]
fn a_page_that_is_being_committed_and_was_sent_again_is_unstable_once() {
    let store = Arc::new(RecordingStore::default());
    let file = PageCache::with_options(asleep(64)).open(Arc::clone(&store)).unwrap();
    file.write_all_at(&[1; 2 * PAGE as usize], 0).unwrap();
    file.writeback(0..2 * PAGE).unwrap();
    store.fail_sync();
    file.sync_data().unwrap_err();
    assert_eq!((file.stats().dirty, file.stats().unstable), (2, 0));
    file.writeback(0..PAGE).unwrap();
    assert_eq!((file.stats().dirty, file.stats().unstable), (1, 1));
}

#[test]
fn hits_and_misses_are_counted_for_each_file_and_pages_of_one_request_are_misses() {
    let cache = PageCache::with_options(asleep(64).readahead(0));
    let store = RecordingStore::with(&[1; 8 * PAGE as usize]);
    let (file, other) = (cache.open(store).unwrap(), cache.open(MemStore::new()).unwrap());
    file.read_exact_at(&mut [0; 4 * PAGE as usize], 0).unwrap();
    let stats = file.stats();
    assert_eq!((stats.misses, stats.hits, stats.fills), (4, 0, 4));
    file.read_exact_at(&mut [0; 2 * PAGE as usize], 0).unwrap();
    other.write_all_at(&[1; 10], 0).unwrap();
    other.sync_data().unwrap();
    assert_eq!((file.stats().misses, file.stats().hits), (4, 2));
    let stats = other.stats();
    assert_eq!((stats.misses, stats.hits, stats.writebacks), (1, 0, 1));
}

#[test]
fn each_write_counts_one_claim_on_the_io_lock_whichever_way_it_takes() {
    let cache: PageCache = PageCache::with_options(asleep(64));
    let file = cache.open(MemStore::new()).unwrap();
    let writes: [&dyn Fn(); 4] = [
        &|| file.write_all_at(&[1; 2 * PAGE as usize], 0).unwrap(),
        &|| file.write_all_at(b"in a cached page", 0).unwrap(),
        &|| file.write_all_at(b"in two cached pages", PAGE - 5).unwrap(),
        &|| _ = file.append(b"behind them").unwrap(),
    ];
    for (number, write) in (1..).zip(writes) {
        write();
        let claims = cache.stats().io_claims;
        assert_eq!((claims.taken, claims.waited), (number, 0));
    }
}

#[test]
fn the_numbers_of_a_cache_are_those_of_its_files_together() {
    let cache = PageCache::with_options(asleep(64));
    let files = [MemStore::new(), MemStore::new()].map(|store| cache.open(store).unwrap());
    files[0].write_all_at(&[1; 3 * PAGE as usize], 0).unwrap();
    files[1].write_all_at(&[1; 2 * PAGE as usize], 0).unwrap();
    files[1].writeback(0..PAGE).unwrap();
    files[1].read_exact_at(&mut [0; 10], 0).unwrap();
    let of_files = files.each_ref().map(|file| file.stats());
    let stats = cache.stats();
    let sum = |number: fn(&FileStats) -> u64| of_files.iter().map(number).sum::<u64>();
    assert_eq!((stats.files, stats.resident), (2, sum(|file| file.resident)));
    assert_eq!((stats.dirty, stats.unstable), (4, 1));
    assert_eq!(stats.dirty, sum(|file| file.dirty));
    assert_eq!((stats.hits, stats.misses), (1, sum(|file| file.misses)));
    assert_eq!(stats.store_writes.requests, sum(|file| file.store_writes.requests));
    let done = |stats: CacheStats| (stats.misses, stats.store_writes.requests);
    drop(files);
    assert_eq!((cache.stats().files, cache.stats().resident), (0, 0));
    assert_eq!(done(cache.stats()), (5, 3));
}

#[test]
fn the_requests_to_a_store_and_those_that_failed_are_counted_by_kind() {
    let store = Arc::new(RecordingStore::default());
    let file = PageCache::with_options(asleep(64)).open(Arc::clone(&store)).unwrap();
    file.set_len(8 * PAGE).unwrap();
    file.read_exact_at(&mut [0; 10], 0).unwrap();
    file.write_all_at(&[1; 10], 4 * PAGE).unwrap();
    store.fail_writes(1);
    file.writeback(0..8 * PAGE).unwrap_err();
    store.fail_sync();
    file.sync_data().unwrap_err();
    file.punch_hole(0, PAGE).unwrap();
    let stats = file.stats();
    let counts = [stats.store_reads, stats.store_writes, stats.store_syncs, stats.store_others];
    assert_eq!(counts.map(|kind| kind.errors), [0, 1, 1, 0]);
    assert_eq!(counts.map(|kind| kind.requests), [1, 2, 1, 2]);
    for kind in counts {
        assert!(kind.longest <= kind.total && kind.quantile(1.0) >= kind.longest);
    }
}

#[test]
fn a_file_is_counted_by_any_number_of_threads() {
    let cache = PageCache::with_options(asleep(64));
    let file = cache.open(MemStore::new()).unwrap();
    file.write_all_at(&[1; 10], 0).unwrap();
    thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| (0..10).for_each(|_| file.read_exact_at(&mut [0; 10], 0).unwrap()));
        }
    });
    assert_eq!((file.stats().hits, cache.stats().hits), (400, 400));
}

#[test]
fn the_threads_of_a_cache_have_names() {
    let names = Arc::new(Mutex::new(Vec::new()));
    let own = Arc::clone(&names);
    let options = FileOptions::new().before_writeback(move |_| {
        own.lock().unwrap().push(thread::current().name().unwrap_or("").to_owned());
        Err(io::ErrorKind::WouldBlock.into())
    });
    let file = PageCache::with_options(asleep(64)).open_with(MemStore::new(), options).unwrap();
    file.write_all_at(&[1; 10], 0).unwrap();
    file.start_writeback();
    while names.lock().unwrap().is_empty() {
        thread::yield_now();
    }
    drop(file);
    let names = names.lock().unwrap();
    assert_eq!(*names.first().unwrap(), "page-flusher");
    assert_eq!(*names.last().unwrap(), "page-closer");
}

#[test]
fn the_table_of_statistics_has_a_line_for_each_subject_and_for_losses_only_if_there_are_any() {
    let cache = PageCache::with_options(asleep(64));
    let store = Arc::new(FailingStore::default());
    let file = cache.open(Arc::clone(&store)).unwrap();
    file.write_all_at(&[1; 2 * PAGE as usize], 0).unwrap();
    file.read_exact_at(&mut [0; 10], 0).unwrap();
    let table = cache.stats().to_string();
    let lines: Vec<&str> = table.lines().collect();
    let expected = [
        "pages: 2 cached, 2 dirty, 0 unstable, of 1 file(s)",
        "found: 1 hits, 2 misses, 33.3 % hits",
        "read: 0 pages, 0 of them ahead",
        "written: 0 pages, 0 requests for eviction",
        "evicted: 0 pages",
        "store reads: 0 requests, 0 errors",
        "store writes: 0 requests, 0 errors",
        "store syncs: 0 requests, 0 errors",
    ];
    assert_eq!(lines[..8], expected);
    assert!(lines.len() == 9 && lines[8].starts_with("store others: "), "{table}");
    store.fail(0..u64::MAX);
    drop(file);
    let table = cache.stats().to_string();
    assert!(table.contains("\nlost: 8192 bytes in 2 pages\nstore reads"), "{table}");
    assert!(table.contains(" errors, half in "), "{table}");
}
