//! What is waited for: the end of a cache's workers and of visits, and a worker. A timed wait never ends here, so a
//! thread that nobody wakes is a deadlock.

use std::sync::Arc;

use shuttle::thread;

use super::explore;
use crate::pages::visit::{Visit, Visitors};
use crate::{MemStore, Options, PAGE_SIZE, PageCache};

/// No worker has a reference to the cache, as one has while it works.
#[test]
fn a_cache_that_is_dropped_ends_its_workers_and_waits_for_them() {
    explore(|| {
        let cache = PageCache::with_options(Options::new(16));
        drop(cache.open(MemStore::new()).unwrap());
        let signal = Arc::clone(&cache.shared.pool.flusher.signal);
        assert_eq!(signal.state().workers, 1);
        drop(cache);
        assert_eq!(signal.state().workers, 0);
    });
}

/// The worker may have the last reference to the cache: then it must not wait for itself.
#[test]
fn a_cache_that_is_dropped_while_a_worker_works() {
    explore(|| {
        let cache = PageCache::with_options(Options::new(16));
        let file = cache.open(MemStore::new()).unwrap();
        file.write_all_at(&[1; PAGE_SIZE], 0).unwrap();
        let signal = Arc::clone(&cache.shared.pool.flusher.signal);
        cache.shared.pool.flusher.hasten_all();
        drop((file, cache));
        let ended = signal.progress.wait_while(signal.state(), |state| state.workers > 0);
        assert!(ended.unwrap().stopped);
    });
}

/// The worker may sleep until the file is due after the flush interval.
#[test]
fn a_worker_that_sleeps_is_woken_when_a_file_is_due_earlier() {
    explore(|| {
        let cache = PageCache::with_options(Options::new(16));
        let file = cache.open(MemStore::new()).unwrap();
        file.write_all_at(&[1; PAGE_SIZE], 0).unwrap();
        let flusher = &cache.shared.pool.flusher;
        let before = flusher.signal.state().reports;
        flusher.hasten(file.inode().id);
        let state = flusher.signal.state();
        let waited = flusher.signal.progress.wait_while(state, |state| state.reports == before);
        drop(waited.unwrap());
    });
}

/// The thread that waits for visits to end has the last reference to the file.
#[test]
fn two_visits_and_the_thread_that_waits_for_their_end() {
    explore(|| {
        let (visitors, file): (Arc<Visitors>, _) = (Arc::default(), Arc::new(()));
        let visits = [(); 2].map(|()| {
            let visit = Visit::new(&visitors, Arc::clone(&file));
            thread::spawn(move || drop(visit))
        });
        visitors.wait_until_gone();
        assert_eq!(Arc::strong_count(&file), 1);
        visits.into_iter().for_each(|visit| visit.join().unwrap());
    });
}
