//! Readers of hot pages, which are counted in words of their own.

use loom::thread;

use super::guards::look;
use super::{Cache, explore, page};
use crate::page::Key;
use crate::pages::frame::WaitLimit;
use crate::pages::frame::guard::SharedGuard;

const FILE: usize = 1;

/// Makes the frame of a page hot, if it is cached.
fn heat(cache: &Cache, number: u64) {
    if let Some(frame) = cache.index.peek(&cache.frames, page(number)) {
        frame.heat();
    }
}

/// A cache of one frame, with a hot page of ones.
fn hot() -> loom::sync::Arc<Cache> {
    let cache = Cache::new(1);
    cache.make(page(1), 1);
    heat(&cache, 1);
    cache
}

/// Writes a page, waiting for its readers.
fn write(cache: &Cache, number: u64, bytes: u64) {
    let page = cache.index.find(&cache.frames, page(number)).unwrap().lock();
    let latch = page.latch();
    cache.write(page.frame(), bytes);
    drop(latch);
}

/// Fails without one of the two barriers, and if the reader does not look at the header again.
#[test]
fn a_reader_of_a_hot_page_and_a_writer_exclude_each_other() {
    explore(2, || {
        let cache = hot();
        let writes = {
            let cache = cache.clone();
            thread::spawn(move || write(&cache, 1, 2))
        };
        let (first, second) = (cache.read(page(1)), cache.read(page(1)));
        assert!(first.is_some_and(|bytes| [1, 2].contains(&bytes)));
        assert!(second == Some(2) || first == Some(1) && second == Some(1));
        writes.join().unwrap();
        assert_eq!(cache.read(page(1)), Some(2));
    });
}

/// Fails if a word is marked before its reader is counted, or the reader does not acquire the mark.
#[test]
fn a_writer_waits_for_a_guard_in_a_word_and_for_a_reader() {
    explore(1, || {
        let cache = hot();
        let looks = {
            let cache = cache.clone();
            thread::spawn(move || look(&cache, 1))
        };
        let reads = {
            let cache = cache.clone();
            thread::spawn(move || cache.read(page(1)))
        };
        write(&cache, 1, 2);
        assert!(looks.join().unwrap().is_none_or(|bytes| [1, 2].contains(&bytes)));
        assert!(reads.join().unwrap().is_some_and(|bytes| [1, 2].contains(&bytes)));
        // They are counted nowhere any more: this does not wait for ever.
        write(&cache, 1, 3);
    });
}

#[test]
fn a_reader_of_a_hot_page_sees_no_byte_of_the_page_for_which_its_frame_is_reused() {
    explore(3, || {
        let cache = hot();
        let reuses = {
            let cache = cache.clone();
            thread::spawn(move || {
                let reused = cache.evict(page(1)) && cache.make(page(2), 2);
                heat(&cache, 2);
                reused
            })
        };
        assert!([None, Some(1)].contains(&look(&cache, 1)));
        assert!([None, Some(2)].contains(&cache.read(page(2))));
        let reused = reuses.join().unwrap();
        assert_eq!(cache.read(page(2)), reused.then_some(2));
    });
}

/// The thread that waits for guards is woken by the last of them, wherever they were counted.
#[test]
fn an_exclusive_guard_of_a_hot_page_waits_for_two_shared_ones() {
    explore(1, || {
        let cache = hot();
        let looks = [(); 2].map(|()| {
            let cache = cache.clone();
            thread::spawn(move || {
                heat(&cache, 1);
                look(&cache, 1)
            })
        });
        {
            let pin = cache.index.find(&cache.frames, page(1)).unwrap();
            let guard = pin.guard_exclusively(FILE, WaitLimit::Unlimited).unwrap();
            cache.write(pin.frame(), 2);
            drop(guard);
        }
        for look in looks {
            assert!(look.join().unwrap().is_none_or(|bytes| [1, 2].contains(&bytes)));
        }
    });
}

/// The second guard is granted while a writer waits for the first, although the first is not counted in the header yet.
#[test]
fn a_thread_with_a_guard_in_a_word_gets_another_beside_a_writer_that_waits() {
    explore(3, || {
        let cache = hot();
        let writes = {
            let cache = cache.clone();
            thread::spawn(move || write(&cache, 1, 2))
        };
        {
            let pin = cache.index.find(&cache.frames, page(1)).unwrap();
            if let Some(first) = SharedGuard::try_new(&cache.frames, pin.frame(), FILE) {
                let second = pin.guard(FILE, WaitLimit::Unlimited).unwrap();
                assert!([1, 2].contains(&cache.see(pin.frame())));
                drop((first, second));
            }
        }
        writes.join().unwrap();
        write(&cache, 1, 3);
    });
}

/// A reader's word contains the number of the frame. The reader knows the frame from a guess only.
#[test]
fn a_reader_that_guesses_a_new_hot_frame_is_seen_by_a_writer() {
    explore(3, || {
        let cache = Cache::new(2);
        let [first, second] = [0, 1].map(|page| Key { file: 1, page });
        cache.make(first, 1);
        let reads = {
            let cache = cache.clone();
            thread::spawn(move || cache.read(second))
        };
        cache.make(second, 2);
        cache.index.peek(&cache.frames, second).unwrap().heat();
        let page = cache.index.find(&cache.frames, second).unwrap().lock();
        let latch = page.latch();
        cache.write(page.frame(), 3);
        drop(latch);
        assert!([None, Some(2), Some(3)].contains(&reads.join().unwrap()));
    });
}
