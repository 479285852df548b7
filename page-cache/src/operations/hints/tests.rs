use std::sync::Arc;
use std::thread;

use crate::files::inode::visit;
use crate::{MemStore, Options, PageCache};

const PAGE: u64 = 4096;

/// The worker of a hint is between two of its reads while the file is closed.
#[test]
fn no_page_comes_into_a_file_that_has_been_closed() {
    let cache: PageCache = PageCache::with_options(Options::new(64).readahead(0));
    let pool = Arc::clone(&cache.shared.pool);
    let file = cache.open(MemStore::new()).unwrap();
    file.set_len(32 * PAGE).unwrap();
    file.read_exact_at(&mut [0; 10], 0).unwrap();
    let visit_of_worker = visit(&pool, 1).unwrap();
    thread::scope(|scope| {
        let closer = scope.spawn(move || drop(file));
        // Then the pages have been removed, and the closing waits for the visit to end.
        while visit(&pool, 1).is_some() {
            thread::yield_now();
        }
        visit_of_worker.bring_in_ahead(0..32);
        drop(visit_of_worker);
        closer.join().unwrap();
    });
    let free: Vec<_> = std::iter::from_fn(|| pool.frames.take_free()).collect();
    assert_eq!(free.len(), 64);
}
