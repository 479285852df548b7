use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::unwind::Bomb;
use crate::{DirtyPage, FileOptions, MemStore, Options, PageCache, Store, StoreLayer};

const PAGE: u64 = 4096;

/// A store to a mapping takes no IO lock, so a page may have become dirty in a part after it was found that the
/// file has no dirty page.
#[test]
fn a_part_of_a_page_that_was_dirty_outlives_what_is_sent_of_another_part() {
    let options = Options::new(64).flush_interval(Duration::MAX);
    let cache = PageCache::with_options(options);
    let store = Arc::new(MemStore::new());
    let file = cache.open(Arc::clone(&store)).unwrap();
    file.set_len(2 * PAGE).unwrap();
    file.write_all_at(b"dirty", 100).unwrap();
    file.inode().store_through(b"through", 4000).unwrap();
    let mut seen = [0; 7];
    store.read_at(&mut seen, 4000).unwrap();
    assert_eq!(&seen, b"through");
    file.read_exact_at(&mut seen[..5], 100).unwrap();
    assert_eq!(&seen[..5], b"dirty");
    file.sync_data().unwrap();
    for (at, bytes) in [(100, &b"dirty"[..]), (4000, b"through")] {
        let mut seen = vec![0; bytes.len()];
        store.read_at(&mut seen, at).unwrap();
        assert_eq!(seen, bytes);
    }
}

#[test]
fn a_store_past_the_end_of_the_file_does_not_make_it_longer() {
    let file = PageCache::new(64).open(MemStore::new()).unwrap();
    file.set_len(100).unwrap();
    file.inode().store_through(b"past", 200).unwrap();
    assert_eq!(file.len(), 100);
}

#[test]
fn the_hook_gets_the_bytes_that_are_stored_through_and_no_others() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&told);
    let hook = move |pages: &[DirtyPage]| {
        noted.lock().unwrap().extend(pages.iter().map(|page| page.range.clone()));
        Ok(())
    };
    let options = FileOptions::new().before_writeback(hook);
    let file = PageCache::new(64).open_with(MemStore::new(), options).unwrap();
    file.set_len(8 * PAGE).unwrap();
    file.inode().store_through(b"through", 2 * PAGE + 5).unwrap();
    assert_eq!(*told.lock().unwrap(), std::slice::from_ref(&(2 * PAGE + 5..2 * PAGE + 12)));
}

/// A store whose reads fail while a flag is set.
#[derive(Default)]
struct Unreadable {
    inner: MemStore,
    fails: AtomicBool,
    /// Whether its errors are bombs.
    with_bombs: AtomicBool,
    /// How many bytes each write had.
    writes: Mutex<Vec<usize>>,
}

impl StoreLayer for Unreadable {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.inner
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        match self.fails.load(Ordering::Relaxed) {
            true if self.with_bombs.load(Ordering::Relaxed) => Err(io::Error::other(Bomb)),
            true => Err(io::Error::other("told to fail")),
            false => self.inner.read_at(bytes, offset),
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.writes.lock().unwrap().push(bytes.len());
        self.inner.write_at(bytes, offset)
    }
}

#[test]
fn a_request_ends_before_a_partly_dirty_page_that_cannot_be_filled() {
    let options = Options::new(64).flush_interval(Duration::MAX).readahead(0);
    let cache = PageCache::with_options(options);
    let store = Arc::new(Unreadable::default());
    let file = cache.open(Arc::clone(&store)).unwrap();
    file.set_len(2 * PAGE).unwrap();
    file.write_all_at(b"dirty", PAGE + 100).unwrap();
    store.fails.store(true, Ordering::Relaxed);
    let send = |at| file.inode().send_through(&[7; PAGE as usize + 10], at, 0);
    assert_eq!(send(0).unwrap(), PAGE as usize);
    let (written, error) = send(PAGE).unwrap_err();
    assert_eq!((written, error.to_string().as_str()), (0, "told to fail"));
    // No page is still in flight.
    store.fails.store(false, Ordering::Relaxed);
    file.sync_data().unwrap();
    let mut seen = [0; 5];
    file.read_exact_at(&mut seen, PAGE + 100).unwrap();
    assert_eq!(&seen, b"dirty");
    file.write_all_at(&[8; 2 * PAGE as usize], 0).unwrap();
}

#[test]
fn a_request_has_no_more_pages_than_one_request_of_a_file_is_permitted() {
    let options = Options::new(16).flush_interval(Duration::MAX).readahead(0);
    let cache = PageCache::with_options(options);
    let store = Arc::new(Unreadable::default());
    let options = FileOptions::new().write_through();
    let file = cache.open_with(Arc::clone(&store), options).unwrap();
    file.set_len(6 * PAGE).unwrap();
    // All are cached, so no frame is needed for them.
    file.read_exact_at(&mut [0; 6 * PAGE as usize], 0).unwrap();
    file.write_all_at(&[1; 6 * PAGE as usize], 0).unwrap();
    let permit = {
        let mut permit = file.inode().acquire_permit().unwrap();
        permit.extend_to(6)
    };
    assert!(permit < 6);
    let writes: Vec<usize> =
        store.writes.lock().unwrap().iter().map(|len| len / PAGE as usize).collect();
    assert_eq!((writes[0], writes.iter().sum::<usize>()), (permit, 6), "{writes:?}");
}

/// The error of a page that cannot be filled is dropped while the page before it is in flight.
#[test]
fn a_request_whose_thread_unwinds_is_taken_back_like_one_that_failed() {
    for is_dirty in [false, true] {
        let options = Options::new(64).flush_interval(Duration::MAX).readahead(0);
        let cache = PageCache::with_options(options);
        let store = Arc::new(Unreadable::default());
        let file = cache.open(Arc::clone(&store)).unwrap();
        file.write_all_at(&[1; 2 * PAGE as usize], 0).unwrap();
        if !is_dirty {
            file.sync_data().unwrap();
        }
        file.drop_cached(PAGE..2 * PAGE).unwrap();
        file.write_all_at(b"dirty", PAGE + 100).unwrap();
        store.with_bombs.store(true, Ordering::Relaxed);
        store.fails.store(true, Ordering::Relaxed);
        let send = || file.inode().send_through(&[7; PAGE as usize + 10], 0, 0);
        catch_unwind(AssertUnwindSafe(send)).unwrap_err();
        store.fails.store(false, Ordering::Relaxed);
        file.sync_all_for(Duration::from_secs(20)).unwrap();
        let mut seen = [0; PAGE as usize];
        file.read_exact_at(&mut seen, 0).unwrap();
        assert!(seen == [1; PAGE as usize]);
        file.write_all_at(&[8; 2 * PAGE as usize], 0).unwrap();
        file.sync_all_for(Duration::from_secs(20)).unwrap();
    }
}
