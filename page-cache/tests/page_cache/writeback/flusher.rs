//! The flusher beside stores that fail or hang, and files that are clean.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use spanlock_page_cache::{MemStore, Options, PageCache, Store};

use crate::stores::switchable_store::{Behaviour, Kind, open, without_waiting};

const PAGE: u64 = 4096;

#[test]
fn a_file_is_written_back_in_the_background_however_many_stores_hang() {
    let options = Options::new(512).flush_interval(Duration::from_millis(1));
    let cache: PageCache = PageCache::with_options(options);
    let stuck: Vec<_> =
        (0..70).map(|_| open(&cache, &[(&[Kind::Write], Behaviour::Hangs)])).collect();
    stuck.iter().for_each(|(file, _)| file.write_all_at(&[1], 0).unwrap());
    let stores: Vec<_> = stuck.iter().map(|(_, store)| Arc::clone(store)).collect();
    without_waiting(&stores, || {
        stores.iter().for_each(|store| store.until_hanging(1));
        let (file, store) = open(&cache, &[]);
        file.write_all_at(b"healthy", 0).unwrap();
        while store.inner.len().unwrap() == 0 {
            thread::yield_now();
        }
    });
    stores.iter().for_each(|store| store.set(&[Kind::Write], Behaviour::Works));
}

#[test]
fn a_failing_store_gets_a_few_requests_a_second_whatever_its_writers_do() {
    let options = Options::new(64).flush_interval(Duration::ZERO);
    let cache: PageCache = PageCache::with_options(options);
    let (file, store) = open(&cache, &[(&[Kind::Write], Behaviour::Fails)]);
    let (start, mut tries) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_millis(1500) {
        let _heard = file.write_all_at(&[1], tries % 1000 * PAGE);
        tries += 1;
    }
    // Pauses of 4, 8, ... 512 ms, and then of a second, and a few threads that asked at the same time.
    let requests = store.requests.load(Ordering::SeqCst);
    assert!(requests < 40, "{requests} requests, {tries} writes");
    store.set(&[Kind::Write], Behaviour::Works);
    let _heard = file.sync_data();
    file.write_all_at(&[1; 100 * PAGE as usize], 0).unwrap();
    file.sync_data().unwrap();
}

#[test]
fn a_failing_store_gets_a_few_requests_a_second_from_many_writers_of_scattered_pages() {
    let options = Options::new(512).flush_interval(Duration::ZERO);
    let cache: PageCache = PageCache::with_options(options);
    let (file, store) = open(&cache, &[(&[Kind::Write], Behaviour::Fails)]);
    thread::scope(|scope| {
        for thread in 0..4 {
            let file = &file;
            scope.spawn(move || {
                let (start, mut tries) = (Instant::now(), thread);
                while start.elapsed() < Duration::from_millis(1500) {
                    let _heard = file.write_all_at(&[1], tries * 7 % 1000 * PAGE);
                    tries += 4;
                }
            });
        }
    });
    let requests = store.requests.load(Ordering::SeqCst);
    assert!(requests < 40, "{requests} requests");
    store.set(&[Kind::Write], Behaviour::Works);
    let _heard = file.sync_data();
    file.sync_data().unwrap();
}

#[test]
fn the_flusher_continues_behind_pages_that_cannot_be_written() {
    /// Cannot write pages below the 80th whose number is a multiple of four.
    struct BadSectors(MemStore);
    impl Store for BadSectors {
        fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
            self.0.read_at(bytes, offset)
        }
        fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
            let page = offset / PAGE;
            let bad = page < 80 && page.is_multiple_of(4);
            if bad { Err(ErrorKind::Other.into()) } else { self.0.write_at(bytes, offset) }
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
        fn sync(&self) -> io::Result<()> {
            Ok(())
        }
    }
    let options = Options::new(512).flush_interval(Duration::from_millis(1));
    let cache: PageCache = PageCache::with_options(options);
    let store = Arc::new(BadSectors(MemStore::new()));
    let file = cache.open(Arc::clone(&store)).unwrap();
    // Each in a request of its own, so that every second request fails.
    for page in (0..20).map(|number| number * 2) {
        file.write_all_at(&[1], page * PAGE).unwrap();
    }
    let mut seen = [0];
    while (0..10).any(|number| {
        store.0.read_at(&mut seen, (4 * number + 2) * PAGE).unwrap() == 0 || seen != [1]
    }) {
        thread::yield_now();
    }
}

#[test]
fn a_file_is_written_when_its_interval_has_passed_though_other_stores_hang() {
    let options = Options::new(256).flush_interval(Duration::from_millis(1));
    let cache: PageCache = PageCache::with_options(options);
    // More than there are workers at first.
    let stuck: Vec<_> =
        (0..7).map(|_| open(&cache, &[(&[Kind::Write], Behaviour::Hangs)])).collect();
    stuck.iter().for_each(|(file, _)| file.write_all_at(&[1], 0).unwrap());
    let stores: Vec<_> = stuck.iter().map(|(_, store)| Arc::clone(store)).collect();
    let (file, store) = open(&cache, &[]);
    without_waiting(&stores, || {
        file.write_all_at(b"healthy", 0).unwrap();
        while store.inner.len().unwrap() == 0 {
            thread::yield_now();
        }
    });
    stores.iter().for_each(|store| store.set(&[Kind::Write], Behaviour::Works));
}

#[test]
fn files_that_are_clean_are_not_asked_for_by_the_flusher() {
    let options = Options::new(64).flush_interval(Duration::from_millis(1));
    let cache: PageCache = PageCache::with_options(options);
    let (file, store) = open(&cache, &[]);
    let idle: Vec<_> = (0..2_000).map(|_| open(&cache, &[])).collect();
    idle.iter().for_each(|(file, _)| file.write_all_at(b"once", 0).unwrap());
    for (file, _) in &idle {
        file.sync_data().unwrap();
    }
    let asked: u64 = idle.iter().map(|(_, store)| store.requests.load(Ordering::SeqCst)).sum();
    for round in 1..=20 {
        file.append(&[round]).unwrap();
        while store.inner.len().unwrap() < u64::from(round) {
            thread::yield_now();
        }
    }
    let after: u64 = idle.iter().map(|(_, store)| store.requests.load(Ordering::SeqCst)).sum();
    assert_eq!(after, asked);
}

#[test]
fn writeback_that_is_started_does_not_wait_until_the_file_is_due() {
    let options = Options::new(64).flush_interval(Duration::from_secs(3600));
    let cache = PageCache::with_options(options);
    let file = cache.open(MemStore::new()).unwrap();
    file.write_all_at(b"dirty", 0).unwrap();
    cache.start_writeback();
    while file.stats().dirty > 0 {
        thread::yield_now();
    }
}

/// Each time a writer has more than half of its share, however often the flusher has been asked before.
#[test]
fn a_writer_wakes_the_flusher_again_after_each_round() {
    let options = Options::new(256).dirty_limit(64).flush_interval(Duration::MAX);
    let cache = PageCache::with_options(options);
    let file = cache.open(MemStore::new()).unwrap();
    for round in 0..3 {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            // More than half of what may be dirty, and less than the writer itself would write back.
            (0..36).for_each(|page| file.write_all_at(&[round; 10], page * PAGE).unwrap());
            thread::sleep(Duration::from_millis(1));
            if file.stats().dirty <= 20 {
                break;
            }
            assert!(Instant::now() < end, "{} pages in round {round}", file.stats().dirty);
        }
    }
}
