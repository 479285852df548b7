//! Files whose writes reach the store before they return.

use std::io::{self, ErrorKind};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{File, FileOptions, MemStore, Options, PageCache, Store, StoreLayer};

use crate::random::Random;
use crate::stores::failing_store::FailingStore;
use crate::stores::recording_store::{Asked, RecordingStore};

const PAGE: u64 = 4096;

/// How long the test waits for operations that should not wait for anything.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A file of ones that no thread has read.
fn open(pages: u64) -> (PageCache, File, Arc<RecordingStore>) {
    let options = Options::new(1000).flush_interval(Duration::from_secs(3600));
    let cache = PageCache::with_options(options);
    let store = Arc::new(RecordingStore::with(&vec![1; (pages * PAGE) as usize]));
    let options = FileOptions::new().write_through();
    let file = cache.open_with(Arc::clone(&store), options).unwrap();
    (cache, file, store)
}

fn read(file: &File, range: Range<u64>) -> Vec<u8> {
    let mut bytes = vec![0xff; (range.end - range.start) as usize];
    file.read_exact_at(&mut bytes, range.start).unwrap();
    bytes
}

fn write(file: &File, range: Range<u64>, byte: u8) {
    file.write_all_at(&vec![byte; (range.end - range.start) as usize], range.start).unwrap();
}

/// E1.
#[test]
fn a_write_of_many_pages_is_one_request_and_leaves_them_cached() {
    let (cache, file, store) = open(8);
    write(&file, PAGE..6 * PAGE, 2);
    assert_eq!(store.asked(), [Asked::Write(PAGE..6 * PAGE)]);
    assert_eq!(read(&file, PAGE..6 * PAGE), [2; 5 * PAGE as usize]);
    // Parts of pages that are uptodate are sent with the others.
    write(&file, PAGE + 100..6 * PAGE - 100, 3);
    file.sync_data().unwrap();
    assert_eq!(store.asked(), [Asked::Write(PAGE + 100..6 * PAGE - 100), Asked::Sync]);
    assert_eq!(cache.stats().fills, 0);
}

/// E1.
#[test]
fn a_long_write_is_cut_into_requests_of_a_bounded_number_of_pages() {
    let (_cache, file, store) = open(0);
    write(&file, 10..90 * PAGE, 2);
    let written = [10..64 * PAGE, 64 * PAGE..90 * PAGE].map(Asked::Write);
    assert_eq!(store.asked(), written);
    assert_eq!(file.len(), 90 * PAGE);
}

/// E1.
#[test]
fn pages_that_are_uptodate_can_be_mapped_while_the_write_is_under_way() {
    let (_cache, file, store) = open(3);
    let mapping = file.map(0..3 * PAGE).unwrap();
    let (tell, told) = channel();
    thread::scope(|scope| {
        let hold = store.hold_writes();
        scope.spawn(|| write(&file, 0..3 * PAGE, 2));
        store.wait_for_held(1);
        scope.spawn(|| {
            let mut seen = [0; 3 * PAGE as usize];
            mapping.load(0, &mut seen).unwrap();
            tell.send(seen).unwrap();
        });
        let seen = told.recv_timeout(TIMEOUT);
        drop(hold);
        assert_eq!(seen.unwrap(), [2; 3 * PAGE as usize]);
    });
}

/// E2.
#[test]
fn a_head_and_a_tail_that_are_not_cached_make_two_requests_and_no_read() {
    let (_cache, file, store) = open(4);
    write(&file, 100..2 * PAGE + 200, 2);
    let written = [100..PAGE, PAGE..2 * PAGE + 200].map(Asked::Write);
    assert_eq!(store.asked(), written);
    let mut expected = vec![1; 4 * PAGE as usize];
    expected[100..2 * PAGE as usize + 200].fill(2);
    assert_eq!(read(&file, 0..4 * PAGE), expected);
}

/// E2. Invariant 3.
#[test]
fn a_page_that_is_written_in_part_is_not_filled_while_the_write_is_under_way() {
    for range in [100..200, PAGE - 50..PAGE + 50] {
        let (_cache, file, store) = open(2);
        thread::scope(|scope| {
            let hold = store.hold_writes();
            scope.spawn(|| write(&file, range.clone(), 2));
            store.wait_for_held(1);
            let reader = scope.spawn(|| read(&file, range.start - 1..range.start + 2));
            for _ in 0..1_000 {
                thread::yield_now();
            }
            assert!(!reader.is_finished());
            drop(hold);
            assert_eq!(reader.join().unwrap(), [1, 2, 2]);
        });
        assert_eq!(read(&file, range.clone()), [2; 100]);
    }
}

/// E3. Invariant 2.
#[test]
fn after_a_write_that_failed_no_mapping_has_its_pages() {
    let (_cache, file, store) = open(2);
    let mapping = file.map(0..2 * PAGE).unwrap();
    file.write_direct_at(&[7; PAGE as usize], PAGE).unwrap();
    let mut seen = [0; 10];
    mapping.load(0, &mut seen).unwrap();
    store.fail_writes(1);
    file.write_at(&[2; 10], 0).unwrap_err();
    // The frame that is free now, and was mapped, is another page's after this.
    assert_eq!(read(&file, PAGE..PAGE + 10), [7; 10]);
    mapping.load(0, &mut seen).unwrap();
    assert_eq!(seen, [1; 10]);
}

/// E3.
#[test]
fn after_a_write_that_failed_its_pages_are_fetched_again() {
    let (_cache, file, store) = open(3);
    let mapping = file.map(0..3 * PAGE).unwrap();
    let mut seen = [0; 3 * PAGE as usize];
    mapping.load(0, &mut seen).unwrap();
    store.asked();
    store.fail_writes(1);
    let error = file.write_at(&[2; 5000], 100).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert!(error.to_string().starts_with("write of 5000 bytes at 100 to "), "{error}");
    mapping.load(0, &mut seen).unwrap();
    assert_eq!(seen, [1; 3 * PAGE as usize]);
    assert_eq!(read(&file, 0..3 * PAGE), seen);
    let fetched = [0..PAGE, PAGE..2 * PAGE].map(Asked::Read);
    assert_eq!(store.asked(), [&[Asked::Write(100..5100)][..], &fetched].concat());
}

/// E3. Invariant 10.
#[test]
fn what_a_mapping_dirtied_outlives_a_write_that_failed() {
    let (_cache, file, store) = open(1);
    let mapping = file.map(0..PAGE).unwrap();
    mapping.store(10, &[3; 10]).unwrap();
    store.fail_writes(1);
    file.write_at(&[2; 10], 100).unwrap_err();
    file.sync_data().unwrap();
    assert_eq!(store.bytes(9..21), [1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 1]);
}

/// E3.
#[test]
fn what_a_write_that_failed_had_is_not_written_with_what_a_mapping_dirtied() {
    let (_cache, file, store) = open(2);
    let mapping = file.map(0..2 * PAGE).unwrap();
    mapping.store(10, &[3; 10]).unwrap();
    mapping.store(PAGE + 10, &[3; 10]).unwrap();
    store.fail_writes(1);
    file.write_at(&[2; 2 * PAGE as usize - 110], 100).unwrap_err();
    assert_eq!(read(&file, 100..PAGE + 10), [1; PAGE as usize - 90]);
    file.sync_data().unwrap();
    assert_eq!(store.bytes(9..21), [1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 1]);
    assert_eq!(store.bytes(100..PAGE + 10), [1; PAGE as usize - 90]);
    assert_eq!(store.bytes(PAGE + 10..PAGE + 20), [3; 10]);
    assert_eq!(store.bytes(PAGE + 20..2 * PAGE), [1; PAGE as usize - 20]);
}

/// E3. The part that the store has written stays, and is what the file has.
#[test]
fn of_a_write_that_failed_midway_a_dirty_page_keeps_what_the_store_has() {
    let (_cache, file, store) = open(1);
    let mapping = file.map(0..PAGE).unwrap();
    mapping.store(10, &[3; 10]).unwrap();
    store.cut_writes(50, 1);
    assert_eq!(file.write_at(&[2; 100], 100).unwrap(), 50);
    let expected = [[2; 50], [1; 50]].concat();
    assert_eq!(read(&file, 100..200), expected);
    file.sync_data().unwrap();
    assert_eq!(store.bytes(100..200), expected);
}

/// E3, where the mapping stores while the write is in progress.
#[test]
fn what_a_mapping_stores_while_a_write_is_failing_is_written_without_it() {
    for dirty in [Some(&[3; 10]), None] {
        let (_cache, file, store) = open(1);
        let mapping = file.map(0..PAGE).unwrap();
        mapping.load(0, &mut [0]).unwrap();
        if let Some(bytes) = dirty {
            mapping.store(300, bytes).unwrap();
        }
        thread::scope(|scope| {
            let hold = store.hold_writes();
            let writer = scope.spawn(|| file.write_at(&[2; 100], 0));
            store.wait_for_held(1);
            let storer = scope.spawn(|| mapping.store(200, &[4; 10]));
            for _ in 0..100 {
                thread::yield_now();
            }
            store.fail_writes(1);
            drop(hold);
            writer.join().unwrap().unwrap_err();
            storer.join().unwrap().unwrap();
        });
        file.sync_data().unwrap();
        assert_eq!(store.bytes(0..200), [1; 200]);
        assert_eq!(store.bytes(200..210), [4; 10]);
        assert_eq!(store.bytes(300..310), *dirty.unwrap_or(&[1; 10]));
    }
}

/// E3. Invariant 5.
#[test]
fn a_write_that_fails_midway_reports_and_keeps_what_the_store_has() {
    let store = Arc::new(FailingStore::default());
    let cache = PageCache::new(16);
    let file = cache.open_with(Arc::clone(&store), FileOptions::new().write_through()).unwrap();
    write(&file, 0..100, 1);
    store.cut_short(3000);
    let next = store.requests();
    store.fail(next + 2..next + 3);
    assert_eq!(file.write_at(&[2; 10_000], 50).unwrap(), 6000);
    assert_eq!(file.len(), 6050);
    assert_eq!(read(&file, 0..6050), [[1; 50].as_slice(), &[2; 6000]].concat());
    file.set_len(7000).unwrap();
    assert_eq!(read(&file, 6050..7000), [0; 950]);
}

/// Invariant 5.
#[test]
fn a_write_that_fails_leaves_the_size_as_it_was() {
    let (_cache, file, store) = open(1);
    store.tear_write();
    file.write_at(&[2; 10_000], PAGE).unwrap_err();
    assert_eq!((file.len(), store.inner.len().unwrap()), (PAGE, PAGE));
    store.fail_writes(1);
    file.write_at(&[2; 10_000], PAGE - 10).unwrap_err();
    assert_eq!(file.len(), PAGE);
    file.set_len(3 * PAGE).unwrap();
    assert_eq!(read(&file, PAGE - 10..PAGE), [1; 10]);
    assert_eq!(read(&file, PAGE..3 * PAGE), [0; 2 * PAGE as usize]);
}

/// E4. Invariant 11.
#[test]
fn a_write_waits_for_the_writeback_of_what_a_mapping_stored_before() {
    let (cache, file, store) = open(1);
    let mapping = file.map(0..PAGE).unwrap();
    mapping.store(0, &[2; 100]).unwrap();
    store.asked();
    thread::scope(|scope| {
        let hold = store.hold_writes();
        let sync = scope.spawn(|| file.writeback(0..PAGE));
        store.wait_for_held(1);
        let claims = cache.stats().io_claims.taken;
        let writer = scope.spawn(|| write(&file, 0..100, 3));
        while cache.stats().io_claims.taken == claims {
            thread::yield_now();
        }
        for _ in 0..1_000 {
            thread::yield_now();
        }
        assert_eq!(store.asked(), [Asked::Write(0..PAGE)]);
        drop(hold);
        sync.join().unwrap().unwrap();
        writer.join().unwrap();
    });
    assert_eq!(store.bytes(0..101), [[3; 100].as_slice(), &[1]].concat());
}

/// E4, the other way. Invariant 11.
#[test]
fn the_writeback_of_what_a_mapping_stores_waits_for_a_write_that_is_under_way() {
    let (_cache, file, store) = open(1);
    let mapping = file.map(0..PAGE).unwrap();
    mapping.store(0, &[2; 100]).unwrap();
    store.asked();
    thread::scope(|scope| {
        let hold = store.hold_writes();
        let writer = scope.spawn(|| write(&file, 0..100, 3));
        store.wait_for_held(1);
        let storer = scope.spawn(|| {
            mapping.store(0, &[4; 10]).unwrap();
            file.writeback(0..PAGE).unwrap();
        });
        for _ in 0..1_000 {
            thread::yield_now();
        }
        assert_eq!(store.asked(), [Asked::Write(0..100)]);
        drop(hold);
        writer.join().unwrap();
        storer.join().unwrap();
    });
    assert_eq!(store.bytes(0..11), [4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 3]);
}

/// E5.
#[test]
fn a_direct_read_comes_before_or_after_a_write_that_is_under_way() {
    for options in [FileOptions::new(), FileOptions::new().write_through()] {
        let cache = PageCache::new(16);
        let store = Arc::new(RecordingStore::with(&[1; 2 * PAGE as usize]));
        let file = cache.open_with(Arc::clone(&store), options).unwrap();
        thread::scope(|scope| {
            let hold = store.hold_writes();
            scope.spawn(|| {
                write(&file, 0..2 * PAGE, 2);
                file.writeback(0..2 * PAGE).unwrap();
            });
            store.wait_for_held(1);
            let reader = scope.spawn(|| {
                let mut seen = [0; 2 * PAGE as usize];
                assert_eq!(file.read_direct_at(&mut seen, 0).unwrap(), seen.len());
                seen
            });
            for _ in 0..1_000 {
                thread::yield_now();
            }
            assert!(!store.asked().iter().any(|asked| matches!(asked, Asked::Read(_))));
            drop(hold);
            assert_eq!(reader.join().unwrap(), [2; 2 * PAGE as usize]);
        });
    }
}

/// E5. Every page is from one write, also if the store accepts a write in small parts.
#[test]
fn direct_reads_among_writes_are_never_torn_within_a_page() {
    let store = Arc::new(FailingStore::default());
    store.cut_short(512);
    let cache = PageCache::new(16);
    let file = cache.open_with(Arc::clone(&store), FileOptions::new().write_through()).unwrap();
    write(&file, 0..2 * PAGE, 0);
    thread::scope(|scope| {
        let writer =
            scope.spawn(|| (0..300).for_each(|stamp| write(&file, 0..2 * PAGE, stamp as u8)));
        let mut seen = [0; 2 * PAGE as usize];
        while !writer.is_finished() {
            file.read_direct_at(&mut seen, 0).unwrap();
            for page in seen.chunks(PAGE as usize) {
                assert!(page.iter().all(|&byte| byte == page[0]));
            }
        }
    });
}

#[test]
fn writers_with_long_requests_get_along_in_a_small_cache() {
    let cache = PageCache::new(16);
    let store = Arc::new(RecordingStore::default());
    let file = cache.open_with(Arc::clone(&store), FileOptions::new().write_through()).unwrap();
    file.set_len(400 * PAGE).unwrap();
    thread::scope(|scope| {
        for own in 0..4 {
            let file = &file;
            scope.spawn(move || {
                for round in 0..20 {
                    let start = own * 100 * PAGE + round * 7;
                    write(file, start..start + 80 * PAGE, own as u8 + 2);
                }
            });
        }
    });
    for own in 0..4 {
        let start = own * 100 * PAGE;
        assert_eq!(store.bytes(start..start + 80 * PAGE), [own as u8 + 2; 80 * PAGE as usize]);
    }
}

#[test]
fn random_writes_agree_with_the_store_as_soon_as_they_return() {
    for seed in 0..10 {
        let (_cache, file, store) = open(30);
        let mapping = file.map(0..40 * PAGE).unwrap();
        let mut model = vec![1; 30 * PAGE as usize];
        let mut random = Random::new(seed);
        for step in 0..500 {
            let start = random.below(model.len() as u64) as usize;
            let len = random.below([10, 5_000, 30_000][step % 3]) as usize;
            let range = start..model.len().min(start + len);
            let bytes = vec![step as u8; range.len()];
            match random.below(10) {
                0 => assert_eq!(read(&file, start as u64..range.end as u64), model[range]),
                1 => {
                    mapping.store(start as u64, &bytes).unwrap();
                    model[range].fill(step as u8);
                }
                2 => {
                    file.punch_hole(start as u64, range.len() as u64).unwrap();
                    model[range].fill(0);
                }
                3 => {
                    file.set_len(start as u64).unwrap();
                    model.truncate(start);
                    let end = start + random.below(20_000) as usize + 1;
                    write(&file, end as u64 - 1..end as u64, 9);
                    model.resize(end - 1, 0);
                    model.push(9);
                }
                _ => {
                    file.write_all_at(&bytes, start as u64).unwrap();
                    model[range.clone()].fill(step as u8);
                    let stored = store.bytes(range.start as u64..range.end as u64);
                    assert!(stored == bytes, "seed {seed} step {step}");
                }
            }
        }
        file.sync_data().unwrap();
        assert!(store.bytes(0..model.len() as u64) == model, "seed {seed}");
        assert!(read(&file, 0..model.len() as u64) == model, "seed {seed}");
    }
}

#[test]
fn what_a_cut_off_write_left_in_the_store_is_broken_if_a_sync_fails_then() {
    for at in [0, PAGE] {
        let (_cache, file, store) = open(4);
        store.cut_writes(PAGE as usize, 1);
        let written = file.write_at(&[2; 2 * PAGE as usize], at).unwrap();
        assert_eq!(written, PAGE as usize);
        store.fail_sync();
        file.sync_data().unwrap_err();
        // The rest may have been written too.
        assert_eq!(file.broken_ranges(), std::slice::from_ref(&(at..at + 2 * PAGE)));
    }
}

#[test]
fn a_page_that_was_written_in_part_and_left_the_cache_is_broken_if_a_sync_fails_then() {
    let (_cache, file, store) = open(4);
    let len = PAGE as usize + 100;
    assert_eq!(file.write_at(&vec![2; len], PAGE).unwrap(), len);
    store.fail_sync();
    file.sync_data().unwrap_err();
    // The page before it is cached, and sent again.
    assert_eq!(file.broken_ranges(), std::slice::from_ref(&(2 * PAGE..2 * PAGE + 100)));
}

/// A store that carries out every write, and returns an error.
#[derive(Default)]
struct Denying {
    inner: MemStore,
    denies: AtomicBool,
}

impl StoreLayer for Denying {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.inner
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let written = self.inner.write_at(bytes, offset)?;
        match self.denies.load(Ordering::Relaxed) {
            true => Err(io::Error::other("told to fail")),
            false => Ok(written),
        }
    }
}

#[test]
fn what_a_failed_write_left_past_the_end_is_cut_off_at_once() {
    let store = Arc::new(Denying::default());
    let options = FileOptions::new().write_through();
    let file = PageCache::new(64).open_with(Arc::clone(&store), options).unwrap();
    store.denies.store(true, Ordering::Relaxed);
    file.write_at(&[2; 2 * PAGE as usize], 0).unwrap_err();
    assert_eq!((file.len(), store.inner.len().unwrap()), (0, 0));
}
