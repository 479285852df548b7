//! Writes that meet other writes, evictions, truncations and changes of the address space.

use std::io::IoSlice;
use std::sync::mpsc;
use std::thread;

use super::{PAGE, absent, bytes_of, file_of, on_fault};
use crate::observed::{ObservedFile, observed};
use crate::{AddressSpace, File, MemStore, PAGE_SIZE};
use spanlock::Access;

/// A6.
#[test]
fn a_page_that_is_taken_out_under_its_waiting_writer_is_looked_up_again_each_time() {
    let (cache, file) = file_of(&[1; PAGE_SIZE]);
    for round in 0..20 {
        let inode = file.inode();
        let locked = inode.find_locked(0).unwrap();
        let frame = locked.frame();
        thread::scope(|scope| {
            let writer = scope.spawn(|| file.write_at(&[round; 100], 0).unwrap());
            // The writer's pin: it has found the page, and waits for its lock.
            while frame.state().pins() < 2 {
                thread::yield_now();
            }
            inode.discard_page(locked);
            assert_eq!(writer.join().unwrap(), 100);
        });
        assert!(!frame.state().is_pinned(), "{:?}", frame.state());
        file.read_exact_at(&mut [0; PAGE_SIZE], 0).unwrap();
        assert!(bytes_of(&file)[..100] == [round; 100]);
    }
    assert_eq!(count_free(&file), cache.capacity() - 1);
}

fn count_free(file: &File) -> usize {
    let frames = &file.inode().cache.frames;
    std::iter::from_fn(|| frames.take_free()).collect::<Vec<_>>().len()
}

/// A7.
#[test]
fn of_two_that_make_one_page_the_later_finds_the_page_of_the_other_and_frees_its_frame() {
    let (cache, file) = file_of(&[]);
    let inode = file.inode();
    let mut frames = [(); 2].map(|()| inode.cache.frames.take_free());
    drop(inode.find_or_make(0, &mut frames[0]).unwrap());
    let made = inode.find(0).unwrap();
    let found = inode.find_or_make(0, &mut frames[1]).unwrap();
    assert_eq!(found.id(), made.frame().id());
    drop((found, made, frames));
    assert_eq!(count_free(&file), cache.capacity() - 1);
}

/// A11.
#[test]
fn memory_that_is_present_and_plain_memory_are_written_without_the_mm_lock() {
    let memory = AddressSpace::new();
    let source = memory.map_anonymous(100).unwrap();
    memory.store(source.start, &[2; 100]).unwrap();
    let (_cache, file) = file_of(&[1; PAGE_SIZE]);
    let mm = memory.lock_exclusive();
    thread::scope(|scope| {
        scope.spawn(|| {
            file.write_at(&[3; 10], 0).unwrap();
            file.write_vectored_at(&[IoSlice::new(&[4; 10])], 10).unwrap();
            let segment = source.start..source.start + 10;
            assert_eq!(file.write_from(&memory, &[segment], 20).unwrap(), 10);
        });
    });
    drop(mm);
    let bytes = bytes_of(&file);
    assert!(bytes[..10] == [3; 10] && bytes[10..20] == [4; 10] && bytes[20..30] == [2; 10]);
}

/// C2.
#[test]
fn a_write_that_waits_for_the_mm_holds_no_claim_on_the_mapping_lock_and_no_page() {
    let ObservedFile { file, .. } = observed(MemStore::new());
    file.write_all_at(&[1; 3 * PAGE_SIZE], 0).unwrap();
    let memory = AddressSpace::new();
    let source = absent(&memory, &[2; PAGE_SIZE]);
    let mm = memory.lock_exclusive();
    thread::scope(|scope| {
        let writer = scope.spawn(|| file.write_from(&memory, &[source], PAGE).unwrap());
        while !memory.is_waited_for() {
            thread::yield_now();
        }
        let claim = file.inode().claim(Access::Invalidate, 0..3 * PAGE);
        file.inode().invalidate(0..3, &claim).unwrap();
        drop((claim, mm));
        assert_eq!(writer.join().unwrap(), PAGE_SIZE);
    });
    let bytes = bytes_of(&file);
    assert!(bytes[PAGE_SIZE..2 * PAGE_SIZE] == [2; PAGE_SIZE] && bytes[0] == 1);
}

/// A12, C3. The three deadlocks: one page, two pages crosswise, and one page with an mm that is held
/// exclusively by the thread that faults.
#[test]
fn writers_from_each_others_pages_and_a_thread_that_populates_them_all_finish() {
    let (_cache, file) = file_of(&[1; 2 * PAGE_SIZE]);
    let memory = AddressSpace::new();
    let mapped = memory.map_file(&file, 0..2 * PAGE).unwrap();
    let page = |number: u64| mapped.start + number * PAGE..mapped.start + (number + 1) * PAGE;
    let rounds = 500;
    thread::scope(|scope| {
        for (from, to) in [(0, 0), (0, 1), (1, 0)] {
            let (file, memory) = (&file, &memory);
            scope.spawn(move || {
                for _ in 0..rounds {
                    memory.evict(page(from)).unwrap();
                    let written = file.write_from(memory, &[page(from)], to * PAGE).unwrap();
                    assert_eq!(written, PAGE_SIZE);
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..rounds {
                memory.populate(mapped.clone()).unwrap();
            }
        });
    });
    assert_eq!(bytes_of(&file), [1; 2 * PAGE_SIZE]);
}

/// C4.
#[test]
fn the_size_over_a_page_stays_while_a_shared_claim_on_it_is_held() {
    let ObservedFile { file, mapping, .. } = observed(MemStore::new());
    file.write_all_at(&[1; 3 * PAGE_SIZE], 0).unwrap();
    let claim = file.inode().claim_page(Access::BufferedWrite, 1);
    thread::scope(|scope| {
        scope.spawn(|| file.set_len(PAGE + 5).unwrap());
        mapping.until_waited_for(Access::Truncate);
        assert_eq!(file.len(), 3 * PAGE);
        assert_eq!(file.inode().resident_in(0..u64::MAX), [0, 1, 2]);
        drop(claim);
    });
    assert_eq!(file.len(), PAGE + 5);
}

/// C6.
#[test]
fn two_writes_to_disjoint_parts_of_a_file_run_at_the_same_time() {
    let (_cache, file) = file_of(&[1; 2 * PAGE_SIZE]);
    let [first, second]: [AddressSpace; 2] = Default::default();
    let (source, there, here) = (absent(&first, &[2; 10]), mpsc::channel(), mpsc::channel());
    let here_in_hook = std::sync::Mutex::new(here.1);
    let under_way = there.0;
    on_fault(&first, move |_| {
        under_way.send(()).unwrap();
        here_in_hook.lock().unwrap().recv().unwrap();
    });
    thread::scope(|scope| {
        scope.spawn(|| file.write_from(&first, &[source], 0).unwrap());
        there.1.recv().unwrap();
        let source = absent(&second, &[3; 10]);
        assert_eq!(file.write_from(&second, &[source], PAGE).unwrap(), 10);
        here.0.send(()).unwrap();
    });
    let bytes = bytes_of(&file);
    assert!(bytes[..10] == [2; 10] && bytes[PAGE_SIZE..PAGE_SIZE + 10] == [3; 10]);
}

/// Invariant 8.
#[test]
fn a_truncation_that_arrives_during_a_write_happens_after_it() {
    let ObservedFile { file, io, .. } = observed(MemStore::new());
    file.write_all_at(&[1; PAGE_SIZE], 0).unwrap();
    let memory = AddressSpace::new();
    let source = absent(&memory, &[2; 2 * PAGE_SIZE]);
    thread::scope(|scope| {
        let (start, started) = mpsc::channel::<()>();
        let truncated = file.clone();
        scope.spawn(move || {
            started.recv().unwrap();
            truncated.set_len(100).unwrap();
        });
        on_fault(&memory, move |_| {
            let _ = start.send(());
            io.until_waited_for(Access::Truncate);
        });
        assert_eq!(file.write_from(&memory, &[source], 50).unwrap(), 2 * PAGE_SIZE);
    });
    assert_eq!(file.len(), 100);
    assert!(bytes_of(&file)[50..] == [2; 50]);
    file.set_len(3 * PAGE).unwrap();
    assert!(bytes_of(&file)[100..].iter().all(|&byte| byte == 0));
}
