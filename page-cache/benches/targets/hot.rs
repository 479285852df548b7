//! One page that two threads read.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;

use parking_lot::RwLock;
use spanlock_page_cache::PAGE_SIZE;

use crate::cached::filled;
use crate::figure::{Aim, Effort, Figure, in_turns, time};
use crate::processors::keep_apart;

/// The longer time of two threads that do the same.
fn two(operations: u64, operation: impl Fn(&mut [u8; 64], u64) + Sync) -> f64 {
    let (barrier, operation) = (Barrier::new(2), &operation);
    let one = |thread: usize| {
        keep_apart(thread, 2);
        let mut to = [0; 64];
        barrier.wait();
        time(operations, |turn| operation(black_box(&mut to), turn))
    };
    let one = &one;
    thread::scope(|scope| {
        let threads = [0, 1].map(|thread| scope.spawn(move || one(thread)));
        let times = threads.map(|thread| thread.join().expect("no operation panics"));
        times[0].max(times[1])
    })
}

pub fn figures(effort: Effort) -> Vec<Figure> {
    let operations = effort.operations(50_000);
    let file = filled(16);
    let lock = RwLock::new(Box::new([1u8; PAGE_SIZE]));
    let by_lock = || {
        two(operations, |to, _| {
            let page = black_box(&lock).read();
            to.copy_from_slice(&page[..64]);
        })
    };
    let by_guard = || {
        two(operations, |to, _| {
            let page = file.page(black_box(0)).expect("the page is cached");
            to.copy_from_slice(&page[..64]);
        })
    };
    let by_read = || {
        two(operations, |to, _| {
            let read = file.read_at(to, black_box(0));
            assert_eq!(read.expect("memory does not fail"), 64);
        })
    };
    let mix = |writes: u64| {
        let by_lock = || {
            two(operations, |to, turn| match turn % writes {
                0 => black_box(&lock).write()[..64].copy_from_slice(to),
                _ => to.copy_from_slice(&black_box(&lock).read()[..64]),
            })
        };
        let by_cache = || {
            two(operations, |to, turn| {
                let done = match turn % writes {
                    0 => file.write_at(to, black_box(0)),
                    _ => file.read_at(to, black_box(0)),
                };
                assert_eq!(done.expect("memory does not fail"), 64);
            })
        };
        in_turns(effort, by_cache, by_lock)
    };
    let guards = in_turns(effort, by_guard, by_lock);
    let reads = in_turns(effort, by_read, by_lock);
    vec![
        Figure::ratio(
            "64 bytes of one page with guards by two threads, over two readers of one rwlock",
            Aim::MustAndGoal(1.0, 0.3),
            guards,
        ),
        Figure::ratio(
            "64 bytes of one page by `read_at` by two threads, over the same",
            Aim::None,
            reads,
        ),
        Figure::ratio(
            "the same, with one write among 100 reads, over the same with one rwlock",
            Aim::None,
            mix(100),
        ),
        Figure::ratio("the same, with one among 10", Aim::None, mix(10)),
    ]
}
