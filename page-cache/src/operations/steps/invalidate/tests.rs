use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::files::inode::visit;
use crate::observed::{Asked, Asking};
use crate::pages::frame::LockedPage;
use crate::{MemStore, Options, PageCache};
use spanlock::Access;

const PAGE: u64 = 4096;

/// B3. Invariant 10.
#[test]
fn a_page_that_invalidation_writes_out_is_not_dirtied_before_it_is_gone() {
    let (begun, told) = channel();
    let gate: Arc<Mutex<()>> = Arc::default();
    let passed = Arc::clone(&gate);
    let store = Asking::new(move |asked, _| {
        if asked == Asked::Write {
            let _ = begun.send(());
            drop(passed.lock().unwrap());
        }
        Ok(())
    });
    let cache: PageCache = PageCache::with_options(Options::new(16).flush_interval(Duration::MAX));
    let file = cache.open(store).unwrap();
    file.write_all_at(&[1; PAGE as usize], 0).unwrap();
    let mapping = file.map(0..PAGE).unwrap();
    mapping.store(0, &[2]).unwrap();
    let gate = gate.lock().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let visit = visit(&cache.shared.pool, 1).unwrap();
            let claim = visit.claim(Access::Invalidate, 0..PAGE);
            visit.invalidate(0..1, &claim).unwrap();
        });
        told.recv().unwrap();
        let storing = scope.spawn(|| mapping.store(1, &[3]).unwrap());
        for _ in 0..1_000 {
            thread::yield_now();
        }
        let stored = storing.is_finished();
        drop(gate);
        assert!(!stored);
    });
    let mut seen = [0; 3];
    file.read_exact_at(&mut seen, 0).unwrap();
    assert_eq!(seen, [2, 3, 1]);
}

/// Invariants 6 and 7.
#[test]
fn a_page_that_is_being_evicted_is_not_read_once_it_is_not_among_the_cached_ones() {
    let cache: PageCache = PageCache::new(16);
    let file = cache.open(MemStore::new()).unwrap();
    file.write_all_at(&[1; PAGE as usize], 0).unwrap();
    file.sync_all().unwrap();
    let visit = visit(&cache.shared.pool, 1).unwrap();
    let frames = &cache.shared.pool.frames;
    // As a reader finds it that continues later.
    let frame = cache.shared.pool.index.peek(frames, visit.key(0)).unwrap();
    frame.pass_over();
    let queues = cache.shared.pool.queues.lock().unwrap();
    thread::scope(|scope| {
        let evicting = scope.spawn(|| {
            let page = LockedPage::try_for_eviction(frames, frame).unwrap();
            drop(visit.cache.take_out_unpinned(page, &*visit));
        });
        while !visit.resident_in(0..1).is_empty() {
            thread::yield_now();
        }
        // The thread that evicts it stops at the queues.
        file.write_direct_at(&[2; PAGE as usize], 0).unwrap();
        let stale = frame.read(frames).is_some_and(|latch| latch.key() == visit.key(0));
        drop(queues);
        evicting.join().unwrap();
        assert!(!stale);
    });
    let mut seen = [0];
    file.read_exact_at(&mut seen, 0).unwrap();
    assert_eq!(seen, [2]);
}

/// Invariant 7, where the page leaves with a shared claim: after a write-through that failed, if another thread has
/// read it in again meanwhile.
#[test]
fn a_page_that_is_in_another_frame_is_not_read_from_the_one_that_it_has_left() {
    let cache: PageCache = PageCache::with_options(Options::new(16).flush_interval(Duration::MAX));
    let file = cache.open(MemStore::new()).unwrap();
    // Brought in one after the other, so that the frame of the first is guessed.
    file.write_all_at(&[1; 8 * PAGE as usize], 0).unwrap();
    file.sync_all().unwrap();
    let visit = visit(&cache.shared.pool, 1).unwrap();
    let page = visit.find_locked(0).unwrap();
    visit.unlink(&page);
    let seen = thread::scope(|scope| {
        let writes = || {
            file.write_all_at(&[2; PAGE as usize], 0).unwrap();
            let mut seen = [0];
            file.read_exact_at(&mut seen, 0).unwrap();
            seen[0]
        };
        scope.spawn(writes).join().unwrap()
    });
    drop(page.retire());
    assert_eq!(seen, 2);
}
