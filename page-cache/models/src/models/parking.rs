//! Threads that park on a frame are woken: loom reports a thread that waits for ever.

use loom::thread;

use super::{Cache, explore, page};

#[test]
fn the_end_of_a_page_lock_wakes_the_threads_that_wait_for_it() {
    explore(2, || {
        let cache = Cache::new(1);
        cache.make(page(1), 1);
        let others = [(); 2].map(|()| {
            let cache = cache.clone();
            thread::spawn(move || {
                let page = cache.index.find(&cache.frames, page(1)).unwrap().lock();
                cache.fill(&page, 2);
            })
        });
        {
            let page = cache.index.find(&cache.frames, page(1)).unwrap().lock();
            cache.fill(&page, 2);
        }
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
