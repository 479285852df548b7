use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use super::*;
use crate::sync::blocking::Mutex;
use crate::writeback::throttle::Room;
use crate::{File, MemStore, Options, PAGE_SIZE, PageCache, Store};

const PAGE: u64 = PAGE_SIZE as u64;

/// Refuses every write that touches one of some pages, as a whole.
struct BadPages {
    inner: MemStore,
    bad: Vec<u64>,
    /// How many pages each write was for.
    writes: Mutex<Vec<u64>>,
}

impl BadPages {
    fn new(bad: impl IntoIterator<Item = u64>) -> Arc<BadPages> {
        let bad = bad.into_iter().collect();
        Arc::new(BadPages { inner: MemStore::new(), bad, writes: Mutex::default() })
    }

    /// Whether a page that was written with its own number is in the store.
    fn has(&self, page: u64) -> bool {
        let mut seen = [0];
        self.inner.read_at(&mut seen, page * PAGE).unwrap() == 1 && seen == [page as u8 + 1]
    }
}

impl Store for BadPages {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let pages = offset / PAGE..(offset + bytes.len() as u64).div_ceil(PAGE);
        self.writes.lock().unwrap().push(pages.end - pages.start);
        if self.bad.iter().any(|page| pages.contains(page)) {
            return Err(io::Error::other("a page cannot be written"));
        }
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
        Ok(())
    }
}

fn write_pages(store: &Arc<BadPages>, pages: u64, interval: Duration) -> File {
    let cache = PageCache::with_options(Options::new(2048).flush_interval(interval));
    let file = cache.open(Arc::clone(store)).unwrap();
    for page in 0..pages {
        file.write_all_at(&[page as u8 + 1; PAGE_SIZE], page * PAGE).unwrap();
    }
    file
}

#[test]
fn a_sync_writes_every_page_but_those_that_cannot_be() {
    for bad in [vec![0], vec![5], vec![63], vec![64, 66, 90], (10..17).collect()] {
        let store = BadPages::new(bad.clone());
        let file = write_pages(&store, 100, Duration::MAX);
        file.sync_data().unwrap_err();
        for page in 0..100 {
            assert_eq!(store.has(page), !bad.contains(&page), "page {page} of {bad:?}");
        }
        assert_eq!(file.inode().own_dirty().pages, bad.len());
    }
}

#[test]
fn a_sync_of_a_store_that_refuses_everything_asks_for_few_parts_of_runs() {
    let store = BadPages::new(0..200);
    let file = write_pages(&store, 200, Duration::MAX);
    file.sync_data().unwrap_err();
    let asked = store.writes.lock().unwrap().len();
    assert!(asked <= 20, "{asked} writes");
}

#[test]
fn the_flusher_writes_every_page_but_those_that_cannot_be() {
    let bad = [5, 6, 40];
    let store = BadPages::new(bad);
    let _file = write_pages(&store, 64, Duration::from_millis(1));
    while !(0..64).all(|page| store.has(page) || bad.contains(&page)) {
        thread::yield_now();
    }
    assert!(bad.iter().all(|&page| !store.has(page)));
}

#[test]
fn the_flusher_asks_for_half_of_what_failed_and_for_twice_what_did_not() {
    let store = BadPages::new([20]);
    let file = write_pages(&store, 200, Duration::MAX);
    for _ in 0..9 {
        file.inode().flush_round();
    }
    let asked = store.writes.lock().unwrap().clone();
    assert_eq!(asked, [64, 32, 16, 32, 16, 8, 4, 8, 4, 2, 1]);
    // A page that fails by itself is passed by.
    file.inode().flush_round();
    let asked = store.writes.lock().unwrap()[11..].to_vec();
    assert_eq!(asked, [1, 2, 4, 8, 16, 32, 64, 52, 1]);
    assert_eq!(file.inode().own_dirty().pages, 1);
}

#[test]
fn pages_behind_one_that_cannot_be_written_are_still_cleaned() {
    let store = BadPages::new([3]);
    let file = write_pages(&store, 64, Duration::MAX);
    assert!(file.inode().make_room().unwrap() == Room::Made);
    assert!(file.inode().own_dirty().pages < 64);
    assert!(store.has(0));
}

/// The holder of a guard may wait for a thread that writes pages back. That thread must not wait for the guard
/// without end: other pages may become clean.
#[test]
fn a_thread_that_makes_room_does_not_wait_without_end_for_a_guard() {
    let cache = PageCache::with_options(Options::new(64).flush_interval(Duration::MAX));
    let file = cache.open(MemStore::new()).unwrap();
    file.set_len(8 * PAGE).unwrap();
    let mut page = file.page_mut(0).unwrap();
    page[0] = 1;
    let (made, is_made) = mpsc::channel();
    let other = file.clone();
    let making = thread::spawn(move || made.send(other.inode().make_room().unwrap()));
    let room = is_made.recv_timeout(Duration::from_secs(60));
    drop(page);
    making.join().unwrap().unwrap();
    assert_eq!(room, Ok(Room::Made));
    // Once the guard is gone, the page can be written.
    while file.stats().dirty > 0 {
        file.inode().make_room().unwrap();
    }
}
