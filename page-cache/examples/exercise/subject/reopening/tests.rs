use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use spanlock_page_cache::{File, FileOptions, MemStore, PageCache, Store};

use super::{Farewell, Reopenable};
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
    (Reopenable::new(open, None).unwrap(), store)
}

#[test]
fn a_file_that_was_reopened_is_as_it_was_and_so_are_its_mappings() {
    for how in [Farewell::Closed, Farewell::Dropped] {
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
fn others_go_on_while_a_file_is_reopened() {
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
