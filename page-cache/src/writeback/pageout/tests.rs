use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::files::inode::visit;
use crate::observed::{Asked, Asking};
use crate::pages::dirty_pages::Wanted;
use crate::pages::frame::Key;
use crate::pages::pool::Pool;
use crate::{File, MemStore, Options, PageCache, Store};
use spanlock::Access;

const PAGE: u64 = 4096;

/// A store whose writes tell that they have begun, and then wait for the gate.
fn gated() -> (Arc<Asking>, Receiver<()>, Arc<Mutex<()>>) {
    let (begun, told) = channel();
    let gate: Arc<Mutex<()>> = Arc::default();
    let passed = Arc::clone(&gate);
    let store = Asking::new(move |asked, _| {
        if asked == Asked::Write {
            // The receiver is gone at the end of a test.
            let _ = begun.send(());
            drop(passed.lock().unwrap());
        }
        Ok(())
    });
    (Arc::new(store), told, gate)
}

/// A cache of 64 frames whose flusher does nothing of its own accord, and of which 16 of one file may be dirty.
fn cache() -> (PageCache, Arc<Pool>) {
    let options = Options::new(64).dirty_limit(64).flush_interval(Duration::MAX);
    let cache = PageCache::with_options(options);
    let shared = Arc::clone(&cache.shared.pool);
    (cache, shared)
}

fn write_pages(file: &File, pages: u64) {
    file.write_all_at(&vec![7; (pages * PAGE) as usize], 0).unwrap();
}

/// A page of the first file that was opened.
fn key(page: u64) -> Key {
    Key { file: 1, page }
}

fn dirty_pages(shared: &Pool) -> Vec<u64> {
    let file = visit(shared, 1).unwrap();
    (0..16).filter(|&page| file.first_unclean(page..page + 1, Wanted::ALL).is_some()).collect()
}

/// D1.
#[test]
fn a_page_that_was_truncated_since_it_was_queued_is_released() {
    let (cache, shared) = cache();
    let store = Arc::new(MemStore::new());
    let file = cache.open(Arc::clone(&store)).unwrap();
    write_pages(&file, 2);
    file.set_len(PAGE).unwrap();
    assert!(shared.write_out(key(1)).is_none());
    assert_eq!((store.blocks(), cache.stats().pageouts), (0, 0));
    let free: Vec<_> = std::iter::from_fn(|| shared.frames.take_free()).collect();
    assert_eq!(free.len(), 63);
}

/// D1.
#[test]
fn a_page_that_was_cleaned_since_it_was_queued_is_not_written_again() {
    let (cache, shared) = cache();
    let file = cache.open(MemStore::new()).unwrap();
    write_pages(&file, 1);
    file.sync_data().unwrap();
    assert!(shared.write_out(key(0)).is_none());
    assert_eq!((cache.stats().writebacks, cache.stats().pageouts), (1, 0));
}

/// D1.
#[test]
fn a_page_whose_range_is_held_exclusively_is_left_to_the_holder() {
    let (cache, shared) = cache();
    let file = cache.open(MemStore::new()).unwrap();
    write_pages(&file, 1);
    thread::scope(|scope| {
        let visit = visit(&shared, 1).unwrap();
        let claim = visit.claim(Access::PunchHole, 0..PAGE);
        let flusher = scope.spawn(|| shared.write_out(key(0)));
        assert!(flusher.join().unwrap().is_none());
        assert_eq!(dirty_pages(&shared), [0]);
        drop(claim);
    });
    shared.write_out(key(0)).unwrap().unwrap();
    assert_eq!(dirty_pages(&shared), []);
}

/// D2.
#[test]
fn the_dirty_pages_that_follow_are_written_along_and_those_before_are_not() {
    let (cache, shared) = cache();
    let file = cache.open(MemStore::new()).unwrap();
    write_pages(&file, 10);
    file.writeback(7 * PAGE..8 * PAGE).unwrap();
    shared.write_out(key(4)).unwrap().unwrap();
    assert_eq!(dirty_pages(&shared), [0, 1, 2, 3, 8, 9]);
    assert_eq!((cache.stats().writebacks, cache.stats().pageouts), (4, 1));
}

/// D2.
#[test]
fn pageouts_and_flushes_of_the_same_range_get_along() {
    let (cache, shared) = cache();
    let file = cache.open(MemStore::new()).unwrap();
    thread::scope(|scope| {
        for first in [0, 3, 7] {
            let (file, shared) = (&file, &shared);
            scope.spawn(move || {
                for round in 0..1_000 {
                    write_pages(file, 10);
                    if first == 0 {
                        file.writeback(0..10 * PAGE).unwrap();
                    } else {
                        let outcome = shared.write_out(key((first + round) % 10));
                        outcome.unwrap_or(Ok(())).unwrap();
                    }
                }
            });
        }
    });
    file.sync_data().unwrap();
    assert_eq!(dirty_pages(&shared), []);
}

/// D1.
#[test]
fn the_dirty_pages_that_reclaim_meets_are_written_and_then_evicted() {
    let (cache, shared) = cache();
    let file = cache.open(MemStore::new()).unwrap();
    write_pages(&file, 16);
    let _free: Vec<_> = std::iter::from_fn(|| shared.frames.take_free()).collect();
    while shared.try_free_frame().is_none() {
        thread::yield_now();
    }
    assert!(cache.stats().pageouts >= 1);
}

/// A worker may be at one page for long. What is queued for it meanwhile keeps no frame from others.
#[test]
fn a_page_that_is_queued_is_evicted_once_another_thread_has_cleaned_it() {
    let (cache, shared) = cache();
    let (begun, told) = channel();
    let gate: Arc<Mutex<()>> = Arc::default();
    let passed = Arc::clone(&gate);
    let store = Asking::new(move |asked, bytes| {
        if asked == Asked::Write && bytes.start == 0 {
            begun.send(()).unwrap();
            drop(passed.lock().unwrap());
        }
        Ok(())
    });
    let file = cache.open(store).unwrap();
    let closed = gate.lock().unwrap();
    for page in [0, 2, 4, 6] {
        file.write_all_at(&[7; PAGE as usize], page * PAGE).unwrap();
    }
    let all_free = || std::iter::from_fn(|| shared.try_free_frame()).collect::<Vec<_>>().len();
    shared.flusher.queue(key(0));
    told.recv().unwrap();
    // Eviction queues the others.
    assert_eq!(all_free(), 60);
    file.writeback(2 * PAGE..7 * PAGE).unwrap();
    assert_eq!(all_free(), 63);
    drop(closed);
}

/// D3.
#[test]
fn a_sync_or_close_does_not_wait_for_the_queue_of_a_flusher_that_is_stuck() {
    let (cache, shared) = cache();
    let (gated, begun, gate) = gated();
    let store = Arc::new(MemStore::new());
    let file = cache.open(Arc::clone(&store)).unwrap();
    let stuck = cache.open(Arc::clone(&gated)).unwrap();
    let gate = gate.lock().unwrap();
    write_pages(&stuck, 1);
    shared.flusher.queue(Key { file: 2, page: 0 });
    begun.recv().unwrap();
    write_pages(&file, 8);
    // Eviction looks at every page, and has those that are dirty queued.
    let free: Vec<_> = std::iter::from_fn(|| shared.try_free_frame()).collect();
    // Each of the 64 pages but that of the stuck file and the 8 is free. Those are queued, or another
    // worker has written them by now.
    assert!(free.len() >= 55, "{} are free", free.len());
    drop(free);
    file.sync_data().unwrap();
    assert_eq!(dirty_pages(&shared), []);
    write_pages(&file, 2);
    drop(file);
    assert_eq!(store.len().unwrap(), 8 * PAGE);
    drop(gate);
}

/// D4.
#[test]
fn a_file_is_gone_with_its_last_handle_whatever_the_flusher_was_doing_with_it() {
    let (cache, shared) = cache();
    for round in 0..500 {
        let (store, begun, gate) = gated();
        let file = cache.open(Arc::clone(&store)).unwrap();
        write_pages(&file, 3);
        let key = Key { file: round + 1, page: 1 };
        match round % 3 {
            0 => shared.flusher.queue(key),
            1 => shared.flusher.hasten(round + 1),
            _ => {
                let gate = gate.lock().unwrap();
                shared.flusher.queue(key);
                begun.recv().unwrap();
                thread::scope(|scope| {
                    let closing = scope.spawn(|| drop(file));
                    for _ in 0..20 {
                        thread::yield_now();
                    }
                    assert!(!closing.is_finished());
                    drop(gate);
                });
                assert_eq!(Arc::strong_count(&store), 1, "round {round}");
                continue;
            }
        }
        drop(file);
        assert_eq!(Arc::strong_count(&store), 1, "round {round}");
        assert_eq!(store.inner.len().unwrap(), 3 * PAGE);
    }
}
