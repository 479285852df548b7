//! Isolation: stores that fail, fill up or hang affect the users of their own files, and no other thread.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{AddressSpace, File, Options, PageCache, Store};

use crate::stores::switchable_store::{Behaviour, Kind, open, without_waiting};

const PAGE: u64 = 4096;

/// Uses a file in every way that needs frames, twice as much as the cache has.
fn use_file(cache: &PageCache, file: &File) {
    let pages = 2 * cache.capacity() as u64;
    for page in 0..pages {
        file.write_all_at(&[page as u8; PAGE as usize], page * PAGE).unwrap();
        file.write_all_at(&[1; 10], (page * 7919 % pages) * PAGE + 9).unwrap();
    }
    let mapping = file.map(0..pages * PAGE).unwrap();
    for page in (0..pages).step_by(3) {
        mapping.store(page * PAGE, &[!(page as u8)]).unwrap();
    }
    let mut seen = [0; PAGE as usize];
    for page in 0..pages {
        file.read_exact_at(&mut seen, page * PAGE).unwrap();
        let stored = if page % 3 == 0 { !(page as u8) } else { page as u8 };
        assert_eq!(seen[0], stored, "page {page}");
        assert_eq!(seen[4000], page as u8, "page {page}");
    }
    file.sync_data().unwrap();
}

/// Dirties as many pages of a file as possible, by writes and through a mapping. Returns their number, and the error.
fn dirty_all(file: &File, from: u64) -> (u64, Option<io::Error>) {
    file.set_len(2000 * PAGE).unwrap();
    let mapping = file.map(0..2000 * PAGE).unwrap();
    for page in from..1000 {
        let dirtied = match page % 2 {
            0 => file.write_all_at(&[7; PAGE as usize], page * PAGE),
            _ => mapping.store(page * PAGE, &[7]),
        };
        if let Err(error) = dirtied {
            return (page - from, Some(error));
        }
    }
    (1000 - from, None)
}

#[test]
fn failing_stores_keep_to_their_share_of_the_dirty_pages_and_only_their_writers_fail() {
    for (capacity, limit, files) in [(256, 32, 1), (64, 64, 3), (256, 256, 40), (16, 16, 1)] {
        let options = Options::new(capacity).dirty_limit(limit);
        let cache: PageCache = PageCache::with_options(options);
        let (well, _) = open(&cache, &[]);
        let dead: Vec<_> =
            (0..files).map(|_| open(&cache, &[(&[Kind::Write], Behaviour::Fails)])).collect();
        let mut taken = 0;
        for (file, _) in &dead {
            let (pages, error) = dirty_all(file, 0);
            let error = error.expect("there is a limit");
            assert!(error.to_string().contains("the disk is dead"), "{error}");
            taken += pages;
        }
        assert!(taken <= limit as u64 + files, "{taken} at a limit of {limit}");
        use_file(&cache, &well);
        use_file(&cache, &open(&cache, &[]).0);
        // The bytes of the files whose stores failed are not lost.
        for (file, store) in dead {
            store.set(&[Kind::Write], Behaviour::Works);
            let _heard = file.sync_data();
            file.sync_data().unwrap();
        }
    }
}

#[test]
fn more_failing_stores_than_the_cache_has_frames_do_not_stop_other_files() {
    let cache: PageCache = PageCache::with_options(Options::new(64).dirty_limit(64));
    let (well, _) = open(&cache, &[]);
    let dead: Vec<_> =
        (0..200).map(|_| open(&cache, &[(&[Kind::Write], Behaviour::Fails)])).collect();
    let heard = dead.iter().filter(|(file, _)| file.write_all_at(&[7; 10], 0).is_err()).count();
    assert!(heard > 100, "{heard}");
    let pages = cache.capacity() as u64;
    for page in 0..pages {
        well.write_all_at(&[page as u8; PAGE as usize], page * PAGE).unwrap();
    }
    let mut seen = [0];
    for page in 0..pages {
        well.read_exact_at(&mut seen, page * PAGE).unwrap();
        assert_eq!(seen[0], page as u8);
    }
    well.sync_data().unwrap();
    dead.iter().for_each(|(_, store)| store.set(&[Kind::Write], Behaviour::Works));
}

#[test]
fn more_failing_stores_than_the_cache_has_frames_do_not_stop_stores_to_mappings() {
    let cache: PageCache = PageCache::with_options(Options::new(64).dirty_limit(64));
    let (well, inner) = open(&cache, &[]);
    let dead: Vec<_> =
        (0..200).map(|_| open(&cache, &[(&[Kind::Write], Behaviour::Fails)])).collect();
    let heard = dead.iter().filter(|(file, _)| {
        file.set_len(PAGE).unwrap();
        file.map(0..PAGE).unwrap().store(0, &[7]).is_err()
    });
    let heard = heard.count();
    assert!(heard > 100, "{heard}");
    let pages = 2 * cache.capacity() as u64;
    well.set_len(pages * PAGE + 10).unwrap();
    let mapping = well.map(0..(pages + 1) * PAGE).unwrap();
    let memory = AddressSpace::new();
    let address = memory.map_file(&well, 0..pages * PAGE).unwrap().start;
    for page in 0..pages {
        match page % 2 {
            0 => mapping.store(page * PAGE + 7, &[page as u8; 100]).unwrap(),
            _ => memory.store(address + page * PAGE + 7, &[page as u8; 100]).unwrap(),
        }
    }
    // Bytes stored past the end in the last page are discarded, and a page past the end cannot be stored to.
    mapping.store(pages * PAGE + 5, &[3; 100]).unwrap();
    assert_eq!(well.len(), pages * PAGE + 10);
    assert_eq!(inner.len().unwrap(), well.len());
    let past = well.map(0..(pages + 2) * PAGE).unwrap();
    let error = past.store((pages + 1) * PAGE, &[3]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    let mut seen = [0; 102];
    for page in 0..pages {
        mapping.load(page * PAGE + 6, &mut seen).unwrap();
        assert_eq!((seen[0], seen[1], seen[100], seen[101]), (0, page as u8, page as u8, 0));
    }
    well.sync_data().unwrap();
    inner.read_at(&mut seen, 6).unwrap();
    assert_eq!(seen[..2], [0, 0]);
    inner.read_at(&mut seen, 7 * PAGE + 6).unwrap();
    assert_eq!(seen[..2], [0, 7]);
    dead.iter().for_each(|(_, store)| store.set(&[Kind::Write], Behaviour::Works));
}

#[test]
fn stores_that_do_not_answer_writes_delay_no_writer_of_another_file() {
    let cache: PageCache = PageCache::with_options(Options::new(256));
    let (well, _) = open(&cache, &[]);
    let stuck: Vec<_> =
        (0..6).map(|_| open(&cache, &[(&[Kind::Write], Behaviour::Hangs)])).collect();
    let stores: Vec<_> = stuck.iter().map(|(_, store)| Arc::clone(store)).collect();
    thread::scope(|scope| {
        for (file, _) in &stuck {
            scope.spawn(move || dirty_all(file, 0));
        }
        stores.iter().for_each(|store| store.until_hanging(1));
        without_waiting(&stores, || {
            use_file(&cache, &well);
            let (new, store) = open(&cache, &[]);
            use_file(&cache, &new);
            drop(new);
            assert_eq!(Arc::strong_count(&store), 1);
        });
        stores.iter().for_each(|store| store.set(&[Kind::Write], Behaviour::Works));
    });
}

#[test]
fn readers_of_stores_that_do_not_answer_leave_frames_to_others() {
    let cache: PageCache = PageCache::with_options(Options::new(64));
    let (well, _) = open(&cache, &[]);
    let stuck: Vec<_> = (0..3).map(|_| open(&cache, &[])).collect();
    let stores: Vec<_> = stuck.iter().map(|(_, store)| Arc::clone(store)).collect();
    for (file, store) in &stuck {
        file.set_len(1000 * PAGE).unwrap();
        store.set(&[Kind::Read, Kind::Punch], Behaviour::Hangs);
    }
    thread::scope(|scope| {
        for (file, _) in &stuck {
            // These hold the pages that the writers want.
            scope.spawn(move || file.punch_hole(500 * PAGE, 200 * PAGE).unwrap());
            for thread in 0..40 {
                scope.spawn(move || match thread % 3 {
                    0 => file.read_exact_at(&mut [0; 9], thread * 10 * PAGE).unwrap(),
                    1 => file
                        .map(0..1000 * PAGE)
                        .unwrap()
                        .load(thread * 10 * PAGE, &mut [0])
                        .unwrap(),
                    _ => file.write_all_at(&[1; 10], (500 + thread) * PAGE).unwrap(),
                });
            }
        }
        stores.iter().for_each(|store| store.until_hanging(1));
        without_waiting(&stores, || use_file(&cache, &well));
        stores.iter().for_each(|store| store.set(&[Kind::Read, Kind::Punch], Behaviour::Works));
    });
}

#[test]
fn readers_of_many_stores_that_do_not_answer_leave_a_frame_to_each_other_file() {
    let cache: PageCache = PageCache::with_options(Options::new(256));
    let (well, _) = open(&cache, &[]);
    let stuck: Vec<_> = (0..24).map(|_| open(&cache, &[])).collect();
    let stores: Vec<_> = stuck.iter().map(|(_, store)| Arc::clone(store)).collect();
    thread::scope(|scope| {
        for (number, (file, store)) in stuck.iter().enumerate() {
            file.set_len(1000 * PAGE).unwrap();
            store.set(&[Kind::Read], Behaviour::Hangs);
            for thread in 0..4 {
                let read = move || file.read_exact_at(&mut [0; 1 << 16], thread * 20 * PAGE);
                scope.spawn(move || read().unwrap());
            }
            // The first threads have all permits that they can get before the next ones start.
            if number < 8 {
                store.until_hanging(1);
            }
        }
        without_waiting(&stores, || use_file(&cache, &well));
        stores.iter().for_each(|store| store.set(&[Kind::Read], Behaviour::Works));
    });
}

#[test]
fn size_and_extent_changes_and_syncs_that_hang_delay_their_own_file_only() {
    let cache: PageCache = PageCache::with_options(Options::new(64));
    let (well, _) = open(&cache, &[]);
    let kinds = [Kind::SetLen, Kind::Punch, Kind::Sync];
    let stuck: Vec<_> = (0..9).map(|_| open(&cache, &[(&kinds, Behaviour::Hangs)])).collect();
    let stores: Vec<_> = stuck.iter().map(|(_, store)| Arc::clone(store)).collect();
    thread::scope(|scope| {
        for (number, (file, _)) in stuck.iter().enumerate() {
            file.write_all_at(&[1; 100], 0).unwrap();
            scope.spawn(move || match number % 3 {
                0 => file.set_len(50).unwrap(),
                1 => file.punch_hole(0, 10).unwrap(),
                _ => file.sync_data().unwrap(),
            });
        }
        stores.iter().for_each(|store| store.until_hanging(1));
        for (file, _) in &stuck {
            for page in 0..10 {
                scope.spawn(move || file.write_all_at(&[1], page * PAGE).unwrap());
            }
        }
        without_waiting(&stores, || use_file(&cache, &well));
        stores.iter().for_each(|store| store.set(&kinds, Behaviour::Works));
    });
}

#[test]
fn a_file_that_is_dropped_while_its_store_hangs_keeps_no_other_from_opening_or_closing() {
    let cache: PageCache = PageCache::with_options(Options::new(64));
    let stuck: Vec<_> =
        (0..8).map(|_| open(&cache, &[(&[Kind::Write], Behaviour::Hangs)])).collect();
    let stores: Vec<_> = stuck.iter().map(|(_, store)| Arc::clone(store)).collect();
    thread::scope(|scope| {
        for (file, _) in stuck {
            file.write_all_at(&[1; 100], 0).unwrap();
            scope.spawn(move || drop(file));
        }
        stores.iter().for_each(|store| store.until_hanging(1));
        without_waiting(&stores, || {
            for _ in 0..20 {
                let (file, store) = open(&cache, &[]);
                file.write_all_at(&[1; 3 * PAGE as usize], 0).unwrap();
                drop(file);
                assert_eq!(Arc::strong_count(&store), 1);
            }
        });
        stores.iter().for_each(|store| store.set(&[Kind::Write], Behaviour::Works));
    });
}

#[test]
fn dropping_or_opening_a_file_does_not_wait_for_ever_for_a_store_that_hangs() {
    let cache: PageCache = PageCache::with_options(Options::new(64));
    let (file, store) = open(&cache, &[(&[Kind::Write], Behaviour::Hangs)]);
    file.write_all_at(&[1; 100], 0).unwrap();
    without_waiting(&[Arc::clone(&store)], || {
        drop(file);
        let error = cache.open(Arc::clone(&store)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceBusy);
        assert!(error.to_string().contains("has not answered for 5 seconds"), "{error}");
    });
    assert_eq!(store.hanging.load(Ordering::SeqCst), 1);
    // It is closed as soon as the store answers.
    store.set(&[Kind::Write], Behaviour::Works);
    let file = cache.open(Arc::clone(&store)).unwrap();
    let mut seen = [0; 100];
    file.read_exact_at(&mut seen, 0).unwrap();
    assert_eq!(seen, [1; 100]);
    drop(file);
    assert_eq!(Arc::strong_count(&store), 1);
}

#[test]
fn a_store_to_a_mapping_ends_however_few_pages_a_failed_file_may_have_dirty() {
    let options = Options::new(16).flush_interval(Duration::MAX);
    let cache: PageCache = PageCache::with_options(options);
    let (file, store) = open(&cache, &[(&[Kind::Write], Behaviour::Fails)]);
    file.set_len(24 * PAGE).unwrap();
    let mapping = file.map(0..24 * PAGE).unwrap();
    without_waiting(&[Arc::clone(&store)], move || {
        mapping.store(0, &[1]).unwrap();
        file.writeback(0..PAGE).unwrap_err();
        // The file has one dirty page, which is its share as long as its store fails; few are dirty in all.
        let error = mapping.store(PAGE, &[2]).unwrap_err();
        assert!(error.to_string().contains("the disk is dead"), "{error}");
        store.set(&[Kind::Write], Behaviour::Works);
        let _heard = file.sync_data();
        mapping.store(PAGE, &[2]).unwrap();
        file.sync_data().unwrap();
    });
}

#[test]
fn a_store_that_is_always_interrupted_does_not_get_requests_without_end() {
    struct Interrupted(AtomicBool);
    impl Interrupted {
        fn answer(&self) -> io::Result<usize> {
            match self.0.load(Ordering::SeqCst) {
                true => Err(ErrorKind::Interrupted.into()),
                false => Ok(1),
            }
        }
    }
    impl Store for Interrupted {
        fn read_at(&self, bytes: &mut [u8], _: u64) -> io::Result<usize> {
            self.answer().map(|part| part.min(bytes.len()))
        }
        fn write_at(&self, bytes: &[u8], _: u64) -> io::Result<usize> {
            self.answer().map(|part| part.min(bytes.len()))
        }
        fn len(&self) -> io::Result<u64> {
            Ok(PAGE)
        }
        fn set_len(&self, _: u64) -> io::Result<()> {
            Ok(())
        }
        fn punch_hole(&self, _: u64, _: u64) -> io::Result<()> {
            Ok(())
        }
        fn sync(&self) -> io::Result<()> {
            Ok(())
        }
    }
    let cache = PageCache::new(64);
    let store = Arc::new(Interrupted(AtomicBool::new(true)));
    let file = cache.open(Arc::clone(&store)).unwrap();
    assert_eq!(file.read_at(&mut [0], 0).unwrap_err().kind(), ErrorKind::Interrupted);
    file.write_all_at(&[1], 0).unwrap();
    assert_eq!(file.sync_data().unwrap_err().kind(), ErrorKind::Interrupted);
    store.0.store(false, Ordering::SeqCst);
    file.read_exact_at(&mut [0; 5], 0).unwrap();
}
