//! What waits for a guard, and what a thread with guards must not wait for.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{File, MemStore, PAGE_SIZE, Store};

use super::{PAGE, cache, elsewhere, open, read, until_someone_waits_for_the_guard_of};
use crate::random::Random;
use crate::stores::stopping_store::{StoppingStore, stop_at_next_request};

#[test]
fn a_thread_that_waits_for_an_exclusive_guard_is_overtaken_only_by_threads_that_have_a_guard() {
    let (_cache, file, _store) = open(64, 4);
    let page = file.page(1).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| file.page_mut(1).unwrap()[0] = 9);
        // Other threads get no guard from then on.
        until_someone_waits_for_the_guard_of(&file, 1);
        drop(file.page(1).unwrap());
        drop(page);
    });
    assert_eq!(read(&file, 1)[0], 9);
}

#[test]
fn writes_stores_and_holes_wait_for_a_shared_guard_and_reads_do_not() {
    let waiting: [fn(&File); 5] = [
        |file| file.write_all_at(&[9; 8], PAGE).unwrap(),
        |file| file.map(PAGE..2 * PAGE).unwrap().store(0, &[9; 8]).unwrap(),
        |file| file.punch_hole(PAGE, 8).unwrap(),
        |file| assert_eq!(file.write_direct_at(&[9; 8], PAGE).unwrap(), 8),
        |file| file.page_mut(1).unwrap()[..8].fill(9),
    ];
    for change in waiting {
        let (_cache, file, _store) = open(64, 4);
        let page = file.page(1).unwrap();
        thread::scope(|scope| {
            let changer = scope.spawn(|| change(&file));
            until_someone_waits_for_the_guard_of(&file, 1);
            assert_eq!(*page, [1; PAGE_SIZE]);
            assert!(!changer.is_finished());
            drop(page);
            changer.join().unwrap();
        });
        assert_ne!(read(&file, 1)[..8], [1; 8]);
    }
    let (_cache, file, _store) = open(64, 4);
    let page = file.page(1).unwrap();
    assert_eq!(elsewhere(|| read(&file, 1)), *page);
    let loaded = elsewhere(|| {
        let mut loaded = [0; 8];
        file.map(PAGE..2 * PAGE).unwrap().load(0, &mut loaded).unwrap();
        loaded
    });
    assert_eq!(loaded, page[..8]);
}

#[test]
fn a_reader_that_waits_for_an_exclusive_guard_sees_all_that_it_changed() {
    let (_cache, file, _store) = open(64, 2);
    let mut page = file.page_mut(0).unwrap();
    let started = AtomicBool::new(false);
    thread::scope(|scope| {
        let guarding = scope.spawn(|| {
            started.store(true, Ordering::SeqCst);
            file.page(0).unwrap().to_vec()
        });
        let reading = scope.spawn(|| read(&file, 0));
        let loading = scope.spawn(|| {
            let mut loaded = [0; PAGE_SIZE];
            file.map(0..PAGE).unwrap().load(0, &mut loaded).unwrap();
            loaded
        });
        while !started.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        for byte in page.iter_mut() {
            *byte = 7;
        }
        drop(page);
        assert_eq!(guarding.join().unwrap(), [7; PAGE_SIZE]);
        assert_eq!(reading.join().unwrap(), [7; PAGE_SIZE]);
        assert_eq!(loading.join().unwrap(), [7; PAGE_SIZE]);
    });
}

#[test]
fn a_thread_with_guards_of_a_file_may_do_nothing_else_with_the_file() {
    let (cache, file, _store) = open(64, 4);
    let other = cache.open(MemStore::new()).unwrap();
    let again = file.clone();
    let mapping = file.map(0..4 * PAGE).unwrap();
    let page = file.page(1).unwrap();
    let refused: [io::Result<()>; 12] = [
        again.read_at(&mut [0], 0).map(drop),
        again.write_at(&[0], 0).map(drop),
        again.append(&[0]).map(drop),
        again.read_direct_at(&mut [0], 0).map(drop),
        again.write_direct_at(&[0], 0).map(drop),
        again.set_len(0),
        again.punch_hole(0, 1),
        again.zero_range(0, 1, spanlock_page_cache::Length::Keep),
        again.collapse_range(0, PAGE),
        again.sync_data(),
        mapping.load(0, &mut [0]),
        mapping.store(0, &[0]),
    ];
    for (at, refused) in refused.into_iter().enumerate() {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Deadlock, "{at}");
    }
    // Guards of other files and other pages do not matter.
    other.append(b"log").unwrap();
    other.sync_data().unwrap();
    assert_eq!((file.page(2).unwrap()[0], page[0]), (2, 1));
    drop(page);
    again.set_len(0).unwrap();
}

#[test]
fn a_thread_does_not_wait_for_its_own_guard() {
    let (_cache, file, _store) = open(64, 4);
    let page = file.page(0).unwrap();
    assert_eq!(file.page_mut(0).unwrap_err().kind(), ErrorKind::Deadlock);
    // A writer waits, and no new reader gets a guard, except for this thread, for which the writer waits.
    thread::scope(|scope| {
        let writer = scope.spawn(|| file.page_mut(0).unwrap()[0] = 7);
        until_someone_waits_for_the_guard_of(&file, 0);
        let again = file.page(0).unwrap();
        assert_eq!((page[0], again[0]), (0, 0));
        drop((page, again));
        writer.join().unwrap();
    });
    let page = file.page_mut(0).unwrap();
    assert_eq!(page[0], 7);
    for error in [file.page(0).err(), file.page_mut(0).err(), file.try_page(0).err()] {
        assert_eq!(error.unwrap().kind(), ErrorKind::Deadlock);
    }
}

#[test]
fn the_list_of_a_threads_guards_is_right_in_whatever_order_they_are_dropped() {
    let (cache, file, _store) = open(128, 30);
    let other = cache.open(MemStore::new()).unwrap();
    other.set_len(30 * PAGE).unwrap();
    let mut random = Random::new(1);
    for _ in 0..10 {
        let guard =
            |page| if page % 2 == 0 { file.page(page).unwrap() } else { other.page(page).unwrap() };
        let mut guards: Vec<_> = (0..30).map(guard).collect();
        while !guards.is_empty() {
            let has = |file: u64| guards.iter().any(|guard| guard.number() % 2 == file);
            assert_eq!(file.read_at(&mut [0], 0).is_err(), has(0));
            assert_eq!(other.read_at(&mut [0], 0).is_err(), has(1));
            let dropped = guards.swap_remove(random.below(guards.len() as u64) as usize).number();
            for page in guards.iter().map(|guard| guard.number()).chain([dropped]) {
                let file = if page % 2 == 0 { &file } else { &other };
                let error = file.page_mut(page).err().map(|error| error.kind());
                assert_eq!(error, (page != dropped).then_some(ErrorKind::Deadlock), "{page}");
            }
        }
    }
}

#[test]
fn a_thread_with_a_guard_does_not_wait_for_a_claim_that_waits_for_the_guard() {
    let cache = cache(64);
    let store = Arc::new(StoppingStore::default());
    store.inner.write_at(&[1; 4 * PAGE_SIZE], 0).unwrap();
    let file = cache.open(Arc::clone(&store)).unwrap();
    let page = file.page(0).unwrap();
    let gate = Arc::new(Mutex::new(()));
    let (stopped, is_stopped) = mpsc::channel();
    let closed = gate.lock().unwrap();
    thread::scope(|scope| {
        let puncher = scope.spawn(|| {
            stop_at_next_request(stopped, Arc::clone(&gate));
            file.punch_hole(0, 4 * PAGE)
        });
        // It has its claim, and will wait for the guard.
        is_stopped.recv().unwrap();
        assert_eq!(file.page(1).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(file.pages([1, 2]).unwrap_err().kind(), ErrorKind::WouldBlock);
        drop(closed);
        drop(page);
        puncher.join().unwrap().unwrap();
        // With no guard it is waited for.
        assert_eq!(file.page(1).unwrap()[0], 0);
    });
}

/// A thread that waits for a claimed page has no permit, so the other pages of the file can be read.
#[test]
fn pages_are_read_while_many_threads_wait_for_pages_of_a_hole_that_waits_for_a_guard() {
    let (_cache, file, _store) = open(64, 100);
    let file = &file;
    let waiting: [fn(&File, u64); 3] = [
        |file, page| _ = file.read_at(&mut [0], page * PAGE).unwrap(),
        |file, page| file.map(0..100 * PAGE).unwrap().load(page * PAGE, &mut [0]).unwrap(),
        |file, page| drop(file.page_within(page, Duration::from_secs(3600)).unwrap()),
    ];
    for wait in waiting {
        file.drop_cached(0..u64::MAX).unwrap();
        let page = file.page(20).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| file.punch_hole(0, 21 * PAGE).unwrap());
            until_someone_waits_for_the_guard_of(file, 20);
            (0..20).for_each(|page| _ = scope.spawn(move || wait(file, page)));
            // For most of them to get there. Whether they do decides only whether a fault is found.
            thread::sleep(Duration::from_millis(100));
            assert_eq!(elsewhere(|| read(file, 50)[0]), 50);
            drop(page);
        });
    }
}
