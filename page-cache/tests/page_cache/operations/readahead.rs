//! Which pages are read from the store in addition to the requested ones, and which are not.

use std::ops::Range;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use spanlock::Access;
use spanlock_page_cache::{File, Options, PageCache};

use crate::random::Random;
use crate::stores::recording_store::{Asked, RecordingStore};

const PAGE: u64 = 4096;

fn byte_of(page: u64) -> u8 {
    (page % 251) as u8 + 1
}

/// A file of `pages` pages, each full of its own byte.
fn open(pages: u64, options: Options) -> (PageCache, File, Arc<RecordingStore>) {
    let bytes: Vec<u8> = (0..pages).flat_map(|page| [byte_of(page); PAGE as usize]).collect();
    let store = Arc::new(RecordingStore::with(&bytes));
    let options = options.flush_interval(Duration::from_secs(3600));
    let cache = PageCache::with_options(options);
    let file = cache.open(Arc::clone(&store)).unwrap();
    (cache, file, store)
}

fn read_pages(file: &File, pages: impl IntoIterator<Item = u64>) {
    let mut bytes = [0; PAGE as usize];
    for page in pages {
        file.read_exact_at(&mut bytes, page * PAGE).unwrap();
        assert_eq!(bytes, [byte_of(page); PAGE as usize], "page {page}");
    }
}

/// The pages of each request since the last call, all of which were reads.
fn runs_read(store: &RecordingStore) -> Vec<Range<u64>> {
    let pages = |asked| match asked {
        Asked::Read(bytes) => bytes.start / PAGE..bytes.end.div_ceil(PAGE),
        other => panic!("{other:?}"),
    };
    store.asked().into_iter().map(pages).collect()
}

#[test]
fn a_reader_in_sequence_is_read_ahead_of_in_runs_that_grow_to_a_bound() {
    let (cache, file, store) = open(110, Options::new(1000).readahead(16));
    read_pages(&file, 0..110);
    let expected = [0..1, 1..6, 6..15, 15..32, 32..49, 49..66, 66..83, 83..100, 100..110];
    assert_eq!(runs_read(&store), expected);
    let stats = cache.stats();
    assert_eq!((stats.fills, stats.misses, stats.read_ahead), (110, 9, 101));
    // The first page was read alone.
    assert_eq!(stats.claims(Access::Readahead).taken, 8);
}

#[test]
fn a_mapping_that_is_walked_through_is_read_ahead_of_as_well() {
    let (cache, file, store) = open(40, Options::new(1000).readahead(16));
    let mapping = file.map(0..40 * PAGE).unwrap();
    let mut byte = [0];
    for page in 0..40 {
        mapping.load(page * PAGE + 9, &mut byte).unwrap();
        assert_eq!(byte, [byte_of(page)]);
        mapping.store(page * PAGE, &[1]).unwrap();
    }
    assert_eq!(runs_read(&store), [0..1, 1..6, 6..15, 15..32, 32..40]);
    // Each page is faulted in to be read and once more to be written.
    let stats = cache.stats();
    assert_eq!((stats.misses, stats.hits), (5, 35 + 40));
}

#[test]
fn four_readers_in_one_file_are_distinguished() {
    let (cache, file, _) = open(400, Options::new(1000));
    for step in 0..100 {
        read_pages(&file, (0..4).map(|reader| reader * 100 + step));
    }
    // Runs of 1, 5, 9, 17 and then 33 pages: at most 7 misses for each reader.
    assert!(cache.stats().misses <= 4 * 7, "{:?}", cache.stats());
}

#[test]
fn a_reader_that_jumps_about_is_not_read_ahead_of() {
    let (cache, file, store) = open(400, Options::new(1000));
    let mut random = Random::new(3);
    read_pages(&file, (0..300).map(|_| random.below(100) * 4));
    assert_eq!(cache.stats().read_ahead, 0);
    assert!(runs_read(&store).iter().all(|run| run.end - run.start == 1));
}

#[test]
fn the_pages_of_one_request_are_read_together_even_without_readahead() {
    let (cache, file, store) = open(200, Options::new(1000).readahead(0));
    let mut bytes = [0; 10 * PAGE as usize];
    file.read_exact_at(&mut bytes, 50 * PAGE + 100).unwrap();
    file.read_exact_at(&mut bytes, 80 * PAGE).unwrap();
    assert_eq!(runs_read(&store), [50..61, 80..90]);
    assert_eq!(cache.stats().read_ahead, 0);
}

#[test]
fn a_run_ends_where_a_page_is_cached() {
    let (_cache, file, store) = open(200, Options::new(1000));
    file.write_all_at(&[byte_of(3)], 3 * PAGE).unwrap();
    file.write_all_at(&[byte_of(9); PAGE as usize], 9 * PAGE).unwrap();
    read_pages(&file, 0..16);
    assert_eq!(runs_read(&store)[..3], [0..1, 1..3, 3..4]);
    assert!(runs_read(&store).is_empty());
}

/// A direct write, whose request to the store does not return, has claimed page 20 exclusively.
#[test]
fn nothing_is_read_past_an_exclusive_claim_nor_waits_for_one() {
    let (cache, file, store) = open(200, Options::new(1000));
    let held = store.hold_writes();
    let runs = thread::scope(|scope| {
        scope.spawn(|| file.write_direct_at(&[byte_of(20); PAGE as usize], 20 * PAGE).unwrap());
        store.wait_for_held(1);
        store.asked();
        read_pages(&file, 0..20);
        let runs = runs_read(&store);
        drop(held);
        runs
    });
    // 15..32 could not be claimed, nor half of it, but a half of that half could.
    assert_eq!(runs, [0..1, 1..6, 6..15, 15..19, 19..20]);
    assert_eq!(cache.stats().claims(Access::Readahead).waited, 0);
    read_pages(&file, 20..200);
}

/// How many of 300 hot pages a scan evicts from a cache of 400.
fn lost_to_a_scan(options: Options) -> usize {
    let (_cache, file, store) = open(3000, options);
    let hot = || (0..300).map(|page| page * 2);
    for _ in 0..5 {
        read_pages(&file, hot());
        // A page is hot because it was read again after it had been evicted.
        read_pages(&file, (601..1001).step_by(2));
    }
    read_pages(&file, hot());
    store.asked();
    read_pages(&file, 1001..3000);
    store.asked();
    read_pages(&file, hot());
    runs_read(&store).len()
}

#[test]
fn readahead_pushes_out_no_more_of_what_is_hot_than_the_reader_would() {
    let with = lost_to_a_scan(Options::new(400));
    let without = lost_to_a_scan(Options::new(400).readahead(0));
    assert!(with <= without && without <= 40, "{with} with, {without} without readahead");
}

#[test]
fn readahead_that_fails_is_an_error_only_for_a_request_of_the_failing_page() {
    let (_cache, file, store) = open(64, Options::new(1000));
    store.fail_reads_of(30 * PAGE..31 * PAGE);
    let mut byte = [0];
    for page in 0..64 {
        let outcome = file.read_exact_at(&mut byte, page * PAGE);
        assert_eq!(outcome.is_err(), page == 30, "page {page}");
    }
}

#[test]
fn a_read_of_several_pages_ends_before_the_one_that_the_store_cannot_read() {
    let (_cache, file, store) = open(4, Options::new(100));
    store.fail_reads_of(2 * PAGE..3 * PAGE);
    let mut bytes = [0; 4 * PAGE as usize];
    assert_eq!(file.read_at(&mut bytes, PAGE).unwrap(), PAGE as usize);
    assert_eq!(file.read_at(&mut bytes, 0).unwrap(), 2 * PAGE as usize);
    assert_eq!(bytes[PAGE as usize..2 * PAGE as usize], [byte_of(1); PAGE as usize]);
    file.read_at(&mut bytes, 2 * PAGE).unwrap_err();
}

#[test]
fn readahead_meets_writers_and_truncation_without_losing_a_byte() {
    let (_cache, file, _store) = open(400, Options::new(64).dirty_limit(16));
    thread::scope(|scope| {
        for _ in 0..2 {
            let file = &file;
            scope.spawn(move || {
                let mut bytes = [0; PAGE as usize];
                for page in (0..400).chain(0..400).chain(0..400) {
                    let found = file.read_at(&mut bytes, page * PAGE).unwrap();
                    let expected = |byte| byte == byte_of(page) || (page >= 300 && byte == 0);
                    assert!(bytes[..found].iter().copied().all(expected), "page {page}");
                }
            });
        }
        for round in 0..30 {
            for page in (round..300).step_by(31) {
                file.write_all_at(&[byte_of(page); 100], page * PAGE + 50).unwrap();
            }
            file.set_len((300 + round) * PAGE + 7).unwrap();
            file.set_len(400 * PAGE).unwrap();
        }
    });
    read_pages(&file, 0..300);
}

#[test]
fn a_page_that_was_fetched_by_the_request_that_reads_it_is_no_hit() {
    let store = RecordingStore::with(&[1; 16 * PAGE as usize]);
    let cache = PageCache::new(256);
    let file = cache.open(store).unwrap();
    file.read_exact_at(&mut [0; 8 * PAGE as usize], 0).unwrap();
    assert_eq!((cache.stats().misses, cache.stats().hits), (8, 0));
    file.read_exact_at(&mut [0; 12 * PAGE as usize], 4 * PAGE).unwrap();
    assert_eq!((cache.stats().misses, cache.stats().hits), (16, 4));
}

#[test]
fn a_run_is_a_twentieth_of_the_cache_at_most_and_64_pages() {
    for (capacity, longest) in [(16, 2), (40, 2), (100, 5), (200, 10), (4000, 64)] {
        let (_, file, store) = open(250, Options::new(capacity).readahead(1000));
        read_pages(&file, 0..250);
        let runs = runs_read(&store);
        let most = runs.iter().map(|run| run.end - run.start).max();
        assert_eq!(most, Some(longest), "{capacity} pages: {runs:?}");
    }
}
