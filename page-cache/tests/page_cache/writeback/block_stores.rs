//! Partial pages over a store that reads and writes in blocks.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use spanlock_page_cache::{File, Options, PageCache};

use crate::stores::recording_store::{Asked, RecordingStore};

const PAGE: u64 = 4096;

/// A file of ones that no thread has read, over a store of blocks.
fn open(len: u64, block: u64) -> (PageCache, File, Arc<RecordingStore>) {
    let options = Options::new(32).flush_interval(Duration::MAX);
    let cache = PageCache::with_options(options);
    let mut store = RecordingStore::with(&vec![1; len as usize]);
    store.block = Some(block);
    let store = Arc::new(store);
    let file = cache.open(Arc::clone(&store)).unwrap();
    (cache, file, store)
}

fn write(file: &File, ranges: &[Range<u64>]) {
    for range in ranges {
        file.write_all_at(&vec![2; (range.end - range.start) as usize], range.start).unwrap();
    }
}

/// Checks that the store has twos in the ranges, and ones elsewhere.
fn check(store: &RecordingStore, len: u64, ranges: &[Range<u64>]) {
    let mut expected = vec![1; len as usize];
    for range in ranges {
        expected[range.start as usize..range.end as usize].fill(2);
    }
    assert!(store.bytes(0..len) == expected, "{ranges:?}");
}

/// B1.
#[test]
fn a_partial_page_of_a_store_of_blocks_is_read_once_and_written_once() {
    let many: Vec<_> = (0..60).map(|number| PAGE + number * 67..PAGE + number * 67 + 5).collect();
    let one = PAGE + 1..PAGE + 4096;
    let blocks_with_a_gap = [PAGE..PAGE + 512, PAGE + 1024..PAGE + 1536];
    for ranges in [&many[..], std::slice::from_ref(&one), &blocks_with_a_gap] {
        for block in [512, 4096, 1 << 16] {
            let (cache, file, store) = open(3 * PAGE, block);
            write(&file, ranges);
            assert_eq!(store.asked(), []);
            file.sync_data().unwrap();
            let page = PAGE..2 * PAGE;
            let expected = [Asked::Read(page.clone()), Asked::Write(page), Asked::Sync];
            assert_eq!(store.asked(), expected, "{ranges:?} in blocks of {block}");
            assert_eq!(cache.stats().fills, 1);
            check(&store, 3 * PAGE, ranges);
        }
    }
}

/// B1.
#[test]
fn whole_blocks_in_one_stretch_are_written_without_a_read() {
    const LEN: u64 = 2 * PAGE + 1000;
    let cases = [(1024..3072, 512), (PAGE..PAGE + 512, 512), (2 * PAGE + 512..LEN, 512)];
    for (range, block) in cases {
        let (cache, file, store) = open(LEN, block);
        write(&file, std::slice::from_ref(&range));
        file.sync_data().unwrap();
        assert_eq!(store.asked(), [Asked::Write(range.clone()), Asked::Sync]);
        assert_eq!(cache.stats().fills, 0);
        check(&store, LEN, &[range]);
    }
}

/// A write of several pages is still one request: the pages at its ends are filled, and all of it is sent.
#[test]
fn the_ends_of_a_long_write_are_filled_and_sent_with_what_is_between() {
    let (_cache, file, store) = open(4 * PAGE, 4096);
    let range = 100..3 * PAGE + 5;
    write(&file, std::slice::from_ref(&range));
    file.sync_data().unwrap();
    let (first, last) = (Asked::Read(0..PAGE), Asked::Read(3 * PAGE..4 * PAGE));
    assert_eq!(store.asked(), [first, last, Asked::Write(0..4 * PAGE), Asked::Sync]);
    check(&store, 4 * PAGE, &[range]);
}

/// B1.
#[test]
fn a_partial_page_that_cannot_be_read_is_written_back_by_the_byte() {
    let (_cache, file, store) = open(PAGE, 512);
    let ranges = [5..6, 700..710];
    write(&file, &ranges);
    store.fail_reads_of(0..PAGE);
    file.sync_data().unwrap();
    let [first, second] = ranges.clone().map(Asked::Write);
    assert_eq!(store.asked(), [Asked::Read(0..PAGE), first, second, Asked::Sync]);
    check(&store, PAGE, &ranges);
}

/// A block of no bytes, or of one, is no block.
#[test]
fn a_store_of_bytes_is_written_by_the_byte() {
    for block in [0, 1] {
        let (_cache, file, store) = open(PAGE, block);
        write(&file, &[5..6, 700..710]);
        file.sync_data().unwrap();
        let [first, second] = [5..6, 700..710].map(Asked::Write);
        assert_eq!(store.asked(), [first, second, Asked::Sync]);
    }
}
