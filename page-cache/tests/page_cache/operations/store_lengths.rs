//! The length of the store after each request, which is what a process leaves that is killed there: a length that the
//! file had since the last sync, or one within what a write of several pages adds.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use spanlock_page_cache::{File, Length, MemStore, Options, PageCache, Store, StoreLayer};

use crate::random::Random;

const PAGE: u64 = 4096;

/// A store that records its length after each request that may change it.
#[derive(Default)]
struct Measured {
    inner: MemStore,
    lens: Mutex<Vec<u64>>,
}

impl Measured {
    fn after(&self, done: io::Result<()>) -> io::Result<()> {
        self.lens.lock().unwrap().push(self.inner.len()?);
        done
    }
}

impl StoreLayer for Measured {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.inner
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let written = self.inner.write_at(bytes, offset)?;
        self.after(Ok(())).map(|()| written)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.after(self.inner.set_len(len))
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.after(self.inner.punch_hole(offset, len))
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        self.after(self.inner.allocate(offset, len))
    }

    fn zero_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.after(self.inner.zero_range(offset, len))
    }

    fn collapse_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.after(self.inner.collapse_range(offset, len))
    }

    fn insert_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.after(self.inner.insert_range(offset, len))
    }
}

/// A file, its expected bytes, and the lengths that its store may have.
struct Subject {
    file: File,
    store: Arc<Measured>,
    bytes: Vec<u8>,
    lens: Vec<u64>,
    /// The ranges by which writes made it longer.
    growth: Vec<Range<u64>>,
}

impl Subject {
    /// An empty file in a cache whose flusher sleeps.
    fn new() -> Subject {
        let options = Options::new(256).flush_interval(Duration::from_secs(3600)).readahead(0);
        let cache: PageCache = PageCache::with_options(options);
        let store: Arc<Measured> = Arc::default();
        let file = cache.open(Arc::clone(&store)).unwrap();
        Subject { file, store, bytes: Vec::new(), lens: vec![0], growth: Vec::new() }
    }

    /// Writes through the cache or past it.
    fn write(&mut self, offset: u64, len: u64, past: Past, step: &str) {
        let bytes: Vec<u8> = (offset..offset + len).map(|at| (at % 251) as u8 + 1).collect();
        match past {
            Past::The => assert_eq!(self.file.write_direct_at(&bytes, offset).unwrap() as u64, len),
            Past::Not => self.file.write_all_at(&bytes, offset).unwrap(),
        }
        let (old, end) = (self.bytes.len() as u64, offset + len);
        if end > old {
            self.bytes.resize(end as usize, 0);
            self.growth.push(old..end);
        }
        self.bytes[offset as usize..end as usize].copy_from_slice(&bytes);
        self.check(step);
    }

    fn fill_with_zeroes(&mut self, range: Range<u64>) {
        let end = self.bytes.len();
        self.bytes[end.min(range.start as usize)..end.min(range.end as usize)].fill(0);
    }

    fn check(&mut self, step: &str) {
        assert_eq!(self.file.len(), self.bytes.len() as u64, "{step}");
        self.lens.push(self.file.len());
        for len in self.store.lens.lock().unwrap().drain(..) {
            let comes_along = |growth: &Range<u64>| growth.contains(&len) && len % PAGE == 0;
            let was = self.lens.contains(&len) || self.growth.iter().any(comes_along);
            assert!(was, "{step}: the store has {len} bytes, and the file had {:?}", self.lens);
        }
    }

    fn sync(&mut self, step: &str) {
        self.file.sync_all().unwrap();
        self.check(step);
        let mut stored = vec![0xa5; self.bytes.len()];
        assert_eq!(self.store.inner.read_at(&mut stored, 0).unwrap(), stored.len(), "{step}");
        assert!(stored == self.bytes, "{step}: the store has other bytes than were written");
        (self.lens, self.growth) = (vec![self.file.len()], Vec::new());
    }
}

/// Whether a write goes past the cache.
#[derive(Clone, Copy, Debug)]
enum Past {
    The,
    Not,
}

/// The operation between the end of the store and the end of the file, after a write past the end.
fn with_a_hole(old: u64, then: impl Fn(&mut Subject)) {
    let mut subject = Subject::new();
    if old > 0 {
        subject.write(0, old, Past::Not, "a beginning");
    }
    subject.sync("a beginning");
    subject.write(20_000, 10, Past::Not, "a write past the end");
    then(&mut subject);
    subject.check("a hole");
    subject.file.writeback(0..u64::MAX).unwrap();
    subject.check("the end");
    subject.sync("the end");
}

#[test]
fn a_direct_write_into_a_hole_that_only_the_cache_has_leaves_no_length_of_its_own() {
    for old in [0, 4096, 5000] {
        with_a_hole(old, |subject| subject.write(8192, 100, Past::The, "a direct write"));
    }
}

#[test]
fn a_part_of_a_page_in_a_hole_that_only_the_cache_has_leaves_no_length_of_its_own() {
    for old in [0, 4096, 5000] {
        with_a_hole(old, |subject| {
            subject.write(9000, 100, Past::Not, "a write to a part of a page");
            subject.file.writeback(8192..12_288).unwrap();
            subject.check("the writeback of that page");
        });
    }
}

#[test]
fn what_zeroes_or_reserves_a_part_of_what_only_the_cache_has_leaves_no_length_of_its_own() {
    type Change = (&'static str, fn(&mut Subject));
    let changes: [Change; 3] = [
        ("a punch", |subject| {
            subject.file.punch_hole(8192, 1000).unwrap();
            subject.fill_with_zeroes(8192..9192);
        }),
        ("zeroing", |subject| {
            subject.file.zero_range(8192, 1000, Length::Keep).unwrap();
            subject.fill_with_zeroes(8192..9192);
        }),
        ("allocation", |subject| subject.file.allocate(8192, 1000, Length::Keep).unwrap()),
    ];
    for (name, change) in changes {
        with_a_hole(5000, change);
        // The same without a hole, and before anything was sent.
        let mut subject = Subject::new();
        subject.write(0, 20_000, Past::Not, name);
        change(&mut subject);
        subject.check(name);
        subject.sync(name);
    }
}

#[test]
fn the_store_never_has_a_length_that_the_file_did_not_have() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let mut subject = Subject::new();
        for number in 0..120 {
            let offset = random.below(30 * PAGE);
            let len = 1 + random.below(3 * PAGE);
            let (page, pages) = (offset / PAGE * PAGE, len.next_multiple_of(PAGE));
            let size = subject.bytes.len() as u64;
            let kind = random.below(16);
            let step = format!("seed {seed}, step {number}, kind {kind}, {offset}+{len} of {size}");
            match kind {
                0..=2 => subject.write(offset, len, Past::Not, &step),
                3 => subject.write(size, len, Past::Not, &step),
                4 | 5 => subject.write(offset, len, Past::The, &step),
                6 => {
                    subject.file.punch_hole(offset, len).unwrap();
                    subject.fill_with_zeroes(offset..offset + len);
                }
                7 => {
                    subject.file.zero_range(offset, len, Length::Keep).unwrap();
                    subject.fill_with_zeroes(offset..offset + len);
                }
                8 => subject.file.allocate(offset, len, Length::Keep).unwrap(),
                9 => {
                    subject.file.set_len(offset).unwrap();
                    subject.bytes.resize(offset as usize, 0);
                    subject.growth.clear();
                }
                10 if page + pages < size => {
                    subject.file.collapse_range(page, pages).unwrap();
                    subject.bytes.drain(page as usize..(page + pages) as usize);
                }
                11 if page < size && size < 60 * PAGE => {
                    subject.file.insert_range(page, pages).unwrap();
                    let hole = std::iter::repeat_n(0, pages as usize);
                    drop(subject.bytes.splice(page as usize..page as usize, hole));
                }
                12 | 13 => subject.file.writeback(page..page + pages).unwrap(),
                14 if page < size => {
                    let at = offset.min(size - 1);
                    subject.file.page_mut(at / PAGE).unwrap()[(at % PAGE) as usize] = 7;
                    subject.bytes[at as usize] = 7;
                }
                15 => subject.sync(&step),
                _ => subject.file.drop_cached(page..page + pages).unwrap(),
            }
            subject.check(&step);
        }
        subject.sync("the end");
    }
}

/// A store that fails to report its length once after each collapse, and whose next sync may fail.
#[derive(Default)]
struct Forgetful {
    inner: MemStore,
    forgets: AtomicBool,
    fails_to_sync: AtomicBool,
}

impl StoreLayer for Forgetful {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.inner
    }

    fn len(&self) -> io::Result<u64> {
        match self.forgets.swap(false, Ordering::Relaxed) {
            true => Err(io::Error::other("the length is not known")),
            false => self.inner.len(),
        }
    }

    fn collapse_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.inner.collapse_range(offset, len)?;
        self.forgets.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        match self.fails_to_sync.swap(false, Ordering::Relaxed) {
            true => Err(io::Error::other("the sync failed")),
            false => self.inner.sync(),
        }
    }
}

#[test]
fn what_a_collapse_of_a_store_of_unknown_length_has_moved_is_lost_with_the_next_sync() {
    let store = Arc::new(Forgetful::default());
    let file = PageCache::new(64).open(Arc::clone(&store)).unwrap();
    file.write_all_at(&[1; 6 * PAGE as usize], 0).unwrap();
    file.collapse_range(0, PAGE).unwrap();
    file.sync_all().unwrap();
    file.collapse_range(PAGE, PAGE).unwrap();
    store.fails_to_sync.store(true, Ordering::Relaxed);
    file.sync_all().unwrap_err();
    let moved = PAGE..4 * PAGE;
    assert_eq!(file.broken_ranges(), [moved]);
    file.sync_all().unwrap_err();
}

#[test]
fn what_a_store_of_unknown_length_holds_is_data() {
    let file = PageCache::new(64).open(Arc::new(Forgetful::default())).unwrap();
    file.write_all_at(&[1; 5 * PAGE as usize], 0).unwrap();
    file.sync_all().unwrap();
    file.collapse_range(0, PAGE).unwrap();
    let whole = 0..4 * PAGE;
    assert_eq!(file.data_ranges(0..u64::MAX).unwrap(), [whole]);
    assert_eq!(file.copy_range_to(2 * PAGE, &file, 6 * PAGE, PAGE).unwrap(), PAGE);
    let mut copied = [0; PAGE as usize];
    file.read_exact_at(&mut copied, 6 * PAGE).unwrap();
    assert_eq!(copied, [1; PAGE as usize]);
}

#[test]
fn what_a_store_of_unknown_length_holds_behind_a_range_stays() {
    type Change = fn(&File) -> io::Result<()>;
    let (start, end) = (2 * PAGE + 10, 2 * PAGE + 110);
    let changes: [Change; 3] = [
        |file| file.write_direct_at(&[0; 100], 2 * PAGE + 10).map(drop),
        |file| file.punch_hole(2 * PAGE + 10, 100),
        |file| file.zero_range(2 * PAGE + 10, 100, Length::Keep),
    ];
    for change in changes {
        let file = PageCache::new(64).open(Arc::new(Forgetful::default())).unwrap();
        file.write_all_at(&[1; 5 * PAGE as usize], 0).unwrap();
        file.sync_all().unwrap();
        file.collapse_range(0, PAGE).unwrap();
        change(&file).unwrap();
        file.drop_cached(0..4 * PAGE).unwrap();
        let mut seen = vec![0; 4 * PAGE as usize];
        file.read_exact_at(&mut seen, 0).unwrap();
        let mut expected = vec![1; seen.len()];
        expected[start as usize..end as usize].fill(0);
        assert!(seen == expected);
    }
}
