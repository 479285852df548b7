//! Caches, files and mappings that are created and dropped in any order.

use std::cell::RefCell;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{File, FileOptions, MemStore, Options, PageCache, Store};

use crate::random::Random;
use crate::stores::failing_store::FailingStore;

const PAGE: u64 = 4096;

fn write_pages(file: &File, pages: u64, byte: u8) {
    for page in 0..pages {
        file.write_all_at(&[byte; PAGE as usize], page * PAGE).unwrap();
    }
}

fn assert_holds(store: &impl Store, pages: u64, byte: u8) {
    assert_eq!(store.len().unwrap(), pages * PAGE);
    let mut seen = vec![0; (pages * PAGE) as usize];
    assert_eq!(store.read_at(&mut seen, 0).unwrap(), seen.len());
    assert!(seen.iter().all(|&seen| seen == byte));
}

#[test]
fn files_opened_and_closed_in_one_small_cache_keep_their_bytes() {
    let cache: PageCache = PageCache::with_options(Options::new(24).dirty_limit(8));
    thread::scope(|scope| {
        for thread in 0..4_u64 {
            let cache = &cache;
            scope.spawn(move || {
                let mut random = Random::new(thread);
                for round in 0..30 {
                    let store = Arc::new(MemStore::new());
                    let (pages, byte) = (1 + random.below(40), (thread * 60 + round) as u8 + 1);
                    let file = cache.open(Arc::clone(&store)).unwrap();
                    write_pages(&file, pages, byte);
                    let mut seen = [0; PAGE as usize];
                    for _ in 0..10 {
                        file.read_exact_at(&mut seen, random.below(pages) * PAGE).unwrap();
                        assert_eq!(seen, [byte; PAGE as usize]);
                    }
                    drop(file);
                    assert_holds(&store, pages, byte);
                }
            });
        }
    });
}

#[test]
fn a_file_that_is_closed_leaves_all_of_the_cache_to_the_others() {
    let cache: PageCache = PageCache::with_options(Options::new(32).readahead(0));
    let (first, second) = (cache.open(MemStore::new()), cache.open(MemStore::new()));
    let (first, second) = (first.unwrap(), second.unwrap());
    write_pages(&first, 32, 1);
    drop(first);
    second.set_len(32 * PAGE).unwrap();
    let before = cache.stats();
    for page in (0..32).chain(0..32) {
        second.read_exact_at(&mut [0], page * PAGE).unwrap();
    }
    let after = cache.stats();
    assert_eq!((after.misses - before.misses, after.evictions - before.evictions), (32, 0));
}

#[test]
fn a_file_outlives_its_cache_with_eviction_throttling_and_flusher_as_before() {
    let store = Arc::new(MemStore::new());
    let options = Options::new(16).dirty_limit(4).flush_interval(Duration::from_secs(3600));
    let cache: PageCache = PageCache::with_options(options);
    let file = cache.open(Arc::clone(&store)).unwrap();
    write_pages(&file, 4, 1);
    drop(cache);
    let other = file.clone();
    let mapping = file.map(0..100 * PAGE).unwrap();
    drop(file);
    // Many times as many pages as may be dirty, and as the cache has.
    write_pages(&other, 100, 2);
    drop(other);
    for page in 0..100 {
        let mut byte = [0];
        mapping.load(page * PAGE, &mut byte).unwrap();
        assert_eq!(byte, [2]);
        mapping.store(page * PAGE, &[2]).unwrap();
    }
    drop(mapping);
    assert_holds(&store, 100, 2);
    assert_eq!(Arc::strong_count(&store), 1);
}

#[test]
fn a_file_that_a_thread_keeps_to_its_end_is_closed_with_it() {
    thread_local! {
        static KEPT: RefCell<Option<File>> = const { RefCell::new(None) };
    }
    let store = Arc::new(MemStore::new());
    let own = Arc::clone(&store);
    let keeper = thread::spawn(move || {
        // Before the cache keeps anything for this thread, so that this is dropped last.
        KEPT.set(None);
        let file = PageCache::new(64).open(own).unwrap();
        write_pages(&file, 3, 7);
        KEPT.set(Some(file));
    });
    keeper.join().unwrap();
    assert_holds(&store, 3, 7);
    assert_eq!(Arc::strong_count(&store), 1);
}

#[test]
fn a_file_whose_store_fails_is_closed_and_its_frames_are_freed() {
    let store = Arc::new(FailingStore::default());
    let cache = PageCache::new(16);
    let failing = cache.open(Arc::clone(&store)).unwrap();
    write_pages(&failing, 8, 1);
    store.fail(0..u64::MAX);
    drop(failing);
    assert_eq!(Arc::strong_count(&store), 1);
    let file = cache.open(MemStore::new()).unwrap();
    write_pages(&file, 16, 2);
    let mut seen = [0; 16 * PAGE as usize];
    file.read_exact_at(&mut seen, 0).unwrap();
    assert_eq!(seen, [2; 16 * PAGE as usize]);
}

#[test]
fn two_files_over_two_caches_one_above_the_other_keep_their_bytes() {
    /// A store that is a cached file.
    struct Below(File);

    impl Store for Below {
        fn read_at(&self, bytes: &mut [u8], offset: u64) -> std::io::Result<usize> {
            self.0.read_at(bytes, offset)
        }

        fn write_at(&self, bytes: &[u8], offset: u64) -> std::io::Result<usize> {
            self.0.write_at(bytes, offset)
        }

        fn len(&self) -> std::io::Result<u64> {
            Ok(self.0.len())
        }

        fn set_len(&self, len: u64) -> std::io::Result<()> {
            self.0.set_len(len)
        }

        fn punch_hole(&self, offset: u64, len: u64) -> std::io::Result<()> {
            self.0.punch_hole(offset, len)
        }

        fn sync(&self) -> std::io::Result<()> {
            self.0.sync_all()
        }
    }

    let store = Arc::new(MemStore::new());
    let (upper, lower) = (PageCache::new(16), PageCache::new(16));
    let below = lower.open(Arc::clone(&store)).unwrap();
    let file = upper.open(Below(below)).unwrap();
    write_pages(&file, 60, 1);
    write_pages(&file, 60, 2);
    let mut seen = vec![0; 60 * PAGE as usize];
    file.read_exact_at(&mut seen, 0).unwrap();
    assert!(seen.iter().all(|&byte| byte == 2));
    file.sync_all().unwrap();
    assert_holds(&store, 60, 2);
}

/// A cache that writes nothing back by itself.
fn quiet_cache() -> PageCache {
    PageCache::with_options(Options::new(64).flush_interval(Duration::MAX))
}

/// Not only the drop in a hook has another thread close the file: every drop does, and waits for it.
#[test]
fn a_file_with_a_hook_has_been_written_back_when_its_last_handle_has_been_dropped() {
    for _ in 0..20 {
        let store = Arc::new(MemStore::new());
        let options = FileOptions::new().before_writeback(|_| Ok(()));
        let file = quiet_cache().open_with(Arc::clone(&store), options).unwrap();
        write_pages(&file, 16, 3);
        drop(file);
        assert_holds(&*store, 16, 3);
    }
}

#[test]
fn a_file_that_is_discarded_sends_nothing_to_its_store() {
    let store = Arc::new(FailingStore::default());
    let cache = quiet_cache();
    let file = cache.open(Arc::clone(&store)).unwrap();
    write_pages(&file, 5, 1);
    let mapping = file.map(0..PAGE).unwrap();
    mapping.store(0, b"mapped").unwrap();
    drop(mapping);
    let before = store.requests();
    file.discard();
    assert_eq!(store.requests(), before);
    let stats = cache.stats();
    assert_eq!((stats.resident, stats.dirty, stats.files), (0, 0, 0));
    assert_eq!((stats.lost_pages, stats.lost_bytes), (0, 0));
    // The store opens with what it had.
    assert_eq!(cache.open(Arc::clone(&store)).unwrap().len(), 0);
}

#[test]
fn a_file_that_one_handle_discards_is_complete_until_the_last_handle_is_dropped() {
    let store = Arc::new(MemStore::new());
    let cache = quiet_cache();
    let file = cache.open(Arc::clone(&store)).unwrap();
    let (other, mapping) = (file.clone(), file.map(0..PAGE).unwrap());
    write_pages(&file, 3, 7);
    file.discard();
    let mut seen = [0; PAGE as usize];
    other.read_exact_at(&mut seen, PAGE).unwrap();
    mapping.load(0, &mut seen[..1]).unwrap();
    assert_eq!((seen[0], seen[100]), (7, 7));
    // A sync is a request like any other.
    other.sync_all().unwrap();
    assert_holds(&store, 3, 7);
    write_pages(&other, 3, 8);
    drop(other);
    mapping.store(1, &[9]).unwrap();
    drop(mapping);
    assert_holds(&store, 3, 7);
    assert_eq!(cache.stats().lost_bytes, 0);
}

#[test]
fn a_discard_waits_for_what_is_on_its_way() {
    let store = Arc::new(crate::stores::recording_store::RecordingStore::default());
    let cache = quiet_cache();
    let file = cache.open(Arc::clone(&store)).unwrap();
    write_pages(&file, 2, 1);
    let hold = store.hold_writes();
    file.start_writeback();
    store.wait_for_held(1);
    let discarding = thread::spawn(move || file.discard());
    drop(hold);
    discarding.join().unwrap();
    assert_eq!(cache.stats().files, 0);
    // One run of two pages, or none more.
    assert_eq!(store.asked().len(), 1);
}
