//! Statements of the documentation that no other test checks.

use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use spanlock_page_cache::{Identity, Length, MemStore, Options, PageCache, Store};

use crate::stores::failing_store::FailingStore;
use crate::stores::recording_store::RecordingStore;

const PAGE: u64 = 4096;

#[test]
fn a_request_for_no_bytes_asks_the_store_for_nothing_and_is_neither_hit_nor_miss() {
    let store = Arc::new(FailingStore::default());
    let cache = PageCache::with_options(Options::new(64).flush_interval(Duration::MAX));
    let file = cache.open(Arc::clone(&store)).unwrap();
    file.write_all_at(&[1; 4 * PAGE as usize], 0).unwrap();
    file.sync_data().unwrap();
    let before = cache.stats();
    let mapping = file.map(0..4 * PAGE).unwrap();
    let asked = store.requests();
    store.fail(0..u64::MAX);
    for offset in [0, 7, PAGE, 3 * PAGE] {
        assert_eq!(file.read_at(&mut [], offset).unwrap(), 0);
        assert_eq!(file.write_at(&[], offset).unwrap(), 0);
        assert_eq!(file.read_direct_at(&mut [], offset).unwrap(), 0);
        assert_eq!(file.write_direct_at(&[], offset).unwrap(), 0);
        file.read_exact_at(&mut [], offset).unwrap();
        file.write_all_at(&[], offset).unwrap();
        file.punch_hole(offset, 0).unwrap();
        file.zero_range(offset, 0, Length::Extend).unwrap();
        file.allocate(offset, 0, Length::Extend).unwrap();
        file.writeback(offset..offset).unwrap();
        mapping.load(offset, &mut []).unwrap();
        mapping.store(offset, &[]).unwrap();
    }
    file.collapse_range(PAGE, 0).unwrap();
    file.insert_range(PAGE, 0).unwrap();
    assert_eq!(file.append(&[]).unwrap(), 4 * PAGE);
    assert_eq!(store.requests(), asked);
    let after = cache.stats();
    assert_eq!((after.hits, after.misses), (before.hits, before.misses));
    file.read_exact_at(&mut [0; 4 * PAGE as usize], 0).unwrap();
    assert_eq!(cache.stats().hits, before.hits + 4, "all pages are cached as before");
    assert_eq!(file.collapse_range(1, 0).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(file.insert_range(1, 0).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_load_that_fails_has_copied_what_lies_before_the_page_that_failed() {
    let store = Arc::new(RecordingStore::with(&[7; 3 * PAGE as usize]));
    let file = PageCache::with_options(Options::new(64).readahead(0)).open(store.clone()).unwrap();
    let mapping = file.map(0..u64::MAX).unwrap();
    store.fail_reads_of(PAGE..2 * PAGE);
    let mut seen = [0; 9];
    assert_eq!(mapping.load(PAGE - 4, &mut seen).unwrap_err().kind(), ErrorKind::Other);
    assert_eq!(seen, [7, 7, 7, 7, 0, 0, 0, 0, 0]);
    let past_the_end = mapping.load(3 * PAGE - 2, &mut seen).unwrap_err();
    assert_eq!(past_the_end.kind(), ErrorKind::UnexpectedEof);
    assert_eq!(seen, [7, 7, 7, 7, 0, 0, 0, 0, 0]);
}

#[test]
fn options_beyond_their_bounds_are_clamped() {
    for options in [
        Options::new(0).dirty_limit(0).flush_interval(Duration::ZERO).readahead(0),
        Options::new(64)
            .dirty_limit(usize::MAX)
            .flush_interval(Duration::MAX)
            .readahead(usize::MAX),
    ] {
        let cache = PageCache::with_options(options);
        let store = Arc::new(RecordingStore::default());
        let file = cache.open(Arc::clone(&store)).unwrap();
        file.write_all_at(&[1; 100 * PAGE as usize], 0).unwrap();
        let mut seen = vec![0; 100 * PAGE as usize];
        file.read_exact_at(&mut seen, 0).unwrap();
        assert!(seen.iter().all(|&byte| byte == 1));
        file.sync_all().unwrap();
        assert_eq!(store.bytes(0..101 * PAGE), seen);
    }
}

/// Records the names of the requests that it gets.
#[derive(Default)]
struct Named {
    inner: MemStore,
    asked: Mutex<Vec<&'static str>>,
}

impl Named {
    fn note(&self, name: &'static str) {
        self.asked.lock().unwrap().push(name);
    }
}

impl Store for Named {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.note("read_at");
        self.inner.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.note("write_at");
        self.inner.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.note("len");
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.note("set_len");
        self.inner.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.note("punch_hole");
        self.inner.punch_hole(offset, len)
    }

    fn identity(&self) -> Option<Identity> {
        Some(Identity::new("named", [1, 1]))
    }

    fn acquire(&self) -> io::Result<()> {
        self.note("acquire");
        Ok(())
    }

    fn release(&self) {
        self.note("release");
    }

    fn direct_alignment(&self) -> u64 {
        self.note("direct_alignment");
        1
    }

    fn block_size(&self) -> u64 {
        self.note("block_size");
        1
    }

    fn label(&self) -> String {
        self.note("label");
        "named".into()
    }

    fn sync(&self) -> io::Result<()> {
        self.note("sync");
        self.inner.sync()
    }
}

#[test]
fn a_store_is_locked_before_its_length_is_read_and_released_last() {
    let store = Arc::new(Named::default());
    let cache = PageCache::new(64);
    let file = cache.open(Arc::clone(&store)).unwrap();
    let clone = cache.open(Arc::clone(&store)).unwrap();
    file.write_all_at(b"bytes", 0).unwrap();
    file.sync_all().unwrap();
    drop((file, clone));
    let asked = store.asked.lock().unwrap();
    let place = |name| asked.iter().position(|asked| *asked == name).unwrap();
    let bytes = ["len", "read_at", "write_at", "set_len", "punch_hole", "sync"];
    assert_eq!(asked.iter().position(|name| bytes.contains(name)), Some(place("acquire") + 1));
    assert_eq!(place("release"), asked.len() - 1, "{asked:?}");
    for once in ["acquire", "label", "block_size", "direct_alignment"] {
        assert_eq!(asked.iter().filter(|name| **name == once).count(), 1, "{once}: {asked:?}");
    }
}

#[test]
fn a_pin_whose_page_was_removed_has_no_effect_until_it_makes_a_guard_of_the_next_one() {
    let cache = PageCache::new(16);
    let file = cache.open(MemStore::new()).unwrap();
    file.write_all_at(&[1; 2 * PAGE as usize], 0).unwrap();
    let pin = file.pin(1).unwrap();
    assert_eq!(pin.number(), 1);
    file.set_len(PAGE).unwrap();
    assert_eq!(pin.page().unwrap_err().kind(), ErrorKind::UnexpectedEof);
    file.set_len(2 * PAGE).unwrap();
    // The frame may have another page by now.
    let other = cache.open(MemStore::new()).unwrap();
    other.write_all_at(&[9; 100 * PAGE as usize], 0).unwrap();
    assert_eq!(pin.page().unwrap()[..], [0; PAGE as usize]);
    pin.page_mut().unwrap()[7] = 7;
    file.punch_hole(PAGE, PAGE).unwrap();
    assert_eq!(pin.page().unwrap()[7], 0);
    file.write_direct_at(&[5; PAGE as usize], PAGE).unwrap();
    assert_eq!(pin.page().unwrap()[7], 5);
    drop(file);
    assert_eq!(pin.page().unwrap()[7], 5, "a pin keeps the file open");
}

#[test]
fn a_thread_may_have_two_shared_guards_of_a_page_and_no_exclusive_one_beside() {
    let file = PageCache::new(64).open(MemStore::new()).unwrap();
    file.write_all_at(&[1; PAGE as usize], 0).unwrap();
    let guards = (file.page(0).unwrap(), file.page(0).unwrap());
    assert_eq!(guards.0[..], guards.1[..]);
    assert_eq!(file.page_mut(0).unwrap_err().kind(), ErrorKind::Deadlock);
    assert_eq!(file.try_page_mut(0).unwrap_err().kind(), ErrorKind::Deadlock);
    drop(guards);
    let _exclusive = file.page_mut_within(0, Duration::MAX).unwrap();
    assert_eq!(file.page(0).unwrap_err().kind(), ErrorKind::Deadlock);
    assert_eq!(file.try_page(0).unwrap_err().kind(), ErrorKind::Deadlock);
}

#[test]
fn hints_about_ranges_without_an_end_end() {
    let store = Arc::new(MemStore::new());
    store.write_at(&[1; 3 * PAGE as usize], 0).unwrap();
    store.set_len(1 << 40).unwrap();
    let cache = PageCache::with_options(Options::new(64).flush_interval(Duration::MAX));
    let file = cache.open(Arc::clone(&store)).unwrap();
    file.write_all_at(b"dirty", 1 << 30).unwrap();
    file.will_need(0..u64::MAX).unwrap();
    file.dont_need(0..u64::MAX).unwrap();
    assert_eq!(file.dirty_pages().len(), 1);
    let data = file.data_ranges(0..u64::MAX).unwrap();
    assert_eq!(data.len(), 2, "{data:?}");
    assert_eq!(data[0], 0..3 * PAGE);
    assert!(data[1].contains(&(1 << 30)), "{data:?}");
    file.drop_cached(0..u64::MAX).unwrap();
    assert_eq!((file.dirty_pages().len(), cache.stats().dirty), (0, 0));
    let inverted = std::ops::Range { start: 9, end: 8 };
    assert_eq!(file.will_need(inverted.clone()).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(file.dont_need(inverted.clone()).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(file.drop_cached(inverted.clone()).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(file.data_ranges(inverted).unwrap_err().kind(), ErrorKind::InvalidInput);
}
