//! Syncs that meet other syncs and writes, on a store whose syncs fail.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{File, Options, PageCache, StoreLayer};

use crate::random::Random;
use crate::stop::Stop;
use crate::stores::lossy_store::{Fate, LossyStore};

const PAGE: u64 = 4096;
const NEVER: Duration = Duration::from_secs(3600);

fn open(frames: usize, fate: Fate) -> (PageCache, File, Arc<LossyStore>) {
    let cache = PageCache::with_options(Options::new(frames).flush_interval(NEVER));
    let store = Arc::new(LossyStore::new(fate));
    let file = cache.open(Arc::clone(&store)).unwrap();
    (cache, file, store)
}

fn until_written(cache: &PageCache, pages: u64) {
    while cache.stats().writebacks < pages {
        thread::yield_now();
    }
}

#[test]
fn syncs_that_come_while_one_is_under_way_share_the_next() {
    let (cache, file, store) = open(64, Fate::Lost);
    file.write_all_at(&[1; 10], 0).unwrap();
    thread::scope(|scope| {
        let hold = store.hold_syncs();
        scope.spawn(|| file.sync_data().unwrap());
        store.wait_for_held();
        let others: Vec<_> = (1..8)
            .map(|page| {
                let file = &file;
                scope.spawn(move || {
                    file.write_all_at(&[page as u8; 10], page * PAGE).unwrap();
                    file.sync_range(page * PAGE..page * PAGE + 10).unwrap();
                })
            })
            .collect();
        until_written(&cache, 8);
        // They have written their pages, and wait for the store. Nearly all have reached this point by now.
        for _ in 0..100 {
            thread::yield_now();
        }
        drop(hold);
        others.into_iter().for_each(|other| other.join().unwrap());
    });
    // The sync that was held, and one for all others that had arrived by then.
    assert!(store.syncs().0 < 8, "{:?}", store.syncs());
    for page in 1..8 {
        assert_eq!(store.after_a_crash()[(page * PAGE) as usize], page as u8);
    }
}

#[test]
fn a_sync_whose_pages_were_sent_while_another_was_failing_fails_as_well() {
    let (cache, file, store) = open(64, Fate::Lost);
    file.write_all_at(&[1; 10], 0).unwrap();
    thread::scope(|scope| {
        let hold = store.hold_syncs();
        let first = scope.spawn(|| file.sync_data());
        store.wait_for_held();
        file.write_all_at(&[2; 10], PAGE).unwrap();
        let second = scope.spawn(|| file.sync_data());
        until_written(&cache, 2);
        store.fail_syncs(1);
        drop(hold);
        first.join().unwrap().unwrap_err();
        // The store has lost its page too, by the sync of another thread.
        second.join().unwrap().unwrap_err();
    });
    file.sync_data().unwrap();
    assert_eq!(store.after_a_crash()[..10], [1; 10]);
    assert_eq!(store.after_a_crash()[PAGE as usize..], [2; 10]);
}

#[test]
fn a_page_that_is_written_anew_while_its_sync_fails_is_durable_after_the_next() {
    let (_cache, file, store) = open(64, Fate::Lost);
    file.write_all_at(&[1; 10], 0).unwrap();
    thread::scope(|scope| {
        let hold = store.hold_syncs();
        let first = scope.spawn(|| file.sync_data());
        store.wait_for_held();
        file.write_all_at(&[2; 5], 0).unwrap();
        file.writeback(0..PAGE).unwrap();
        store.fail_syncs(1);
        drop(hold);
        first.join().unwrap().unwrap_err();
    });
    file.sync_data().unwrap();
    assert_eq!(store.after_a_crash(), [2, 2, 2, 2, 2, 1, 1, 1, 1, 1]);
}

#[test]
fn a_write_that_returns_after_a_sync_has_failed_is_made_again() {
    type Write = fn(&File);
    let writes: [Write; 3] = [
        |file| assert_eq!(file.write_direct_at(&[2; 100], 10).unwrap(), 100),
        |file| file.zero_range(10, 100, spanlock_page_cache::Length::Keep).unwrap(),
        |file| {
            file.write_all_at(&[2; 100], 10).unwrap();
            file.writeback(0..PAGE).unwrap();
        },
    ];
    for write in writes {
        let (_cache, file, store) = open(64, Fate::Lost);
        file.write_all_at(&[1; 200], 0).unwrap();
        file.sync_data().unwrap();
        thread::scope(|scope| {
            store.hold_made_write();
            let writer = scope.spawn(|| write(&file));
            store.wait_for_held();
            store.fail_syncs(1);
            file.sync_range(0..0).unwrap_err();
            store.release();
            writer.join().unwrap();
        });
        file.sync_data().unwrap();
        let mut seen = [0; 200];
        file.read_exact_at(&mut seen, 0).unwrap();
        assert_ne!(seen[10], 1);
        assert_eq!(store.after_a_crash(), seen);
    }
}

/// A store of which, during each write, a sync fails.
struct Disturbed {
    below: LossyStore,
    by: Mutex<Option<File>>,
}

impl StoreLayer for Disturbed {
    type Below = LossyStore;

    fn below(&self) -> &LossyStore {
        &self.below
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let written = spanlock_page_cache::Store::write_at(&self.below, bytes, offset)?;
        if let Some(file) = &*self.by.lock().unwrap() {
            self.below.fail_syncs(1);
            thread::scope(|scope| {
                scope.spawn(|| file.sync_range(0..0).unwrap_err());
            });
        }
        Ok(written)
    }
}

#[test]
fn a_write_whose_every_attempt_meets_a_failing_sync_is_in_doubt() {
    let below = LossyStore::new(Fate::Lost);
    let store = Arc::new(Disturbed { below, by: Mutex::default() });
    let cache: PageCache = PageCache::with_options(Options::new(64).flush_interval(NEVER));
    let file = cache.open(Arc::clone(&store)).unwrap();
    file.write_all_at(&[1; 200], 0).unwrap();
    file.sync_data().unwrap();
    *store.by.lock().unwrap() = Some(file.clone());
    assert_eq!(file.write_direct_at(&[2; 100], 10).unwrap(), 100);
    let other = store.by.lock().unwrap().take();
    assert_eq!(file.broken_ranges(), vec![10..110]);
    file.sync_data().unwrap_err();
    assert_eq!(file.write_direct_at(&[2; 100], 10).unwrap(), 100);
    file.sync_data().unwrap();
    assert_eq!(store.below.after_a_crash()[10..110], [2; 100]);
    drop(other);
}

#[test]
fn a_part_of_a_page_is_kept_that_is_read_while_its_sync_is_failing() {
    let (cache, file, store) = open(64, Fate::Undone);
    file.write_all_at(&[1; 200], 0).unwrap();
    file.sync_data().unwrap();
    drop(file);
    let file = cache.open(Arc::clone(&store)).unwrap();
    file.write_all_at(&[2; 10], 10).unwrap();
    thread::scope(|scope| {
        store.fail_syncs(1);
        store.hold_failed_sync();
        let sync = scope.spawn(|| file.sync_data());
        store.wait_for_held();
        // The store has the old bytes again.
        let mut seen = [0; 12];
        file.read_exact_at(&mut seen, 9).unwrap();
        store.release();
        sync.join().unwrap().unwrap_err();
        assert_eq!(seen, [1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1]);
    });
    file.sync_data().unwrap();
    assert_eq!(store.after_a_crash()[9..21], [1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1]);
}

#[test]
fn what_a_failed_sync_lost_of_a_page_is_kept_while_another_part_of_it_is_sent() {
    let (cache, file, store) = open(64, Fate::Lost);
    file.write_all_at(&[1; 2 * PAGE as usize], 0).unwrap();
    file.sync_data().unwrap();
    drop(file);
    let file = cache.open(Arc::clone(&store)).unwrap();
    let tell_tale = || assert_eq!(file.write_direct_at(&[4; 10], PAGE).unwrap(), 10);
    tell_tale();
    file.write_all_at(&[2; 10], 10).unwrap();
    file.writeback(0..PAGE).unwrap();
    file.write_all_at(&[3; 10], 100).unwrap();
    thread::scope(|scope| {
        store.hold_made_write();
        let writeback = scope.spawn(|| file.writeback(0..PAGE));
        store.wait_for_held();
        store.fail_syncs(1);
        let sync = scope.spawn(|| file.sync_range(0..0));
        while file.broken_ranges().is_empty() {
            thread::yield_now();
        }
        // The sync has failed, and waits for the page to be sent before it marks it dirty again.
        store.release();
        writeback.join().unwrap().unwrap();
        sync.join().unwrap().unwrap_err();
    });
    tell_tale();
    file.sync_data().unwrap();
    assert_eq!(store.after_a_crash()[10..20], [2; 10]);
    assert_eq!(store.after_a_crash()[100..110], [3; 10]);
}

/// Each thread writes pages of its own, syncs, and checks what is durable.
#[test]
fn a_page_reported_as_durable_is_there_after_a_crash() {
    for seed in 0..6 {
        let fate = [Fate::Lost, Fate::Undone, Fate::Any(seed + 1)][seed as usize % 3];
        let frames = if seed % 2 == 0 { 16 } else { 64 };
        let (_cache, file, store) = open(frames, fate);
        file.set_len(40 * PAGE).unwrap();
        let stop = Stop::default();
        let kept = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut random = Random::new(seed + 1);
                while !stop.is_asked_for() {
                    store.fail_syncs(random.below(2) as usize);
                    thread::yield_now();
                }
                store.fail_syncs(0);
            });
            let writers: Vec<_> = (0..4_u64)
                .map(|own| {
                    let (file, store, kept) = (file.clone(), &store, &kept);
                    scope.spawn(move || {
                        let mut random = Random::new(10 * seed + own + 1);
                        let mapping = file.map(0..40 * PAGE).unwrap();
                        for step in 0..60 {
                            let page = own + 4 * random.below(10);
                            let stamp = [step as u8 + 1; PAGE as usize];
                            match random.below(4) {
                                0 => drop(file.write_direct_at(&stamp, page * PAGE)),
                                1 => mapping.store(page * PAGE, &stamp).unwrap(),
                                _ => file.write_all_at(&stamp, page * PAGE).unwrap(),
                            }
                            if random.below(3) == 0 {
                                // The pages of other threads are broken at times, so that all syncs fail.
                                for mine in (own..40).step_by(4) {
                                    let broken = file.broken_ranges();
                                    let is_mine = |range: &std::ops::Range<u64>| {
                                        range.start < (mine + 1) * PAGE && mine * PAGE < range.end
                                    };
                                    if mine != page && broken.iter().any(is_mine) {
                                        file.write_all_at(&[0xee; PAGE as usize], mine * PAGE)
                                            .unwrap();
                                    }
                                }
                            }
                            let outcome = match random.below(3) {
                                0 => file.sync_range(page * PAGE..(page + 1) * PAGE),
                                1 => file.sync_all(),
                                _ => file.sync_data(),
                            };
                            if outcome.is_ok() {
                                kept.fetch_add(1, Ordering::Relaxed);
                                let durable = store.after_a_crash();
                                let start = (page * PAGE) as usize;
                                let end = durable.len().min(start + PAGE as usize);
                                assert!(durable[start.min(end)..end] == stamp, "seed {seed}");
                            }
                        }
                    })
                })
                .collect();
            let _stop = stop.when_dropped();
            writers.into_iter().for_each(|writer| writer.join().unwrap());
        });
        // A test in which no sync succeeds shows nothing.
        assert!(kept.into_inner() > 0, "seed {seed}");
    }
}
