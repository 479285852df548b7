//! Guards of pages, and pins.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{
    File, FileOptions, MemStore, Options, PAGE_SIZE, PageCache, PageMut, PageRef, Store,
};

use crate::random::Random;
use crate::stores::recording_store::{Asked, RecordingStore};
use crate::stores::stopping_store::{StoppingStore, stop_at_next_request};

const PAGE: u64 = PAGE_SIZE as u64;

/// A cache whose flusher sleeps until it is called.
fn cache(frames: usize) -> PageCache {
    PageCache::with_options(Options::new(frames).flush_interval(Duration::MAX).readahead(0))
}

/// A file of so many pages, none of which is cached.
fn open(frames: usize, pages: u64) -> (PageCache, File, Arc<RecordingStore>) {
    let cache = cache(frames);
    let numbers: Vec<u8> = (0..pages).flat_map(|page| [page as u8; PAGE_SIZE]).collect();
    let store = Arc::new(RecordingStore::with(&numbers));
    let file = cache.open(Arc::clone(&store)).unwrap();
    (cache, file, store)
}

/// What a thread without guards gets to see.
fn elsewhere<T: Send>(look: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(look).join().unwrap())
}

/// Returns once a thread waits for this one's shared guard of a page: from then on no other thread gets one.
fn until_someone_waits_for_the_guard_of(file: &File, page: u64) {
    elsewhere(|| {
        while file.try_page(page).unwrap().is_some() {
            thread::yield_now();
        }
    });
}

fn read(file: &File, page: u64) -> [u8; PAGE_SIZE] {
    let mut bytes = [0; PAGE_SIZE];
    file.read_exact_at(&mut bytes, page * PAGE).unwrap();
    bytes
}

#[test]
fn a_guard_is_of_the_page_as_it_is_read_and_written() {
    let (_cache, file, _store) = open(64, 4);
    assert_eq!(*file.page(2).unwrap(), [2; PAGE_SIZE]);
    file.write_all_at(&[9; 10], 2 * PAGE + 5).unwrap();
    assert_eq!(file.page(2).unwrap()[4..16], [2, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 2]);
    file.page_mut(2).unwrap()[5] = 7;
    assert_eq!(read(&file, 2)[4..7], [2, 7, 9]);
}

#[test]
fn a_page_written_in_part_is_filled_around_its_dirty_bytes_for_a_guard() {
    let (_cache, file, store) = open(64, 2);
    file.write_all_at(&[9; 10], PAGE + 100).unwrap();
    assert_eq!(store.asked(), []);
    let page = file.page(1).unwrap();
    assert_eq!((page[99], page[100], page[109], page[110]), (1, 9, 9, 1));
    assert_eq!(store.asked(), [Asked::Read(PAGE..2 * PAGE)]);
}

#[test]
fn what_a_guard_changed_is_synced_and_a_guard_that_changed_nothing_leaves_the_page_clean() {
    let (cache, file, store) = open(64, 2);
    file.page_mut(0).unwrap()[0] = 7;
    assert_eq!(file.page_mut(1).unwrap()[0], 1);
    store.asked();
    file.sync_data().unwrap();
    assert_eq!(store.asked(), [Asked::Write(0..PAGE), Asked::Sync]);
    assert_eq!(store.bytes(0..2), [7, 0]);
    assert_eq!(cache.stats().writebacks, 1);
}

#[test]
fn bytes_past_the_end_are_zero_in_a_guard_and_what_is_written_there_is_discarded() {
    let (_cache, file, _store) = open(64, 1);
    file.set_len(100).unwrap();
    let mapping = file.map(0..PAGE).unwrap();
    mapping.store(98, &[8; 4]).unwrap();
    let page = file.page(0).unwrap();
    assert_eq!(page[97..104], [0, 8, 8, 0, 0, 0, 0]);
    drop(page);
    mapping.store(98, &[8; 4]).unwrap();
    let mut page = file.page_mut(0).unwrap();
    assert_eq!(page[98..102], [8, 8, 0, 0]);
    page.fill(9);
    drop(page);
    file.set_len(PAGE).unwrap();
    let seen = read(&file, 0);
    assert_eq!((seen[99], seen[100], seen[PAGE_SIZE - 1]), (9, 0, 0));
}

#[test]
fn a_page_past_the_end_has_no_guard() {
    let (_cache, file, _store) = open(64, 1);
    for page in [1, 2, u64::MAX / PAGE, u64::MAX] {
        let refused = [
            file.page(page).err(),
            file.page_mut(page).err(),
            file.try_page(page).err(),
            file.try_page_mut(page).err(),
            file.pin(page).err(),
        ];
        for error in refused {
            assert_eq!(error.unwrap().kind(), ErrorKind::UnexpectedEof);
        }
    }
    let message = file.page(2).unwrap_err().to_string();
    let expected = "page of 4096 bytes at 8192 in \"memory\": page 2 is past the end of the file, at 4096 bytes";
    assert_eq!(
        message.replace(&file.last_failure().unwrap().label().to_string(), "memory"),
        expected
    );
}

#[test]
fn an_error_of_the_store_names_the_guard_that_was_asked_for() {
    let (_cache, file, store) = open(64, 4);
    store.fail_reads_of(2 * PAGE..3 * PAGE);
    let error = file.page_mut(2).unwrap_err().to_string();
    assert!(error.starts_with("page_mut of 4096 bytes at 8192 in "), "{error}");
    assert!(error.ends_with(": told to fail"), "{error}");
    store.fail_reads_of(0..0);
    assert_eq!(file.page(2).unwrap()[0], 2);
}

#[test]
fn writes_stores_and_holes_wait_for_a_shared_guard_and_reads_do_not() {
    let waiting: [fn(&File); 5] = [
        |file| file.write_all_at(&[9; 8], PAGE).unwrap(),
        |file| file.map(PAGE..2 * PAGE).unwrap().store(0, &[9; 8]).unwrap(),
        |file| file.punch_hole(PAGE, 8).unwrap(),
        |file| assert_eq!(file.write_direct_at(&[9; 8], PAGE).unwrap(), 8),
        |file| file.page_mut(1).unwrap()[..8].fill(9),
    ];
    for change in waiting {
        let (_cache, file, _store) = open(64, 4);
        let page = file.page(1).unwrap();
        thread::scope(|scope| {
            let changer = scope.spawn(|| change(&file));
            until_someone_waits_for_the_guard_of(&file, 1);
            assert_eq!(*page, [1; PAGE_SIZE]);
            assert!(!changer.is_finished());
            drop(page);
            changer.join().unwrap();
        });
        assert_ne!(read(&file, 1)[..8], [1; 8]);
    }
    let (_cache, file, _store) = open(64, 4);
    let page = file.page(1).unwrap();
    assert_eq!(elsewhere(|| read(&file, 1)), *page);
    let loaded = elsewhere(|| {
        let mut loaded = [0; 8];
        file.map(PAGE..2 * PAGE).unwrap().load(0, &mut loaded).unwrap();
        loaded
    });
    assert_eq!(loaded, page[..8]);
}

#[test]
fn a_reader_that_waits_for_an_exclusive_guard_sees_all_that_it_changed() {
    let (_cache, file, _store) = open(64, 2);
    let mut page = file.page_mut(0).unwrap();
    let started = AtomicBool::new(false);
    thread::scope(|scope| {
        let guarding = scope.spawn(|| {
            started.store(true, Ordering::SeqCst);
            file.page(0).unwrap().to_vec()
        });
        let reading = scope.spawn(|| read(&file, 0));
        let loading = scope.spawn(|| {
            let mut loaded = [0; PAGE_SIZE];
            file.map(0..PAGE).unwrap().load(0, &mut loaded).unwrap();
            loaded
        });
        while !started.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        for byte in page.iter_mut() {
            *byte = 7;
        }
        drop(page);
        assert_eq!(guarding.join().unwrap(), [7; PAGE_SIZE]);
        assert_eq!(reading.join().unwrap(), [7; PAGE_SIZE]);
        assert_eq!(loading.join().unwrap(), [7; PAGE_SIZE]);
    });
}

#[test]
fn a_sync_does_not_wait_for_a_shared_guard() {
    let (_cache, file, store) = open(64, 2);
    file.write_all_at(&[9; 8], 0).unwrap();
    file.map(0..PAGE).unwrap().store(8, &[9; 8]).unwrap();
    let page = file.page(0).unwrap();
    elsewhere(|| file.sync_data().unwrap());
    assert_eq!(store.bytes(0..17), page[..17]);
}

#[test]
fn a_page_is_read_through_a_guard_while_it_is_written_back_and_changed_only_afterwards() {
    let (_cache, file, store) = open(64, 2);
    file.page_mut(0).unwrap().fill(8);
    let hold = store.hold_writes();
    thread::scope(|scope| {
        let sync = scope.spawn(|| file.sync_data().unwrap());
        store.wait_for_held(1);
        assert_eq!(*file.page(0).unwrap(), [8; PAGE_SIZE]);
        assert!(file.try_page_mut(0).unwrap().is_none());
        let error = file.page_mut_within(0, Duration::from_millis(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let change = scope.spawn(|| file.page_mut(0).unwrap().fill(9));
        drop(hold);
        sync.join().unwrap();
        change.join().unwrap();
    });
    assert_eq!(store.bytes(0..PAGE), [8; PAGE_SIZE]);
    assert_eq!(read(&file, 0), [9; PAGE_SIZE]);
}

/// Dirty pages 0 to 3, of which this thread has page 1 exclusively, half changed.
fn half_changed(file: &File) -> PageMut<'_> {
    file.write_all_at(&[8; 4 * PAGE_SIZE], 0).unwrap();
    let mut page = file.page_mut(1).unwrap();
    page[..PAGE_SIZE / 2].fill(9);
    page
}

#[test]
fn a_sync_waits_for_an_exclusive_guard_with_no_other_page_on_its_way() {
    let (_cache, file, store) = open(64, 8);
    let mut page = half_changed(&file);
    thread::scope(|scope| {
        let sync = scope.spawn(|| file.sync_data().unwrap());
        // Page 0 has been sent by itself, and is free to be changed.
        while store.bytes(0..1) != [8] {
            thread::yield_now();
        }
        file.page_mut(0).unwrap()[0] = 7;
        page.fill(9);
        drop(page);
        sync.join().unwrap();
    });
    assert_eq!(store.bytes(PAGE..2 * PAGE), [9; PAGE_SIZE]);
    assert_eq!(store.bytes(2 * PAGE..4 * PAGE), [8; 2 * PAGE_SIZE]);
}

#[test]
fn the_flusher_passes_over_a_page_that_is_held_exclusively() {
    let cache = PageCache::with_options(Options::new(64).flush_interval(Duration::from_millis(1)));
    let store = Arc::new(RecordingStore::with(&[0; 8 * PAGE_SIZE]));
    let file = cache.open(Arc::clone(&store)).unwrap();
    let mut page = half_changed(&file);
    page[0] = 1;
    while store.bytes(3 * PAGE..4 * PAGE) != [8; PAGE_SIZE] {
        thread::yield_now();
    }
    let stored = store.bytes(PAGE..2 * PAGE);
    assert!(stored == [0; PAGE_SIZE] || stored == [8; PAGE_SIZE]);
    drop(page);
    file.sync_data().unwrap();
    assert_eq!(store.bytes(PAGE..PAGE + 2), [1, 9]);
}

#[test]
fn a_thread_with_guards_of_a_file_may_do_nothing_else_with_the_file() {
    let (cache, file, _store) = open(64, 4);
    let other = cache.open(MemStore::new()).unwrap();
    let again = file.clone();
    let mapping = file.map(0..4 * PAGE).unwrap();
    let page = file.page(1).unwrap();
    let refused: [io::Result<()>; 12] = [
        again.read_at(&mut [0], 0).map(drop),
        again.write_at(&[0], 0).map(drop),
        again.append(&[0]).map(drop),
        again.read_direct_at(&mut [0], 0).map(drop),
        again.write_direct_at(&[0], 0).map(drop),
        again.set_len(0),
        again.punch_hole(0, 1),
        again.zero_range(0, 1, spanlock_page_cache::Length::Keep),
        again.collapse_range(0, PAGE),
        again.sync_data(),
        mapping.load(0, &mut [0]),
        mapping.store(0, &[0]),
    ];
    for (at, refused) in refused.into_iter().enumerate() {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Deadlock, "{at}");
    }
    // Another file is no matter, and other pages are not.
    other.append(b"log").unwrap();
    other.sync_data().unwrap();
    assert_eq!((file.page(2).unwrap()[0], page[0]), (2, 1));
    drop(page);
    again.set_len(0).unwrap();
}

#[test]
fn a_thread_does_not_wait_for_its_own_guard() {
    let (_cache, file, _store) = open(64, 4);
    let page = file.page(0).unwrap();
    assert_eq!(file.page_mut(0).unwrap_err().kind(), ErrorKind::Deadlock);
    // A writer waits, and keeps new readers out: but not this one, for which it waits.
    thread::scope(|scope| {
        let writer = scope.spawn(|| file.page_mut(0).unwrap()[0] = 7);
        until_someone_waits_for_the_guard_of(&file, 0);
        let again = file.page(0).unwrap();
        assert_eq!((page[0], again[0]), (0, 0));
        drop((page, again));
        writer.join().unwrap();
    });
    let page = file.page_mut(0).unwrap();
    assert_eq!(page[0], 7);
    for error in [file.page(0).err(), file.page_mut(0).err(), file.try_page(0).err()] {
        assert_eq!(error.unwrap().kind(), ErrorKind::Deadlock);
    }
}

#[test]
fn a_thread_knows_its_guards_in_whatever_order_they_are_dropped() {
    let (cache, file, _store) = open(128, 30);
    let other = cache.open(MemStore::new()).unwrap();
    other.set_len(30 * PAGE).unwrap();
    let mut random = Random::new(1);
    for _ in 0..10 {
        let guard =
            |page| if page % 2 == 0 { file.page(page).unwrap() } else { other.page(page).unwrap() };
        let mut guards: Vec<_> = (0..30).map(guard).collect();
        while !guards.is_empty() {
            let has = |file: u64| guards.iter().any(|guard| guard.number() % 2 == file);
            assert_eq!(file.read_at(&mut [0], 0).is_err(), has(0));
            assert_eq!(other.read_at(&mut [0], 0).is_err(), has(1));
            let dropped = guards.swap_remove(random.below(guards.len() as u64) as usize).number();
            for page in guards.iter().map(|guard| guard.number()).chain([dropped]) {
                let file = if page % 2 == 0 { &file } else { &other };
                let error = file.page_mut(page).err().map(|error| error.kind());
                assert_eq!(error, (page != dropped).then_some(ErrorKind::Deadlock), "{page}");
            }
        }
    }
}

#[test]
fn a_thread_with_a_guard_does_not_wait_for_a_claim_that_waits_for_the_guard() {
    let cache = cache(64);
    let store = Arc::new(StoppingStore::default());
    store.inner.write_at(&[1; 4 * PAGE_SIZE], 0).unwrap();
    let file = cache.open(Arc::clone(&store)).unwrap();
    let page = file.page(0).unwrap();
    let gate = Arc::new(Mutex::new(()));
    let (stopped, is_stopped) = mpsc::channel();
    let closed = gate.lock().unwrap();
    thread::scope(|scope| {
        let puncher = scope.spawn(|| {
            stop_at_next_request(stopped, Arc::clone(&gate));
            file.punch_hole(0, 4 * PAGE)
        });
        // It has its claim, and will wait for the guard.
        is_stopped.recv().unwrap();
        assert_eq!(file.page(1).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(file.pages([1, 2]).unwrap_err().kind(), ErrorKind::WouldBlock);
        drop(closed);
        drop(page);
        puncher.join().unwrap().unwrap();
        // With no guard it is waited for.
        assert_eq!(file.page(1).unwrap()[0], 0);
    });
}

#[test]
fn pages_with_guards_are_not_evicted_and_a_cache_full_of_them_has_no_frame() {
    let (_cache, file, store) = open(16, 64);
    let mut guards: Vec<PageRef<'_>> = (0..15).map(|page| file.page(page).unwrap()).collect();
    elsewhere(|| (20..40).for_each(|page| assert_eq!(read(&file, page)[0], page as u8)));
    guards.push(file.page(15).unwrap());
    let error = file.page(16).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceBusy);
    assert!(error.to_string().ends_with("page guards hold all 16 frames"), "{error}");
    store.asked();
    for (number, page) in guards.iter().enumerate() {
        assert_eq!(page[0], number as u8);
    }
    drop(guards);
    assert_eq!(file.page(15).unwrap()[0], 15);
    assert_eq!(store.asked(), []);
    assert_eq!(file.page(16).unwrap()[0], 16);
}

#[test]
fn several_pages_are_returned_in_the_requested_order_and_each_once() {
    let (_cache, file, _store) = open(64, 8);
    let pages = file.pages([5, 1, 3]).unwrap();
    assert_eq!(pages.each_ref().map(|page| page[0]), [5, 1, 3]);
    drop(pages);
    let error = file.pages_mut([5, 1, 5]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().ends_with("page 5 is requested twice"), "{error}");
    assert!(file.pages_mut([]).unwrap().is_empty());
}

#[test]
fn transfers_between_pages_in_any_order_come_through_and_lose_nothing() {
    let (_cache, file, store) = open(16, 40);
    file.write_all_at(&[100; 40 * PAGE_SIZE], 0).unwrap();
    thread::scope(|scope| {
        for seed in 0..4_u64 {
            let file = &file;
            scope.spawn(move || {
                let mut random = crate::random::Random::new(seed + 1);
                for _ in 0..2_000 {
                    let (from, to) = (random.below(40), random.below(40));
                    if from == to {
                        file.sync_data().unwrap();
                        continue;
                    }
                    let [mut from, mut to] = file.pages_mut([from, to]).unwrap();
                    if from[0] > 0 && to[0] < u8::MAX {
                        from[0] -= 1;
                        to[0] += 1;
                    }
                }
            });
        }
    });
    file.sync_data().unwrap();
    let sum = |bytes: &dyn Fn(u64) -> u8| (0..40).map(|page| u64::from(bytes(page))).sum::<u64>();
    assert_eq!(sum(&|page| read(&file, page)[0]), 4_000);
    assert_eq!(sum(&|page| store.bytes(page * PAGE..page * PAGE + 1)[0]), 4_000);
}

#[test]
fn a_guard_that_unwinds_releases_its_page_and_keeps_what_was_changed() {
    let (_cache, file, store) = open(64, 1);
    elsewhere(|| {
        let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut page = file.page_mut(0).unwrap();
            page[0] = 7;
            std::panic::resume_unwind(Box::new(()));
        }));
        assert!(unwound.is_err());
        file.sync_data().unwrap();
        assert_eq!(store.bytes(0..1), [7]);
        assert_eq!(file.page_mut(0).unwrap()[0], 7);
    });
}

#[test]
fn a_page_becomes_shared_without_a_moment_in_between() {
    let (_cache, file, store) = open(64, 1);
    let mut page = file.page_mut(0).unwrap();
    page.fill(7);
    thread::scope(|scope| {
        let writer = scope.spawn(|| file.page_mut(0).unwrap().fill(8));
        let reader = scope.spawn(|| file.page(0).unwrap()[0]);
        let page = page.downgrade();
        assert!(
            [7, 8].contains(&elsewhere(|| file.try_page(0).unwrap().map_or(7, |page| page[0])))
        );
        assert_eq!(*page, [7; PAGE_SIZE]);
        drop(page);
        writer.join().unwrap();
        reader.join().unwrap();
    });
    file.sync_data().unwrap();
    assert_eq!(store.bytes(0..PAGE), [8; PAGE_SIZE]);
}

#[test]
fn a_downgraded_page_is_dirty_if_it_was_changed() {
    let (_cache, file, store) = open(64, 1);
    let mut page = file.page_mut(0).unwrap();
    page.fill(7);
    let page = page.downgrade();
    elsewhere(|| file.sync_data().unwrap());
    assert_eq!(store.bytes(0..PAGE), *page);
}

#[test]
fn a_pinned_page_stays_cached_and_a_quarter_of_the_pages_that_may_be_dirty_can_be_pinned() {
    let cache = PageCache::with_options(Options::new(64).dirty_limit(16).readahead(0));
    let store = Arc::new(RecordingStore::with(&[1; 200 * PAGE_SIZE]));
    let file = cache.open(Arc::clone(&store)).unwrap();
    let pins: Vec<_> = (0..4).map(|page| file.pin(page).unwrap()).collect();
    assert_eq!(file.pin(4).unwrap_err().kind(), ErrorKind::ResourceBusy);
    for page in 10..200 {
        drop(file.page(page).unwrap());
    }
    store.asked();
    for pin in &pins {
        assert_eq!(pin.page().unwrap()[0], 1);
        pin.page_mut().unwrap()[0] = 2;
    }
    assert_eq!(store.asked(), []);
    drop(pins);
    let pin = file.pin(4).unwrap();
    // The page goes with its range, and the pin finds the page that has its number then.
    file.punch_hole(0, 10 * PAGE).unwrap();
    assert_eq!(pin.page().unwrap()[0], 0);
    pin.page_mut().unwrap()[0] = 3;
    assert_eq!(read(&file, 4)[0], 3);
    file.set_len(PAGE).unwrap();
    assert_eq!(pin.page().unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn a_file_that_dirties_pages_by_guards_keeps_to_its_share() {
    let cache =
        PageCache::with_options(Options::new(64).dirty_limit(8).flush_interval(Duration::MAX));
    let store = Arc::new(RecordingStore::with(&[0; 100 * PAGE_SIZE]));
    let file = cache.open(Arc::clone(&store)).unwrap();
    for page in 0..100 {
        // Cached and clean, and so a hit.
        drop(file.page(page).unwrap());
        file.page_mut(page).unwrap()[0] = 1;
    }
    assert!(cache.stats().writebacks >= 92, "{}", cache.stats().writebacks);
    file.sync_data().unwrap();
    assert!((0..100).all(|page| store.bytes(page * PAGE..page * PAGE + 1) == [1]));
}

#[test]
fn a_writer_at_its_limit_skips_pages_that_are_held_exclusively() {
    let cache =
        PageCache::with_options(Options::new(64).dirty_limit(8).flush_interval(Duration::MAX));
    let store = Arc::new(RecordingStore::with(&[0; 100 * PAGE_SIZE]));
    let file = cache.open(Arc::clone(&store)).unwrap();
    let mut first = file.page_mut(0).unwrap();
    first[0] = 1;
    elsewhere(|| {
        for page in 1..50 {
            file.write_all_at(&[1; PAGE_SIZE], page * PAGE).unwrap();
        }
    });
    first[0] = 2;
    drop(first);
    file.sync_data().unwrap();
    assert_eq!(store.bytes(0..2), [2, 0]);
}

#[test]
fn a_write_that_goes_through_waits_for_a_guard_with_no_page_on_its_way() {
    let cache = cache(64);
    let store = Arc::new(RecordingStore::with(&[0; 8 * PAGE_SIZE]));
    let options = FileOptions::new().write_through();
    let file = cache.open_with(Arc::clone(&store), options).unwrap();
    let held = file.page(2).unwrap();
    thread::scope(|scope| {
        let writer = scope.spawn(|| file.write_all_at(&[9; 4 * PAGE_SIZE], 0).unwrap());
        while store.bytes(PAGE..PAGE + 1) != [9] {
            thread::yield_now();
        }
        // Pages 0 and 1 went by themselves, so this thread can have one of them.
        assert_eq!(file.page_mut(0).unwrap()[0], 9);
        assert_eq!(held[0], 0);
        drop(held);
        writer.join().unwrap();
    });
    assert_eq!(store.bytes(0..4 * PAGE), [9; 4 * PAGE_SIZE]);
}

#[test]
fn a_thread_with_guards_reads_the_page_that_it_asks_for_and_none_ahead() {
    let cached = |hold: fn(&File) -> Option<PageRef<'_>>| {
        let options = Options::new(1024).flush_interval(Duration::MAX).readahead(8);
        let (cache, store) = (PageCache::with_options(options), MemStore::new());
        store.set_len(50 * PAGE).unwrap();
        let file = cache.open(store).unwrap();
        let held = hold(&file);
        (1..9).for_each(|number| drop(file.page(number).unwrap()));
        drop(held);
        file.stats().resident
    };
    assert_eq!(cached(|file| Some(file.page(40).unwrap())), 9);
    assert!(cached(|_| None) > 9);
}

#[test]
fn a_guard_tells_the_number_of_its_page() {
    let (_cache, file, _store) = open(64, 4);
    let exclusive = file.page_mut(3).unwrap();
    assert_eq!(exclusive.number(), 3);
    assert_eq!(exclusive.downgrade().number(), 3);
    assert_eq!(file.page(2).unwrap().number(), 2);
    assert_eq!(file.pin(2).unwrap().number(), 2);
}

#[test]
fn a_store_that_fails_is_asked_once_for_each_of_several_pages() {
    let (_cache, file, store) = open(64, 8);
    store.fail_reads_of(4 * PAGE..5 * PAGE);
    let expected = [3, 4].map(|page| Asked::Read(page * PAGE..(page + 1) * PAGE));
    file.pages([4, 3]).unwrap_err();
    assert_eq!(store.asked(), expected);
    file.pages_mut([3, 4]).unwrap_err();
    assert_eq!(store.asked(), expected[1..]);
    let _root = file.page(0).unwrap();
    store.asked();
    file.pages_mut([3, 4]).unwrap_err();
    assert_eq!(store.asked(), expected[1..]);
}

#[test]
fn guards_are_slices_of_all_of_their_page() {
    let (_cache, file, _store) = open(64, 4);
    let shared = file.page(3).unwrap();
    assert_eq!(AsRef::<[u8]>::as_ref(&shared), [3; PAGE_SIZE]);
    let mut exclusive = file.page_mut(2).unwrap();
    assert_eq!(AsRef::<[u8]>::as_ref(&exclusive), [2; PAGE_SIZE]);
    AsMut::<[u8]>::as_mut(&mut exclusive).fill(7);
    drop((shared, exclusive));
    assert_eq!(read(&file, 2), [7; PAGE_SIZE]);
}

#[test]
fn guards_that_are_dropped_in_any_order_leave_the_thread_without_one() {
    let (_cache, file, _store) = open(64, 8);
    let mut random = Random::new(11);
    for round in 0..200 {
        let mut guards = Vec::new();
        let mut pages: Vec<u64> = (0..8).collect();
        while let Some(last) = pages.len().checked_sub(1) {
            let page = pages.swap_remove(random.below(last as u64 + 1) as usize);
            guards.push(file.page(page).unwrap());
            if random.below(3) == 0 {
                let at = random.below(guards.len() as u64) as usize;
                drop(guards.remove(at));
            }
        }
        while let Some(last) = guards.len().checked_sub(1) {
            let error = file.write_all_at(b"x", 0).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Deadlock, "round {round}");
            drop(guards.swap_remove(random.below(last as u64 + 1) as usize));
        }
        file.write_all_at(b"x", 0).unwrap();
    }
}

#[test]
fn guards_of_a_list_of_pages_are_in_its_order_and_taken_in_ascending_order() {
    let file = cache(64).open(MemStore::new()).unwrap();
    file.set_len(32 * PAGE).unwrap();
    let (up, down): (Vec<u64>, Vec<u64>) = ((0..20).collect(), (0..20).rev().collect());
    thread::scope(|scope| {
        for numbers in [&up, &down] {
            let file = &file;
            scope.spawn(move || {
                for round in 0..500 {
                    let mut guards = file.page_list_mut(numbers).unwrap();
                    assert!(guards.iter().map(|page| page.number()).eq(numbers.iter().copied()));
                    guards[round % 20][0] += 1;
                    drop(guards);
                    let guards = file.page_list(numbers).unwrap();
                    assert!(guards.iter().map(|page| page.number()).eq(numbers.iter().copied()));
                }
            });
        }
    });
    assert!(file.page_list(&[]).unwrap().is_empty());
    let pages = file.page_list(&up).unwrap();
    assert_eq!(pages.iter().map(|page| u64::from(page[0])).sum::<u64>(), 1000);
    drop(pages);
    assert_eq!(file.page_list_mut(&[3, 4, 3]).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(file.page_list(&[31, 32]).unwrap_err().kind(), ErrorKind::UnexpectedEof);
}
