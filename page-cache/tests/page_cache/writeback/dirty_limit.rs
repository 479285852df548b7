//! How many pages of a file may be dirty.

use std::sync::Arc;
use std::time::Duration;

use spanlock_page_cache::{File, MemStore, Options, PageCache};

use crate::stores::recording_store::RecordingStore;

const PAGE: u64 = 4096;
const LIMIT: usize = 8;

/// A file of 40 pages over a store that refuses writes, of which only a few may be dirty.
fn open() -> (PageCache, File) {
    let store = Arc::new(RecordingStore::with(&[1; 40 * PAGE as usize]));
    let options = Options::new(64).dirty_limit(LIMIT).flush_interval(Duration::from_secs(3600));
    let cache = PageCache::with_options(options);
    let file = cache.open(Arc::clone(&store)).unwrap();
    store.fail_writes(usize::MAX);
    (cache, file)
}

/// How many pages can be written, one after the other.
fn write_pages(file: &File) -> usize {
    (0..40).take_while(|page| file.write_all_at(&[2; 10], page * PAGE).is_ok()).count()
}

#[test]
fn pages_that_are_cached_and_clean_become_dirty_as_far_as_the_limit_allows() {
    let (_cache, file) = open();
    file.read_exact_at(&mut [0; 40 * PAGE as usize], 0).unwrap();
    let written = write_pages(&file);
    assert!((1..=LIMIT).contains(&written), "{written}");
}

#[test]
fn pages_that_are_not_cached_become_dirty_as_far_as_the_limit_allows() {
    let (_cache, file) = open();
    let written = write_pages(&file);
    assert!((1..=LIMIT).contains(&written), "{written}");
}

/// The flusher would sleep for an hour, until the page of the first file is due.
#[test]
fn a_file_that_has_dirtied_half_of_its_share_is_written_back_before_it_is_due() {
    let options = Options::new(64).dirty_limit(16).flush_interval(Duration::from_secs(3600));
    let cache: PageCache = PageCache::with_options(options);
    let first = cache.open(MemStore::new()).unwrap();
    first.write_all_at(&[1], 0).unwrap();
    for _ in 0..10 {
        let store = Arc::new(RecordingStore::with(&[1; 40 * PAGE as usize]));
        let file = cache.open(Arc::clone(&store)).unwrap();
        let _held = store.hold_writes();
        // Half of what is left when nine are dirty is seven.
        for page in 0..9 {
            file.write_all_at(&[2; 10], page * PAGE).unwrap();
        }
        store.wait_for_held(1);
    }
}

#[test]
fn a_file_at_the_limit_makes_dirty_pages_of_other_files_be_written_back() {
    let options = Options::new(64).dirty_limit(LIMIT).flush_interval(Duration::from_secs(3600));
    let cache: PageCache = PageCache::with_options(options);
    let store = Arc::new(RecordingStore::with(&[1; PAGE as usize]));
    let other = cache.open(Arc::clone(&store)).unwrap();
    let _held = store.hold_writes();
    other.write_all_at(&[2; 10], 0).unwrap();
    // No page of it may be cleaned, or it might not reach the limit.
    let failing = Arc::new(RecordingStore::with(&[1; 40 * PAGE as usize]));
    failing.fail_writes(usize::MAX);
    let file = cache.open(failing).unwrap();
    assert!((1..=LIMIT).contains(&write_pages(&file)));
    store.wait_for_held(1);
}
