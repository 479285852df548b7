//! Writes whose memory is absent, bad, evicted, or a mapping of what is written.

mod threads;

use std::io::{ErrorKind, IoSlice};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use crate::address_space::Point;
use crate::observed::{Asked, Asking};
use crate::{AddressSpace, File, FileOptions, MemStore, PAGE_SIZE, PageCache, Store};
use spanlock::Access;

const PAGE: u64 = PAGE_SIZE as u64;

/// Anonymous memory with these bytes, none of it present.
fn absent(memory: &AddressSpace, bytes: &[u8]) -> Range<u64> {
    let start = memory.map_anonymous(bytes.len() as u64).unwrap().start;
    memory.store(start, bytes).unwrap();
    memory.evict(start..start + bytes.len() as u64).unwrap();
    start..start + bytes.len() as u64
}

/// A file that has these bytes in the cache.
fn file_of(bytes: &[u8]) -> (PageCache, File) {
    let cache = PageCache::new(64);
    let file = cache.open(MemStore::new()).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file.read_exact_at(&mut vec![0; bytes.len()], 0).unwrap();
    (cache, file)
}

fn bytes_of(file: &File) -> Vec<u8> {
    let mut bytes = vec![0xff; file.len() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

/// Counts how often memory was faulted in, and calls `then` with the count.
fn on_fault(
    memory: &AddressSpace,
    then: impl Fn(usize) + Send + Sync + 'static,
) -> Arc<AtomicUsize> {
    let faults: Arc<AtomicUsize> = Arc::default();
    let counted = Arc::clone(&faults);
    memory.set_hook(move |point| {
        if point == Point::FaultedIn {
            then(counted.fetch_add(1, Ordering::Relaxed) + 1);
        }
    });
    faults
}

/// A2. Invariant 13.
#[test]
fn empty_segments_between_those_that_are_absent_cost_no_fault_and_no_byte() {
    let memory: AddressSpace = AddressSpace::new();
    let (first, second) = (absent(&memory, &[1; 100]), absent(&memory, &[2; 50]));
    for cached in [0, PAGE_SIZE] {
        let (_cache, file) = file_of(&vec![9; cached]);
        memory.evict(1 << 16..second.end).unwrap();
        let faults = on_fault(&memory, |_| ());
        let segments = [7..7, first.clone(), 0..0, second.clone(), 5..5];
        assert_eq!(file.write_from(&memory, &segments, 10).unwrap(), 150);
        let bytes = bytes_of(&file);
        assert!(bytes[10..110] == [1; 100] && bytes[110..160] == [2; 50]);
        assert_eq!(faults.load(Ordering::Relaxed), 2);
    }
}

/// A3.
#[test]
fn a_page_is_prepared_once_however_many_segments_go_to_it() {
    let memory = AddressSpace::new();
    let source = absent(&memory, &[3; PAGE_SIZE]);
    let segments: Vec<_> = source.map(|address| address..address + 1).collect();
    let slices = [IoSlice::new(&[3]); PAGE_SIZE];
    for cached in [0, PAGE_SIZE] {
        for vectored in
            [&|file: &File| file.write_from(&memory, &segments, 0).unwrap(), &|file: &File| {
                file.write_vectored_at(&slices, 0).unwrap()
            }] as [&dyn Fn(&File) -> usize; 2]
        {
            let (cache, file) = file_of(&vec![9; cached]);
            let before = cache.stats();
            assert_eq!(vectored(&file), PAGE_SIZE);
            let after = cache.stats();
            assert_eq!(after.hits - before.hits + after.misses - before.misses, 1);
            assert_eq!(bytes_of(&file), [3; PAGE_SIZE]);
        }
    }
}

/// A4. Invariant 13.
#[test]
fn a_write_whose_source_is_evicted_after_each_fault_ends_with_the_last_eviction() {
    for cached in [0, 2 * PAGE_SIZE] {
        let memory: Arc<AddressSpace> = Arc::default();
        let source = absent(&memory, &[4; 2 * PAGE_SIZE]);
        let (evicting, range) = (Arc::downgrade(&memory), source.clone());
        let faults = on_fault(&memory, move |count| {
            if count <= 9 {
                evicting.upgrade().unwrap().evict(range.clone()).unwrap();
            }
        });
        let (_cache, file) = file_of(&vec![9; cached]);
        assert_eq!(file.write_from(&memory, &[source], 0).unwrap(), 2 * PAGE_SIZE);
        assert_eq!(bytes_of(&file), [4; 2 * PAGE_SIZE]);
        assert_eq!(faults.load(Ordering::Relaxed), 9 + 2);
    }
}

/// A5. Invariant 5.
#[test]
fn a_write_from_a_bad_address_leaves_no_size_no_page_and_no_block_behind_it() {
    let memory = AddressSpace::new();
    for (len, offset) in [(100, 50), (100, 1000), (100, PAGE), (PAGE, PAGE), (PAGE, 9 * PAGE + 5)] {
        let store = Arc::new(MemStore::new());
        let file: File = PageCache::new(64).open(Arc::clone(&store)).unwrap();
        let before = vec![1; len as usize];
        file.write_all_at(&before, 0).unwrap();
        assert_eq!(bytes_of(&file), before);
        let bad = 8..16;
        let error = file.write_from(&memory, &[bad], offset).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with("write of 8 bytes at "), "{error}");
        assert_eq!((bytes_of(&file), file.len()), (before, len));
        assert_eq!(file.inode().resident_in(0..u64::MAX), [0]);
        file.sync_all().unwrap();
        assert_eq!(store.blocks(), 1);
    }
}

/// A5. Invariants 4 and 5.
#[test]
fn a_write_whose_prepare_fails_leaves_the_file_and_what_was_dirty_as_they_were() {
    let failing: Arc<AtomicBool> = Arc::default();
    let fails = Arc::clone(&failing);
    let store = Arc::new(Asking::new(move |asked, _| match asked {
        Asked::Read if fails.load(Ordering::Relaxed) => Err(ErrorKind::TimedOut.into()),
        _ => Ok(()),
    }));
    store.set_len(1000).unwrap();
    let file: File = PageCache::new(64).open(Arc::clone(&store)).unwrap();
    let mut expected = vec![0; 1000];
    // So many dirty ranges that the next write fills the page first.
    for at in (0..64 * 14).step_by(14) {
        expected[at] = 1;
        file.write_all_at(&[1], at as u64).unwrap();
    }
    failing.store(true, Ordering::Relaxed);
    let error = file.write_at(&[2; 100], 950).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    failing.store(false, Ordering::Relaxed);
    assert_eq!(bytes_of(&file), expected);
    file.sync_all().unwrap();
    assert_eq!((store.len().unwrap(), store.inner.blocks()), (1000, 1));
}

/// A8. Invariants 4 and 5.
#[test]
fn a_bad_third_segment_ends_the_write_after_the_first_two() {
    let memory = AddressSpace::new();
    let (first, second) = (absent(&memory, &[1; 5000]), absent(&memory, &[2; 5000]));
    for cached in [0, 3 * PAGE_SIZE] {
        let (_cache, file) = file_of(&vec![9; cached]);
        let segments = [first.clone(), second.clone(), 16..32, first.clone()];
        assert_eq!(file.write_from(&memory, &segments, 0).unwrap(), 10_000);
        let bytes = bytes_of(&file);
        assert_eq!(bytes.len(), cached.max(10_000));
        assert!(bytes[..5000] == [1; 5000] && bytes[5000..10_000] == [2; 5000]);
        assert!(bytes[10_000..].iter().all(|&byte| byte == 9));
    }
}

/// A9. Invariants 3, 4 and 5.
#[test]
fn a_source_evicted_in_mid_copy_advances_the_write_by_what_was_copied() {
    // The destination ends before the byte at which the copy becomes short, or after all of it.
    for cached in [1000, 3000] {
        let memory: Arc<AddressSpace> = Arc::default();
        let source = memory.map_anonymous(2 * PAGE).unwrap();
        memory.store(source.start, &[2; 2 * PAGE_SIZE]).unwrap();
        let (_cache, file) = file_of(&vec![1; cached]);
        let segment = source.start + PAGE - 700..source.start + PAGE + 300;
        let (evicting, evicted) = (Arc::downgrade(&memory), AtomicUsize::new(0));
        let ((between, seen), in_between) = (mpsc::channel(), file.clone());
        memory.set_hook(move |point| match point {
            Point::CopiedPart if evicted.fetch_add(1, Ordering::Relaxed) == 0 => {
                // Reclaim, which is another thread: this one has the page that it writes locked.
                let (memory, source) = (evicting.upgrade().unwrap(), source.clone());
                thread::spawn(move || memory.evict(source).unwrap()).join().unwrap();
            }
            Point::CopiedPart => (),
            Point::FaultedIn => between.send(bytes_of(&in_between)).unwrap(),
        });
        assert_eq!(file.write_from(&memory, &[segment], 500).unwrap(), 1000);
        // 700 bytes were copied before the source was evicted. They are written, and nothing else is.
        let mut expected = vec![1; cached.max(1200)];
        expected[500..1200].fill(2);
        assert_eq!(seen.recv().unwrap(), expected);
        expected.resize(cached.max(1500), 1);
        expected[1200..1500].fill(2);
        assert_eq!(bytes_of(&file), expected);
    }
}

/// A10.
#[test]
fn a_page_that_is_evicted_while_the_source_is_faulted_in_is_still_written() {
    let memory = AddressSpace::new();
    let source = absent(&memory, &[2; 100]);
    let (_cache, file) = file_of(&[1; PAGE_SIZE]);
    let file_in_hook = file.clone();
    let faults = on_fault(&memory, move |_| {
        let inode = file_in_hook.inode();
        let claim = inode.claim(Access::Invalidate, 0..PAGE);
        inode.invalidate(0..1, &claim).unwrap();
        assert!(inode.resident_in(0..1).is_empty());
    });
    assert_eq!(file.write_from(&memory, &[source], 50).unwrap(), 100);
    assert_eq!(faults.load(Ordering::Relaxed), 1);
    let bytes = bytes_of(&file);
    assert!(bytes[..50] == [1; 50] && bytes[50..150] == [2; 100] && bytes[150] == 1);
    file.sync_all().unwrap();
    file.read_direct_at(&mut [0; 1], 0).unwrap();
    assert_eq!(bytes_of(&file), bytes);
}

/// C3.
#[test]
fn a_source_that_is_a_mapping_of_the_page_that_is_written_is_copied_as_it_was() {
    for evicted in [true, false] {
        let mut expected: Vec<u8> = (0..PAGE_SIZE).map(|at| at as u8).collect();
        let (_cache, file) = file_of(&expected);
        let memory = AddressSpace::new();
        let mapped = memory.map_file(&file, 0..PAGE).unwrap();
        memory.populate(mapped.clone()).unwrap();
        if evicted {
            memory.evict(mapped.clone()).unwrap();
        }
        let segment = mapped.start..mapped.start + 1000;
        assert_eq!(file.write_from(&memory, &[segment], 300).unwrap(), 1000);
        expected.copy_within(..1000, 300);
        assert_eq!(bytes_of(&file), expected);
    }
}

/// Invariant 1, A1.
#[test]
fn a_page_that_is_being_written_shows_no_byte_before_it_is_there() {
    let memory = AddressSpace::new();
    let source = absent(&memory, &[2; PAGE_SIZE]);
    let (_cache, file) = file_of(&[]);
    file.set_len(2 * PAGE).unwrap();
    let reader = file.clone();
    let faults = on_fault(&memory, move |_| assert_eq!(bytes_of(&reader), [0; 2 * PAGE_SIZE]));
    assert_eq!(file.write_from(&memory, &[source], 100).unwrap(), PAGE_SIZE);
    assert!(faults.load(Ordering::Relaxed) > 0);
    let bytes = bytes_of(&file);
    assert!(bytes[..100] == [0; 100] && bytes[100..100 + PAGE_SIZE] == [2; PAGE_SIZE]);
    assert!(bytes[100 + PAGE_SIZE..].iter().all(|&byte| byte == 0));
}

/// Where a write starts past the end of a file of 500 bytes: in its last page, in the next, and far behind.
const GAPS: [u64; 3] = [1000, PAGE + 7, 7 * PAGE + 100];

fn assert_grew_to(file: &File, offset: u64) {
    let mut expected = vec![0; offset as usize + 100];
    expected[..500].fill(1);
    expected[offset as usize..].fill(2);
    assert_eq!(bytes_of(file), expected, "at {offset}");
}

/// Invariant 5: the file never ends where the write starts, and neither does its store.
#[test]
fn a_write_past_the_end_lets_the_file_grow_over_the_gap_and_its_bytes_in_one_step() {
    for (offset, cached) in GAPS.into_iter().flat_map(|at| [(at, false), (at, true)]) {
        let memory = AddressSpace::new();
        let source = absent(&memory, &[2; 100]);
        let store = Arc::new(MemStore::new());
        let file = PageCache::new(64).open(Arc::clone(&store)).unwrap();
        file.write_all_at(&[1; 500], 0).unwrap();
        if !cached {
            file.drop_cached(0..u64::MAX).unwrap();
            file.write_all_at(&[1], 20).unwrap();
        }
        let ((between, seen), in_between) = (mpsc::channel(), file.clone());
        let below = Arc::clone(&store);
        on_fault(&memory, move |_| {
            in_between.writeback(0..u64::MAX).unwrap();
            between.send((in_between.len(), below.len().unwrap())).unwrap();
        });
        assert_eq!(file.write_from(&memory, &[source], offset).unwrap(), 100);
        drop(memory);
        assert_eq!(seen.iter().collect::<Vec<_>>(), [(500, 500)], "at {offset}");
        assert_grew_to(&file, offset);
        file.sync_all().unwrap();
        let mut stored = vec![0xff; offset as usize + 101];
        assert_eq!(store.read_at(&mut stored, 0).unwrap() as u64, offset + 100);
        assert_eq!(stored[..stored.len() - 1], bytes_of(&file), "at {offset}");
    }
}

/// Invariant 5: also if the store receives the bytes before the write returns.
#[test]
fn a_write_to_the_store_past_the_end_lets_the_file_grow_in_one_step() {
    type Write = fn(&File, u64);
    let writes: [(FileOptions, Write); 2] = [
        (FileOptions::new().write_through(), |file, at| file.write_all_at(&[2; 100], at).unwrap()),
        (FileOptions::new(), |file, at| {
            assert_eq!(file.write_direct_at(&[2; 100], at).unwrap(), 100);
        }),
    ];
    for (offset, (options, write)) in
        GAPS.into_iter().flat_map(|at| writes.clone().map(|way| (at, way)))
    {
        let opened: Arc<Mutex<Option<File>>> = Arc::default();
        let ((lens, seen), asked_of) = (mpsc::channel(), Arc::clone(&opened));
        let store = Arc::new(Asking::new(move |asked, at| {
            if let (Asked::Write, Some(file)) = (asked, &*asked_of.lock().unwrap()) {
                lens.send((at, file.len())).unwrap();
            }
            Ok(())
        }));
        let file = PageCache::new(64).open_with(store, options).unwrap();
        file.write_all_at(&[1; 500], 0).unwrap();
        *opened.lock().unwrap() = Some(file.clone());
        write(&file, offset);
        *opened.lock().unwrap() = None;
        assert!(seen.try_iter().all(|(_, len)| len == 500), "at {offset}");
        assert_grew_to(&file, offset);
    }
}
