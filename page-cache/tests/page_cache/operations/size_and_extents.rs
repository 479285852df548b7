//! Size and extent changes by one thread.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use spanlock_page_cache::{File, FileStore, Length, Mapping, MemStore, Options, PageCache, Store};

use crate::random::Random;
use crate::stores::failing_store::FailingStore;

const PAGE: u64 = 4096;

fn open(capacity: usize) -> (PageCache, File, Arc<MemStore>) {
    let options = Options::new(capacity).flush_interval(Duration::from_secs(3600));
    let cache = PageCache::with_options(options);
    let store = Arc::new(MemStore::new());
    let file = cache.open(Arc::clone(&store)).unwrap();
    (cache, file, store)
}

fn contents(file: &File) -> Vec<u8> {
    let mut bytes = vec![0xff; file.len() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

/// Pages of ones, of twos, and so on.
fn numbered_pages(pages: u64) -> Vec<u8> {
    (0..pages * PAGE).map(|at| (at / PAGE + 1) as u8).collect()
}

struct Subject {
    file: File,
    mapping: Mapping,
    model: Vec<u8>,
    random: Random,
}

impl Subject {
    fn step(&mut self, step: u32) {
        let offset = self.random.below(40 * PAGE);
        let len = self.random.below(5 * PAGE) + 1;
        let (page, pages) = (offset / PAGE * PAGE, len.next_multiple_of(PAGE));
        let size = self.model.len() as u64;
        let range = offset as usize..(offset + len) as usize;
        match self.random.below(12) {
            0 => {
                self.file.zero_range(offset, len, Length::Extend).unwrap();
                self.model.resize(self.model.len().max(range.end), 0);
                self.model[range].fill(0);
            }
            1 => {
                self.file.zero_range(offset, len, Length::Keep).unwrap();
                let end = self.model.len();
                self.model[range.start.min(end)..range.end.min(end)].fill(0);
            }
            2 => {
                self.file.allocate(offset, len, Length::Extend).unwrap();
                self.model.resize(self.model.len().max(range.end), 0);
            }
            3 => self.file.allocate(offset, len, Length::Keep).unwrap(),
            4 => {
                let outcome = self.file.collapse_range(page, pages);
                assert_eq!(outcome.is_ok(), page + pages < size, "step {step}: {outcome:?}");
                if outcome.is_ok() {
                    drop(self.model.drain(page as usize..(page + pages) as usize));
                }
            }
            5 if size < 60 * PAGE => {
                let outcome = self.file.insert_range(page, pages);
                assert_eq!(outcome.is_ok(), page < size, "step {step}: {outcome:?}");
                if outcome.is_ok() {
                    let hole = std::iter::repeat_n(0, pages as usize);
                    drop(self.model.splice(page as usize..page as usize, hole));
                }
            }
            6 => {
                self.file.set_len(offset).unwrap();
                self.model.resize(offset as usize, 0);
            }
            7 => {
                self.file.punch_hole(offset, len).unwrap();
                let end = self.model.len();
                self.model[range.start.min(end)..range.end.min(end)].fill(0);
            }
            8 => {
                let inside = (size.saturating_sub(offset)).min(len) as usize;
                let bytes = vec![step as u8; inside];
                self.mapping.store(offset.min(size), &bytes).unwrap();
                self.model[range.start.min(size as usize)..][..inside].copy_from_slice(&bytes);
            }
            kind => {
                let bytes = vec![step as u8; len as usize];
                let wrote = match kind {
                    9 => self.file.write_direct_at(&bytes, offset),
                    _ => self.file.write_at(&bytes, offset),
                };
                assert_eq!(wrote.unwrap(), bytes.len());
                self.model.resize(self.model.len().max(range.end), 0);
                self.model[range].copy_from_slice(&bytes);
            }
        }
        self.check(step);
    }

    fn check(&self, step: u32) {
        assert_eq!(self.file.len(), self.model.len() as u64, "step {step}");
        let mut seen = vec![0xff; self.model.len()];
        match step % 3 {
            0 => self.file.read_exact_at(&mut seen, 0).unwrap(),
            1 => self.mapping.load(0, &mut seen).unwrap(),
            _ => return,
        }
        let wrong = seen.iter().zip(&self.model).position(|(seen, byte)| seen != byte);
        assert_eq!(wrong, None, "step {step}");
    }
}

fn shapes_agree_with_a_vector(store: impl Store + 'static, seed: u64, steps: u32) {
    let store = Arc::new(store);
    let cache = PageCache::with_options(Options::new(24).dirty_limit(12));
    let file = cache.open(Arc::clone(&store)).unwrap();
    let mapping = file.map(0..1 << 30).unwrap();
    let mut subject = Subject { file, mapping, model: Vec::new(), random: Random::new(seed) };
    for step in 0..steps {
        subject.step(step);
    }
    subject.file.sync_all().unwrap();
    let mut bytes = vec![0xff; subject.model.len() + 1];
    let mut found = 0;
    while let part @ 1.. = store.read_at(&mut bytes[found..], found as u64).unwrap() {
        found += part;
    }
    assert_eq!(found, subject.model.len(), "seed {seed}");
    assert!(bytes[..found] == subject.model[..], "seed {seed}");
}

#[test]
fn random_size_and_extent_changes_agree_with_a_vector() {
    for seed in 0..4 {
        shapes_agree_with_a_vector(MemStore::new(), seed, 400);
    }
}

#[test]
fn random_size_and_extent_changes_of_a_real_file_agree_with_a_vector() {
    let dirs = [std::env::temp_dir(), "/dev/shm".into()];
    for (seed, dir) in dirs.into_iter().filter(|dir| dir.is_dir()).enumerate() {
        let file = tempfile::NamedTempFile::new_in(dir).unwrap();
        let store = FileStore::open(file.path()).unwrap();
        shapes_agree_with_a_vector(store, 50 + seed as u64, 150);
        // Some file systems have no direct IO.
        if let Ok(store) = FileStore::open_direct(file.path()) {
            store.set_len(0).unwrap();
            shapes_agree_with_a_vector(store, 60 + seed as u64, 100);
        }
    }
}

#[test]
fn a_mapping_shows_what_a_shift_has_moved_to_where_it_is() {
    let (_cache, file, store) = open(64);
    file.write_all_at(&numbered_pages(8), 0).unwrap();
    let mapping = file.map(2 * PAGE..8 * PAGE).unwrap();
    // Mapped, and dirty through the mapping alone.
    mapping.store(0, &[0xaa; 10]).unwrap();
    mapping.store(5 * PAGE, &[0xbb; 10]).unwrap();
    file.collapse_range(PAGE, 2 * PAGE).unwrap();
    let mut byte = [0];
    mapping.load(0, &mut byte).unwrap();
    assert_eq!(byte, [5]);
    mapping.load(3 * PAGE, &mut byte).unwrap();
    assert_eq!(byte, [0xbb]);
    assert_eq!(mapping.load(4 * PAGE, &mut byte).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    mapping.store(3 * PAGE, &[0xcc]).unwrap();
    file.insert_range(5 * PAGE, 3 * PAGE).unwrap();
    mapping.load(3 * PAGE, &mut byte).unwrap();
    assert_eq!(byte, [0]);
    file.sync_all().unwrap();
    assert_eq!((file.len(), store.blocks()), (9 * PAGE, 6));
    file.read_exact_at(&mut byte, 8 * PAGE).unwrap();
    assert_eq!(byte, [0xcc]);
}

#[test]
fn a_mapping_shows_zeroes_behind_the_end_after_a_truncation() {
    let (_cache, file, _) = open(16);
    file.write_all_at(&numbered_pages(2), 0).unwrap();
    let mapping = file.map(0..2 * PAGE).unwrap();
    mapping.store(PAGE, &[9; PAGE as usize]).unwrap();
    file.set_len(PAGE + 100).unwrap();
    let mut page = [0xff; PAGE as usize];
    mapping.load(PAGE, &mut page).unwrap();
    assert!(page[..100] == [9; 100] && page[100..].iter().all(|&byte| byte == 0));
}

/// A5.
#[test]
fn a_shift_takes_nothing_along_from_behind_the_end() {
    let (_cache, file, store) = open(16);
    file.write_all_at(&numbered_pages(3), 0).unwrap();
    file.sync_all().unwrap();
    // The state after a write that failed half way through, over a store that then could not be truncated.
    store.write_at(&[0xee; 2 * PAGE as usize], 3 * PAGE).unwrap();
    file.insert_range(PAGE, PAGE).unwrap();
    assert_eq!((store.len().unwrap(), store.blocks()), (4 * PAGE, 3));
}

#[test]
fn a_shift_leaves_what_lies_before_it_in_the_cache() {
    let (cache, file, _) = open(64);
    file.write_all_at(&numbered_pages(4), 0).unwrap();
    file.insert_range(2 * PAGE, PAGE).unwrap();
    let before = cache.stats().fills;
    file.read_exact_at(&mut [0; 2 * PAGE as usize], 0).unwrap();
    assert_eq!(cache.stats().fills, before);
}

/// A store that carries out every request, and returns an error from a shift.
#[derive(Default)]
struct FailsWhenDone {
    inner: MemStore,
}

impl Store for FailsWhenDone {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.inner.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.inner.punch_hole(offset, len)
    }

    fn insert_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.inner.insert_range(offset, len)?;
        Err(io::Error::other("told to fail"))
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
}

#[test]
fn a_shift_that_fails_and_is_not_undone_leaves_the_file_as_long_as_its_store() {
    let file = PageCache::new(64).open(FailsWhenDone::default()).unwrap();
    file.write_all_at(&numbered_pages(2), 0).unwrap();
    assert!(file.insert_range(PAGE, PAGE).is_err());
    assert_eq!(
        contents(&file),
        [numbered_pages(1), vec![0; PAGE as usize], vec![2; PAGE as usize]].concat()
    );
}

#[test]
fn a_hole_that_takes_the_dirty_end_along_leaves_the_store_as_long_as_the_file() {
    let (_cache, file, store) = open(64);
    file.write_all_at(&numbered_pages(3), 0).unwrap();
    file.punch_hole(PAGE, 2 * PAGE).unwrap();
    file.sync_all().unwrap();
    assert_eq!((store.len().unwrap(), store.blocks()), (3 * PAGE, 1));
}

#[test]
fn allocation_keeps_what_is_cached_and_what_is_not() {
    let (_cache, file, store) = open(64);
    file.write_all_at(&[1; 100], 0).unwrap();
    file.sync_all().unwrap();
    file.write_all_at(&[2; 100], 50).unwrap();
    file.allocate(0, 4 * PAGE, Length::Keep).unwrap();
    assert_eq!((file.len(), store.blocks()), (150, 1));
    file.allocate(10, 4 * PAGE - 10, Length::Extend).unwrap();
    assert_eq!((file.len(), store.blocks()), (4 * PAGE, 4));
    let seen = contents(&file);
    assert!(seen[..50] == [1; 50] && seen[50..150] == [2; 100]);
    assert!(seen[150..].iter().all(|&byte| byte == 0));
}

/// A5: what the store has past the end after a truncation, a hole, a shift.
#[test]
fn no_block_is_past_the_end_after_any_size_or_extent_change() {
    let (_cache, file, store) = open(64);
    let blocks_fit = || {
        file.sync_all().unwrap();
        assert_eq!(store.len().unwrap(), file.len());
        assert!(store.blocks() as u64 <= file.len().div_ceil(PAGE), "{} blocks", store.blocks());
    };
    file.write_all_at(&numbered_pages(20), 0).unwrap();
    file.set_len(10 * PAGE + 1).unwrap();
    blocks_fit();
    file.write_all_at(&numbered_pages(20), 0).unwrap();
    file.collapse_range(0, 15 * PAGE).unwrap();
    blocks_fit();
    file.zero_range(PAGE, 3 * PAGE + 5, Length::Keep).unwrap();
    file.allocate(PAGE, 30 * PAGE, Length::Keep).unwrap();
    blocks_fit();
    file.set_len(7).unwrap();
    blocks_fit();
}

/// A5, on a real file: the blocks that the file system counts.
#[cfg(target_os = "linux")]
#[test]
fn a_real_file_has_holes_where_it_was_punched_and_no_block_past_its_end() {
    use std::os::unix::fs::MetadataExt;

    for dir in [std::env::temp_dir(), "/dev/shm".into()].into_iter().filter(|dir| dir.is_dir()) {
        let real = tempfile::NamedTempFile::new_in(&dir).unwrap();
        let file = PageCache::new(200).open(FileStore::open(real.path()).unwrap()).unwrap();
        let pages = || {
            file.sync_all().unwrap();
            let data = real.as_file().metadata().unwrap();
            assert_eq!(data.len(), file.len());
            data.blocks() * 512 / PAGE
        };
        file.write_all_at(&numbered_pages(128), 0).unwrap();
        // Not every file system counts blocks, and this one may be any. What it needs for itself
        // is a few.
        let full = pages();
        if !(128..132).contains(&full) {
            continue;
        }
        let about = |count: u64| count..count + 4;
        file.punch_hole(0, 64 * PAGE).unwrap();
        assert!(about(64).contains(&pages()), "{dir:?} after a punch");
        file.collapse_range(0, 32 * PAGE).unwrap();
        assert!(about(64).contains(&pages()), "{dir:?} after a collapse");
        file.insert_range(64 * PAGE, 100 * PAGE).unwrap();
        assert!(about(64).contains(&pages()), "{dir:?} after an insert");
        file.allocate(0, 32 * PAGE, Length::Keep).unwrap();
        assert!(about(96).contains(&pages()), "{dir:?} after an allocation");
        file.allocate(190 * PAGE, 1000 * PAGE, Length::Keep).unwrap();
        file.set_len(40 * PAGE).unwrap();
        assert!(about(40).contains(&pages()), "{dir:?} after a truncation");
    }
}

#[test]
fn blocks_are_reserved_past_the_end_and_used_or_freed() {
    let store = Arc::new(MemStore::with_most_blocks(8));
    let file = PageCache::new(64).open(Arc::clone(&store)).unwrap();
    file.write_all_at(&[1; 100], 0).unwrap();
    file.sync_all().unwrap();
    file.reserve(0, 6 * PAGE).unwrap();
    assert_eq!((file.len(), store.len().unwrap(), store.blocks()), (100, 100, 6));
    assert_eq!(file.allocated_size().unwrap(), Some(6 * PAGE));
    assert_eq!(file.data_ranges(0..u64::MAX).unwrap().first(), Some(&(0..100)));
    // The rest of the blocks is used up, and writes get the reserved ones.
    store.reserve(6 * PAGE, 2 * PAGE).unwrap();
    file.write_all_at(&[2; 5 * PAGE as usize], PAGE).unwrap();
    file.sync_all().unwrap();
    assert_eq!((file.len(), store.blocks()), (6 * PAGE, 8));
    assert_eq!(file.reserve(0, 9 * PAGE).unwrap_err().kind(), ErrorKind::StorageFull);
    file.set_len(file.len()).unwrap();
    assert_eq!(store.blocks(), 6);
    // The bytes that the file grows over read as zeroes.
    file.reserve(6 * PAGE, 2 * PAGE).unwrap();
    file.set_len(8 * PAGE).unwrap();
    let mut seen = [1; PAGE as usize];
    file.read_exact_at(&mut seen, 7 * PAGE).unwrap();
    assert_eq!((seen, store.blocks()), ([0; PAGE as usize], 8));
    file.reserve(0, 0).unwrap();
    assert_eq!(file.reserve(0, u64::MAX).unwrap_err().kind(), ErrorKind::FileTooLarge);
}

#[test]
fn a_store_that_cannot_reserve_past_its_end_says_so_and_allocates_within() {
    let store = Arc::new(FailingStore::default());
    let file = PageCache::new(64).open(Arc::clone(&store)).unwrap();
    file.set_len(2 * PAGE).unwrap();
    file.reserve(0, 2 * PAGE).unwrap();
    assert_eq!(store.inner.blocks(), 2);
    let error = file.reserve(0, 3 * PAGE).unwrap_err();
    assert_eq!((error.kind(), file.len()), (ErrorKind::Unsupported, 2 * PAGE));
    file.sync_all().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_of_the_system_keeps_its_length_when_blocks_are_reserved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let file = PageCache::new(64).open(FileStore::create(&path).unwrap()).unwrap();
    file.write_all_at(b"bytes", 0).unwrap();
    match file.reserve(0, 256 * PAGE) {
        Err(error) if error.kind() == ErrorKind::Unsupported => return,
        reserved => reserved.unwrap(),
    }
    file.sync_all().unwrap();
    assert!(file.allocated_size().unwrap() >= Some(256 * PAGE));
    assert_eq!((file.len(), std::fs::metadata(&path).unwrap().len()), (5, 5));
    file.append(&[1; PAGE as usize]).unwrap();
    file.set_len(file.len()).unwrap();
    file.sync_all().unwrap();
    assert!(file.allocated_size().unwrap() < Some(256 * PAGE));
}

#[test]
fn an_extension_to_at_least_a_length_asks_the_store_for_nothing_if_the_file_is_so_long() {
    let store = Arc::new(FailingStore::default());
    let file = PageCache::new(64).open(Arc::clone(&store)).unwrap();
    file.extend_to(10_000).unwrap();
    assert_eq!((file.len(), store.inner.len().unwrap()), (10_000, 10_000));
    let requests = store.requests();
    file.extend_to(10_000).unwrap();
    file.extend_to(0).unwrap();
    assert_eq!((file.len(), store.requests()), (10_000, requests));
    store.fail(requests..u64::MAX);
    file.extend_to(10_001).unwrap_err();
    assert_eq!(file.len(), 10_000);
    store.fail(0..0);
    assert_eq!(file.extend_to(u64::MAX).unwrap_err().kind(), ErrorKind::FileTooLarge);
}
