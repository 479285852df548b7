use crate::{MemStore, Options, PageCache};

const PAGE: u64 = 4096;

/// Pages that were used several times are examined several times before they are evicted, and the new capacity is small.
#[test]
fn all_pages_beyond_the_capacity_are_evicted_without_a_pause_however_often_they_were_used() {
    let pages = 2000;
    let cache = PageCache::with_options(Options::new(pages).readahead(0));
    let file = cache.open(MemStore::new()).unwrap();
    file.set_len(pages as u64 * PAGE).unwrap();
    for page in (0..4).flat_map(|_| 0..pages as u64) {
        file.read_exact_at(&mut [0], page * PAGE).unwrap();
    }
    let pool = &cache.shared.pool;
    pool.frames.set_count(16);
    assert_eq!(pool.evict_to(16), 0);
    assert!(cache.stats().resident <= 16);
}
