//! Accesses through mappings that have looked a page up, among the paths that take it from them.

use std::sync::Arc;

use shuttle::thread;

use super::{PAGE, explore, open, read, stored};
use crate::pages::eviction::Victims;
use crate::{FileOptions, MemStore, PAGE_SIZE};

/// Two pages of which only one is in the cache at a time, so that both are in the same frame.
#[test]
fn a_load_while_its_frame_is_reused_for_another_page_of_the_mapping() {
    explore(|| {
        let (cache, file, _store) = open(FileOptions::new());
        file.write_all_at(&[2; PAGE_SIZE], PAGE).unwrap();
        file.sync_data().unwrap();
        drop(cache.shared.pool.evict(Victims::Any));
        let mapping = Arc::new(file.map(0..2 * PAGE).unwrap());
        mapping.load(0, &mut [0]).unwrap();
        let other = Arc::clone(&mapping);
        let other = thread::spawn(move || {
            drop(cache.shared.pool.evict(Victims::Any));
            let mut seen = [0; 10];
            other.load(PAGE, &mut seen).unwrap();
            assert_eq!(seen, [2; 10]);
        });
        let mut seen = [0; 10];
        mapping.load(0, &mut seen).unwrap();
        assert_eq!(seen, [1; 10]);
        other.join().unwrap();
    });
}

/// Only the entry tells the two files apart: each page is the first of its file.
#[test]
fn a_load_while_its_frame_is_reused_for_a_page_of_another_file() {
    explore(|| {
        let (cache, file, _store) = open(FileOptions::new());
        let other = cache.open(MemStore::new()).unwrap();
        other.write_all_at(&[2; PAGE_SIZE], 0).unwrap();
        other.sync_data().unwrap();
        drop(cache.shared.pool.evict(Victims::Any));
        let mapping = file.map(0..PAGE).unwrap();
        mapping.load(0, &mut [0]).unwrap();
        let reuses = thread::spawn(move || {
            drop(cache.shared.pool.evict(Victims::Any));
            assert_eq!(read(&other)[0], 2);
        });
        let mut seen = [0; 10];
        mapping.load(0, &mut seen).unwrap();
        assert_eq!(seen, [1; 10]);
        reuses.join().unwrap();
    });
}

/// A sync removes the right to store, so that the page can be evicted; then the mapping may store to the frame again,
/// as to another page.
#[test]
fn a_store_while_its_frame_is_reused_for_another_page_of_the_mapping() {
    explore(|| {
        let (cache, file, store) = open(FileOptions::new());
        file.set_len(2 * PAGE).unwrap();
        let mapping = Arc::new(file.map(0..2 * PAGE).unwrap());
        mapping.store(0, &[2]).unwrap();
        let (other, own_file) = (Arc::clone(&mapping), file.clone());
        let other = thread::spawn(move || {
            own_file.sync_data().unwrap();
            drop(cache.shared.pool.evict(Victims::Any));
            other.store(PAGE, &[4; 10]).unwrap();
        });
        mapping.store(0, &[3; 10]).unwrap();
        other.join().unwrap();
        let mut second = [0; 20];
        file.read_exact_at(&mut second, PAGE).unwrap();
        assert!(second[..10] == [4; 10] && second[10..] == [0; 10]);
        let mut expected = [1; PAGE_SIZE];
        expected[..10].fill(3);
        assert!(read(&file) == expected);
        file.sync_data().unwrap();
        assert!(stored(&store) == expected);
    });
}

/// What is stored after the right to store was removed would not be sent (invariant 10).
#[test]
fn two_stores_and_two_syncs() {
    explore(|| {
        let (_cache, file, store) = open(FileOptions::new());
        let mapping = file.map(0..PAGE).unwrap();
        mapping.store(0, &[2]).unwrap();
        let syncer = file.clone();
        let syncer = thread::spawn(move || syncer.sync_data().unwrap());
        mapping.store(0, &[3; 10]).unwrap();
        mapping.store(10, &[4; 10]).unwrap();
        file.sync_data().unwrap();
        syncer.join().unwrap();
        let mut expected = [1; PAGE_SIZE];
        expected[..10].fill(3);
        expected[10..20].fill(4);
        assert!(stored(&store) == expected);
    });
}

/// A page of which a part is dropped: a load that has looked the page up sees zeroes or fails, and a store that has
/// does not bring bytes back.
#[test]
fn a_load_a_store_and_a_truncation_that_is_undone() {
    explore(|| {
        let (_cache, file, store) = open(FileOptions::new());
        file.write_all_at(&[1; 2 * PAGE_SIZE], 0).unwrap();
        let mapping = Arc::new(file.map(0..2 * PAGE).unwrap());
        mapping.store(PAGE, &[2; 10]).unwrap();
        let other = Arc::clone(&mapping);
        let loads = thread::spawn(move || {
            let mut seen = [0; 10];
            if other.load(PAGE, &mut seen).is_ok() {
                assert!([0, 2, 3].contains(&seen[0]) && seen == [seen[0]; 10]);
            }
        });
        let stores = thread::spawn(move || drop(mapping.store(PAGE + 100, &[3; 10])));
        file.set_len(PAGE).unwrap();
        file.set_len(2 * PAGE).unwrap();
        loads.join().unwrap();
        stores.join().unwrap();
        let mut seen = [0; PAGE_SIZE];
        file.read_exact_at(&mut seen, PAGE).unwrap();
        let mut expected = [0; PAGE_SIZE];
        expected[100..110].fill(seen[100]);
        assert!([0, 3].contains(&seen[100]) && seen == expected);
        file.sync_data().unwrap();
        assert!(stored(&store) == [1; PAGE_SIZE]);
    });
}
