//! Cached pages of a thread's own: 4 KiB, 64 bytes and a byte of them.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use parking_lot::RwLock;
use spanlock_page_cache::{File, MemStore, Options, PAGE_SIZE, PageCache};

use crate::figure::{Aim, Effort, Figure, in_turns, time};
use crate::processors::keep_apart;

/// 256 KiB: the copies come out of the second-level cache.
const PAGES: u64 = 64;
const PAGE: u64 = PAGE_SIZE as u64;

/// Memory that starts where a page of the cache does: what a copy costs depends on that.
#[repr(align(4096))]
#[derive(Clone)]
pub struct Aligned(pub [u8; PAGE_SIZE]);

/// A file whose pages are all in the cache and dirty, far below the limit, and whose flusher sleeps.
pub fn filled(pages: u64) -> File {
    let frames = 16 * pages as usize;
    let options =
        Options::new(frames).dirty_limit(frames).flush_interval(Duration::from_secs(3600));
    let file = PageCache::with_options(options).open(MemStore::new()).expect("the store opens");
    file.write_all_at(&vec![1; pages as usize * PAGE_SIZE], 0).expect("memory does not fail");
    file
}

pub fn figures(effort: Effort) -> Vec<Figure> {
    let mut figures = whole_pages(effort);
    figures.extend(small_reads(effort));
    figures.push(small_writes(effort));
    figures
}

fn whole_pages(effort: Effort) -> Vec<Figure> {
    let operations = effort.operations(50_000);
    let file = filled(PAGES);
    let mut memory = vec![Aligned([1; PAGE_SIZE]); PAGES as usize];
    let source = Aligned([2; PAGE_SIZE]);
    let overwrite = in_turns(
        effort,
        || time(operations, |turn| overwrite(&file, &source, turn % PAGES)),
        || {
            time(operations, |turn| {
                memory[(turn % PAGES) as usize].0.copy_from_slice(&black_box(&source).0);
                black_box(&mut memory);
            })
        },
    );
    let disjoint =
        in_turns(effort, || two_writers(&file, operations), || one_writer(&file, operations));
    let copied =
        in_turns(effort, || together(|_| copies(operations)), || alone(|| copies(operations)));
    vec![
        Figure::ratio(
            "4 KiB overwrite of a cached page, over a copy of 4 KiB",
            Aim::MustAndGoal(1.9, 1.6),
            overwrite,
        ),
        Figure::ratio(
            "the same by two threads on disjoint parts, over one thread",
            Aim::MustAndGoal(0.57, 0.526),
            disjoint,
        ),
        Figure::ratio(
            "copies of 4 KiB by two threads in memory of their own, over one thread",
            Aim::None,
            copied,
        ),
    ]
}

fn overwrite(file: &File, source: &Aligned, page: u64) {
    let wrote = file.write_at(&black_box(source).0, page * PAGE);
    assert_eq!(wrote.expect("memory does not fail"), PAGE_SIZE);
}

/// On a thread of its own, as the two are.
fn one_writer(file: &File, operations: u64) -> f64 {
    let source = Aligned([3; PAGE_SIZE]);
    alone(|| time(operations, |turn| overwrite(file, &source, turn % (PAGES / 2))))
}

fn two_writers(file: &File, operations: u64) -> f64 {
    together(|thread| {
        let source = Aligned([3; PAGE_SIZE]);
        let first = thread as u64 * PAGES / 2;
        time(operations, |turn| overwrite(file, &source, first + turn % (PAGES / 2)))
    })
}

/// Copies into memory of the thread's own: what two processors gain where nothing is shared.
fn copies(operations: u64) -> f64 {
    let source = Aligned([3; PAGE_SIZE]);
    let mut memory = vec![Aligned([1; PAGE_SIZE]); PAGES as usize / 2];
    time(operations, |turn| {
        memory[(turn % (PAGES / 2)) as usize].0.copy_from_slice(&black_box(&source).0);
        black_box(&mut memory);
    })
}

fn alone(one: impl FnOnce() -> f64 + Send) -> f64 {
    let pinned = || {
        keep_apart(0, 2);
        one()
    };
    thread::scope(|scope| scope.spawn(pinned).join().expect("no operation panics"))
}

/// Wall time over the operations of both.
fn together(one: impl Fn(usize) -> f64 + Sync) -> f64 {
    let barrier = Barrier::new(2);
    let one = |thread| {
        keep_apart(thread, 2);
        barrier.wait();
        one(thread)
    };
    let one = &one;
    thread::scope(|scope| {
        let threads = [0, 1].map(|thread| scope.spawn(move || one(thread)));
        let times = threads.map(|thread| thread.join().expect("no operation panics"));
        times[0].max(times[1]) / 2.0
    })
}

fn small_reads(effort: Effort) -> Vec<Figure> {
    let operations = effort.operations(100_000);
    let file = filled(PAGES);
    let locks: Vec<_> = (0..PAGES).map(|_| RwLock::new(Box::new([1u8; PAGE_SIZE]))).collect();
    let pin = file.pin(1).expect("the page is cached");
    let byte_by_lock = || {
        time(operations, |_| {
            black_box(locks[black_box(1)].read()[0]);
        })
    };
    let byte_by_pin = || {
        time(operations, |_| {
            black_box(black_box(&pin).page().expect("the page is cached")[0]);
        })
    };
    let mut to = [0; 64];
    let mut by_lock = || {
        time(operations, |_| {
            let page = locks[black_box(1)].read();
            black_box(&mut to).copy_from_slice(&page[..64]);
        })
    };
    let mut to = [0; 64];
    let mut by_page = || {
        time(operations, |_| {
            let page = file.page(black_box(1)).expect("the page is cached");
            black_box(&mut to).copy_from_slice(&page[..64]);
        })
    };
    let mut to = [0; 64];
    let mut by_read = || {
        time(operations, |_| {
            let read = file.read_at(black_box(&mut to), black_box(PAGE));
            assert_eq!(read.expect("memory does not fail"), 64);
        })
    };
    let pinned = in_turns(effort, byte_by_pin, byte_by_lock);
    let read = in_turns(effort, &mut by_read, &mut by_page);
    let page = in_turns(effort, &mut by_page, &mut by_lock);
    let read_over_lock = in_turns(effort, &mut by_read, &mut by_lock);
    vec![
        Figure::ratio(
            "a guard of a pinned page, over locking and unlocking a `parking_lot` rwlock for reading",
            Aim::MustAndGoal(1.5, 1.2),
            pinned,
        ),
        Figure::ratio(
            "64 bytes by `read_at`, over the same with a page guard",
            Aim::Must(1.5),
            read,
        ),
        Figure::ratio(
            "64 bytes with a page guard, over the same under the rwlock",
            Aim::Must(1.5),
            page,
        ),
        Figure::ratio(
            "64 bytes by `read_at`, over the same under the rwlock",
            Aim::None,
            read_over_lock,
        ),
    ]
}

fn small_writes(effort: Effort) -> Figure {
    let operations = effort.operations(100_000);
    let file = filled(PAGES);
    let locks: Vec<_> = (0..PAGES).map(|_| RwLock::new(Box::new([1u8; PAGE_SIZE]))).collect();
    let from = [2; 64];
    let rounds = in_turns(
        effort,
        || {
            time(operations, |_| {
                let mut page = file.page_mut(black_box(1)).expect("the page is cached");
                page[..64].copy_from_slice(black_box(&from));
            })
        },
        || {
            time(operations, |_| {
                locks[black_box(1)].write()[..64].copy_from_slice(black_box(&from));
            })
        },
    );
    Figure::ratio(
        "64 bytes with an exclusive guard, over the same under the rwlock",
        Aim::None,
        rounds,
    )
}
