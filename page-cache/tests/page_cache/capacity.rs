//! The capacity of a cache, and changing it.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{File, FileOptions, MemStore, Options, PAGE_SIZE, PageCache};

use crate::random::Random;
use crate::stop::Stop;
use crate::stores::recording_store::RecordingStore;

const PAGE: u64 = PAGE_SIZE as u64;

/// A file of so many pages, each of its own number.
fn open(options: Options, pages: u64) -> (PageCache, File, Arc<RecordingStore>) {
    let cache = PageCache::with_options(options.readahead(0).flush_interval(Duration::MAX));
    let numbers: Vec<u8> = (0..pages).flat_map(|page| [page as u8; PAGE_SIZE]).collect();
    let store = Arc::new(RecordingStore::with(&numbers));
    let file = cache.open(Arc::clone(&store)).unwrap();
    (cache, file, store)
}

fn first_byte(file: &File, page: u64) -> u8 {
    let mut byte = [0];
    file.read_exact_at(&mut byte, page * PAGE).unwrap();
    byte[0]
}

fn cached(file: &File, pages: u64) -> usize {
    (0..pages).filter(|&page| file.try_page(page).unwrap().is_some()).count()
}

#[test]
fn a_cache_that_shrinks_writes_what_is_dirty_and_keeps_to_its_new_capacity() {
    let (cache, file, store) = open(Options::new(400).dirty_limit(400), 200);
    for page in 0..200 {
        assert_eq!(first_byte(&file, page), page as u8);
        file.write_all_at(&[page as u8 + 1], page * PAGE + 7).unwrap();
    }
    assert_eq!(cached(&file, 200), 200);
    cache.set_capacity(20).unwrap();
    assert_eq!(cache.capacity(), 20);
    assert!(cached(&file, 200) <= 20);
    for page in 0..200 {
        assert_eq!(first_byte(&file, page), page as u8);
        assert!(cached(&file, 200) <= 20);
    }
    file.sync_data().unwrap();
    for page in 0..200 {
        assert_eq!(store.bytes(page * PAGE + 6..page * PAGE + 8), [page as u8, page as u8 + 1]);
    }
}

#[test]
fn a_cache_that_grows_keeps_more_pages() {
    let options = Options::new(16).max_capacity(256).flush_interval(Duration::MAX);
    let (cache, file, store) = open(options, 200);
    (0..200).for_each(|page| assert_eq!(first_byte(&file, page), page as u8));
    assert!(cached(&file, 200) <= 16);
    cache.set_capacity(256).unwrap();
    (0..200).for_each(|page| assert_eq!(first_byte(&file, page), page as u8));
    store.asked();
    (0..200).for_each(|page| assert_eq!(first_byte(&file, page), page as u8));
    assert_eq!(store.asked(), []);
    // More pages may be dirty now than the cache had before.
    (0..20).for_each(|page| file.write_all_at(&[1], page * PAGE).unwrap());
    assert_eq!(file.dirty_pages().len(), 20);
    assert_eq!(cache.stats().writebacks, 0);
}

#[test]
fn a_capacity_outside_of_the_bounds_is_refused() {
    let (cache, _file, _store) = open(Options::new(32).max_capacity(64), 1);
    for pages in [0, 15, 65, usize::MAX] {
        let error = cache.set_capacity(pages).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(
            error.to_string(),
            format!("set_capacity to {pages} pages: the cache can have from 16 to 64 pages")
        );
    }
    assert_eq!(cache.capacity(), 32);
    assert_eq!(PageCache::with_options(Options::with_bytes(PAGE_SIZE * 100 + 1)).capacity(), 100);
    for pages in [16, 64] {
        cache.set_capacity(pages).unwrap();
        assert_eq!(cache.capacity(), pages);
    }
}

#[test]
fn guards_that_hold_more_pages_than_the_new_capacity_refuse_it() {
    let (cache, file, _store) = open(Options::new(64), 100);
    let guards: Vec<_> = (0..40).map(|page| file.page(page).unwrap()).collect();
    let error = cache.set_capacity(20).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceBusy);
    assert_eq!(
        error.to_string(),
        "set_capacity to 20 pages: page guards hold 40 pages; the capacity is still 64 pages"
    );
    assert_eq!(cache.capacity(), 64);
    assert!(guards.iter().zip(0..).all(|(page, number)| page[0] == number));
    drop(guards);
    (0..100).for_each(|page| assert_eq!(first_byte(&file, page), page as u8));
    assert_eq!(cached(&file, 100), 64);
    cache.set_capacity(20).unwrap();
    assert!(cached(&file, 100) <= 20);
}

/// Requests for other pages would have no frame left. That does not depend on how many other pages are dirty.
#[test]
fn a_capacity_that_guards_would_fill_is_refused_and_the_pages_stay() {
    let (cache, file, _store) = open(Options::new(64), 100);
    let guards: Vec<_> = (0..20).map(|page| file.page(page).unwrap()).collect();
    for dirty in [0, 8] {
        (40..40 + dirty).for_each(|page| {
            thread::scope(|s| {
                s.spawn(|| file.write_all_at(&[1], page * PAGE).unwrap()).join().unwrap()
            });
        });
        let resident = cache.stats().resident;
        let error = cache.set_capacity(20).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceBusy);
        assert_eq!((cache.capacity(), cache.stats().resident), (64, resident));
    }
    cache.set_capacity(64).unwrap();
    cache.set_capacity(21).unwrap();
    drop(guards);
    cache.set_capacity(20).unwrap();
}

#[test]
fn a_capacity_that_allows_fewer_pins_than_there_are_is_refused() {
    let (cache, file, _store) = open(Options::new(400), 200);
    let pins: Vec<_> = (0..30).map(|page| file.pin(page).unwrap()).collect();
    let error = cache.set_capacity(30).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceBusy);
    assert_eq!(
        error.to_string(),
        "set_capacity to 30 pages: the number of pins is 30, and a cache of that size has at most 3; \
         the capacity is still 400 pages"
    );
    assert_eq!(cache.capacity(), 400);
    (0..200).for_each(|page| assert_eq!(first_byte(&file, page), page as u8));
    drop(pins);
    cache.set_capacity(30).unwrap();
    (0..200).for_each(|page| assert_eq!(first_byte(&file, page), page as u8));
}

#[test]
fn a_cache_that_shrinks_and_grows_under_way_is_right_in_every_byte() {
    let (cache, file, store) = open(Options::new(16).max_capacity(300), 200);
    let stop = Stop::default();
    thread::scope(|scope| {
        let stopping = stop.when_dropped();
        let (cache, file, stop) = (&cache, &file, &stop);
        for thread in 0..3_u64 {
            scope.spawn(move || {
                let mut random = Random::new(thread + 1);
                while !stop.is_asked_for() {
                    let page = random.below(200);
                    if page % 3 == thread {
                        file.write_all_at(&[page as u8; 10], page * PAGE + 100).unwrap();
                    } else {
                        assert_eq!(first_byte(file, page), page as u8);
                    }
                }
            });
        }
        let mut random = Random::new(7);
        for _ in 0..60 {
            cache.set_capacity(16 + random.below(285) as usize).unwrap();
            (0..50).for_each(|page| assert_eq!(first_byte(file, page), page as u8));
        }
        drop(stopping);
    });
    file.sync_data().unwrap();
    for page in 0..200 {
        assert_eq!(store.bytes(page * PAGE..(page + 1) * PAGE), [page as u8; PAGE_SIZE]);
    }
}

#[test]
fn the_dirty_limit_grows_as_the_capacity_does() {
    let (cache, file, store) = open(Options::new(64).max_capacity(256).dirty_limit(4), 200);
    cache.set_capacity(256).unwrap();
    store.fail_writes(usize::MAX);
    let write = |page: &u64| file.write_all_at(&[1; PAGE_SIZE], page * PAGE).is_ok();
    // One file may have two thirds of 16.
    let dirty = (0..200).take_while(write).count();
    assert!((8..=16).contains(&dirty), "{dirty}");
}

/// Neither a store that fails nor a file whose pages only a sync may write keeps the others waiting, while its dirty pages
/// hold more frames than the cache is to have.
#[test]
fn files_continue_while_a_cache_shrinks_in_vain_and_afterwards() {
    let (cache, healthy, _store) = open(Options::new(256).dirty_limit(256), 200);
    let failing = RecordingStore::default();
    failing.fail_writes(usize::MAX);
    let failing = cache.open(failing).unwrap();
    let kept = cache.open_with(MemStore::new(), FileOptions::new().no_steal()).unwrap();
    for (file, pages) in [(&failing, 24), (&kept, 4)] {
        (0..pages).for_each(|page| file.write_all_at(&[1; PAGE_SIZE], page * PAGE).unwrap());
    }
    let is_at_work = || {
        for page in 0..200 {
            assert_eq!(first_byte(&healthy, page), page as u8);
            healthy.write_all_at(&[page as u8], page * PAGE + 1).unwrap();
        }
        healthy.page_mut(7).unwrap()[1] = 7;
    };
    thread::scope(|scope| {
        let shrinks = scope.spawn(|| cache.set_capacity(16).unwrap_err());
        while !shrinks.is_finished() {
            is_at_work();
        }
        let error = shrinks.join().unwrap();
        assert_eq!(error.kind(), ErrorKind::ResourceBusy);
        assert!(
            error
                .to_string()
                .ends_with("could not be evicted for 10s; the capacity is still 256 pages"),
            "{error}"
        );
    });
    assert_eq!(cache.capacity(), 256);
    is_at_work();
    kept.sync_data().unwrap();
    failing.discard();
    cache.set_capacity(16).unwrap();
    is_at_work();
    assert!(cache.stats().resident <= 16);
}

/// It is refused before a page is evicted, and the file goes on.
#[test]
fn a_capacity_in_which_dirty_pages_that_only_a_sync_may_write_do_not_fit_is_refused() {
    let (cache, healthy, _store) = open(Options::new(400), 100);
    let kept = cache.open_with(MemStore::new(), FileOptions::new().no_steal()).unwrap();
    (0..100).for_each(|page| _ = first_byte(&healthy, page));
    (0..50).for_each(|page| kept.write_all_at(&[1; PAGE_SIZE], page * PAGE).unwrap());
    let error = cache.set_capacity(64).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceBusy);
    assert!(error.to_string().contains(": only a sync may write 50 dirty pages, "), "{error}");
    assert_eq!((cache.capacity(), cached(&healthy, 100)), (400, 100));
    (50..60).for_each(|page| kept.write_all_at(&[1; PAGE_SIZE], page * PAGE).unwrap());
    kept.sync_data().unwrap();
    cache.set_capacity(64).unwrap();
}

/// A dirty page is written only after the hook, and the hook needs frames, while dirty pages hold all that may be used.
#[test]
fn a_cache_that_shrinks_below_its_dirty_pages_leaves_frames_to_a_hook_with_a_log_on_it() {
    let options = Options::new(96).flush_interval(Duration::MAX);
    let cache: PageCache = PageCache::with_options(options);
    let log = cache.open(MemStore::new()).unwrap();
    let (is_open, appends) = (Arc::new(AtomicBool::new(false)), log.clone());
    let opens = Arc::clone(&is_open);
    let hook = FileOptions::new().before_writeback(move |_| {
        if !opens.load(Ordering::SeqCst) {
            return Err(ErrorKind::WouldBlock.into());
        }
        appends.append(&[1; 3 * PAGE_SIZE])?;
        appends.sync_data()
    });
    let tree = cache.open_with(MemStore::new(), hook).unwrap();
    for page in 0..38 {
        // A writer that has reached its limit gets the hook's error.
        let _ = tree.write_all_at(&[2; PAGE_SIZE], page * PAGE);
    }
    assert!(tree.stats().dirty > 16, "{}", tree.stats().dirty);
    is_open.store(true, Ordering::SeqCst);
    cache.set_capacity(16).unwrap();
    // The hook's refusal is reported once.
    let _ = tree.sync_data();
    tree.sync_data().unwrap();
    assert!(!log.is_empty() && log.len().is_multiple_of(3 * PAGE));
    // A frame that the hook has taken beyond the capacity goes when the next page is brought in.
    (0..tree.len() / PAGE).for_each(|page| _ = first_byte(&tree, page));
    assert!(cache.stats().resident <= 16, "{}", cache.stats().resident);
}

/// Others have the limits of the old capacity again while a store fails, and those of the new one after it has recovered.
#[test]
fn a_cache_that_shrinks_once_its_store_recovers_has_the_limits_of_its_new_capacity() {
    let (cache, file, store) = open(Options::new(256).dirty_limit(256), 200);
    store.fail_writes(usize::MAX);
    (0..60).for_each(|page| file.write_all_at(&[1; PAGE_SIZE], page * PAGE).unwrap());
    thread::scope(|scope| {
        let shrinks = scope.spawn(|| cache.set_capacity(32).unwrap());
        thread::sleep(Duration::from_millis(1500));
        store.fail_writes(0);
        file.writeback(0..u64::MAX).unwrap();
        shrinks.join().unwrap();
    });
    assert_eq!(cache.capacity(), 32);
    store.fail_writes(usize::MAX);
    let write = |page: &u64| file.write_all_at(&[1; PAGE_SIZE], page * PAGE).is_ok();
    let dirty = (0..200).take_while(write).count();
    assert!(dirty < 32, "{dirty}");
}

/// It may not wait, and has no room while the limits are those of the new capacity.
#[test]
fn a_file_that_only_a_sync_writes_goes_on_before_a_cache_has_failed_to_shrink() {
    let (cache, failing, store) = open(Options::new(256).dirty_limit(256), 200);
    store.fail_writes(usize::MAX);
    (0..24).for_each(|page| failing.write_all_at(&[1], page * PAGE).unwrap());
    let kept = cache.open_with(MemStore::new(), FileOptions::new().no_steal()).unwrap();
    let goes_on = || (0..3).all(|page| kept.write_all_at(&[1], page * PAGE).is_ok());
    let goes_on_meanwhile = || {
        thread::scope(|scope| {
            let shrinks = scope.spawn(|| cache.set_capacity(16).unwrap_err());
            // A page that is evicted late lets the limits of the new capacity return for a while.
            let (mut was_refused, mut rounds) = (false, 0);
            while rounds < 100 && !shrinks.is_finished() {
                let goes_on = goes_on();
                was_refused |= !goes_on;
                rounds += u32::from(was_refused && goes_on);
                kept.sync_data().unwrap();
            }
            rounds == 100
        })
    };
    // This thread may not have run for long enough before the call failed.
    assert!((0..3).any(|_| goes_on_meanwhile()));
}

/// It changes no limit, not even for a moment.
#[test]
fn no_request_fails_because_a_capacity_is_refused_immediately() {
    let (cache, _file, _store) = open(Options::new(400), 1);
    let open = || cache.open_with(MemStore::new(), FileOptions::new().no_steal()).unwrap();
    let (kept, written) = (open(), open());
    (0..50).for_each(|page| kept.write_all_at(&[1], page * PAGE).unwrap());
    let write = || {
        (0..2).for_each(|page| written.write_all_at(&[1], page * PAGE).unwrap());
        written.sync_data().unwrap();
    };
    thread::scope(|scope| {
        let writes = scope.spawn(|| (0..1000).for_each(|_| write()));
        while !writes.is_finished() {
            cache.set_capacity(16).unwrap_err();
        }
        writes.join().unwrap();
    });
}
