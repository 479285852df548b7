//! Operations on the part of a range that lies within the file, while the file grows.

use shuttle::thread;

use super::{PAGE, explore};
use crate::{MemStore, PAGE_SIZE, PageCache};

#[test]
fn the_data_of_a_range_is_found_before_or_after_an_insertion() {
    explore(|| {
        let file = PageCache::new(16).open(MemStore::new()).unwrap();
        file.write_all_at(&[1; PAGE_SIZE], PAGE).unwrap();
        let inserting = file.clone();
        let inserting = thread::spawn(move || inserting.insert_range(0, PAGE).unwrap());
        let found = file.data_ranges(PAGE..4 * PAGE).unwrap();
        assert!(found == [PAGE..2 * PAGE] || found == [2 * PAGE..3 * PAGE], "{found:?}");
        inserting.join().unwrap();
    });
}

#[test]
fn a_copy_of_all_bytes_contains_no_later_write_without_the_growth_before_it() {
    explore(|| {
        let cache = PageCache::new(16);
        let [source, copy] = [(); 2].map(|()| cache.open(MemStore::new()).unwrap());
        source.write_all_at(&[1; PAGE_SIZE], 0).unwrap();
        let growing = source.clone();
        let growing = thread::spawn(move || {
            growing.write_all_at(&[2; PAGE_SIZE], PAGE).unwrap();
            growing.write_all_at(&[3; PAGE_SIZE], 0).unwrap();
        });
        let copied = source.copy_range_to(0, &copy, 0, u64::MAX).unwrap();
        let mut bytes = [0; 1];
        copy.read_exact_at(&mut bytes, 0).unwrap();
        assert!(copied == 2 * PAGE || copied == PAGE && bytes == [1], "{copied}: {bytes:?}");
        growing.join().unwrap();
    });
}
