//! Guards: readers and writers that stay.

use loom::thread;

use super::{Cache, explore, page};
use crate::pages::frame::WaitLimit;
use crate::pages::frame::guard::{ExclusiveGuard, SharedGuard};

/// Any address of a file.
const FILE: usize = 1;

/// Looks at a page through a shared guard, if that is possible without waiting.
pub(super) fn look(cache: &Cache, number: u64) -> Option<u64> {
    let frame = cache.index.peek(&cache.frames, page(number))?;
    let guard = SharedGuard::try_new(&cache.frames, frame, FILE)?;
    (guard.key() == page(number)).then(|| cache.see(frame))
}

/// Changes a page through an exclusive guard, if that is possible without waiting.
fn change(cache: &Cache, number: u64, bytes: u64) -> bool {
    let Some(frame) = cache.index.peek(&cache.frames, page(number)) else { return false };
    let Some(guard) = ExclusiveGuard::try_new(&cache.frames, frame, FILE) else { return false };
    if guard.key() != page(number) {
        return false;
    }
    cache.write(frame, bytes);
    guard.set_dirty();
    true
}

#[test]
fn a_shared_guard_sees_no_byte_of_the_page_for_which_its_frame_is_reused() {
    explore(3, || {
        let cache = Cache::new(1);
        cache.make(page(1), 1);
        let reuses = {
            let cache = cache.clone();
            thread::spawn(move || cache.evict(page(1)) && cache.make(page(2), 2))
        };
        assert!([None, Some(1)].contains(&look(&cache, 1)));
        assert!([None, Some(2)].contains(&look(&cache, 2)));
        let reused = reuses.join().unwrap();
        assert_eq!(look(&cache, 2), reused.then_some(2));
    });
}

#[test]
fn an_exclusive_guard_changes_no_page_for_which_the_frame_is_reused() {
    explore(3, || {
        let cache = Cache::new(1);
        cache.make(page(1), 1);
        let reuses = {
            let cache = cache.clone();
            thread::spawn(move || cache.evict(page(1)) && cache.make(page(2), 2))
        };
        let changed = change(&cache, 1, 3);
        let reused = reuses.join().unwrap();
        assert!(!(changed && reused));
        let expected = if reused { (page(2), 2) } else { (page(1), if changed { 3 } else { 1 }) };
        assert_eq!(cache.read(expected.0), Some(expected.1));
    });
}

/// The thread that waits for shared guards then has the bytes to itself.
#[test]
fn a_writer_waits_for_the_last_of_two_shared_guards() {
    explore(2, || {
        let cache = Cache::new(1);
        cache.make(page(1), 1);
        let looks = [(); 2].map(|()| {
            let cache = cache.clone();
            thread::spawn(move || look(&cache, 1))
        });
        {
            let page = cache.index.find(&cache.frames, page(1)).unwrap().lock();
            let latch = page.latch();
            cache.write(page.frame(), 2);
            drop(latch);
        }
        for look in looks {
            assert!(look.join().unwrap().is_none_or(|bytes| [1, 2].contains(&bytes)));
        }
    });
}

#[test]
fn an_exclusive_guard_that_waits_a_shared_one_and_a_reader() {
    explore(1, || {
        let cache = Cache::new(1);
        cache.make(page(1), 1);
        let looks = {
            let cache = cache.clone();
            thread::spawn(move || look(&cache, 1))
        };
        let reads = {
            let cache = cache.clone();
            thread::spawn(move || cache.read(page(1)))
        };
        {
            let pin = cache.index.find(&cache.frames, page(1)).unwrap();
            let guard = pin.guard_exclusively(FILE, WaitLimit::Unlimited).unwrap();
            cache.write(pin.frame(), 2);
            let shared = guard.downgrade();
            assert_eq!(cache.see(pin.frame()), 2);
            drop(shared);
        }
        assert!(looks.join().unwrap().is_none_or(|bytes| [1, 2].contains(&bytes)));
        assert!(reads.join().unwrap().is_some_and(|bytes| [1, 2].contains(&bytes)));
    });
}

/// A shared guard that waits, for an exclusive one and for a store through a page table.
#[test]
fn a_shared_guard_that_waits_for_an_exclusive_one() {
    explore(3, || {
        let cache = Cache::new(1);
        cache.make(page(1), 1);
        let changes = {
            let cache = cache.clone();
            thread::spawn(move || change(&cache, 1, 2))
        };
        let pin = cache.index.find(&cache.frames, page(1)).unwrap();
        let guard = pin.guard(FILE, WaitLimit::Unlimited).unwrap();
        let seen = cache.see(pin.frame());
        assert!([1, 2].contains(&seen));
        drop(guard);
        let changed = changes.join().unwrap();
        assert_eq!(cache.read(page(1)), Some(if changed { 2 } else { 1 }));
    });
}
