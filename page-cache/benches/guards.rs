//! What a guard of a cached page costs, beside a `parking_lot` read lock: in turns, as the least of many rounds, in
//! nanoseconds an operation. With `--test` it takes one short round of each.
//!
//! `cargo bench -p spanlock-page-cache --bench guards`

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use parking_lot::RwLock;
use spanlock_page_cache::{File, MemStore, PAGE_SIZE, PageCache, PagePin};

const PAGES: u64 = 64;
const COPIED: usize = 64;

/// A page as it is, and behind each lock.
struct Pages {
    locks: Vec<RwLock<Box<[u8; PAGE_SIZE]>>>,
    file: File,
    pins: Vec<PagePin>,
}

/// One way to read a page, by its number, of which the first bytes are copied.
type Way = (&'static str, fn(&Pages, u64, &mut [u8]));

fn by_lock(pages: &Pages, number: u64, to: &mut [u8]) {
    let page = pages.locks[number as usize].read();
    to.copy_from_slice(&page[..to.len()]);
}

fn by_guard(pages: &Pages, number: u64, to: &mut [u8]) {
    let page = pages.file.page(number).unwrap();
    to.copy_from_slice(&page[..to.len()]);
}

fn by_pin(pages: &Pages, number: u64, to: &mut [u8]) {
    let page = pages.pins[number as usize % pages.pins.len()].page().unwrap();
    to.copy_from_slice(&page[..to.len()]);
}

fn by_read(pages: &Pages, number: u64, to: &mut [u8]) {
    pages.file.read_at(to, number * PAGE_SIZE as u64).unwrap();
}

fn exclusively_by_lock(pages: &Pages, number: u64, to: &mut [u8]) {
    let mut page = pages.locks[number as usize].write();
    page[..to.len()].copy_from_slice(to);
}

fn exclusively_by_guard(pages: &Pages, number: u64, to: &mut [u8]) {
    let mut page = pages.file.page_mut(number).unwrap();
    page[..to.len()].copy_from_slice(to);
}

/// Nanoseconds an operation, of threads that read a page each: their own, or the same.
fn round(pages: &Pages, way: Way, operations: u32, threads: u64, own: u64, copied: usize) -> f64 {
    let start = Barrier::new(threads as usize);
    let one = |thread: u64| {
        let mut to = [0; COPIED];
        let number = black_box(thread * own);
        start.wait();
        let begun = Instant::now();
        for _ in 0..operations {
            way.1(pages, black_box(number), black_box(&mut to[..copied]));
        }
        begun.elapsed()
    };
    let longest = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|thread| scope.spawn(move || one(thread))).collect();
        let mine = one(0);
        others.into_iter().map(|other| other.join().unwrap()).fold(mine, Ord::max)
    });
    longest.as_nanos() as f64 / f64::from(operations)
}

fn main() {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let (rounds, operations) = if is_test { (1, 1_000) } else { (40, 200_000) };
    let cache = PageCache::new(4 * PAGES as usize);
    let file = cache.open(MemStore::new()).unwrap();
    file.write_all_at(&vec![1; PAGES as usize * PAGE_SIZE], 0).unwrap();
    let pages = Pages {
        locks: (0..PAGES).map(|_| RwLock::new(Box::new([1; PAGE_SIZE]))).collect(),
        pins: (0..4).map(|page| file.pin(page).unwrap()).collect(),
        file,
    };
    let shared: [Way; 4] =
        [("rwlock", by_lock), ("page", by_guard), ("pin.page", by_pin), ("read_at", by_read)];
    let exclusive: [Way; 2] =
        [("rwlock write", exclusively_by_lock), ("page_mut", exclusively_by_guard)];
    let cases: [(&str, &[Way], u64, u64, usize); 5] = [
        ("one thread, 1 byte", &shared, 1, 1, 1),
        ("one thread, 64 bytes", &shared, 1, 1, COPIED),
        ("two threads, a page each, 64 bytes", &shared, 2, 1, COPIED),
        ("two threads, one page, 64 bytes", &shared, 2, 0, COPIED),
        ("one thread, 64 bytes written", &exclusive, 1, 1, COPIED),
    ];
    for (case, ways, threads, own, copied) in cases {
        let mut least = vec![f64::INFINITY; ways.len()];
        for _ in 0..rounds {
            for (least, &way) in least.iter_mut().zip(ways) {
                *least = least.min(round(&pages, way, operations, threads, own, copied));
            }
        }
        println!("{case}");
        for (&(name, _), nanoseconds) in ways.iter().zip(&least) {
            println!("  {name:<14} {nanoseconds:7.1} ns  {:5.2}", nanoseconds / least[0]);
        }
    }
}
