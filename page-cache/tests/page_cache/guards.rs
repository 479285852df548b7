//! Guards of pages, and pins.

mod asynchronous;
mod owned;
mod waiting;
mod writeback;

use std::io::ErrorKind;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{File, MemStore, Options, PAGE_SIZE, PageCache, PageRef, Store};

use crate::random::Random;
use crate::stores::recording_store::{Asked, RecordingStore};

const PAGE: u64 = PAGE_SIZE as u64;

/// A cache whose flusher sleeps until it is woken.
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

/// What a thread without guards reads.
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
fn transfers_between_pages_in_any_order_end_and_lose_nothing() {
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
    let error = file.pin(4).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceBusy);
    let end = format!(": the cache has {} pins, and can have no more at once", pins.len());
    assert!(error.to_string().ends_with(&end), "{error}");
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
    // The page is removed with its range. The pin then finds the page that has its number.
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

#[test]
fn a_guard_returns_the_number_of_its_page() {
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
fn a_page_that_is_read_for_a_guard_is_a_miss_and_a_cached_one_a_hit() {
    for readahead in [0, 8] {
        let cache = PageCache::with_options(Options::new(64).readahead(readahead));
        let store = MemStore::new();
        store.set_len(20 * PAGE).unwrap();
        let file = cache.open(store).unwrap();
        let counts = || (file.stats().hits, file.stats().misses);
        drop(file.page(3).unwrap());
        assert_eq!(counts(), (0, 1));
        drop(file.page_mut(11).unwrap());
        assert_eq!(counts(), (0, 2));
        drop((file.page(3).unwrap(), file.page(11).unwrap()));
        drop(file.page_mut(3).unwrap());
        assert_eq!(counts(), (3, 2));
    }
}

#[test]
fn a_page_is_pinned_without_waiting_only_if_it_is_cached_and_nobody_has_it_exclusively() {
    let (_cache, file, store) = open(64, 4);
    assert!(file.try_pin(1).unwrap().is_none());
    assert_eq!(store.asked(), []);
    let pin = file.pin(1).unwrap();
    store.asked();
    assert_eq!(file.try_pin(1).unwrap().unwrap().page().unwrap()[0], 1);
    let held = file.page_mut(1).unwrap();
    elsewhere(|| assert!(file.try_pin(1).unwrap().is_none()));
    drop((held, pin));
    assert_eq!(file.try_pin(4).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(store.asked(), []);
}

#[test]
fn a_pin_that_was_not_granted_is_not_counted() {
    let (_cache, file, _store) = open(64, 4);
    drop(file.pin(1).unwrap());
    let as_many_as_may_be = || {
        let pins: Vec<_> = std::iter::from_fn(|| file.try_pin(1).ok().flatten()).collect();
        assert_eq!(file.try_pin(1).unwrap_err().kind(), ErrorKind::ResourceBusy);
        pins.len()
    };
    let most = as_many_as_may_be();
    assert!(file.try_pin(2).unwrap().is_none());
    file.try_pin(4).unwrap_err();
    assert_eq!(as_many_as_may_be(), most);
}

#[test]
fn a_page_that_has_all_the_guards_that_it_can_have_refuses_one_more_at_once() {
    const MOST: usize = 32_768;
    let (_cache, file, _store) = open(64, 4);
    let pin = file.pin(1).unwrap();
    let mut guards: Vec<_> = (0..MOST).map(|_| file.page(1).unwrap()).collect();
    let refused = |error: std::io::Error| {
        assert_eq!(error.kind(), ErrorKind::ResourceBusy);
        assert!(error.to_string().contains("32768 shared guards"), "{error}");
    };
    let all_are_refused = || {
        refused(file.page(1).unwrap_err());
        refused(file.try_page(1).unwrap_err());
        refused(file.page_within(1, Duration::MAX).unwrap_err());
        refused(file.pages([0, 1]).unwrap_err());
        refused(file.pin(1).unwrap_err());
        refused(pin.page().unwrap_err());
    };
    all_are_refused();
    elsewhere(all_are_refused);
    // Reads are not guards.
    assert_eq!(elsewhere(|| read(&file, 1)), [1; PAGE_SIZE]);
    guards.pop();
    drop(file.page(1).unwrap());
    elsewhere(|| file.page(1).map(drop)).unwrap();
}
