//! Panics of what the caller passes in.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{RawWaker, RawWakerVTable};

use super::*;

fn panics<T>(code: impl FnOnce() -> T) {
    assert!(catch_unwind(AssertUnwindSafe(code)).is_err());
}

#[test]
fn a_spawn_that_panics_leaves_nothing_held() {
    let (cache, file, store) = open(64, 4);
    panics(|| ready(&mut pin!(file.page_async(1, never))).map(drop));
    panics(|| ready(&mut pin!(file.page_mut_async(1, never))).map(drop));
    panics(|| ready(&mut pin!(file.pin_async(1, never))).map(drop));
    // It has begun the work.
    let begun = |work: BlockingWork| {
        work();
        panic!("after the work");
    };
    panics(|| ready(&mut pin!(file.page_mut_async(1, begun))).map(drop));
    file.write_all_at(b"x", PAGE).unwrap();
    drop((file, cache));
    assert_eq!(Arc::strong_count(&store), 1);
}

#[test]
fn work_may_run_where_it_is_spawned_or_before_spawn_returns() {
    let (_cache, file, _store) = open(64, 4);
    assert_eq!(ready(&mut pin!(file.page_async(1, |work| work()))).unwrap()[0], 1);
    let at_once = |work| thread::spawn(work).join().unwrap();
    assert_eq!(ready(&mut pin!(file.page_mut_async(2, at_once))).unwrap()[0], 2);
    assert_eq!(ready(&mut pin!(file.pin_async(3, at_once))).unwrap().number(), 3);
}

/// What `spawn` returns is dropped by the poll.
#[test]
fn what_spawn_returns_may_panic_when_it_is_dropped() {
    struct Handle;
    impl Drop for Handle {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    let (_cache, file, _store) = open(64, 4);
    let spawn = |work| {
        thread::spawn(work).join().unwrap();
        Handle
    };
    panics(|| ready(&mut pin!(file.page_async(1, spawn))).map(drop));
    file.write_all_at(b"x", PAGE).unwrap();
}

/// A task whose waker panics when it is woken, and when it is dropped without that.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("woken");
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        assert!(thread::panicking(), "dropped");
    }
}

/// Lets the future keep the last reference to such a task.
fn poll_once<F: Future>(future: &mut Pin<&mut F>) {
    let waker = Waker::from(Arc::new(Panics));
    assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
}

#[test]
fn a_waker_that_panics_when_it_is_woken_or_dropped_interrupts_nothing() {
    let (_cache, file, _store) = open(64, 4);
    let queue = Queue::default();
    let mut woken = pin!(file.page_async(1, queue.spawn()));
    poll_once(&mut woken);
    queue.run();
    assert_eq!(ready(&mut woken).unwrap()[0], 1);

    let mut replaced = pin!(file.page_mut_async(2, queue.spawn()));
    poll_once(&mut replaced);
    poll_once(&mut replaced);
    assert!(poll(&mut replaced).is_pending());
    queue.run();
    assert_eq!(ready(&mut replaced).unwrap()[0], 2);

    for _ in 0..2 {
        {
            let mut dropped = pin!(file.pin_async(3, queue.spawn()));
            poll_once(&mut dropped);
        }
        queue.run();
    }
    let mut lost = pin!(file.page_async(3, queue.spawn()));
    poll_once(&mut lost);
    drop(queue.0.take());
    ready(&mut lost).unwrap_err();
    file.write_all_at(&[1; 4 * PAGE_SIZE], 0).unwrap();
}

fn panic_in_clone(_: *const ()) -> RawWaker {
    panic!("cloned");
}

fn nothing(_: *const ()) {}

/// The panic is the poll's. The work that has begun ends, and nothing stays held.
#[test]
fn a_waker_that_panics_when_it_is_cloned_leaves_nothing_held() {
    static TABLE: RawWakerVTable = RawWakerVTable::new(panic_in_clone, nothing, nothing, nothing);
    // SAFETY: there is no data, and the functions are safe to call from any thread.
    let waker = unsafe { Waker::new(std::ptr::null(), &TABLE) };
    let context = &mut Context::from_waker(&waker);
    let (cache, file, store) = open(64, 4);
    let queue = Queue::default();
    {
        let mut shared = pin!(file.page_async(1, queue.spawn()));
        panics(|| shared.as_mut().poll(context).map(drop));
        let mut exclusive = pin!(file.page_mut_async(2, queue.spawn()));
        panics(|| exclusive.as_mut().poll(context).map(drop));
        let mut pinned = pin!(file.pin_async(3, queue.spawn()));
        panics(|| pinned.as_mut().poll(context).map(drop));
        queue.run();
    }
    file.write_all_at(&[2; 4 * PAGE_SIZE], 0).unwrap();
    cache.set_capacity(16).unwrap();
    drop((file, cache));
    assert_eq!(Arc::strong_count(&store), 1);
}
