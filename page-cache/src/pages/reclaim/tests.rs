use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;

use crate::error::TryAgain;
use crate::pages::frame::WaitLimit;
use crate::pages::pool::Pool;
use crate::{File, MemStore, Options, PageCache};

const PAGE: u64 = 4096;
const FRAMES: usize = 24;
const SPAN: u64 = 200 * PAGE;

/// Reads, writes, maps and punches, in an order that `random` decides.
fn use_all_paths(file: &File, random: &mut fastrand::Rng, steps: u32) {
    let mapping = file.map(0..SPAN).unwrap();
    let mut bytes = [7; 3 * PAGE as usize];
    for _ in 0..steps {
        let at = random.u64(0..SPAN - 3 * PAGE);
        let part = &mut bytes[..random.usize(1..=3 * PAGE as usize)];
        match random.u32(0..9) {
            0 | 1 => drop(file.read_at(part, at).unwrap()),
            2 | 3 => drop(file.write_at(part, at).unwrap()),
            4 => drop(file.read_direct_at(part, at).unwrap()),
            5 => drop(file.write_direct_at(part, at).unwrap()),
            6 => file.punch_hole(at, part.len() as u64).unwrap(),
            // Another thread may have cut the file shorter than that.
            7 => drop(mapping.load(at, part)),
            _ if at.is_multiple_of(7) => file.set_len(SPAN - at % PAGE).unwrap(),
            _ => drop(mapping.store(at, part)),
        }
    }
}

/// The frames in queues, each of which caches a page, once each.
fn cached_frames(cache: &Pool) -> usize {
    let ids = cache.queues.lock().unwrap().ids();
    let cached = ids.iter().filter(|&&id| cache.frames.get(id).unwrap().key().file != 0);
    assert_eq!(cached.copied().collect::<BTreeSet<_>>().len(), ids.len());
    ids.len()
}

/// The frames that cache a page and those that are free, once no work item of the flusher's keeps any
/// that is neither.
fn frames_at_rest(cache: &Pool) -> (usize, usize) {
    let mut counts = (0, 0);
    for _ in 0..1_000 {
        let free: Vec<_> = std::iter::from_fn(|| cache.frames.take_free()).collect();
        counts = (cached_frames(cache), free.len());
        if counts.0 + counts.1 == FRAMES {
            break;
        }
        drop(free);
        cache.flusher.wait_for_progress();
    }
    counts
}

/// Readahead gets frames of pages that came in lately: pages of main stay, used or not.
#[test]
fn no_page_of_main_is_evicted_for_readahead() {
    let cache: PageCache = PageCache::with_options(Options::new(FRAMES).readahead(0));
    let file = cache.open(MemStore::new()).unwrap();
    file.set_len(SPAN).unwrap();
    // The first pages go, are remembered, and come back into main.
    let first = 0..FRAMES as u64 - 2;
    for page in first.clone().chain(100..100 + FRAMES as u64 - 2).chain(first) {
        file.read_exact_at(&mut [0], page * PAGE).unwrap();
    }
    let least_small = 4;
    assert!(cache.shared.pool.cold_frames(FRAMES).len() <= least_small);
}

/// Whatever the load, each of the cache's frames is either free or caches one page, and none is
/// lost: the cache neither grows beyond its capacity nor shrinks below it.
#[test]
fn every_frame_is_free_or_caches_a_page_after_any_load() {
    let options = Options::new(FRAMES).dirty_limit(FRAMES);
    let cache: PageCache = PageCache::with_options(options);
    let shared = Arc::clone(&cache.shared.pool);
    for seed in 0..4 {
        let files: Vec<_> = (0..3).map(|_| cache.open(MemStore::new()).unwrap()).collect();
        files.iter().for_each(|file| file.set_len(SPAN).unwrap());
        thread::scope(|scope| {
            for thread in 0..4 {
                let file = &files[thread % 3];
                let mut random = fastrand::Rng::with_seed(seed * 4 + thread as u64);
                scope.spawn(move || use_all_paths(file, &mut random, 300));
            }
        });
        files.iter().for_each(|file| file.sync_all().unwrap());
        let (cached, free) = frames_at_rest(&shared);
        assert_eq!(cached + free, FRAMES);
        drop(files);
        assert_eq!(frames_at_rest(&shared), (0, FRAMES));
    }
}

#[test]
fn a_frame_is_waited_for_no_longer_than_the_caller_allows() {
    let cache: PageCache = PageCache::new(16);
    let pool = &cache.shared.pool;
    let all: Vec<_> = std::iter::from_fn(|| pool.try_free_frame()).collect();
    let soon = WaitLimit::after(std::time::Duration::from_millis(10));
    let refused = pool.free_frame_within(soon).err().unwrap();
    assert_eq!(refused.kind(), std::io::ErrorKind::TimedOut);
    // So it is not recorded as a failure of a file.
    assert!(TryAgain::is(&refused), "{refused}");
    drop(all);
    assert!(pool.free_frame_within(soon).is_ok());
}
