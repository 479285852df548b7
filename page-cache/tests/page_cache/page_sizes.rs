//! Caches of pages of 4, 16 and 64 KiB.

use std::io::{self, ErrorKind};
use std::panic::catch_unwind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use spanlock_page_cache::{
    AddressSpace, File, FileOptions, MemStore, Options, PageCache, PageTransform,
};

use crate::stores::recording_store::{Asked, RecordingStore};

const SIZES: [usize; 3] = [4096, 16384, 65536];

fn cache(page_size: usize) -> PageCache {
    let options = Options::new(64).flush_interval(Duration::MAX).readahead(0);
    PageCache::with_options(options.page_size(page_size))
}

fn open(page_size: usize, store: &Arc<RecordingStore>, options: FileOptions) -> File {
    cache(page_size).open_with(Arc::clone(store), options).unwrap()
}

#[test]
fn a_page_size_is_a_power_of_two_from_4_to_64_kib() {
    for size in [4096, 8192, 16384, 32768, 65536] {
        assert_eq!(PageCache::with_options(Options::new(16).page_size(size)).page_size(), size);
    }
    for wrong in [0, 1, 2048, 4097, 12288, 131_072, usize::MAX] {
        assert!(catch_unwind(|| Options::new(16).page_size(wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn a_capacity_in_bytes_is_as_many_pages_as_fit_whatever_the_order_of_the_options() {
    for size in SIZES {
        let cache = PageCache::with_options(Options::with_bytes((8 << 20) + 4095).page_size(size));
        assert_eq!(cache.capacity() * size, 8 << 20);
        let late = Options::with_bytes(8 << 20).max_capacity(1 << 12).dirty_limit(8);
        let late = PageCache::with_options(late.page_size(size));
        assert_eq!(late.capacity() * size, 8 << 20);
        late.set_capacity(1 << 12).unwrap();
        // A cache has at least 16 pages, even if one of them is larger than the requested number of bytes.
        let least = PageCache::with_options(Options::with_bytes(100).page_size(size));
        assert_eq!(least.capacity(), 16);
        let file = least.open(MemStore::new()).unwrap();
        file.write_all_at(&vec![3; 40 * size + 1], 0).unwrap();
        let mut seen = vec![0; 40 * size + 1];
        file.read_exact_at(&mut seen, 0).unwrap();
        assert!(seen.iter().all(|&byte| byte == 3));
        assert!(least.stats().resident <= 16);
    }
}

#[test]
fn a_miss_reads_one_page_and_a_write_of_one_byte_sends_one_byte() {
    for size in SIZES {
        let page = size as u64;
        let store = Arc::new(RecordingStore::with(&vec![1; 4 * size - 10]));
        let file = open(size, &store, FileOptions::new());
        file.read_exact_at(&mut [0], 2 * page - 1).unwrap();
        assert_eq!(store.asked(), [Asked::Read(page..2 * page)]);
        file.read_exact_at(&mut [0], page).unwrap();
        file.write_all_at(&[2], 3 * page + 5).unwrap();
        assert_eq!(store.asked(), []);
        file.sync_data().unwrap();
        assert_eq!(store.asked(), [Asked::Write(3 * page + 5..3 * page + 6), Asked::Sync]);
        let stats = file.stats();
        assert_eq!((stats.resident, stats.hits, stats.misses), (2, 1, 2));
    }
}

#[test]
fn a_run_of_dirty_pages_is_sent_in_requests_of_256_kib() {
    for size in SIZES {
        let store = Arc::new(RecordingStore::default());
        let options = Options::with_bytes(4 << 20).page_size(size).flush_interval(Duration::MAX);
        let file = PageCache::with_options(options).open(Arc::clone(&store)).unwrap();
        file.write_all_at(&vec![1; 1 << 20], 0).unwrap();
        file.sync_data().unwrap();
        let at = |start: u64| Asked::Write(start << 18..(start + 1) << 18);
        assert_eq!(store.asked(), [at(0), at(1), at(2), at(3), Asked::Sync]);
    }
}

#[test]
fn guards_have_whole_pages_and_zeroes_past_the_end_and_tags_belong_to_pages() {
    for size in SIZES {
        let page = size as u64;
        let store = Arc::new(RecordingStore::with(&vec![1; 2 * size + 5]));
        let file = open(size, &store, FileOptions::new());
        let last = file.page(2).unwrap();
        assert_eq!((last.len(), last.as_ptr().addr() % size), (size, 0));
        assert!(last[..5] == [1; 5] && last[5..].iter().all(|&byte| byte == 0));
        drop(last);
        assert_eq!(file.page(3).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        file.page_mut(1).unwrap()[size - 1] = 9;
        file.write_at_tagged(&[8; 2], 2 * page - 2, 7).unwrap();
        let dirty = file.dirty_pages();
        assert_eq!(dirty.len(), 1);
        assert_eq!((dirty[0].range.clone(), dirty[0].newest_tag), (page..2 * page, 7));
        file.write_at_tagged(&[8; 2], page - 1, 9).unwrap();
        let tags: Vec<_> = file.dirty_pages().iter().map(|page| page.newest_tag).collect();
        assert_eq!(tags, [9, 9]);
        file.sync_data().unwrap();
        assert_eq!(store.bytes(page - 1..page + 1), [8, 8]);
    }
}

#[test]
fn a_mapping_starts_at_a_page_and_ends_with_the_page_in_which_the_file_ends() {
    for size in SIZES {
        let page = size as u64;
        let file = cache(size).open(MemStore::new()).unwrap();
        file.write_all_at(&vec![1; size + 1], 0).unwrap();
        for start in [1, page / 2, page - 1, page + page / 2] {
            assert_eq!(file.map(start..4 * page).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        let mapping = file.map(page..4 * page).unwrap();
        mapping.store(page - 1, &[7]).unwrap();
        let mut seen = vec![0xff; size];
        mapping.load(0, &mut seen[..size - 1]).unwrap();
        assert!(seen[0] == 1 && seen[1..size - 1].iter().all(|&byte| byte == 0));
        assert_eq!(mapping.load(page, &mut [0]).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        // Bytes that were stored past the end are not in the file when it grows.
        file.set_len(2 * page).unwrap();
        mapping.load(0, &mut seen).unwrap();
        assert!(seen[1..].iter().all(|&byte| byte == 0));
    }
}

#[test]
fn a_collapse_and_an_insertion_of_less_than_a_page_are_refused_before_the_store_is_asked() {
    for size in SIZES {
        let page = size as u64;
        let bytes: Vec<u8> = (0..4 * size).map(|at| (at / 512) as u8).collect();
        let file = cache(size).open(MemStore::new()).unwrap();
        file.write_all_at(&bytes, 0).unwrap();
        for (offset, len) in [(page / 2, page), (page, page / 2), (1, page), (page, 1)] {
            for refused in [file.collapse_range(offset, len), file.insert_range(offset, len)] {
                assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
            }
        }
        assert_eq!(file.len(), 4 * page);
        file.collapse_range(page, page).unwrap();
        file.insert_range(0, page).unwrap();
        let mut seen = vec![0; 4 * size];
        file.read_exact_at(&mut seen, 0).unwrap();
        assert!(seen[..size].iter().all(|&byte| byte == 0));
        assert!(seen[size..2 * size] == bytes[..size] && seen[2 * size..] == bytes[2 * size..]);
    }
}

#[test]
fn a_store_of_blocks_smaller_or_greater_than_a_page_gets_whole_blocks_or_whole_pages() {
    for size in SIZES {
        for block in [512, 4096, 16384, 65536, 131_072] {
            let end = 4 * size as u64 + 100;
            let bytes = vec![1; end as usize];
            let mut store = RecordingStore::with(&bytes);
            store.block = Some(block);
            let store = Arc::new(store);
            let file = open(size, &store, FileOptions::new());
            let places = [(100, 10), (size as u64 + size as u64 / 2 - 3, 6), (end - 50, 60)];
            for (at, len) in places {
                file.write_all_at(&vec![2; len], at).unwrap();
            }
            file.sync_data().unwrap();
            let unit = block.min(size as u64);
            let is_whole = |at: u64| at.is_multiple_of(unit) || at == end + 10;
            for asked in store.asked() {
                let Asked::Write(range) = asked else { continue };
                assert!(is_whole(range.start) && is_whole(range.end), "{size} {block} {range:?}");
            }
            for (at, len) in places {
                assert_eq!(store.bytes(at - 1..at), [1]);
                assert_eq!(store.bytes(at..at + len as u64), vec![2; len]);
            }
        }
    }
}

/// A transform that records the pages that it gets, and inverts their bytes.
struct Inverted(Arc<Mutex<Vec<(u64, usize)>>>);

impl Inverted {
    fn invert(&self, page: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.0.lock().unwrap().push((page, bytes.len()));
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
        Ok(())
    }
}

impl PageTransform for Inverted {
    fn encode(&self, page: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.invert(page, bytes)
    }

    fn decode(&self, page: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.invert(page, bytes)
    }
}

#[test]
fn whole_pages_and_transforms_are_of_the_size_of_the_cache() {
    for size in SIZES {
        let page = size as u64;
        let torn = Arc::new(RecordingStore::with(&vec![1; size + size / 2]));
        let refused = cache(size).open_with(torn, FileOptions::new().whole_pages());
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidData);

        let store = Arc::new(RecordingStore::with(&vec![!1; 2 * size]));
        let seen = Arc::default();
        let options = FileOptions::new().whole_pages().transform(Inverted(Arc::clone(&seen)));
        let file = open(size, &store, options);
        let half = file.set_len(2 * page + page / 2).unwrap_err();
        assert_eq!(half.kind(), ErrorKind::InvalidInput);
        file.write_all_at(&[5], page + 1).unwrap();
        file.sync_data().unwrap();
        let whole = page..2 * page;
        assert_eq!(store.asked(), [Asked::Read(whole.clone()), Asked::Write(whole), Asked::Sync]);
        assert_eq!(*seen.lock().unwrap(), [(1, size), (1, size)]);
        assert_eq!(store.bytes(page..page + 3), [!1, !5, !1]);
    }
}

#[test]
fn a_file_as_long_as_files_can_be_has_a_last_page() {
    let end = i64::MAX as u64;
    for size in SIZES {
        let page = size as u64;
        let file = cache(size).open(MemStore::new()).unwrap();
        file.set_len(end).unwrap();
        file.write_all_at(b"the end", end - 7).unwrap();
        let number = (end - 1) / page;
        assert!(file.page(number).unwrap()[..size - 1].ends_with(b"the end"));
        assert!(file.page(number + 1).is_err() && file.page(u64::MAX).is_err());
        assert!(file.page_mut(u64::MAX / page).is_err());
        assert_eq!(file.dirty_pages()[0].range, number * page..end);
        let mapping = file.map(number * page..u64::MAX).unwrap();
        let mut seen = [0; 8];
        mapping.load(page - 8, &mut seen).unwrap();
        assert_eq!(&seen, b"the end\0");
        file.sync_range(number * page..u64::MAX).unwrap();
        file.punch_hole(end - 5, 5).unwrap();
        mapping.load(page - 8, &mut seen).unwrap();
        assert_eq!(&seen, b"th\0\0\0\0\0\0");
        assert!(file.write_at(&[1], end).is_err());
        file.drop_cached(0..u64::MAX).unwrap();
        file.set_len(end - page).unwrap();
        assert_eq!(file.stats().resident, 0);
    }
}

#[test]
fn memory_has_pages_of_4_kib_and_maps_files_of_larger_ones() {
    for size in SIZES {
        let page = size as u64;
        let file = cache(size).open(MemStore::new()).unwrap();
        let bytes: Vec<u8> = (0..6 * size).map(|at| (at / 1000) as u8).collect();
        file.write_all_at(&bytes, 0).unwrap();
        let memory = AddressSpace::new();
        assert!(memory.map_file(&file, page / 2..2 * page).is_err());
        let there = memory.map_file(&file, page..6 * page).unwrap();
        // A hole of one page of the memory leaves the rest of the file's page mapped.
        memory.unmap(there.start + 4096..there.start + 8192).unwrap();
        assert!(memory.load(there.start + 4096, &mut [0]).is_err());
        let rest = there.start + 8192;
        memory.store(rest, b"kept").unwrap();
        memory.evict(rest..rest + 4096).unwrap();
        let mut seen = vec![0; size];
        memory.load(rest, &mut seen[..4]).unwrap();
        assert_eq!(&seen[..4], b"kept");
        file.read_exact_at(&mut seen[..4], page + 8192).unwrap();
        assert_eq!(&seen[..4], b"kept");
        memory.load(there.end - page, &mut seen).unwrap();
        assert!(seen == bytes[5 * size..]);
        // The memory of a write is a mapping of the page that is written.
        let source = there.end - page..there.end;
        file.write_from(&memory, &[source], 5 * page).unwrap();
        let source = rest..rest + 4;
        file.write_from(&memory, &[source], page + 1).unwrap();
        file.read_exact_at(&mut seen[..4], page + 1).unwrap();
        assert_eq!(&seen[..4], b"kept");
    }
}
