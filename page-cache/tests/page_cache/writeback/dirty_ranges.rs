//! Pages that are written in part before they are read.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{File, Options, PageCache};

use crate::random::Random;
use crate::stores::recording_store::{Asked, RecordingStore};

const PAGE: u64 = 4096;

/// A file of ones that no thread has read.
fn open(pages: u64) -> (PageCache, File, Arc<RecordingStore>) {
    let options = Options::new(32).flush_interval(Duration::from_secs(3600));
    let cache = PageCache::with_options(options);
    let store = Arc::new(RecordingStore::with(&vec![1; (pages * PAGE) as usize]));
    let file = cache.open(Arc::clone(&store)).unwrap();
    (cache, file, store)
}

fn read(file: &File, offset: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0xff; len];
    file.read_exact_at(&mut bytes, offset).unwrap();
    bytes
}

/// A page of ones in which some ranges hold other bytes.
fn page_with(ranges: &[(std::ops::Range<usize>, u8)]) -> Vec<u8> {
    let mut page = vec![1; PAGE as usize];
    for (range, byte) in ranges {
        page[range.clone()].fill(*byte);
    }
    page
}

/// B1.
#[test]
fn a_partial_write_to_a_page_that_is_not_cached_reads_nothing_and_is_written_back_by_the_byte() {
    let (cache, file, store) = open(2);
    file.write_all_at(&[2; 10], 10).unwrap();
    file.write_all_at(&[3; 5], 100).unwrap();
    file.write_all_at(&[4; 10], 15).unwrap();
    file.write_all_at(&[5; 8], PAGE - 4).unwrap();
    file.sync_data().unwrap();
    let written = [10..25, 100..105, PAGE - 4..PAGE + 4].map(Asked::Write);
    assert_eq!(store.asked(), [&written[..], &[Asked::Sync]].concat());
    assert_eq!(cache.stats().fills, 0);
    let first = page_with(&[(10..15, 2), (15..25, 4), (100..105, 3), (4092..4096, 5)]);
    assert_eq!(store.bytes(0..PAGE), first);
    assert_eq!(read(&file, 0, PAGE as usize), first);
}

/// B1.
#[test]
fn dirty_ranges_that_come_to_cover_a_page_make_it_uptodate() {
    let (_cache, file, store) = open(1);
    for start in [0, 2048, 1024, 3072] {
        file.write_all_at(&[start as u8 | 7; 1024], start).unwrap();
    }
    assert_eq!(read(&file, 1000, 2000).len(), 2000);
    file.sync_data().unwrap();
    assert_eq!(store.asked(), [Asked::Write(0..PAGE), Asked::Sync]);
}

/// B1.
#[test]
fn ranges_that_cover_what_the_file_has_of_its_last_page_make_it_uptodate() {
    let (_cache, file, store) = open(1);
    file.set_len(100).unwrap();
    file.write_all_at(&[2; 50], 50).unwrap();
    file.write_all_at(&[3; 60], 0).unwrap();
    assert_eq!(read(&file, 0, 100), [[3; 60].as_slice(), &[2; 40]].concat());
    file.set_len(PAGE).unwrap();
    assert_eq!(read(&file, 100, 3996), [0; 3996]);
    assert_eq!(store.asked(), []);
}

/// B2. Invariant 14.
#[test]
fn a_read_of_a_partly_dirty_page_fills_around_the_dirty_bytes_and_writes_nothing() {
    let (_cache, file, store) = open(1);
    file.write_all_at(&[2; 10], 10).unwrap();
    file.write_all_at(&[3; 10], 4086).unwrap();
    let expected = page_with(&[(10..20, 2), (4086..4096, 3)]);
    assert_eq!(read(&file, 0, PAGE as usize), expected);
    assert_eq!(store.asked(), [Asked::Read(0..PAGE)]);
    file.sync_data().unwrap();
    assert_eq!(store.bytes(0..PAGE), expected);
}

/// B2. Invariants 1, 2 and 14.
#[test]
fn a_fault_on_a_partly_dirty_page_fills_around_the_dirty_bytes() {
    let (_cache, file, store) = open(1);
    file.write_all_at(&[2; 10], 10).unwrap();
    let mapping = file.map(0..PAGE).unwrap();
    mapping.store(15, &[3; 10]).unwrap();
    let expected = page_with(&[(10..15, 2), (15..25, 3)]);
    let mut seen = [0; PAGE as usize];
    mapping.load(0, &mut seen).unwrap();
    assert_eq!(seen, *expected);
    file.sync_data().unwrap();
    assert_eq!(store.bytes(0..PAGE), expected);
}

/// B2. Invariant 14.
#[test]
fn a_read_that_meets_dirty_bytes_in_flight_keeps_them() {
    let (_cache, file, store) = open(1);
    file.write_all_at(&[2; 10], 10).unwrap();
    thread::scope(|scope| {
        let hold = store.hold_writes();
        let sync = scope.spawn(|| file.sync_data());
        store.wait_for_held(1);
        assert_eq!(read(&file, 0, 30), page_with(&[(10..20, 2)])[..30]);
        drop(hold);
        sync.join().unwrap().unwrap();
    });
    assert_eq!(read(&file, 0, PAGE as usize), page_with(&[(10..20, 2)]));
    assert_eq!(store.bytes(0..PAGE), page_with(&[(10..20, 2)]));
}

/// B1. A write that fails in the store loses no dirty range.
#[test]
fn dirty_ranges_whose_writeback_fails_stay_dirty() {
    let (_cache, file, store) = open(1);
    file.write_all_at(&[2; 10], 10).unwrap();
    file.write_all_at(&[3; 10], 100).unwrap();
    store.fail_writes(1);
    file.sync_data().unwrap_err();
    store.asked();
    file.sync_data().unwrap();
    assert_eq!(store.asked(), [Asked::Write(10..20), Asked::Write(100..110), Asked::Sync]);
    assert_eq!(read(&file, 0, 200), page_with(&[(10..20, 2), (100..110, 3)])[..200]);
}

#[test]
fn a_page_of_which_a_part_was_written_when_the_store_failed_is_written_again() {
    let (_cache, file, store) = open(3);
    file.write_all_at(&[2; PAGE as usize], 0).unwrap();
    for page in [1, 2] {
        file.write_all_at(&[3; 100], page * PAGE + 100).unwrap();
        file.write_all_at(&[4; 100], page * PAGE + 300).unwrap();
    }
    // The first page in pieces of 50 bytes, and half of the first range of the second.
    store.cut_writes(50, 83);
    file.writeback(0..3 * PAGE).unwrap_err();
    file.sync_data().unwrap();
    let page = page_with(&[(100..200, 3), (300..400, 4)]);
    assert_eq!(store.bytes(0..3 * PAGE), [&[2; PAGE as usize][..], &page, &page].concat());
}

/// B1. Invariant 1.
#[test]
fn a_page_written_past_the_end_reads_as_zeroes_up_to_what_was_written() {
    let (_cache, file, store) = open(1);
    file.set_len(100).unwrap();
    file.write_all_at(&[2; 10], 200).unwrap();
    let expected = [[1; 100].as_slice(), &[0; 100], &[2; 10]].concat();
    file.sync_data().unwrap();
    assert_eq!(store.bytes(0..PAGE), expected);
    assert_eq!(read(&file, 0, 210), expected);
}

/// B1. Invariant 1.
#[test]
fn a_write_to_a_page_past_the_end_leaves_nothing_of_it_to_be_read() {
    let (_cache, file, store) = open(0);
    file.write_all_at(&[2; 10], 200).unwrap();
    assert_eq!(read(&file, 0, 210), [[0; 200].as_slice(), &[2; 10]].concat());
    let mut behind = [0xff; PAGE as usize - 210];
    file.map(0..PAGE).unwrap().load(210, &mut behind).unwrap();
    assert_eq!(behind, [0; PAGE as usize - 210]);
    assert_eq!(store.asked(), []);
}

/// B3.
#[test]
fn truncation_and_punching_take_dirty_ranges_away() {
    let (_cache, file, store) = open(2);
    file.write_all_at(&[2; 100], 1000).unwrap();
    file.write_all_at(&[3; 100], PAGE + 1000).unwrap();
    file.punch_hole(1050, PAGE).unwrap();
    file.set_len(PAGE + 1060).unwrap();
    file.set_len(PAGE + 2000).unwrap();
    let mut expected = vec![1; 2 * PAGE as usize];
    expected[1000..1050].fill(2);
    expected[1050..PAGE as usize + 1050].fill(0);
    expected[PAGE as usize + 1050..PAGE as usize + 1060].fill(3);
    expected.truncate(PAGE as usize + 1060);
    expected.resize(PAGE as usize + 2000, 0);
    file.sync_data().unwrap();
    let written = [Asked::Write(1000..1050), Asked::Write(PAGE + 1050..PAGE + 1060), Asked::Sync];
    assert_eq!(store.asked(), written);
    assert_eq!(read(&file, 0, expected.len()), expected);
}

/// B3.
#[test]
fn a_page_whose_dirty_ranges_were_all_punched_is_clean() {
    let (_cache, file, store) = open(1);
    file.write_all_at(&[2; 100], 1000).unwrap();
    file.punch_hole(900, 300).unwrap();
    file.sync_data().unwrap();
    assert_eq!(store.asked(), [Asked::Sync]);
    assert_eq!(read(&file, 0, PAGE as usize), page_with(&[(900..1200, 0)]));
    // If the page were still dirty, it would be written before this.
    file.write_direct_at(&[3], 0).unwrap();
    assert_eq!(store.asked(), [Asked::Read(0..PAGE), Asked::Write(0..1)]);
}

/// B3.
#[test]
fn direct_io_flushes_the_dirty_ranges_that_it_meets() {
    let (_cache, file, store) = open(1);
    file.write_all_at(&[2; 100], 1000).unwrap();
    let mut seen = [0; 200];
    file.read_direct_at(&mut seen, 950).unwrap();
    assert_eq!(seen, page_with(&[(1000..1100, 2)])[950..1150]);
    file.write_all_at(&[3; 100], 1050).unwrap();
    file.write_direct_at(&[4; 10], 1060).unwrap();
    let expected = page_with(&[(1000..1050, 2), (1050..1150, 3), (1060..1070, 4)]);
    assert_eq!(store.bytes(0..PAGE), expected);
    assert_eq!(read(&file, 0, PAGE as usize), expected);
}

/// B3. Invariants 7 and 10.
#[test]
fn a_page_that_is_dirtied_through_a_mapping_while_it_is_invalidated_loses_nothing() {
    let (_cache, file, store) = open(1);
    let mapping = file.map(0..PAGE).unwrap();
    thread::scope(|scope| {
        let invalidating = scope.spawn(|| {
            for stamp in 0..2_000_u32 {
                let bytes = stamp.to_le_bytes();
                file.write_direct_at(&bytes, 2048).unwrap();
                let mut seen = [0; 4];
                mapping.load(2048, &mut seen).unwrap();
                assert_eq!(seen, bytes);
            }
        });
        let mut stamp = 0_u32;
        while !invalidating.is_finished() || stamp < 2_000 {
            stamp += 1;
            mapping.store(100, &stamp.to_le_bytes()).unwrap();
            assert_eq!(read(&file, 100, 4), stamp.to_le_bytes());
        }
        file.sync_data().unwrap();
        assert_eq!(store.bytes(100..104), stamp.to_le_bytes());
    });
}

/// B1. Pages of which only parts were ever known can be evicted like others.
#[test]
fn more_partly_written_pages_than_there_are_frames_all_reach_the_store() {
    let (cache, file, store) = open(200);
    for page in 0..200 {
        file.write_all_at(&[2; 7], page * PAGE + page).unwrap();
    }
    file.sync_data().unwrap();
    assert_eq!(cache.stats().fills, 0);
    for page in 0..200 {
        let at = page * PAGE + page;
        assert_eq!(store.bytes(at..at + 8), [2, 2, 2, 2, 2, 2, 2, 1]);
    }
}

/// B1.
#[test]
fn a_page_with_very_many_dirty_ranges_is_filled_at_last() {
    let (cache, file, store) = open(1);
    for byte in 0..1000 {
        file.write_all_at(&[2], byte * 2).unwrap();
        assert_eq!(cache.stats().fills, u64::from(byte >= 64), "after byte {byte}");
    }
    file.sync_data().unwrap();
    let alternating: Vec<u8> = (0..2000).map(|at| 2 - (at % 2) as u8).collect();
    assert_eq!(store.bytes(0..2000), alternating);
}

/// B1 to B3.
#[test]
fn random_partial_writes_agree_with_a_vector_while_pages_come_and_go() {
    for seed in 0..10 {
        let (_cache, file, store) = open(100);
        let mut model = vec![1; 100 * PAGE as usize];
        let mut random = Random::new(seed);
        for step in 0..2_000 {
            let start = random.below(model.len() as u64) as usize;
            let range = start..model.len().min(start + random.below(300) as usize);
            match random.below(10) {
                0 => {
                    file.punch_hole(start as u64, range.len() as u64).unwrap();
                    model[range].fill(0);
                }
                1 => assert_eq!(read(&file, start as u64, range.len()), model[range]),
                2 => file.writeback(range.start as u64..range.end as u64).unwrap(),
                3 if step % 7 == 0 => {
                    file.set_len(start as u64).unwrap();
                    file.set_len(model.len() as u64).unwrap();
                    model[start..].fill(0);
                }
                _ => {
                    file.write_all_at(&vec![step as u8; range.len()], start as u64).unwrap();
                    model[range].fill(step as u8);
                }
            }
        }
        file.sync_data().unwrap();
        assert!(store.bytes(0..model.len() as u64) == model, "seed {seed}");
    }
}

#[test]
fn a_part_of_a_page_that_leaves_the_store_no_length_of_its_own_is_sent_without_a_read() {
    let never = Options::new(64).flush_interval(Duration::from_secs(3600)).readahead(0);
    let cache = PageCache::with_options(never);
    let asked_beside_syncs = |held: &[u8], part: std::ops::Range<u64>| {
        let store = Arc::new(RecordingStore::with(held));
        let file = cache.open(Arc::clone(&store)).unwrap();
        // The file is longer than its store then.
        file.write_all_at(&[2; 10], 2 * PAGE).unwrap();
        file.write_all_at(&vec![2; (part.end - part.start) as usize], part.start).unwrap();
        file.sync_data().unwrap();
        let is_read = |asked: &Asked| matches!(asked, Asked::Read(_));
        store.asked().into_iter().filter(is_read).collect::<Vec<_>>()
    };
    // Up to the end of the page, and up to where the store ends.
    assert_eq!(asked_beside_syncs(&[], 2 * PAGE - 96..2 * PAGE), []);
    assert_eq!(asked_beside_syncs(&[1; 100], 50..100), []);
}
