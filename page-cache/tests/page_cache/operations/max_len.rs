//! Requests past the greatest length of a store are refused immediately, by every operation.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use spanlock_page_cache::{
    AddressSpace, File, FileOptions, Length, Mapping, MemStore, Options, PAGE_SIZE, PageCache,
    Store,
};

const PAGE: u64 = PAGE_SIZE as u64;

/// A disk of so many bytes, which panics if a request exceeds it.
struct Disk {
    inner: MemStore,
    most: AtomicU64,
    alignment: u64,
    /// How often it was asked for its maximum length.
    asked: AtomicU64,
}

impl Disk {
    fn shrink_or_grow(&self, most: u64) {
        self.most.store(most, Ordering::SeqCst);
    }

    fn check(&self, end: u64) {
        let most = self.most.load(Ordering::SeqCst);
        assert!(end <= most, "asked for bytes up to {end} of {most}");
    }

    /// As `check`, for operations that write nothing if the file already has that length.
    fn check_growth(&self, end: u64) -> io::Result<()> {
        if end > self.inner.len()? {
            self.check(end);
        }
        Ok(())
    }
}

impl Store for Disk {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.check(offset + bytes.len() as u64);
        self.inner.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check_growth(len)?;
        self.inner.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.inner.punch_hole(offset, len)
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        self.check_growth(offset + len)?;
        self.inner.allocate(offset, len)
    }

    fn zero_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.check_growth(offset + len)?;
        self.inner.zero_range(offset, len)
    }

    fn insert_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.check(self.inner.len()? + len);
        self.inner.insert_range(offset, len)
    }

    fn max_len(&self) -> u64 {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.most.load(Ordering::SeqCst)
    }

    fn direct_alignment(&self) -> u64 {
        self.alignment
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
}

fn open_aligned(most: u64, alignment: u64, options: FileOptions) -> (File, Arc<Disk>) {
    let (inner, most, asked) = (MemStore::new(), AtomicU64::new(most), AtomicU64::new(0));
    let store = Arc::new(Disk { inner, most, alignment, asked });
    let quiet = Options::new(64).flush_interval(Duration::MAX);
    let file = PageCache::with_options(quiet).open_with(Arc::clone(&store), options).unwrap();
    (file, store)
}

fn open(most: u64) -> (File, Arc<Disk>) {
    open_aligned(most, 1, FileOptions::new())
}

const MOST: u64 = 3 * PAGE + 1000;

type Run = fn(&File, &Mapping) -> io::Result<()>;

#[test]
fn what_ends_past_the_greatest_length_is_refused_immediately_and_changes_nothing() {
    let requests: Vec<(&str, Run)> = vec![
        ("set_len", |file, _| file.set_len(MOST + 1)),
        ("set_len far", |file, _| file.set_len(1 << 62)),
        ("allocate", |file, _| file.allocate(MOST, 1, Length::Extend)),
        ("allocate across", |file, _| file.allocate(0, MOST + 1, Length::Extend)),
        ("zero_range", |file, _| file.zero_range(MOST - 1, 2, Length::Extend)),
        ("zero_range far", |file, _| file.zero_range(1 << 40, 2, Length::Extend)),
        ("insert_range", |file, _| file.insert_range(0, 3 * PAGE)),
        ("append", |file, _| file.append(&[7; 4 * PAGE_SIZE]).map(drop)),
        ("write", |file, _| file.write_at(&[7], MOST).map(drop)),
        ("write far", |file, _| file.write_at(&[7; 9], 1 << 62).map(drop)),
        ("direct write", |file, _| file.write_direct_at(&[7], MOST).map(drop)),
        ("write from memory", |file, _| {
            let memory = AddressSpace::new();
            let from = memory.map_anonymous(100)?;
            file.write_from(&memory, &[from], MOST).map(drop)
        }),
        ("store", |_, mapping| mapping.store(MOST, &[7])),
    ];
    for options in [FileOptions::new(), FileOptions::new().write_through()] {
        for (name, run) in &requests {
            let (file, store) = open_aligned(MOST, 1, options.clone());
            file.write_all_at(&[1; PAGE_SIZE + 100], 0).unwrap();
            let mapping = file.map(0..u64::MAX).unwrap();
            let error = run(&file, &mapping).expect_err(name);
            let expected = match *name {
                // There the file has no byte, whatever its store can hold.
                "store" => ErrorKind::UnexpectedEof,
                _ => ErrorKind::FileTooLarge,
            };
            assert_eq!(error.kind(), expected, "{name}: {error}");
            if expected == ErrorKind::FileTooLarge {
                assert!(error.to_string().contains(&MOST.to_string()), "{error}");
            }
            assert_eq!(file.len(), PAGE + 100, "{name}");
            file.sync_all().unwrap();
            let mut seen = [0; PAGE_SIZE + 200];
            assert_eq!(file.read_at(&mut seen, 0).unwrap(), PAGE_SIZE + 100, "{name}");
            assert_eq!(seen[..PAGE_SIZE + 100], [1; PAGE_SIZE + 100], "{name}");
            assert_eq!(store.len().unwrap(), PAGE + 100, "{name}");
        }
    }
}

#[test]
fn a_file_grows_to_the_greatest_length_by_every_path() {
    let requests: Vec<(&str, Run)> = vec![
        ("set_len", |file, _| file.set_len(MOST)),
        ("allocate", |file, _| file.allocate(5, MOST - 5, Length::Extend)),
        ("allocate what is there", |file, _| {
            file.set_len(MOST)?;
            file.allocate(5, 1 << 40, Length::Keep)
        }),
        ("zero_range", |file, _| file.zero_range(MOST - 1, 1, Length::Extend)),
        ("insert_range", |file, _| {
            file.set_len(PAGE + 1000)?;
            file.insert_range(0, 2 * PAGE)
        }),
        ("append", |file, _| file.append(&[7; MOST as usize]).map(drop)),
        ("write", |file, _| file.write_all_at(&[7; 9], MOST - 9)),
        ("direct write", |file, _| file.write_direct_at(&[7; 9], MOST - 9).map(drop)),
        ("store", |file, mapping| {
            file.set_len(MOST)?;
            mapping.store(MOST - 9, &[7; 9])
        }),
    ];
    for (name, run) in requests {
        let (file, store) = open(MOST);
        let mapping = file.map(0..u64::MAX).unwrap();
        run(&file, &mapping).expect(name);
        assert_eq!(file.len(), MOST, "{name}");
        file.sync_all().unwrap();
        assert!(store.len().unwrap() <= MOST, "{name}");
    }
}

#[test]
fn a_write_across_the_greatest_length_ends_there_and_goes_no_further() {
    for options in [FileOptions::new(), FileOptions::new().write_through()] {
        let (file, store) = open_aligned(MOST, 1, options);
        assert_eq!(file.write_at(&[1; 200], MOST - 50).unwrap(), 50);
        assert_eq!(file.len(), MOST);
        let error = file.write_at(&[1; 150], MOST).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
        let error = file.write_all_at(&[2; 2 * PAGE_SIZE], MOST - 5000).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
        assert_eq!(file.write_direct_at(&[3; 200], MOST - 10).unwrap(), 10);
        file.sync_all().unwrap();
        let mut seen = [0; 5000];
        assert_eq!(store.read_at(&mut seen, MOST - 5000).unwrap(), 5000);
        assert_eq!((&seen[..4990], &seen[4990..]), (&[2; 4990][..], &[3; 10][..]));
    }
}

/// A direct write is shortened to a multiple of the store's block.
#[test]
fn a_direct_write_across_the_greatest_length_is_cut_to_what_the_store_takes() {
    let (file, _store) = open_aligned(MOST, 512, FileOptions::new());
    assert_eq!(file.write_direct_at(&[1; 2 * PAGE_SIZE], 2 * PAGE).unwrap(), PAGE_SIZE + 512);
    let error = file.write_direct_at(&[1; PAGE_SIZE], 3 * PAGE + 512).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FileTooLarge);
    assert_eq!(file.len(), 3 * PAGE + 512);
    file.sync_all().unwrap();
}

#[test]
fn a_greatest_length_that_changes_is_noticed() {
    let (file, store) = open(2 * PAGE);
    file.write_all_at(&[1; 2 * PAGE_SIZE], 0).unwrap();
    assert!(file.write_at(&[1], 2 * PAGE).is_err() && file.set_len(2 * PAGE + 1).is_err());
    store.shrink_or_grow(3 * PAGE + 10);
    assert_eq!(file.append(&[2; PAGE_SIZE]).unwrap(), 2 * PAGE);
    file.set_len(3 * PAGE + 10).unwrap();
    store.shrink_or_grow(3 * PAGE + 10 + PAGE);
    file.set_len(3 * PAGE).unwrap();
    store.shrink_or_grow(3 * PAGE);
    assert_eq!(file.append(&[2]).unwrap_err().kind(), ErrorKind::FileTooLarge);
    file.sync_all().unwrap();
}

/// The page that contains the greatest length could not be written back as a whole.
#[test]
fn a_file_longer_than_its_store_can_be_is_not_dirtied_where_that_is_not_written_back() {
    let (file, store) = open(1 << 20);
    file.write_all_at(&[1; 4 * PAGE_SIZE], 0).unwrap();
    file.sync_all().unwrap();
    let store = Arc::clone(&store);
    drop(file);
    store.shrink_or_grow(2 * PAGE + 100);
    let quiet = Options::new(64).flush_interval(Duration::MAX);
    let cache: PageCache = PageCache::with_options(quiet);
    let file = cache.open(Arc::clone(&store)).unwrap();
    let mapping = file.map(0..u64::MAX).unwrap();
    mapping.load(2 * PAGE, &mut [0; 8]).unwrap();
    let errors = [
        mapping.store(2 * PAGE, &[7]).unwrap_err(),
        mapping.store(3 * PAGE + 5, &[7]).unwrap_err(),
        file.write_at(&[7], 2 * PAGE).unwrap_err(),
        file.write_at(&[7], 3 * PAGE).unwrap_err(),
        file.write_direct_at(&[7], 3 * PAGE).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::FileTooLarge, "{error}");
    }
    mapping.store(PAGE, &[7]).unwrap();
    file.write_all_at(&[7], 2 * PAGE - 1).unwrap();
    file.sync_all().unwrap();
    // It can be truncated, and is then a file like others.
    file.set_len(2 * PAGE + 50).unwrap();
    file.write_all_at(&[8; 100], 2 * PAGE).unwrap();
    mapping.store(2 * PAGE, &[7]).unwrap();
    file.sync_all().unwrap();
}

#[test]
fn what_ends_with_a_file_that_is_longer_than_its_store_can_be_is_left_to_the_store() {
    let (file, store) = open(1 << 20);
    file.write_all_at(&[1; 4 * PAGE_SIZE], 0).unwrap();
    file.sync_all().unwrap();
    drop(file);
    store.shrink_or_grow(PAGE);
    let file = PageCache::new(64).open(store).unwrap();
    file.set_len(4 * PAGE).unwrap();
    file.allocate(0, 4 * PAGE, Length::Extend).unwrap();
    file.zero_range(3 * PAGE, PAGE, Length::Extend).unwrap();
    let mut seen = [0xff; 4 * PAGE_SIZE];
    file.read_exact_at(&mut seen, 0).unwrap();
    assert!(seen[..3 * PAGE_SIZE] == [1; 3 * PAGE_SIZE] && seen[3 * PAGE_SIZE..] == [0; PAGE_SIZE]);
}

#[test]
fn a_file_that_is_as_long_as_its_store_can_be_is_written_up_to_its_end() {
    let (file, store) = open(MOST);
    store.inner.set_len(MOST).unwrap();
    drop(file);
    let file = PageCache::new(64).open(store).unwrap();
    file.write_all_at(&[1; 10], MOST - 10).unwrap();
    file.sync_all().unwrap();
}

#[test]
fn a_store_is_not_asked_for_its_greatest_length_with_every_write() {
    let (file, store) = open(MOST);
    file.write_all_at(&[1; 3 * PAGE_SIZE], 0).unwrap();
    let mapping = file.map(0..PAGE).unwrap();
    let before = store.asked.load(Ordering::SeqCst);
    for page in 0..3 {
        file.write_all_at(&[2; 10], page * PAGE + 7).unwrap();
    }
    file.write_direct_at(&[3; PAGE_SIZE], PAGE).unwrap();
    mapping.store(5, &[4]).unwrap();
    assert_eq!(store.asked.load(Ordering::SeqCst), before);
}

#[test]
fn an_exclusive_guard_of_a_cached_page_that_the_store_cannot_hold_is_refused() {
    // As if the disk had become smaller since the file was written.
    let inner = MemStore::new();
    inner.write_at(&[1; 4 * PAGE_SIZE], 0).unwrap();
    let (most, asked) = (AtomicU64::new(2 * PAGE), AtomicU64::new(0));
    let store = Arc::new(Disk { inner, most, alignment: 1, asked });
    let file = PageCache::new(64).open(store).unwrap();
    for number in [1, 3] {
        drop(file.page(number).unwrap());
    }
    file.page_mut(1).unwrap()[0] = 2;
    for refused in [file.page_mut(3).map(drop), file.try_page_mut(3).map(drop)] {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::FileTooLarge);
    }
    assert_eq!(file.stats().dirty, 1);
    file.sync_all().unwrap();
}
