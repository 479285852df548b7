use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{File, FileOptions, MemStore, Options, PageCache, Store};

use super::{Farewell, Reopenable, Surroundings};
use crate::subject::{Mapped, Subject};

/// A file over a store that the cache has once at most; else it panics.
fn file() -> (Reopenable<File>, Arc<MemStore>) {
    let cache = PageCache::new(16);
    let store = Arc::new(MemStore::new());
    let beneath = Arc::clone(&store);
    let open = move || {
        assert_eq!(Arc::strong_count(&beneath), 2, "it is open still");
        cache.open_with(Arc::clone(&beneath), FileOptions::new())
    };
    (Reopenable::new(open, None, None).unwrap(), store)
}

#[test]
fn a_file_that_was_reopened_is_as_it_was_and_so_are_its_mappings() {
    for how in [Farewell::Closed, Farewell::Dropped, Farewell::Discarded] {
        let (file, store) = file();
        file.write_at(&[1; 8192], 0).unwrap();
        let mapping = file.map(4096..8192).unwrap();
        mapping.store(0, &[2; 4096]).unwrap();
        file.reopen(how).unwrap();
        let mut stored = vec![0; 8192];
        store.read_at(&mut stored, 0).unwrap();
        assert_eq!(stored, [[1; 4096], [2; 4096]].concat());
        let mut seen = [0; 4096];
        mapping.load(0, &mut seen).unwrap();
        assert_eq!((seen, file.len()), ([2; 4096], 8192));
    }
}

#[test]
fn bytes_that_are_copied_by_way_of_another_file_are_those_of_the_file() {
    let cache = Arc::new(PageCache::new(64));
    let (of_others, synced) = (Arc::clone(&cache), Arc::clone(&cache));
    let surroundings = Surroundings {
        open_another: Box::new(move || of_others.open(MemStore::new())),
        sync: Box::new(move || Ok(synced.sync_all()?)),
    };
    let open = move || cache.open(MemStore::new());
    let file = Reopenable::new(open, None, Some(surroundings)).unwrap();
    assert_eq!(file.write_by_copy(&[1; 5000], 3000).unwrap(), 5000);
    assert_eq!(file.write_by_copy(&[2; 100], 5 * 4096 + 10).unwrap(), 100);
    let len = 5 * 4096 + 110;
    let mut expected = vec![0; len];
    expected[3000..8000].fill(1);
    expected[len - 100..].fill(2);
    let (mut read, mut copied) = (vec![7; len + 5], vec![7; len + 5]);
    assert_eq!(file.read_at(&mut read, 0).unwrap(), len);
    assert_eq!(file.read_by_copy(&mut copied, 0).unwrap(), len);
    assert!(read[..len] == expected && copied[..len] == expected);
    file.sync_cache().unwrap();
    // One part of the other file is enough for one thread.
    assert_eq!(file.shared.another().parts, 1);
}

#[test]
fn of_a_file_whose_last_handle_is_discarded_what_was_synced_is_left() {
    let cache = PageCache::with_options(Options::new(16).flush_interval(Duration::MAX));
    let store = Arc::new(MemStore::new());
    let beneath = Arc::clone(&store);
    let open = move || cache.open(Arc::clone(&beneath));
    let file = Reopenable::new(open, None, None).unwrap();
    file.write_at(&[1; 8192], 0).unwrap();
    let mapping = file.map(4096..8192).unwrap();
    mapping.store(0, &[2; 4096]).unwrap();
    file.abandon(&[3; 100], 50).unwrap();
    let mut seen = [0; 8192];
    file.read_at(&mut seen, 0).unwrap();
    assert_eq!(seen[..], [[1; 4096], [2; 4096]].concat());
    mapping.store(0, &[4; 100]).unwrap();
    file.read_at(&mut seen[..100], 4096).unwrap();
    assert_eq!(seen[..100], [4; 100]);
}

#[test]
fn other_threads_continue_while_a_file_is_reopened() {
    let (file, _store) = file();
    file.write_at(&[0; 8192], 0).unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for half in [0, 4096] {
            let (file, over) = (&file, &over);
            scope.spawn(move || {
                let mapping = file.map(half..half + 4096).unwrap();
                let mut round = 0;
                while !over.load(Ordering::Relaxed) {
                    round = if round == 255 { 1 } else { round + 1 };
                    mapping.store(0, &[round; 100]).unwrap();
                    file.write_at(&[round; 100], half + 100).unwrap();
                    let mut seen = [0; 200];
                    file.read_at(&mut seen, half).unwrap();
                    assert_eq!(seen, [round; 200]);
                }
            });
        }
        for round in 0..300 {
            let how = if round % 2 == 0 { Farewell::Closed } else { Farewell::Dropped };
            file.reopen(how).unwrap();
        }
        over.store(true, Ordering::Relaxed);
    });
}
