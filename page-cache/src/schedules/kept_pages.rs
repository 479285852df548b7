//! Files that keep their pages when they are closed, while others evict these pages, and open the files.

use std::io;
use std::sync::Arc;

use shuttle::thread;

use super::{PAGE, explore, read};
use crate::pages::eviction::Victims;
use crate::pages::frame::Key;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::{
    File, FileOptions, Identity, MemStore, Options, PAGE_SIZE, PageCache, Store, StoreLayer,
    Version,
};

/// A store that counts its writes.
struct Versioned {
    below: MemStore,
    writes: AtomicU64,
}

impl StoreLayer for Versioned {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.below
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.below.write_at(bytes, offset)
    }

    fn identity(&self) -> Option<Identity> {
        Some(Identity::new("versioned", [0, 0]))
    }

    fn version(&self) -> io::Result<Option<Version>> {
        Ok(Some(Version::new([self.writes.load(Ordering::SeqCst)])))
    }
}

/// A cache, and a store of two pages of ones.
fn cache() -> (Arc<PageCache>, Arc<Versioned>) {
    let store = Arc::new(Versioned { below: MemStore::new(), writes: AtomicU64::new(0) });
    store.write_at(&[1; 2 * PAGE_SIZE], 0).unwrap();
    (Arc::new(PageCache::with_options(Options::new(16).readahead(0))), store)
}

fn open(cache: &PageCache, store: &Arc<Versioned>) -> File {
    cache.open_with(Arc::clone(store), FileOptions::new().keep_pages()).unwrap()
}

/// Evicts all pages. Nothing is left of a closed file then. A worker may have a page for a moment.
fn check_end(cache: &PageCache) {
    assert_eq!(cache.stats().files, 0);
    while !cache.shared.pool.owners_by_age().is_empty() {
        drop(cache.shared.pool.evict(Victims::Any));
        thread::yield_now();
    }
    assert_eq!(cache.stats().resident, 0);
}

/// The file that is opened is the one that the flusher and reclaim find, whatever is evicted meanwhile.
#[test]
fn a_close_an_eviction_of_the_last_page_and_an_open() {
    explore(|| {
        let (cache, store) = cache();
        let file = open(&cache, &store);
        assert!(read(&file) == [1; PAGE_SIZE]);
        let closes = thread::spawn(move || drop(file));
        let (own_cache, own_store) = (Arc::clone(&cache), Arc::clone(&store));
        let opens = thread::spawn(move || {
            let file = open(&own_cache, &own_store);
            assert!(read(&file) == [1; PAGE_SIZE]);
            file.write_all_at(&[2; PAGE_SIZE], 0).unwrap();
            assert_eq!(own_cache.stats().files, 1);
            own_cache.sync_all().unwrap();
            assert_eq!(file.stats().dirty, 0);
        });
        drop(cache.shared.pool.evict(Victims::Any));
        closes.join().unwrap();
        opens.join().unwrap();
        let file = open(&cache, &store);
        assert!(read(&file) == [2; PAGE_SIZE]);
        drop(file);
        assert!(Arc::strong_count(&store) == 1);
        check_end(&cache);
    });
}

/// What the flusher was told to do before the file was closed, it does for the file that has its number.
#[test]
fn a_close_a_change_of_the_store_an_open_and_a_flusher_that_is_late() {
    explore(|| {
        let (cache, store) = cache();
        let file = open(&cache, &store);
        assert!(read(&file) == [1; PAGE_SIZE]);
        file.will_need(PAGE..2 * PAGE).unwrap();
        cache.shared.pool.flusher.queue(Key { file: file.inode().id, page: 0 });
        let own_cache = Arc::clone(&cache);
        let evicts = thread::spawn(move || drop(own_cache.shared.pool.evict(Victims::Any)));
        drop(file);
        assert!(Arc::strong_count(&store) == 1);
        store.write_at(&[2; 2 * PAGE_SIZE], 0).unwrap();
        let file = open(&cache, &store);
        let mut seen = [0; 2 * PAGE_SIZE];
        file.read_exact_at(&mut seen, 0).unwrap();
        assert!(seen == [2; 2 * PAGE_SIZE]);
        drop(file);
        evicts.join().unwrap();
        check_end(&cache);
    });
}

/// A file that is opened while a worker ends a task of the file that had its number before still has a job when it is
/// dirty: otherwise nothing would write it back before a sync.
#[test]
fn a_close_an_open_a_write_and_a_worker_that_ends_its_task_late() {
    explore(|| {
        let (cache, store) = cache();
        let file = open(&cache, &store);
        assert!(read(&file) == [1; PAGE_SIZE]);
        file.will_need(PAGE..2 * PAGE).unwrap();
        drop(file);
        let file = open(&cache, &store);
        file.write_all_at(&[2; PAGE_SIZE], 0).unwrap();
        for _ in 0..20 {
            let state = cache.shared.pool.flusher.signal.state();
            let is_scheduled = crate::order::leaf::lock_leaf(&file.inode().unclean).scheduled;
            assert!(!is_scheduled || state.jobs.has(file.inode().id));
            drop(state);
            thread::yield_now();
        }
    });
}
