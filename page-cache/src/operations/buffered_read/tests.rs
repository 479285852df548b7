//! Reads into memory that is absent, evicted, or a mapping of what is read.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::address_space::Point;
use crate::observed::{ObservedFile, observed};
use crate::{AddressSpace, File, MemStore, PAGE_SIZE, PageCache};
use spanlock::Access;

const PAGE: u64 = PAGE_SIZE as u64;

/// Invariant 8.
#[test]
fn a_read_whose_copy_is_short_still_returns_one_state_of_the_page() {
    let file: File = PageCache::new(64).open(MemStore::new()).unwrap();
    file.write_all_at(&[1; PAGE_SIZE], 0).unwrap();
    let memory: Arc<AddressSpace> = Arc::default();
    let target = memory.map_anonymous(2 * PAGE).unwrap();
    memory.populate(target.clone()).unwrap();
    let (evicting, range) = (Arc::downgrade(&memory), target.clone());
    let (writing, copied) = (file.clone(), AtomicUsize::new(0));
    memory.set_hook(move |point| {
        if point != Point::CopiedPart || copied.fetch_add(1, Ordering::Relaxed) > 0 {
            return;
        }
        // Reclaim, which is another thread: this one has the page that it reads latched.
        let (memory, range) = (evicting.upgrade().unwrap(), range.clone());
        thread::spawn(move || memory.evict(range).unwrap()).join().unwrap();
        // A writer gets the latch as soon as this thread releases it, and before it comes back.
        let writer = writing.clone();
        thread::spawn(move || writer.write_all_at(&[2; PAGE_SIZE], 0).unwrap());
        while !writing.inode().find(0).unwrap().frame().state().is_latched() {
            thread::yield_now();
        }
    });
    let segment = target.start + 100..target.start + 100 + PAGE;
    assert_eq!(file.read_into(&memory, std::slice::from_ref(&segment), 0).unwrap(), PAGE_SIZE);
    let mut bytes = [0; PAGE_SIZE];
    memory.load(segment.start, &mut bytes).unwrap();
    assert_eq!(bytes, [2; PAGE_SIZE]);
}

/// C3.
#[test]
fn memory_that_is_a_mapping_of_the_page_that_is_read_gets_it_as_it_was() {
    for evicted in [true, false] {
        let file: File = PageCache::new(64).open(MemStore::new()).unwrap();
        let mut expected: Vec<u8> = (0..PAGE_SIZE).map(|at| at as u8).collect();
        file.write_all_at(&expected, 0).unwrap();
        let memory = AddressSpace::new();
        let mapped = memory.map_file(&file, 0..PAGE).unwrap();
        memory.store(mapped.start, &[0]).unwrap();
        if evicted {
            memory.evict(mapped.clone()).unwrap();
        }
        let segment = mapped.start + 300..mapped.start + 1300;
        assert_eq!(file.read_into(&memory, std::slice::from_ref(&segment), 0).unwrap(), 1000);
        expected.copy_within(..1000, 300);
        let mut bytes = [0; PAGE_SIZE];
        memory.load(mapped.start, &mut bytes).unwrap();
        assert_eq!(bytes[..], expected);
    }
}

#[test]
fn a_read_past_the_end_is_no_miss_and_fills_nothing() {
    let cache: PageCache = PageCache::new(64);
    let file = cache.open(MemStore::new()).unwrap();
    file.set_len(10 * PAGE - 100).unwrap();
    for offset in [10 * PAGE - 100, 10 * PAGE - 50, 10 * PAGE, 20 * PAGE] {
        assert_eq!(file.read_at(&mut [0], offset).unwrap(), 0);
    }
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.fills), (0, 0, 0));
}

/// C4. Invariant 5.
#[test]
fn a_read_that_waited_for_a_truncation_finds_the_new_end_and_creates_no_page() {
    let ObservedFile { file, mapping, .. } = observed(MemStore::new());
    file.set_len(3 * PAGE).unwrap();
    let mapped = file.map(0..3 * PAGE).unwrap();
    let claim = file.inode().claim(Access::Truncate, PAGE..u64::MAX);
    thread::scope(|scope| {
        let read = scope.spawn(|| file.read_at(&mut [0; 10], 2 * PAGE).unwrap());
        mapping.until_waited_for(Access::BufferedRead);
        let load = scope.spawn(|| mapped.load(2 * PAGE, &mut [0]).unwrap_err().kind());
        mapping.until_waited_for(Access::Fault);
        file.inode().cut_cache(PAGE, &claim);
        drop(claim);
        assert_eq!(read.join().unwrap(), 0);
        assert_eq!(load.join().unwrap(), ErrorKind::UnexpectedEof);
    });
    assert_eq!(file.inode().resident_in(0..u64::MAX), []);
}
