//! Stores that panic: nothing stays locked, in flight or waited for, and no thread ends.

use std::error::Error;
use std::fmt;
use std::io;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use spanlock_page_cache::{FileOptions, MemStore, Options, PAGE_SIZE, PageCache, Store};

const PAGE: u64 = PAGE_SIZE as u64;

/// A store that panics in its next few reads or writes.
#[derive(Default)]
struct Panicking {
    inner: MemStore,
    panics: AtomicUsize,
    /// Whether it panics with a [`Bomb`].
    bombs: AtomicBool,
}

/// A payload that itself panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the payload of a panic was dropped");
    }
}

impl Panicking {
    fn panic_next(&self, requests: usize) {
        self.panics.store(requests, Ordering::SeqCst);
    }

    fn move_bytes(&self) {
        let one_less = |panics: usize| panics.checked_sub(1);
        let left = self.panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
        if left.is_ok() && self.bombs.load(Ordering::SeqCst) {
            panic::panic_any(Bomb);
        }
        assert!(left.is_err(), "as the test wants it");
    }
}

impl Store for Panicking {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.move_bytes();
        self.inner.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.move_bytes();
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

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
}

fn first_byte_in(store: &Panicking, page: u64) -> u8 {
    let mut seen = [0];
    store.inner.read_at(&mut seen, page * PAGE).unwrap();
    seen[0]
}

/// Invariant 15.
#[test]
fn pages_whose_writeback_panics_stay_dirty_and_can_be_written() {
    let store = Arc::new(Panicking::default());
    let file = PageCache::new(64).open(Arc::clone(&store)).unwrap();
    file.write_all_at(&[1; 2 * PAGE_SIZE], 0).unwrap();
    store.panic_next(1);
    let error = file.sync_all().unwrap_err();
    assert!(error.to_string().contains("panicked: as the test wants it"), "{error}");
    file.write_all_at(&[2], 0).unwrap();
    file.sync_all().unwrap();
    assert_eq!((first_byte_in(&store, 0), first_byte_in(&store, 1)), (2, 1));
}

/// E3.
#[test]
fn after_a_write_through_that_panics_its_pages_are_fetched_again() {
    let store = Arc::new(Panicking::default());
    let options = FileOptions::new().write_through();
    let file = PageCache::new(64).open_with(Arc::clone(&store), options).unwrap();
    file.write_all_at(&[1; 2 * PAGE_SIZE], 0).unwrap();
    store.panic_next(1);
    file.write_at(&[2; 2 * PAGE_SIZE], 0).unwrap_err();
    let mut seen = [0; 2 * PAGE_SIZE];
    file.read_exact_at(&mut seen, 0).unwrap();
    assert!(seen == [1; 2 * PAGE_SIZE]);
    file.write_all_at(&[3; 2 * PAGE_SIZE], 0).unwrap();
    assert_eq!(first_byte_in(&store, 1), 3);
}

#[test]
fn a_page_whose_fill_panics_can_be_read_and_written() {
    let store = Arc::new(Panicking::default());
    store.inner.write_at(&[1; PAGE_SIZE], 0).unwrap();
    let file = PageCache::new(64).open(Arc::clone(&store)).unwrap();
    let mapping = file.map(0..PAGE).unwrap();
    let mut seen = [0; 2];
    store.panic_next(1);
    file.read_at(&mut seen, 0).unwrap_err();
    store.panic_next(1);
    mapping.load(0, &mut seen).unwrap_err();
    file.write_all_at(&[2], 0).unwrap();
    file.read_exact_at(&mut seen, 0).unwrap();
    assert_eq!(seen, [2, 1]);
}

#[test]
fn the_flusher_continues_after_a_store_has_panicked() {
    let store = Arc::new(Panicking::default());
    let options = Options::new(16).dirty_limit(4).flush_interval(Duration::MAX);
    let cache: PageCache = PageCache::with_options(options);
    let bad = cache.open(Arc::clone(&store)).unwrap();
    bad.write_all_at(b"kept", 0).unwrap();
    store.panic_next(1);
    // All writes except the first few wait for the flusher.
    let good = cache.open(MemStore::new()).unwrap();
    for page in 0..64 {
        good.write_all_at(&[1; PAGE_SIZE], page * PAGE).unwrap();
    }
    assert!(bad.sync_all().is_err(), "the panic was reported to no caller");
    bad.sync_all().unwrap();
    assert_eq!(first_byte_in(&store, 0), b'k');
}

#[test]
fn a_file_closes_over_a_store_that_panics() {
    let store = Arc::new(Panicking::default());
    let cache = PageCache::new(16);
    let file = cache.open(Arc::clone(&store)).unwrap();
    file.write_all_at(&[1], 0).unwrap();
    store.panic_next(1);
    drop(file);
    assert_eq!(Arc::strong_count(&store), 1);
}

#[test]
fn a_panic_whose_payload_panics_is_an_error_like_others() {
    let store = Arc::new(Panicking::default());
    store.inner.write_at(&[1; 2 * PAGE_SIZE], 0).unwrap();
    store.bombs.store(true, Ordering::SeqCst);
    let file = PageCache::new(64).open(Arc::clone(&store)).unwrap();
    let mut seen = [0; 2];
    store.panic_next(1);
    let error = file.read_at(&mut seen, 0).unwrap_err();
    assert!(error.to_string().contains("panicked"), "{error}");
    file.write_all_at(&[2], 0).unwrap();
    store.panic_next(1);
    file.sync_all().unwrap_err();
    file.sync_all().unwrap();
    file.read_exact_at(&mut seen, 0).unwrap();
    assert_eq!((seen, first_byte_in(&store, 0)), ([2, 1], 2));
}

/// An error that cannot be described.
#[derive(Debug)]
struct Nameless;

impl fmt::Display for Nameless {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("the description panics");
    }
}

impl Error for Nameless {}

/// Fails writes with an error that cannot be described, until the test ends that.
#[derive(Default)]
struct Unspeakable {
    inner: MemStore,
    well: AtomicBool,
}

impl Store for Unspeakable {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        match self.well.load(Ordering::SeqCst) {
            true => self.inner.write_at(bytes, offset),
            false => Err(io::Error::other(Nameless)),
        }
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

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_error_whose_description_panics_leaves_no_page_in_flight() {
    let store = Arc::new(Unspeakable::default());
    let file = PageCache::new(64).open(Arc::clone(&store)).unwrap();
    file.write_all_at(&[1; 3 * PAGE_SIZE], 0).unwrap();
    assert_eq!(file.sync_data().unwrap_err().kind(), io::ErrorKind::Other);
    store.well.store(true, Ordering::SeqCst);
    // It waits for no page; the flusher may have met the error as well.
    let _heard = file.sync_data();
    file.sync_data().unwrap();
    assert_eq!(store.len().unwrap(), 3 * PAGE);
}

#[test]
fn a_store_that_panics_when_it_is_asked_for_its_alignment_is_not_opened() {
    struct Unaligned(MemStore);
    impl Store for Unaligned {
        fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
            self.0.read_at(bytes, offset)
        }
        fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
            self.0.write_at(bytes, offset)
        }
        fn len(&self) -> io::Result<u64> {
            self.0.len()
        }
        fn set_len(&self, len: u64) -> io::Result<()> {
            self.0.set_len(len)
        }
        fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
            self.0.punch_hole(offset, len)
        }
        fn direct_alignment(&self) -> u64 {
            panic!("it does not know")
        }
        fn sync(&self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = PageCache::new(64).open(Unaligned(MemStore::new())).unwrap_err();
    assert!(error.to_string().contains("panicked: it does not know"), "{error}");
}
