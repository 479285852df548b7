//! Direct IO whose memory is absent, bad, or a mapping of what is read or written.

use std::io::ErrorKind;
use std::ops::Range;
use std::slice::from_ref;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use super::{CHUNK, chunk_at};
use crate::observed::{Asked, Asking, ObservedFile, observed};
use crate::{AddressSpace, File, MemStore, PAGE_SIZE, PageCache, Store};
use spanlock::Access;

const PAGE: u64 = PAGE_SIZE as u64;

fn anonymous(memory: &AddressSpace, bytes: &[u8]) -> Range<u64> {
    let start = memory.map_anonymous(bytes.len() as u64).unwrap().start;
    memory.store(start, bytes).unwrap();
    memory.evict(start..start + bytes.len() as u64).unwrap();
    start..start + bytes.len() as u64
}

fn loaded(memory: &AddressSpace, range: Range<u64>) -> Vec<u8> {
    let mut bytes = vec![0xff; (range.end - range.start) as usize];
    memory.load(range.start, &mut bytes).unwrap();
    bytes
}

fn bytes_of(file: &File) -> Vec<u8> {
    let mut bytes = vec![0xff; file.len() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

/// Invariant 7.
#[test]
fn a_direct_write_from_memory_is_what_reads_and_mappings_see_wherever_it_starts() {
    for offset in [0, 1, 511, PAGE - 1, PAGE] {
        let file: File = PageCache::new(64).open(MemStore::new()).unwrap();
        file.write_all_at(&[1; 4 * PAGE_SIZE], 0).unwrap();
        let memory = AddressSpace::new();
        let mapped = memory.map_file(&file, 0..4 * PAGE).unwrap();
        memory.store(mapped.start, &[2; 4 * PAGE_SIZE]).unwrap();
        let source = anonymous(&memory, &[3; 5000]);
        assert_eq!(file.write_direct_from(&memory, &[source], offset).unwrap(), 5000);
        let mut expected = vec![2; 4 * PAGE_SIZE];
        expected[offset as usize..offset as usize + 5000].fill(3);
        assert_eq!(loaded(&memory, mapped), expected);
        assert_eq!(bytes_of(&file), expected);
        let seen = anonymous(&memory, &vec![0; expected.len()]);
        assert_eq!(file.read_direct_into(&memory, from_ref(&seen), 0).unwrap(), expected.len());
        assert_eq!(loaded(&memory, seen), expected);
    }
}

/// C3. Invariant 7.
#[test]
fn a_direct_request_whose_memory_is_a_mapping_of_its_range_succeeds() {
    let file: File = PageCache::new(64).open(MemStore::new()).unwrap();
    let pattern: Vec<u8> = (0..3 * PAGE_SIZE).map(|at| (at / 16) as u8).collect();
    file.write_all_at(&pattern, 0).unwrap();
    let memory = AddressSpace::new();
    let mapped = memory.map_file(&file, 0..3 * PAGE).unwrap();
    let segment = mapped.start..mapped.start + 2 * PAGE;
    assert_eq!(file.write_direct_from(&memory, from_ref(&segment), 1000).unwrap(), 2 * PAGE_SIZE);
    let mut expected = pattern;
    expected.copy_within(..2 * PAGE_SIZE, 1000);
    assert_eq!(bytes_of(&file), expected);
    assert_eq!(loaded(&memory, mapped.clone()), expected);
    assert_eq!(file.read_direct_into(&memory, &[segment], 1000).unwrap(), 2 * PAGE_SIZE);
    expected.copy_within(1000..1000 + 2 * PAGE_SIZE, 0);
    assert_eq!(loaded(&memory, mapped), expected);
    assert_eq!(bytes_of(&file), expected);
}

/// A8. Invariants 4 and 5.
#[test]
fn a_bad_segment_ends_a_direct_write_after_those_before_it() {
    let store = Arc::new(MemStore::new());
    let file: File = PageCache::new(64).open(Arc::clone(&store)).unwrap();
    let memory = AddressSpace::new();
    let good = anonymous(&memory, &[1; 5000]);
    let error = file.write_direct_from(&memory, &[3..3, 8..16, good.clone()], 100).unwrap_err();
    assert_eq!((error.kind(), file.len(), store.blocks()), (ErrorKind::InvalidInput, 0, 0));
    assert_eq!(file.write_direct_from(&memory, &[good, 3..3, 8..16], 0).unwrap(), 5000);
    assert_eq!(bytes_of(&file), [1; 5000]);
}

/// A8.
#[test]
fn a_bad_segment_ends_an_aligned_write_with_the_block_before_it() {
    let asked: Arc<Mutex<Vec<Range<u64>>>> = Arc::default();
    let requests = Arc::clone(&asked);
    let mut store = Asking::new(move |_, range| {
        requests.lock().unwrap().push(range);
        Ok(())
    });
    store.alignment = 512;
    let file: File = PageCache::new(64).open(store).unwrap();
    let memory = AddressSpace::new();
    let good = anonymous(&memory, &[1; 1000]);
    let segments = [good.clone(), 8..8 + 1048];
    assert_eq!(file.write_direct_from(&memory, &segments, 512).unwrap(), 512);
    assert_eq!((file.len(), asked.lock().unwrap().pop()), (1024, Some(512..1024)));
    let segments = [good.start..good.start + 100, 8..8 + 412];
    let error = file.write_direct_from(&memory, &segments, 1024).unwrap_err();
    assert!(error.to_string().contains("SIGSEGV"), "{error}");
    assert_eq!((file.len(), asked.lock().unwrap().pop()), (1024, None));
}

/// A2, A8.
#[test]
fn a_read_into_memory_passes_over_empty_segments_and_ends_before_a_bad_one() {
    let file: File = PageCache::new(64).open(MemStore::new()).unwrap();
    let pattern: Vec<u8> = (0..9000).map(|at| at as u8).collect();
    file.write_all_at(&pattern, 0).unwrap();
    let memory = AddressSpace::new();
    for read in [File::read_into, File::read_direct_into] {
        let read = |segments: &[Range<u64>]| read(&file, &memory, segments, 10);
        let (first, second) = (anonymous(&memory, &[0; 4000]), anonymous(&memory, &[0; 3000]));
        let segments = [9..9, first.clone(), 0..0, second.clone(), 8..16];
        assert_eq!(read(&segments).unwrap(), 7000);
        assert_eq!(loaded(&memory, first), pattern[10..4010]);
        assert_eq!(loaded(&memory, second), pattern[4010..7010]);
        let bad = 8..16;
        assert_eq!(read(&[bad]).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

/// Invariant 6.
#[test]
fn while_a_direct_write_has_a_range_no_page_of_it_is_cached() {
    let file: Arc<OnceLock<File>> = Arc::default();
    let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
    let (of, requests) = (Arc::downgrade(&file), Arc::clone(&asked));
    let store = Asking::new(move |asked, range| {
        requests.lock().unwrap().push(asked);
        let direct = range.start == PAGE && range.end == 3 * PAGE;
        if asked == Asked::Write && direct {
            let file = of.upgrade().unwrap();
            let resident = file.get().unwrap().inode().resident_in(0..4);
            assert_eq!(resident, [0, 3]);
        }
        Ok(())
    });
    file.set(PageCache::new(64).open(store).unwrap()).unwrap();
    let file = file.get().unwrap();
    file.write_all_at(&[1; 4 * PAGE_SIZE], 0).unwrap();
    file.sync_all().unwrap();
    let memory = AddressSpace::new();
    // The source is the range that is written: to bring it in is to cache it.
    let mapped = memory.map_file(file, PAGE..3 * PAGE).unwrap();
    file.write_direct_from(&memory, &[mapped], PAGE).unwrap();
    assert_eq!(asked.lock().unwrap().last(), Some(&Asked::Write));
    assert_eq!(bytes_of(file), [1; 4 * PAGE_SIZE]);
}

/// C2, C3. The memory of each chunk is brought in before the chunk is claimed.
#[test]
fn a_direct_write_that_waits_for_the_mm_holds_no_claim_on_the_mapping_lock() {
    let ObservedFile { file, .. } = observed(MemStore::new());
    file.write_all_at(&[1; PAGE_SIZE], 0).unwrap();
    let memory = AddressSpace::new();
    let source = anonymous(&memory, &[2; PAGE_SIZE]);
    let mm = memory.lock_exclusive();
    thread::scope(|scope| {
        let writer = scope.spawn(|| file.write_direct_from(&memory, &[source], 0).unwrap());
        while !memory.is_waited_for() {
            thread::yield_now();
        }
        drop(file.inode().claim(Access::Invalidate, 0..PAGE));
        drop(mm);
        assert_eq!(writer.join().unwrap(), PAGE_SIZE);
    });
    assert_eq!(bytes_of(&file), [2; PAGE_SIZE]);
}

/// Invariant 7.
#[test]
fn a_read_that_comes_while_a_direct_write_is_under_way_waits_and_sees_what_it_wrote() {
    let (reached, at_store) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    let store = Asking::new(move |asked, _| {
        if asked == Asked::Write {
            reached.send(()).unwrap();
            // The receiver is gone when the file is closed.
            let _ = may_go_on.lock().unwrap().recv();
        }
        Ok(())
    });
    store.inner.set_len(PAGE).unwrap();
    let ObservedFile { file, mapping, .. } = observed(store);
    let memory = AddressSpace::new();
    let mapped = memory.map_file(&file, 0..PAGE).unwrap();
    assert_eq!(loaded(&memory, mapped.clone()), [0; PAGE_SIZE]);
    thread::scope(|scope| {
        scope.spawn(|| file.write_direct_at(&[2; PAGE_SIZE], 0).unwrap());
        at_store.recv().unwrap();
        let reader = scope.spawn(|| bytes_of(&file));
        mapping.until_waited_for(Access::BufferedRead);
        let loader = scope.spawn(|| loaded(&memory, mapped.clone()));
        mapping.until_waited_for(Access::Fault);
        go_on.send(()).unwrap();
        assert_eq!(reader.join().unwrap(), [2; PAGE_SIZE]);
        assert_eq!(loader.join().unwrap(), [2; PAGE_SIZE]);
    });
    drop(go_on);
}

#[test]
fn a_chunk_ends_at_a_multiple_of_its_length_or_with_the_request() {
    assert_eq!(chunk_at(0, u64::MAX), 0..CHUNK);
    assert_eq!(chunk_at(3 * CHUNK + 7, 2 * CHUNK), 3 * CHUNK + 7..4 * CHUNK);
    assert_eq!(chunk_at(3 * CHUNK + 7, 10), 3 * CHUNK + 7..3 * CHUNK + 17);
}

#[test]
fn a_direct_request_of_several_chunks_moves_each_of_its_bytes_once() {
    let file: File = PageCache::new(64).open(MemStore::new()).unwrap();
    let memory = AddressSpace::new();
    let pattern: Vec<u8> = (0..2 * CHUNK as usize + 777).map(|at| (at / 7) as u8).collect();
    let source = anonymous(&memory, &pattern);
    let middle = source.start + 5;
    let segments = [source.start..middle, middle..source.end];
    assert_eq!(file.write_direct_from(&memory, &segments, 3).unwrap(), pattern.len());
    assert_eq!(bytes_of(&file)[3..], pattern);
    let target = anonymous(&memory, &vec![0; pattern.len()]);
    assert_eq!(file.read_direct_into(&memory, from_ref(&target), 3).unwrap(), pattern.len());
    assert_eq!(loaded(&memory, target), pattern);
}
