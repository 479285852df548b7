//! Guards of pages among the paths that meet them.

use std::io::ErrorKind;
use std::sync::Arc;

use shuttle::thread;

use super::{PAGE, explore, open, read, stored};
use crate::pages::eviction::Victims;
use crate::{File, FileOptions, MemStore, PAGE_SIZE, PageCache, Store};

/// A file of so many pages of ones, all of them cached and dirty.
fn open_dirty(pages: usize, options: FileOptions) -> (PageCache, File, Arc<MemStore>) {
    let (cache, file, store) = open(options);
    file.write_all_at(&vec![1; pages * PAGE_SIZE], 0).unwrap();
    (cache, file, store)
}

/// Fails if a thread of two deadlocks with the flush, which has pages in flight: both orders.
#[test]
fn guards_of_two_pages_in_any_order_and_a_sync_and_a_writeback() {
    explore(|| {
        let (_cache, file, store) = open_dirty(3, FileOptions::new());
        let up = file.clone();
        let up = thread::spawn(move || {
            let mut first = up.page_mut(0).unwrap();
            let mut second = up.page_mut(2).unwrap();
            (first[0], second[0]) = (2, 2);
        });
        let flusher = file.clone();
        let flusher = thread::spawn(move || flusher.writeback(0..3 * PAGE).unwrap());
        file.sync_data().unwrap();
        up.join().unwrap();
        flusher.join().unwrap();
        {
            let mut second = file.page_mut(1).unwrap();
            second[0] = 3;
        }
        file.sync_data().unwrap();
        let mut seen = [0; 2 * PAGE_SIZE + 1];
        store.read_at(&mut seen, 0).unwrap();
        assert_eq!((seen[0], seen[PAGE_SIZE], seen[2 * PAGE_SIZE]), (2, 3, 2));
    });
}

#[test]
fn a_guard_descends_below_its_page_while_two_flush() {
    explore(|| {
        let (_cache, file, _store) = open_dirty(2, FileOptions::new());
        let flushers = [(); 2].map(|()| {
            let file = file.clone();
            thread::spawn(move || file.writeback(0..2 * PAGE).unwrap())
        });
        let mut parent = file.page_mut(1).unwrap();
        let mut child = file.page_mut(0).unwrap();
        parent[0] = 2;
        drop(parent);
        child[0] = 2;
        drop(child);
        flushers.into_iter().for_each(|flusher| flusher.join().unwrap());
        file.sync_data().unwrap();
        assert_eq!((read(&file)[0], file.page(1).unwrap()[0]), (2, 2));
    });
}

/// Invariants 3 and 12.
#[test]
fn a_guard_and_one_more_a_truncation_and_a_writeback() {
    explore(|| {
        let (_cache, file, store) = open_dirty(2, FileOptions::new());
        let cutter = file.clone();
        let cutter = thread::spawn(move || cutter.set_len(10).unwrap());
        let flusher = file.clone();
        let flusher = thread::spawn(move || flusher.writeback(0..2 * PAGE).unwrap());
        {
            let mut first = file.page_mut(0).unwrap();
            match file.page(1) {
                Ok(second) => assert!(second.iter().all(|&byte| byte == 1)),
                Err(error) => {
                    assert!(
                        [ErrorKind::WouldBlock, ErrorKind::UnexpectedEof].contains(&error.kind())
                    );
                }
            }
            first.fill(2);
        }
        cutter.join().unwrap();
        flusher.join().unwrap();
        file.set_len(PAGE).unwrap();
        let mut expected = [0; PAGE_SIZE];
        expected[..10].fill(2);
        assert!(read(&file) == expected);
        file.sync_data().unwrap();
        assert!(stored(&store) == expected);
    });
}

/// Invariants 1, 6 and 7.
#[test]
fn a_guard_an_eviction_and_a_direct_write() {
    explore(|| {
        let (cache, file, _store) = open(FileOptions::new());
        read(&file);
        let direct = file.clone();
        let direct = thread::spawn(move || {
            direct.write_direct_at(&[2; PAGE_SIZE], 0).unwrap();
            assert!(direct.page(0).unwrap().iter().all(|&byte| byte == 2));
        });
        let evicting = thread::spawn(move || drop(cache.shared.pool.evict(Victims::Any)));
        {
            let page = file.page(0).unwrap();
            let first = page[0];
            thread::yield_now();
            assert!([1, 2].contains(&first) && page.iter().all(|&byte| byte == first));
        }
        direct.join().unwrap();
        evicting.join().unwrap();
        assert!(read(&file) == [2; PAGE_SIZE]);
    });
}

/// A store that waits for a guard has the latch; a writeback does not wait for it with pages in flight.
#[test]
fn a_shared_guard_and_one_more_a_store_through_a_mapping_and_a_writeback() {
    explore(|| {
        let (_cache, file, store) = open_dirty(2, FileOptions::new());
        let mapping = file.map(0..2 * PAGE).unwrap();
        mapping.store(PAGE, &[1]).unwrap();
        let storer = thread::spawn(move || mapping.store(PAGE, &[3; 10]).unwrap());
        let flusher = file.clone();
        let flusher = thread::spawn(move || flusher.writeback(0..2 * PAGE).unwrap());
        {
            let second = file.page(1).unwrap();
            let before = second[0];
            file.page_mut(0).unwrap()[0] = 2;
            assert!(second[..10] == [before; 10]);
        }
        storer.join().unwrap();
        flusher.join().unwrap();
        file.sync_data().unwrap();
        assert_eq!(stored(&store)[0], 2);
        assert_eq!(file.page(1).unwrap()[..11], [3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 1]);
    });
}

/// E4, and invariant 11.
#[test]
fn a_guard_and_one_more_and_a_write_that_goes_through_both() {
    explore(|| {
        let (_cache, file, store) = open_dirty(2, FileOptions::new().write_through());
        let writer = file.clone();
        let writer = thread::spawn(move || writer.write_all_at(&[2; 2 * PAGE_SIZE], 0).unwrap());
        {
            let second = file.page(1).unwrap();
            let mut first = file.page_mut(0).unwrap();
            let before = second[0];
            first[0] = 3;
            assert!(second.iter().all(|&byte| byte == before));
        }
        writer.join().unwrap();
        assert!([2, 3].contains(&read(&file)[0]));
        assert!(read(&file)[1..] == [2; PAGE_SIZE - 1]);
        file.sync_data().unwrap();
        assert!(stored(&store) == read(&file));
    });
}

/// The end of a guard wakes every thread that waits for it.
#[test]
fn an_exclusive_guard_and_everything_that_may_wait_for_it() {
    explore(|| {
        let (_cache, file, _store) = open_dirty(1, FileOptions::new());
        let waiting: [fn(&File); 3] = [
            |file| assert!([1, 2, 4].contains(&read(file)[0])),
            |file| assert!([1, 2, 4].contains(&file.page(0).unwrap()[0])),
            |file| file.write_all_at(&[4; 10], 0).unwrap(),
        ];
        let waiting = waiting.map(|wait| {
            let file = file.clone();
            thread::spawn(move || wait(&file))
        });
        {
            let mut page = file.page_mut(0).unwrap();
            page[..10].fill(2);
            let page = page.downgrade();
            assert!(page[..10] == [2; 10]);
        }
        waiting.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// Two shared guards: the end of the last one wakes the thread that waits for both.
#[test]
fn shared_guards_a_writer_and_a_store_that_wait_for_them() {
    explore(|| {
        let (_cache, file, _store) = open_dirty(1, FileOptions::new());
        let mapping = file.map(0..PAGE).unwrap();
        mapping.store(0, &[1]).unwrap();
        let storer = thread::spawn(move || mapping.store(0, &[3; 10]).unwrap());
        let writer = file.clone();
        let writer = thread::spawn(move || writer.page_mut(0).unwrap()[20..30].fill(4));
        let reader = file.clone();
        let reader = thread::spawn(move || {
            let page = reader.page(0).unwrap();
            let first = page[0];
            assert!(page[..10].iter().all(|&byte| byte == first));
        });
        {
            let page = file.page(0).unwrap();
            let again = file.page(0).unwrap();
            assert!(page[..] == again[..]);
        }
        for thread in [storer, writer, reader] {
            thread.join().unwrap();
        }
        let seen = read(&file);
        assert!(seen[..10] == [3; 10] && seen[20..30] == [4; 10]);
    });
}
