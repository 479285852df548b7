//! Readers of hot pages, which are counted in words of their own, against what latches or evicts the pages.

use shuttle::thread;

use super::{PAGE, explore, open, read};
use crate::pages::eviction::Victims;
use crate::{File, FileOptions, PAGE_SIZE};

/// Makes a page hot, if it is cached.
fn heat(file: &File, page: u64) {
    let inode = file.inode();
    let key = inode.key(page);
    if let Some(frame) = inode.cache.index.peek(&inode.cache.frames, key) {
        frame.heat();
    }
}

fn assert_whole(bytes: &[u8]) -> u8 {
    assert!(bytes.iter().all(|&byte| byte == bytes[0]), "a read mixes two writes");
    bytes[0]
}

/// Fails if a reader does not look at the header again, or a latch does not look at the readers' words.
#[test]
fn a_read_and_a_guard_of_a_hot_page_beside_writes_of_it() {
    explore(|| {
        let (_cache, file, _store) = open(FileOptions::new());
        read(&file);
        let writer = file.clone();
        let writer = thread::spawn(move || {
            for number in 2..4 {
                heat(&writer, 0);
                writer.write_all_at(&[number; PAGE_SIZE], 0).unwrap();
            }
        });
        let reader = file.clone();
        let reader = thread::spawn(move || {
            heat(&reader, 0);
            let first = assert_whole(&read(&reader));
            assert!(assert_whole(&read(&reader)) >= first);
        });
        heat(&file, 0);
        {
            let page = file.page(0).unwrap();
            let first = assert_whole(&page);
            thread::yield_now();
            let once_more = file.page(0).unwrap();
            assert_eq!((assert_whole(&once_more), assert_whole(&page)), (first, first));
        }
        writer.join().unwrap();
        reader.join().unwrap();
        assert_eq!(assert_whole(&read(&file)), 3);
    });
}

/// Fails if the header counts too few or too many of the readers after a frame is cooled: a page is evicted under
/// a guard, or never again.
#[test]
fn guards_of_a_hot_page_beside_evictions_of_it() {
    explore(|| {
        let (cache, file, _store) = open(FileOptions::new());
        read(&file);
        let evictor = file.clone();
        let evictor = thread::spawn(move || {
            for _ in 0..2 {
                heat(&evictor, 0);
                drop(evictor.inode().cache.evict(Victims::Any));
            }
        });
        let reader = file.clone();
        let reader = thread::spawn(move || {
            heat(&reader, 0);
            let page = reader.page(0).unwrap();
            let second = reader.page(0).unwrap();
            assert_eq!((assert_whole(&page), assert_whole(&second)), (1, 1));
            drop(page);
            thread::yield_now();
            assert_eq!(assert_whole(&second), 1);
        });
        heat(&file, 0);
        assert_eq!(assert_whole(&file.page(0).unwrap()), 1);
        evictor.join().unwrap();
        reader.join().unwrap();
        file.drop_cached(0..PAGE).unwrap();
        assert_eq!(cache.stats().resident, 0);
    });
}

/// Fails if a thread that waits for guards in readers' words is not woken by the last one.
#[test]
fn an_exclusive_guard_of_a_hot_page_waits_for_guards_and_is_woken() {
    explore(|| {
        let (_cache, file, _store) = open(FileOptions::new());
        read(&file);
        let readers = [(); 2].map(|()| {
            let file = file.clone();
            thread::spawn(move || {
                heat(&file, 0);
                let page = file.page(0).unwrap();
                let first = assert_whole(&page);
                thread::yield_now();
                assert_eq!(assert_whole(&page), first);
            })
        });
        heat(&file, 0);
        file.page_mut(0).unwrap().fill(2);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        assert_eq!(assert_whole(&read(&file)), 2);
    });
}
