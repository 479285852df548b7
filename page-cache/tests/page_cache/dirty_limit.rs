//! How many pages of a file may be dirty.

use std::sync::Arc;
use std::time::Duration;

use spanlock_page_cache::{File, Options, PageCache};

use crate::recording_store::RecordingStore;

const PAGE: u64 = 4096;
const LIMIT: usize = 8;

/// A file of 40 pages over a store that takes no writes, of which no more than a few may be dirty.
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
