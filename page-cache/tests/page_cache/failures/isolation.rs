//! A bad neighbour is alone: stores that fail, fill up or hang cost their own files' users something, and
//! no other thread.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use spanlock_page_cache::{AddressSpace, File, MemStore, Options, PageCache, Store};

const PAGE: u64 = 4096;

/// What a store does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Well,
    /// Fails.
    Dead,
    /// Does not answer until it is in another mood.
    Hangs,
}

/// The requests of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
    SetLen,
    Punch,
    Sync,
}

/// A store that can be told how to do with which requests.
struct Moody {
    inner: MemStore,
    moods: Mutex<[Mood; 5]>,
    changed: Condvar,
    requests: AtomicU64,
    /// How many requests hang.
    hanging: AtomicU64,
}

impl Moody {
    fn new() -> Arc<Moody> {
        Arc::new(Moody {
            inner: MemStore::new(),
            moods: Mutex::new([Mood::Well; 5]),
            changed: Condvar::new(),
            requests: AtomicU64::new(0),
            hanging: AtomicU64::new(0),
        })
    }

    fn set(&self, kinds: &[Kind], mood: Mood) {
        let mut moods = self.moods.lock().unwrap();
        kinds.iter().for_each(|&kind| moods[kind as usize] = mood);
        self.changed.notify_all();
    }

    fn is_well(&self) -> bool {
        self.moods.lock().unwrap().iter().all(|&mood| mood == Mood::Well)
    }

    /// Waits until so many requests hang, or all are let go.
    fn until_hanging(&self, count: u64) {
        while self.hanging.load(Ordering::SeqCst) < count && !self.is_well() {
            thread::yield_now();
        }
    }

    fn ask(&self, kind: Kind) -> io::Result<()> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let mut moods = self.moods.lock().unwrap();
        if moods[kind as usize] == Mood::Hangs {
            self.hanging.fetch_add(1, Ordering::SeqCst);
            while moods[kind as usize] == Mood::Hangs {
                moods = self.changed.wait(moods).unwrap();
            }
            self.hanging.fetch_sub(1, Ordering::SeqCst);
        }
        match moods[kind as usize] {
            Mood::Dead => Err(io::Error::other("the disk is dead")),
            _ => Ok(()),
        }
    }
}

impl Store for Moody {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.ask(Kind::Read)?;
        self.inner.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.ask(Kind::Write)?;
        self.inner.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.ask(Kind::SetLen)?;
        self.inner.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.ask(Kind::Punch)?;
        self.inner.punch_hole(offset, len)
    }

    fn sync(&self) -> io::Result<()> {
        self.ask(Kind::Sync)?;
        self.inner.sync()
    }
}

/// A file over a store in moods.
fn open(cache: &PageCache, moods: &[(&[Kind], Mood)]) -> (File, Arc<Moody>) {
    let store = Moody::new();
    moods.iter().for_each(|&(kinds, mood)| store.set(kinds, mood));
    (cache.open(Arc::clone(&store)).unwrap(), store)
}

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

/// Runs what must not wait for a store that hangs, and lets all stores go if it does.
fn without_waiting(stores: &[Arc<Moody>], work: impl FnOnce() + Send) {
    let (done, over): (_, Receiver<()>) = channel();
    thread::scope(|scope| {
        let worker = scope.spawn(move || {
            work();
            done.send(()).unwrap();
        });
        let waited = over.recv_timeout(Duration::from_secs(100));
        if waited.is_err() {
            let all = [Kind::Read, Kind::Write, Kind::SetLen, Kind::Punch, Kind::Sync];
            stores.iter().for_each(|store| store.set(&all, Mood::Well));
        }
        worker.join().unwrap();
        waited.expect("it does not wait for a store that hangs");
    });
}

/// Dirties what it can of a file, by writes and by a mapping; how many pages, and what it heard.
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
fn dead_stores_keep_to_their_share_of_the_dirty_pages_and_only_their_writers_fail() {
    for (capacity, limit, files) in [(256, 32, 1), (64, 64, 3), (256, 256, 40), (16, 16, 1)] {
        let options = Options::new(capacity).dirty_limit(limit);
        let cache: PageCache = PageCache::with_options(options);
        let (well, _) = open(&cache, &[]);
        let dead: Vec<_> =
            (0..files).map(|_| open(&cache, &[(&[Kind::Write], Mood::Dead)])).collect();
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
        // What the dead ones have is not lost.
        for (file, store) in dead {
            store.set(&[Kind::Write], Mood::Well);
            let _heard = file.sync_data();
            file.sync_data().unwrap();
        }
    }
}

#[test]
fn more_dead_stores_than_the_cache_has_frames_leave_it_to_others() {
    let cache: PageCache = PageCache::with_options(Options::new(64).dirty_limit(64));
    let (well, _) = open(&cache, &[]);
    let dead: Vec<_> = (0..200).map(|_| open(&cache, &[(&[Kind::Write], Mood::Dead)])).collect();
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
    dead.iter().for_each(|(_, store)| store.set(&[Kind::Write], Mood::Well));
}

#[test]
fn more_dead_stores_than_the_cache_has_frames_do_not_stop_stores_to_mappings() {
    let cache: PageCache = PageCache::with_options(Options::new(64).dirty_limit(64));
    let (well, inner) = open(&cache, &[]);
    let dead: Vec<_> = (0..200).map(|_| open(&cache, &[(&[Kind::Write], Mood::Dead)])).collect();
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
    // What is stored past the end is lost, and a page past the end is none.
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
    dead.iter().for_each(|(_, store)| store.set(&[Kind::Write], Mood::Well));
}

#[test]
fn stores_that_do_not_answer_writes_delay_no_writer_of_another_file() {
    let cache: PageCache = PageCache::with_options(Options::new(256));
    let (well, _) = open(&cache, &[]);
    let stuck: Vec<_> = (0..6).map(|_| open(&cache, &[(&[Kind::Write], Mood::Hangs)])).collect();
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
        stores.iter().for_each(|store| store.set(&[Kind::Write], Mood::Well));
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
        store.set(&[Kind::Read, Kind::Punch], Mood::Hangs);
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
        stores.iter().for_each(|store| store.set(&[Kind::Read, Kind::Punch], Mood::Well));
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
            store.set(&[Kind::Read], Mood::Hangs);
            for thread in 0..4 {
                let read = move || file.read_exact_at(&mut [0; 1 << 16], thread * 20 * PAGE);
                scope.spawn(move || read().unwrap());
            }
            // The first have what they can get before the next come.
            if number < 8 {
                store.until_hanging(1);
            }
        }
        without_waiting(&stores, || use_file(&cache, &well));
        stores.iter().for_each(|store| store.set(&[Kind::Read], Mood::Well));
    });
}

#[test]
fn size_and_extent_changes_and_syncs_that_hang_delay_their_own_file_only() {
    let cache: PageCache = PageCache::with_options(Options::new(64));
    let (well, _) = open(&cache, &[]);
    let kinds = [Kind::SetLen, Kind::Punch, Kind::Sync];
    let stuck: Vec<_> = (0..9).map(|_| open(&cache, &[(&kinds, Mood::Hangs)])).collect();
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
        stores.iter().for_each(|store| store.set(&kinds, Mood::Well));
    });
}

#[test]
fn a_file_that_is_dropped_while_its_store_hangs_keeps_no_other_from_opening_or_closing() {
    let cache: PageCache = PageCache::with_options(Options::new(64));
    let stuck: Vec<_> = (0..8).map(|_| open(&cache, &[(&[Kind::Write], Mood::Hangs)])).collect();
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
        stores.iter().for_each(|store| store.set(&[Kind::Write], Mood::Well));
    });
}

#[test]
fn dropping_or_opening_a_file_does_not_wait_for_ever_for_a_store_that_hangs() {
    let cache: PageCache = PageCache::with_options(Options::new(64));
    let (file, store) = open(&cache, &[(&[Kind::Write], Mood::Hangs)]);
    file.write_all_at(&[1; 100], 0).unwrap();
    without_waiting(&[Arc::clone(&store)], || {
        drop(file);
        let error = cache.open(Arc::clone(&store)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceBusy);
        assert!(error.to_string().contains("has not answered for 5 seconds"), "{error}");
    });
    assert_eq!(store.hanging.load(Ordering::SeqCst), 1);
    // It is closed as soon as the store answers.
    store.set(&[Kind::Write], Mood::Well);
    let file = cache.open(Arc::clone(&store)).unwrap();
    let mut seen = [0; 100];
    file.read_exact_at(&mut seen, 0).unwrap();
    assert_eq!(seen, [1; 100]);
    drop(file);
    assert_eq!(Arc::strong_count(&store), 1);
}

#[test]
fn a_file_is_written_behind_its_writers_back_however_many_stores_hang() {
    let options = Options::new(512).flush_interval(Duration::from_millis(1));
    let cache: PageCache = PageCache::with_options(options);
    let stuck: Vec<_> = (0..70).map(|_| open(&cache, &[(&[Kind::Write], Mood::Hangs)])).collect();
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
    stores.iter().for_each(|store| store.set(&[Kind::Write], Mood::Well));
}

#[test]
fn a_dead_store_is_asked_a_few_times_a_second_whatever_its_writers_do() {
    let options = Options::new(64).flush_interval(Duration::ZERO);
    let cache: PageCache = PageCache::with_options(options);
    let (file, store) = open(&cache, &[(&[Kind::Write], Mood::Dead)]);
    let (start, mut tries) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_millis(1500) {
        let _heard = file.write_all_at(&[1], tries % 1000 * PAGE);
        tries += 1;
    }
    // A pause of 4, 8, ... 512 ms, and then of a second, with a few who asked at once.
    let requests = store.requests.load(Ordering::SeqCst);
    assert!(requests < 40, "{requests} requests, {tries} writes");
    store.set(&[Kind::Write], Mood::Well);
    let _heard = file.sync_data();
    file.write_all_at(&[1; 100 * PAGE as usize], 0).unwrap();
    file.sync_data().unwrap();
}

#[test]
fn a_store_to_a_mapping_ends_however_few_pages_a_failed_file_may_have_dirty() {
    let options = Options::new(16).flush_interval(Duration::MAX);
    let cache: PageCache = PageCache::with_options(options);
    let (file, store) = open(&cache, &[(&[Kind::Write], Mood::Dead)]);
    file.set_len(24 * PAGE).unwrap();
    let mapping = file.map(0..24 * PAGE).unwrap();
    without_waiting(&[Arc::clone(&store)], move || {
        mapping.store(0, &[1]).unwrap();
        file.writeback(0..PAGE).unwrap_err();
        // The file has one dirty page, which is its share as long as its store fails; few are dirty in all.
        let error = mapping.store(PAGE, &[2]).unwrap_err();
        assert!(error.to_string().contains("the disk is dead"), "{error}");
        store.set(&[Kind::Write], Mood::Well);
        let _heard = file.sync_data();
        mapping.store(PAGE, &[2]).unwrap();
        file.sync_data().unwrap();
    });
}

#[test]
fn a_dead_store_is_asked_a_few_times_a_second_by_many_writers_of_scattered_pages() {
    let options = Options::new(512).flush_interval(Duration::ZERO);
    let cache: PageCache = PageCache::with_options(options);
    let (file, store) = open(&cache, &[(&[Kind::Write], Mood::Dead)]);
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
    store.set(&[Kind::Write], Mood::Well);
    let _heard = file.sync_data();
    file.sync_data().unwrap();
}

#[test]
fn the_flusher_continues_behind_pages_that_cannot_be_written() {
    /// Cannot write the pages below the 80th that are divided by four.
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
    // Each alone, so that every other request fails.
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
    let stuck: Vec<_> = (0..7).map(|_| open(&cache, &[(&[Kind::Write], Mood::Hangs)])).collect();
    stuck.iter().for_each(|(file, _)| file.write_all_at(&[1], 0).unwrap());
    let stores: Vec<_> = stuck.iter().map(|(_, store)| Arc::clone(store)).collect();
    let (file, store) = open(&cache, &[]);
    without_waiting(&stores, || {
        file.write_all_at(b"healthy", 0).unwrap();
        while store.inner.len().unwrap() == 0 {
            thread::yield_now();
        }
    });
    stores.iter().for_each(|store| store.set(&[Kind::Write], Mood::Well));
}

/// How many requests a store of many files has had that were dirty once.
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
fn a_store_that_is_interrupted_for_ever_is_not_asked_for_ever() {
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

/// Section 7. Page tables take no memory of their own: whatever is mapped, it is a frame's.
#[test]
fn more_mappings_of_a_page_than_its_frame_has_entries_all_see_its_bytes() {
    let cache: PageCache = PageCache::with_options(Options::new(64));
    let (file, _) = open(&cache, &[]);
    file.set_len(1 << 40).unwrap();
    let far = (1 << 40) - PAGE;
    let mappings: Vec<_> = (0..8).map(|_| file.map(0..1 << 40).unwrap()).collect();
    let part = file.map(far..far + PAGE).unwrap();
    for (round, mapping) in mappings.iter().cycle().take(40).enumerate() {
        mapping.store(far, &[round as u8]).unwrap();
        let mut seen = [0];
        for other in &mappings {
            other.load(far, &mut seen).unwrap();
            assert_eq!(seen, [round as u8]);
        }
        part.load(0, &mut seen).unwrap();
        assert_eq!(seen, [round as u8]);
        match round % 4 {
            0 => file.sync_data().unwrap(),
            1 => file.punch_hole(far, PAGE).unwrap(),
            2 => file.set_len(far).unwrap(),
            _ => {}
        }
        if round % 4 == 2 {
            assert!(mapping.load(far, &mut seen).is_err());
            file.set_len(1 << 40).unwrap();
        }
    }
}
