use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{AddressSpace, PAGE, Point, Transfer};
use crate::pages::page_table::Rights;
use crate::{File, MemStore, PAGE_SIZE, PageCache};

fn file(pages: u64) -> File {
    let file = PageCache::new(64).open(MemStore::new()).unwrap();
    file.set_len(pages * PAGE).unwrap();
    file
}

fn load<const N: usize>(memory: &AddressSpace, address: u64) -> [u8; N] {
    let mut bytes = [0xff; N];
    memory.load(address, &mut bytes).unwrap();
    bytes
}

#[test]
fn memory_of_both_kinds_keeps_what_was_stored_through_eviction() {
    let (memory, file) = (AddressSpace::new(), file(3));
    for range in [memory.map_anonymous(3 * PAGE), memory.map_file(&file, 0..3 * PAGE)] {
        let range = range.unwrap();
        memory.store(range.start + PAGE - 2, &[1, 2, 3, 4]).unwrap();
        memory.evict(range.clone()).unwrap();
        assert_eq!(memory.copy_nofault(range.start, Transfer::Load(&mut [0])), 0);
        assert_eq!(load(&memory, range.start + PAGE - 3), [0, 1, 2, 3, 4, 0]);
    }
}

#[test]
fn a_hole_made_in_a_region_is_bad_and_its_neighbours_keep_their_bytes() {
    let (memory, file) = (AddressSpace::new(), file(3));
    for range in [memory.map_anonymous(3 * PAGE), memory.map_file(&file, 0..3 * PAGE)] {
        let start = range.unwrap().start;
        for page in 0..3 {
            memory.store(start + page * PAGE, &[7 + page as u8]).unwrap();
        }
        memory.unmap(start + PAGE..start + PAGE + 1).unwrap();
        assert_eq!(load(&memory, start), [7]);
        assert_eq!(load(&memory, start + 2 * PAGE), [9]);
        let error = memory.load(start + PAGE - 1, &mut [0; 2]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with("load of 2 bytes at "), "{error}");
    }
}

#[test]
fn memory_past_the_end_of_its_file_is_distinguished_from_memory_that_is_not_mapped() {
    let (memory, file) = (AddressSpace::new(), file(1));
    let range = memory.map_file(&file, 0..2 * PAGE).unwrap();
    let past = memory.load(range.start + PAGE, &mut [0]).unwrap_err();
    assert_eq!(past.kind(), ErrorKind::UnexpectedEof);
    for address in [0, range.end, u64::MAX] {
        let bad = memory.store(address, &[0]).unwrap_err();
        assert_eq!(bad.kind(), ErrorKind::InvalidInput);
    }
    file.set_len(2 * PAGE).unwrap();
    memory.load(range.start + PAGE, &mut [0]).unwrap();
    file.set_len(PAGE).unwrap();
    assert!(memory.load(range.start + PAGE, &mut [0]).is_err());
}

/// A2.
#[test]
fn no_bytes_are_faulted_in_with_success_wherever_they_lie() {
    let memory: AddressSpace = AddressSpace::new();
    for address in [0, 5, 1 << 20, u64::MAX] {
        assert_eq!(memory.fault_in(address..address, Rights::Read).unwrap(), 0);
    }
    assert_eq!(memory.copy(0, Transfer::Load(&mut [])).unwrap(), 0);
}

/// A8.
#[test]
fn a_fault_distinguishes_a_bad_address_from_a_page_that_is_not_present() {
    let memory: AddressSpace = AddressSpace::new();
    let range = memory.map_anonymous(2 * PAGE).unwrap();
    let asked = range.start + 10..range.end + 10;
    assert_eq!(memory.fault_in(asked, Rights::Read).unwrap(), 2 * PAGE - 10);
    let error = memory.fault_in(range.end..range.end + 10, Rights::Read).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

/// A4. Invariant 13.
#[test]
fn a_copy_whose_page_is_evicted_after_each_fault_ends_with_the_last_eviction() {
    let memory: Arc<AddressSpace> = Arc::default();
    let range = memory.map_anonymous(2 * PAGE).unwrap();
    memory.store(range.start, &[5; 2 * PAGE_SIZE]).unwrap();
    memory.evict(range.clone()).unwrap();
    let (left, faults) = (AtomicUsize::new(7), Arc::new(AtomicUsize::new(0)));
    let (of, counted) = (Arc::downgrade(&memory), Arc::clone(&faults));
    memory.set_hook(move |point| {
        if point == Point::FaultedIn {
            counted.fetch_add(1, Ordering::Relaxed);
            let more =
                left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            if more.is_ok() {
                of.upgrade().unwrap().evict(range.clone()).unwrap();
            }
        }
    });
    assert_eq!(load(&memory, 1 << 16), [5; 2 * PAGE_SIZE]);
    // Invariant 13: one for each page, and one for each eviction.
    assert_eq!(faults.load(Ordering::Relaxed), 2 + 7);
}
