//! Writers: the latch excludes readers and other writers, and a write hit finds the page that it looked for.

use loom::thread;

use super::{Cache, explore, page};
use crate::pages::frame::WriteHit;

/// As `Inode::write_hit`: page lock and latch in one step.
fn write_hit(cache: &Cache, number: u64, bytes: u64) -> bool {
    let Some(frame) = cache.index.peek(&cache.frames, page(number)) else { return false };
    let Some(hit) = WriteHit::try_new(&cache.frames, frame) else { return false };
    if hit.key() != page(number) {
        return false;
    }
    cache.write(frame, bytes);
    hit.set_dirty();
    true
}

#[test]
fn a_write_hit_changes_no_page_for_which_the_frame_is_reused() {
    explore(3, || {
        let cache = Cache::new(1);
        cache.make(page(1), 1);
        let reuses = {
            let cache = cache.clone();
            thread::spawn(move || cache.evict(page(1)) && cache.make(page(2), 2))
        };
        let wrote = write_hit(&cache, 1, 3);
        let reused = reuses.join().unwrap();
        assert_eq!(cache.read(page(2)), reused.then_some(2));
        if !reused {
            assert_eq!(cache.read(page(1)), Some(if wrote { 3 } else { 1 }));
        }
    });
}

/// A page that a write hit has made dirty is not evicted.
#[test]
fn a_write_hit_and_an_eviction_lose_no_byte() {
    explore(3, || {
        let cache = Cache::new(1);
        cache.make(page(1), 1);
        let evicts = {
            let cache = cache.clone();
            thread::spawn(move || cache.evict(page(1)))
        };
        let wrote = write_hit(&cache, 1, 3);
        let evicted = evicts.join().unwrap();
        assert!(!(wrote && evicted));
        assert_eq!(cache.read(page(1)), (!evicted).then_some(if wrote { 3 } else { 1 }));
    });
}

#[test]
fn a_write_hit_a_latched_write_and_a_reader() {
    explore(2, || {
        let cache = Cache::new(1);
        cache.make(page(1), 1);
        let hits = {
            let cache = cache.clone();
            thread::spawn(move || write_hit(&cache, 1, 2))
        };
        let reads = {
            let cache = cache.clone();
            thread::spawn(move || cache.read(page(1)))
        };
        {
            let page = cache.index.find(&cache.frames, page(1)).unwrap().lock();
            let latch = page.latch();
            cache.write(page.frame(), 3);
            drop(latch);
        }
        let hit = hits.join().unwrap();
        assert!(reads.join().unwrap().is_some_and(|bytes| [1, 2, 3].contains(&bytes)));
        let last = cache.read(page(1)).unwrap();
        assert!(last == 3 || hit && last == 2);
    });
}

/// The thread that looked a page up by the index has it pinned, and finds after the wait for its lock that it left.
#[test]
fn a_pinned_frame_is_not_reused_and_the_last_reference_frees_it() {
    explore(3, || {
        let cache = Cache::new(1);
        cache.make(page(1), 1);
        let leaves = {
            let cache = cache.clone();
            thread::spawn(move || {
                cache.take_out(page(1));
                cache.make(page(2), 2)
            })
        };
        if let Some(pin) = cache.index.find(&cache.frames, page(1)) {
            let locked = pin.lock();
            if locked.key() == page(1) {
                assert!(cache.index.find(&cache.frames, page(1)).is_some());
                assert_eq!(cache.see(locked.frame()), 1);
                cache.fill(&locked, 3);
            }
        }
        let made = leaves.join().unwrap();
        assert!(made || cache.make(page(2), 2));
        assert_eq!(cache.read(page(2)), Some(2));
    });
}
