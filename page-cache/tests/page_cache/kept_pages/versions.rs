//! Stores that count their changes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use spanlock_page_cache::{File, FileOptions, MemStore, PageCache, PageTransform, Store};

use super::{PAGE, Versioned, check, keeping, open, quiet};
use crate::random::Random;
use crate::stores::switchable_store::{Behaviour, Kind, without_waiting};

#[test]
fn the_pages_of_a_closed_file_are_there_when_it_is_opened_again() {
    let (cache, store) = (quiet(64), Versioned::of(8, 1));
    let file = open(&cache, &store);
    assert_eq!(check(&file, 0..8, 1), 8);
    drop(file);
    // The store is closed.
    assert_eq!(Arc::strong_count(&store), 1);
    let stats = cache.stats();
    assert_eq!((stats.files, stats.resident, stats.kept), (0, 8, 8));
    let file = open(&cache, &store);
    assert_eq!(check(&file, 0..8, 1), 0);
    assert_eq!(file.stats().resident, 8);
    assert_eq!((cache.stats().files, cache.stats().kept), (1, 0));
    // The pages are its own, as those of any file.
    file.write_all_at(&[2; 3 * PAGE as usize], 0).unwrap();
    file.set_len(5 * PAGE).unwrap();
    file.close().unwrap();
    assert_eq!(cache.stats().kept, 5);
    let file = open(&cache, &store);
    assert_eq!((check(&file, 0..3, 2), check(&file, 3..5, 1)), (0, 0));
}

#[test]
fn without_the_option_no_page_outlives_its_file() {
    let (cache, store) = (quiet(64), Versioned::of(3, 1));
    let open = |options| cache.open_with(Arc::clone(&store), options).unwrap();
    let file = open(FileOptions::new());
    check(&file, 0..3, 1);
    drop(file);
    assert_eq!((cache.stats().resident, store.asked.load(Ordering::SeqCst)), (0, 0));
    // A file without the option takes over what one with it has left.
    let file = open(keeping());
    check(&file, 0..3, 1);
    drop(file);
    let file = open(FileOptions::new());
    assert_eq!(check(&file, 0..3, 1), 0);
    drop(file);
    assert_eq!(cache.stats().resident, 0);
    assert_eq!(check(&open(FileOptions::new()), 0..3, 1), 3);
}

#[test]
fn a_store_that_was_changed_while_it_was_closed_is_read_again() {
    let (cache, store) = (quiet(64), Versioned::of(3, 0));
    for round in 1..100 {
        let file = open(&cache, &store);
        assert_eq!(check(&file, 0..3, round - 1), 3);
        drop(file);
        store.write_at(&[round; 3 * PAGE as usize], 0).unwrap();
    }
    drop(open(&cache, &store));
    store.set_len(PAGE).unwrap();
    let file = open(&cache, &store);
    assert_eq!((file.len(), file.stats().resident), (PAGE, 0));
}

#[test]
fn what_is_not_durable_is_not_kept() {
    let (cache, store) = (quiet(64), Versioned::of(3, 1));
    let file = open(&cache, &store);
    check(&file, 0..3, 1);
    file.write_all_at(&[2; PAGE as usize], 0).unwrap();
    drop(file);
    assert_eq!((cache.stats().resident, cache.stats().lost_pages), (0, 0));
    let file = open(&cache, &store);
    assert_eq!((check(&file, 0..1, 2), check(&file, 1..3, 1)), (1, 2));
    // After a sync it is.
    file.write_all_at(&[3; PAGE as usize], 0).unwrap();
    file.sync_all().unwrap();
    drop(file);
    assert_eq!(check(&open(&cache, &store), 0..1, 3), 0);
}

#[test]
fn nothing_is_kept_of_a_file_whose_last_sync_or_write_failed() {
    for kind in [Kind::Sync, Kind::Write] {
        let (cache, store) = (quiet(64), Versioned::of(3, 1));
        let file = open(&cache, &store);
        check(&file, 0..3, 1);
        file.write_all_at(&[2; PAGE as usize], 0).unwrap();
        store.below.set(&[kind], Behaviour::Fails);
        let file = file.close().unwrap_err().into_file();
        drop(file);
        store.below.set(&[kind], Behaviour::Works);
        assert_eq!(cache.stats().resident, 0, "{kind:?}");
        let stored = if kind == Kind::Sync { 2 } else { 1 };
        assert_eq!(check(&open(&cache, &store), 0..1, stored), 1);
    }
}

/// The failed sync may have lost pages that had been evicted, so the file is broken.
#[test]
fn nothing_is_kept_of_a_file_that_is_broken() {
    let (cache, store) = (quiet(16), Versioned::of(3, 1));
    let file = open(&cache, &store);
    file.write_all_at(&[2; PAGE as usize], 0).unwrap();
    file.writeback(0..PAGE).unwrap();
    file.drop_cached(0..PAGE).unwrap();
    store.below.set(&[Kind::Sync], Behaviour::Fails);
    file.sync_data().unwrap_err();
    store.below.set(&[Kind::Sync], Behaviour::Works);
    check(&file, 1..3, 1);
    drop(file);
    assert_eq!(cache.stats().resident, 0);
}

#[test]
fn nothing_is_kept_of_a_discarded_file() {
    let (cache, store) = (quiet(64), Versioned::of(3, 1));
    let file = open(&cache, &store);
    check(&file, 0..3, 1);
    file.discard();
    assert_eq!(cache.stats().resident, 0);
}

/// A mapping may store bytes past the end, and they are not in the file.
#[test]
fn a_mapping_may_be_the_last_handle() {
    let (cache, store) = (quiet(64), Versioned::of(2, 1));
    store.set_len(PAGE + 10).unwrap();
    let file = open(&cache, &store);
    check(&file, 0..2, 1);
    let mapping = file.map(0..2 * PAGE).unwrap();
    mapping.store(PAGE + 5, &[3; 10]).unwrap();
    file.sync_all().unwrap();
    drop(file);
    drop(mapping);
    assert_eq!(cache.stats().kept, 2);
    let file = open(&cache, &store);
    let mut seen = [0; 10];
    file.read_exact_at(&mut seen, PAGE).unwrap();
    assert_eq!((seen, file.stats().store_reads.requests), ([1, 1, 1, 1, 1, 3, 3, 3, 3, 3], 0));
    file.set_len(2 * PAGE).unwrap();
    file.read_exact_at(&mut seen, PAGE + 10).unwrap();
    assert_eq!(seen, [0; 10]);
    // It is unmapped: a new mapping faults, and its store makes the page dirty.
    let mapping = file.map(0..PAGE).unwrap();
    mapping.store(0, &[4]).unwrap();
    assert_eq!(file.stats().dirty, 1);
}

#[test]
fn the_pages_of_a_file_with_a_transform_are_not_kept_nor_taken_over() {
    struct Inverted;

    impl PageTransform for Inverted {
        fn encode(&self, _: u64, bytes: &mut [u8]) -> std::io::Result<()> {
            bytes.iter_mut().for_each(|byte| *byte = !*byte);
            Ok(())
        }

        fn decode(&self, page: u64, bytes: &mut [u8]) -> std::io::Result<()> {
            self.encode(page, bytes)
        }
    }

    let (cache, store) = (quiet(64), Versioned::of(2, 0xf0));
    let inverted = keeping().transform(Inverted);
    for round in 0..3 {
        let file = cache.open_with(Arc::clone(&store), inverted.clone()).unwrap();
        assert_eq!(check(&file, 0..2, 0x0f), 2, "{round}");
        drop(file);
        assert_eq!(cache.stats().resident, 0);
        assert_eq!(check(&open(&cache, &store), 0..2, 0xf0), 2, "{round}");
        assert_eq!(cache.stats().kept, 2);
    }
}

#[test]
fn a_file_that_is_open_is_not_opened_with_the_option_and_without_it() {
    let (cache, store) = (quiet(64), Versioned::of(2, 1));
    let _file = open(&cache, &store);
    let error = cache.open(Arc::clone(&store)).unwrap_err();
    assert!(error.to_string().contains("keep_pages"), "{error}");
}

/// The address of an `Arc` is no identity once the `Arc` is dropped: another store may be there later.
#[test]
fn nothing_is_kept_of_a_store_that_only_its_address_identifies() {
    struct Nameless(MemStore);

    impl spanlock_page_cache::StoreLayer for Nameless {
        type Below = MemStore;

        fn below(&self) -> &MemStore {
            &self.0
        }

        fn version(&self) -> std::io::Result<Option<spanlock_page_cache::Version>> {
            Ok(Some(spanlock_page_cache::Version::new([1])))
        }
    }

    let cache = quiet(64);
    for byte in 1..20 {
        let store = Arc::new(Nameless(MemStore::new()));
        store.write_at(&[byte; PAGE as usize], 0).unwrap();
        let file = cache.open_with(store, keeping()).unwrap();
        check(&file, 0..1, byte);
        drop(file);
        assert_eq!(cache.stats().resident, 0);
    }
}

#[test]
fn a_cache_knows_nothing_of_the_pages_that_another_keeps() {
    let (one, two, store) = (quiet(64), quiet(64), Versioned::of(2, 1));
    let file = open(&one, &store);
    check(&file, 0..2, 1);
    drop(file);
    let file = open(&two, &store);
    assert_eq!(check(&file, 0..2, 1), 2);
    file.write_all_at(&[2; PAGE as usize], 0).unwrap();
    file.close().unwrap();
    let file = open(&one, &store);
    assert_eq!((check(&file, 0..1, 2), check(&file, 1..2, 1)), (1, 1));
}

/// Nothing is left of a closed file once its last page is evicted: the next one gets another number.
#[test]
fn the_pages_of_closed_files_are_evicted_for_others_and_then_nothing_is_left_of_the_files() {
    let cache = quiet(16);
    let closed: Vec<_> = (0..8).map(|_| Versioned::of(2, 1)).collect();
    for store in &closed {
        check(&open(&cache, store), 0..2, 1);
    }
    assert_eq!(cache.stats().kept, 16);
    let other = cache.open(MemStore::new()).unwrap();
    other.set_len(200 * PAGE).unwrap();
    for page in (0..100).flat_map(|page| [page, page]) {
        check(&other, page..page + 1, 0);
    }
    let evicted = cache.stats();
    assert_eq!((evicted.kept, evicted.resident), (0, 16));
    for store in &closed {
        let file = open(&cache, store);
        assert_eq!(check(&file, 0..2, 1), 2);
    }
    // A smaller capacity evicts them too.
    let kept = cache.stats().kept;
    assert!(kept > 0);
    drop(cache);
    drop(other);
}

#[test]
fn a_smaller_capacity_evicts_the_pages_of_closed_files() {
    let cache = quiet(64);
    let store = Versioned::of(64, 1);
    check(&open(&cache, &store), 0..64, 1);
    assert_eq!(cache.stats().kept, 64);
    cache.set_capacity(16).unwrap();
    assert!(cache.stats().kept <= 16);
    assert_eq!(check(&open(&cache, &store), 0..64, 1), 64 - cache.stats().kept);
}

/// A store that does not answer when it is asked for the version keeps no frame from other files.
#[test]
fn a_closed_file_can_be_opened_though_opening_it_failed_before() {
    let (cache, store) = (quiet(64), Versioned::of(2, 1));
    check(&open(&cache, &store), 0..2, 1);
    let refused = cache.open_with(Arc::clone(&store), keeping().whole_pages().write_through());
    refused.unwrap_err();
    assert_eq!(cache.stats().kept, 2);
    assert_eq!(check(&open(&cache, &store), 0..2, 1), 0);
}

#[test]
fn a_store_that_hangs_when_it_is_asked_for_its_version_leaves_the_frames_to_other_files() {
    let cache = quiet(16);
    let store = Versioned::of(16, 1);
    let file = open(&cache, &store);
    check(&file, 0..16, 1);
    store.below.set(&[Kind::Version], Behaviour::Hangs);
    let stores = [Arc::clone(&store.below)];
    thread::scope(|scope| {
        scope.spawn(|| drop(file));
        store.below.until_hanging(1);
        without_waiting(&stores, || {
            let other = cache.open(MemStore::new()).unwrap();
            other.write_all_at(&[2; 16 * PAGE as usize], 0).unwrap();
            check(&other, 0..16, 2);
        });
        store.below.set(&[Kind::Version], Behaviour::Works);
    });
    assert_eq!(check(&open(&cache, &store), 0..1, 1), 1);
}

/// The change comes after the drop of the last handle, and before the store is asked for its version.
#[test]
fn nothing_is_kept_of_a_file_whose_drop_returned_before_it_was_closed() {
    let (cache, store) = (quiet(64), Versioned::of(2, 1));
    let file = open(&cache, &store);
    check(&file, 0..2, 1);
    store.below.set(&[Kind::Version], Behaviour::Hangs);
    drop(file);
    store.write_at(&[2; 2 * PAGE as usize], 0).unwrap();
    store.below.set(&[Kind::Version], Behaviour::Works);
    let file = open(&cache, &store);
    assert_eq!(check(&file, 0..2, 2), 2);
}

#[test]
fn nothing_is_kept_of_a_file_with_a_hook_that_is_dropped_inside_a_hook() {
    let (cache, store) = (quiet(64), Versioned::of(2, 1));
    let with_hook = keeping().before_writeback(|_| Ok(()));
    let file = cache.open_with(Arc::clone(&store), with_hook).unwrap();
    let file = Mutex::new(Some(file));
    check(file.lock().unwrap().as_ref().unwrap(), 0..2, 1);
    let hook = FileOptions::new().before_writeback(move |_| {
        drop(file.lock().unwrap().take());
        Ok(())
    });
    let other = cache.open_with(MemStore::new(), hook).unwrap();
    other.write_all_at(b"hooked", 0).unwrap();
    other.sync_data().unwrap();
    let file = open(&cache, &store);
    assert_eq!(check(&file, 0..2, 1), 2);
}

/// Another program has appended to it, although it was open.
#[test]
fn nothing_is_kept_of_a_file_whose_store_has_another_length() {
    let (cache, store) = (quiet(64), Versioned::of(1, 1));
    let file = open(&cache, &store);
    check(&file, 0..1, 1);
    store.set_len(PAGE + 10).unwrap();
    drop(file);
    assert_eq!(cache.stats().resident, 0);
}

#[test]
fn a_file_whose_version_cannot_be_asked_for_keeps_no_pages() {
    let (cache, store) = (quiet(64), Versioned::of(2, 1));
    let file = open(&cache, &store);
    check(&file, 0..2, 1);
    store.below.set(&[Kind::Version], Behaviour::Fails);
    drop(file);
    assert_eq!(cache.stats().resident, 0);
    store.below.set(&[Kind::Version], Behaviour::Works);
    check(&open(&cache, &store), 0..2, 1);
    assert_eq!(cache.stats().kept, 2);
    store.below.set(&[Kind::Version], Behaviour::Fails);
    assert_eq!(check(&open(&cache, &store), 0..2, 1), 2);
}

/// Threads open, read, write and close files of one small cache, and change their stores when these are closed.
#[test]
fn files_opened_changed_and_closed_by_threads_have_what_their_stores_have() {
    const FILES: u64 = 6;
    let cache = quiet(24);
    let stores: Vec<_> = (0..FILES).map(|_| Versioned::of(8, 0)).collect();
    let (ended, hits) = (AtomicBool::new(false), cache.stats().hits);
    thread::scope(|scope| {
        let evictor = scope.spawn(|| {
            let other = cache.open(MemStore::new()).unwrap();
            other.set_len(100 * PAGE).unwrap();
            let mut random = Random::new(9);
            while !ended.load(Ordering::Relaxed) {
                check(&other, 0..random.below(20), 0);
                thread::yield_now();
            }
        });
        let workers: Vec<_> = (0..2)
            .map(|thread| {
                let (cache, stores) = (&cache, &stores);
                scope.spawn(move || work(cache, stores, thread))
            })
            .collect();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        ended.store(true, Ordering::Relaxed);
        evictor.join().unwrap();
    });
    assert!(cache.stats().hits > hits);
    let stats = cache.stats();
    assert_eq!((stats.files, stats.dirty, stats.lost_pages), (0, 0, 0));
}

/// The first thread has the even files to itself, and the second the odd ones. Both read all files.
fn work(cache: &PageCache, stores: &[Arc<Versioned>], thread: u64) {
    let mut random = Random::new(thread);
    let mut bytes = vec![0; stores.len()];
    for round in 1..400_u64 {
        let number = random.below(stores.len() as u64);
        let (store, byte) = (&stores[number as usize], &mut bytes[number as usize]);
        let file = open(cache, store);
        if number % 2 != thread {
            let mut seen = [0; PAGE as usize];
            file.read_exact_at(&mut seen, random.below(8) * PAGE).unwrap();
            // Pages are written whole.
            assert_eq!(seen, [seen[0]; PAGE as usize]);
            continue;
        }
        check(&file, 0..8, *byte);
        *byte = round as u8;
        write_pages(&file, *byte);
        match random.below(3) {
            0 => drop(file),
            _ => drop(file.close()),
        }
    }
}

fn write_pages(file: &File, byte: u8) {
    for page in 0..8 {
        file.write_all_at(&[byte; PAGE as usize], page * PAGE).unwrap();
    }
}
