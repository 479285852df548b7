//! Threads that park on a frame are woken: loom reports a thread that waits for ever.

use loom::thread;

use super::{Cache, explore, page};
use crate::page::Key;
use crate::pages::frame::guard::ExclusiveGuard;

#[test]
fn the_end_of_a_page_lock_wakes_the_threads_that_wait_for_it() {
    explore(2, || {
        let cache = Cache::new(1);
        cache.make(page(1), 1);
        let locked = cache.index.find(&cache.frames, page(1)).unwrap().lock();
        let others = [(); 2].map(|()| {
            let cache = cache.clone();
            thread::spawn(move || {
                let page = cache.index.find(&cache.frames, page(1)).unwrap().lock();
                cache.write(page.frame(), 2);
            })
        });
        cache.write(locked.frame(), 2);
        drop(locked);
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

/// The request that sends a page reads its bytes without the page lock; the next holder waits for its end.
#[test]
fn the_end_of_a_writeback_wakes_the_thread_that_waits_for_it() {
    explore(3, || {
        let cache = Cache::new(1);
        cache.make(page(1), 1);
        let pin = {
            let page = cache.index.find(&cache.frames, page(1)).unwrap().lock();
            page.begin_writeback();
            page.pin()
        };
        let waits = {
            let cache = cache.clone();
            thread::spawn(move || {
                let page = cache.index.find(&cache.frames, page(1)).unwrap().lock();
                page.wait_for_writeback();
                cache.write(page.frame(), 2);
            })
        };
        assert_eq!(cache.see(pin.frame()), 1);
        pin.end_writeback();
        waits.join().unwrap();
        assert_eq!(cache.see(pin.frame()), 2);
    });
}

/// A page leaves while a thread waits for its lock.
#[test]
fn a_retirement_wakes_the_thread_that_waits_for_the_page() {
    explore(3, || {
        let cache = Cache::new(1);
        cache.make(page(1), 1);
        let waits = {
            let cache = cache.clone();
            thread::spawn(move || {
                let Some(pin) = cache.index.find(&cache.frames, page(1)) else { return };
                drop(pin.lock());
            })
        };
        cache.take_out(page(1));
        waits.join().unwrap();
        assert!(cache.make(page(2), 2));
    });
}

/// The number of a frame decides where a thread parks for it. The reader knows the frame from a guess only. (It is not
/// the thread that made the frames: once that has yielded, loom lets it read no value from before any more.)
#[test]
fn a_reader_that_guesses_a_new_frame_parks_where_it_is_woken() {
    explore(4, || {
        let cache = Cache::new(2);
        let [first, second] = [0, 1].map(|page| Key { file: 1, page });
        cache.make(first, 1);
        let reads = {
            let cache = cache.clone();
            // Where a guess leads to.
            thread::spawn(move || {
                let frame = cache.frames.get(1).unwrap();
                frame.read(&cache.frames).map(|_latch| cache.see(frame))
            })
        };
        cache.make(second, 2);
        let frame = cache.index.peek(&cache.frames, second).unwrap();
        if let Some(_guard) = ExclusiveGuard::try_new(&cache.frames, frame, 1) {
            cache.write(frame, 3);
        }
        assert!([None, Some(2), Some(3)].contains(&reads.join().unwrap()));
    });
}
