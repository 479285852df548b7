//! What one operation does to pages that another has brought into the cache.

use std::sync::Arc;
use std::time::Duration;

use spanlock::Access;
use spanlock_page_cache::{File, MemStore, Options, PageCache, Store};

const PAGE: u64 = 4096;

fn open(capacity: usize) -> (PageCache, File, Arc<MemStore>) {
    let options = Options::new(capacity).readahead(0).flush_interval(Duration::from_secs(3600));
    let cache = PageCache::with_options(options);
    let store = Arc::new(MemStore::new());
    let file = cache.open(Arc::clone(&store)).unwrap();
    (cache, file, store)
}

fn claims(cache: &PageCache) -> u64 {
    let stats = cache.stats();
    let paths = [
        Access::BufferedRead,
        Access::BufferedWrite,
        Access::Fault,
        Access::Writeback,
        Access::DirectRead,
        Access::DirectWrite,
        Access::Truncate,
        Access::PunchHole,
    ];
    paths.into_iter().map(|path| stats.claims(path).taken).sum()
}

#[test]
fn cached_reads_and_fault_hits_take_no_claim() {
    let (cache, file, _) = open(64);
    file.write_all_at(&[1; 4 * PAGE as usize], 0).unwrap();
    let before = claims(&cache);
    let mut seen = [0; 4 * PAGE as usize];
    file.read_exact_at(&mut seen, 0).unwrap();
    let mapping = file.map(0..4 * PAGE).unwrap();
    mapping.load(0, &mut seen).unwrap();
    mapping.store(0, &seen).unwrap();
    assert_eq!(claims(&cache), before);
    assert_eq!(seen, [1; 4 * PAGE as usize]);
}

#[test]
fn a_write_to_a_cached_page_takes_no_claim_whether_it_is_clean_or_dirty() {
    let (cache, file, _) = open(64);
    file.write_all_at(&[1; PAGE as usize], 0).unwrap();
    file.sync_all().unwrap();
    let before = claims(&cache);
    for byte in [2, 3] {
        file.write_all_at(&[byte; 10], 100).unwrap();
    }
    assert_eq!(claims(&cache), before);
}

#[test]
fn the_cache_keeps_to_its_capacity() {
    let (cache, file, store) = open(32);
    for page in 0..200 {
        file.write_all_at(&[page as u8; PAGE as usize], page * PAGE).unwrap();
    }
    let mut seen = [0; PAGE as usize];
    for page in 0..200 {
        file.read_exact_at(&mut seen, page * PAGE).unwrap();
        assert_eq!(seen, [page as u8; PAGE as usize]);
    }
    let stats = cache.stats();
    // Each page that was brought in after the first 32 has evicted another.
    assert!(stats.misses - stats.evictions <= 32, "{stats:?}");
    assert!(store.blocks() >= 168);
}

#[test]
fn a_page_that_is_used_outlives_those_that_are_not() {
    let (cache, file, _) = open(32);
    file.set_len(1000 * PAGE).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 0).unwrap();
    for page in 1..500 {
        file.read_exact_at(&mut byte, page * PAGE).unwrap();
        file.read_exact_at(&mut byte, 0).unwrap();
    }
    assert_eq!(cache.stats().misses, 500);
}

#[test]
fn a_mapped_page_is_unmapped_and_evicted_under_memory_pressure() {
    let (_cache, file, _) = open(16);
    file.set_len(100 * PAGE).unwrap();
    let mapping = file.map(0..100 * PAGE).unwrap();
    for page in 0..100 {
        mapping.store(page * PAGE, &[page as u8]).unwrap();
    }
    let mut byte = [0];
    for page in 0..100 {
        mapping.load(page * PAGE, &mut byte).unwrap();
        assert_eq!(byte, [page as u8]);
    }
}

#[test]
fn a_store_through_a_mapping_is_written_back_each_time() {
    let (_cache, file, store) = open(16);
    file.set_len(PAGE).unwrap();
    let mapping = file.map(0..PAGE).unwrap();
    let mut byte = [0];
    for stamp in 1..4 {
        mapping.store(5, &[stamp]).unwrap();
        file.writeback(0..PAGE).unwrap();
        store.read_at(&mut byte, 5).unwrap();
        assert_eq!(byte, [stamp]);
    }
}

#[test]
fn a_direct_write_is_seen_by_reads_and_mappings_that_had_the_page() {
    let (_cache, file, _) = open(16);
    file.write_all_at(&[1; 3 * PAGE as usize], 0).unwrap();
    let mapping = file.map(0..3 * PAGE).unwrap();
    mapping.store(0, &[2; 3 * PAGE as usize]).unwrap();
    assert_eq!(file.write_direct_at(&[3; 4096], 2048).unwrap(), 4096);
    let mut expected = [2; 3 * PAGE as usize];
    expected[2048..2048 + 4096].fill(3);
    let mut seen = [0; 3 * PAGE as usize];
    file.read_exact_at(&mut seen, 0).unwrap();
    assert_eq!(seen, expected);
    mapping.load(0, &mut seen).unwrap();
    assert_eq!(seen, expected);
}

#[test]
fn what_was_stored_past_the_end_reads_as_zero_once_the_file_grows() {
    for grow in [
        |file: &File| file.set_len(PAGE).unwrap(),
        |file: &File| {
            file.write_all_at(&[9], 2 * PAGE).unwrap();
        },
    ] {
        let (_cache, file, store) = open(16);
        file.write_all_at(&[1; 100], 0).unwrap();
        let mapping = file.map(0..PAGE).unwrap();
        mapping.store(0, &[7; PAGE as usize]).unwrap();
        file.sync_all().unwrap();
        assert_eq!(store.len().unwrap(), 100);
        grow(&file);
        let mut seen = [0xff; PAGE as usize];
        file.read_exact_at(&mut seen, 0).unwrap();
        assert!(seen[..100] == [7; 100] && seen[100..].iter().all(|&byte| byte == 0));
    }
}

#[test]
fn a_punched_range_frees_its_blocks_and_drops_what_was_dirty() {
    let (cache, file, store) = open(64);
    file.write_all_at(&[1; 8 * PAGE as usize], 0).unwrap();
    file.sync_all().unwrap();
    file.write_all_at(&[2; 8 * PAGE as usize], 0).unwrap();
    let before = cache.stats().writebacks;
    file.punch_hole(PAGE, 6 * PAGE).unwrap();
    assert_eq!(store.blocks(), 2);
    file.sync_all().unwrap();
    assert_eq!((store.blocks(), cache.stats().writebacks - before), (2, 2));
}

#[test]
fn the_last_clone_or_mapping_to_go_writes_what_is_dirty() {
    let (cache, file, store) = open(16);
    file.write_all_at(b"dirty", 0).unwrap();
    let mapping = file.map(0..PAGE).unwrap();
    drop(file);
    drop(cache);
    assert_eq!(store.len().unwrap(), 0);
    mapping.store(0, b"D").unwrap();
    drop(mapping);
    let mut bytes = [0; 5];
    store.read_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"Dirty");
}

#[test]
fn files_of_one_cache_share_its_frames_and_not_their_bytes() {
    let (cache, first, _) = open(16);
    let second = cache.open(MemStore::new()).unwrap();
    for page in 0..40 {
        first.write_all_at(&[1; 10], page * PAGE).unwrap();
        second.write_all_at(&[2; 10], page * PAGE).unwrap();
    }
    let mut seen = [0; 10];
    for page in 0..40 {
        first.read_exact_at(&mut seen, page * PAGE).unwrap();
        assert_eq!(seen, [1; 10]);
        second.read_exact_at(&mut seen, page * PAGE).unwrap();
        assert_eq!(seen, [2; 10]);
    }
}

#[test]
fn requests_beyond_what_a_file_can_hold_name_themselves() {
    let (_cache, file, _) = open(16);
    let too_large = [
        file.write_at(&[1], u64::MAX).unwrap_err(),
        file.write_at(&[1], i64::MAX as u64).unwrap_err(),
        file.write_direct_at(&[1], u64::MAX).unwrap_err(),
        file.set_len(u64::MAX).unwrap_err(),
        file.punch_hole(u64::MAX, 1).unwrap_err(),
        file.punch_hole(0, u64::MAX).unwrap_err(),
    ];
    for error in too_large {
        assert_eq!(error.kind(), std::io::ErrorKind::FileTooLarge, "{error}");
    }
    let error = file.write_at(&[1, 2], 1 << 63).unwrap_err().to_string();
    assert!(
        error.starts_with("write of 2 bytes at 9223372036854775808 to \"memory\": "),
        "{error}"
    );
    assert_eq!(file.read_at(&mut [0; 8], u64::MAX).unwrap(), 0);
    assert_eq!(file.read_direct_at(&mut [0; 8], u64::MAX).unwrap(), 0);
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
    let inverted = [file.writeback(5..4).unwrap_err(), file.map(8192..4096).unwrap_err()];
    for error in inverted {
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{error}");
    }
    assert!(file.is_empty());
}

#[test]
fn empty_requests_change_nothing_and_succeed() {
    let (_cache, file, _) = open(16);
    assert_eq!(file.write_at(&[], 100).unwrap(), 0);
    assert_eq!(file.write_direct_at(&[], 100).unwrap(), 0);
    assert_eq!(file.read_at(&mut [], 0).unwrap(), 0);
    file.punch_hole(5, 0).unwrap();
    file.writeback(7..7).unwrap();
    file.map(0..0).unwrap().load(0, &mut []).unwrap();
    assert!(file.is_empty());
    file.set_len(1).unwrap();
    assert!(!file.is_empty());
}
