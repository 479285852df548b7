//! Operations on dirty pages and eviction, run against each other under a deterministic scheduler
//! by `.ci/run schedules`.

mod ends;
mod guards;
mod hot_pages;
mod kept_pages;
mod mapped;
mod permits;
mod sizes;
mod tasks;
mod timed_syncs;

use std::sync::Arc;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner, thread};

use crate::pages::eviction::Victims;
use crate::pages::frame::Key;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::{File, FileOptions, MemStore, Options, PAGE_SIZE, PageCache, Store};

const SCHEDULES: usize = 5_000;
const PAGE: u64 = PAGE_SIZE as u64;

/// Runs a scenario in random orders, and in those that have few changes of thread at bad moments.
pub(crate) fn explore(scenario: impl Fn() + Clone + Send + Sync + 'static) {
    fn run(scheduler: impl Scheduler + 'static, scenario: impl Fn() + Send + Sync + 'static) {
        let mut config = Config::new();
        config.stack_size = 1 << 18;
        Runner::new(scheduler, config).run(scenario);
    }
    run(RandomScheduler::new_from_seed(1, SCHEDULES), scenario.clone());
    run(PctScheduler::new_from_seed(2, 3, SCHEDULES), scenario);
}

/// A file with a page of ones that has not been read.
fn open(options: FileOptions) -> (PageCache, File, Arc<MemStore>) {
    let store = Arc::new(MemStore::new());
    store.write_at(&[1; PAGE_SIZE], 0).unwrap();
    let cache = PageCache::with_options(Options::new(16));
    let file = cache.open_with(Arc::clone(&store), options).unwrap();
    (cache, file, store)
}

fn stored(store: &MemStore) -> [u8; PAGE_SIZE] {
    let mut bytes = [0; PAGE_SIZE];
    store.read_at(&mut bytes, 0).unwrap();
    bytes
}

fn read(file: &File) -> [u8; PAGE_SIZE] {
    let mut bytes = [0; PAGE_SIZE];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

/// B1, B2. Invariants 1, 3 and 14.
#[test]
fn a_write_of_a_part_a_read_and_a_writeback() {
    explore(|| {
        let (_cache, file, store) = open(FileOptions::new());
        let writer = file.clone();
        let writer = thread::spawn(move || {
            writer.write_all_at(&[2; 10], 10).unwrap();
            writer.write_all_at(&[3; 10], 100).unwrap();
        });
        let flusher = file.clone();
        let flusher = thread::spawn(move || {
            flusher.writeback(0..PAGE).unwrap();
            flusher.writeback(0..PAGE).unwrap();
        });
        let mut expected = [1; PAGE_SIZE];
        let seen = read(&file);
        expected[10..20].fill(seen[10]);
        expected[100..110].fill(seen[100]);
        assert!([1, 2].contains(&seen[10]) && [1, 3].contains(&seen[100]));
        assert!(seen[10] == 2 || seen[100] == 1);
        assert!(seen == expected);
        writer.join().unwrap();
        flusher.join().unwrap();
        expected[10..20].fill(2);
        expected[100..110].fill(3);
        assert!(read(&file) == expected);
        file.sync_data().unwrap();
        assert!(stored(&store) == expected);
    });
}

/// E2, E4. Invariants 10 and 11.
#[test]
fn a_write_that_goes_through_a_store_through_a_mapping_and_a_writeback() {
    explore(|| {
        let (_cache, file, store) = open(FileOptions::new().write_through());
        let writer = file.clone();
        let writer = thread::spawn(move || writer.write_all_at(&[2; 10], 0).unwrap());
        let mapping = file.map(0..PAGE).unwrap();
        mapping.store(5, &[3; 10]).unwrap();
        file.writeback(0..PAGE).unwrap();
        writer.join().unwrap();
        let seen = read(&file);
        let mut expected = [1; PAGE_SIZE];
        expected[..5].fill(2);
        expected[5..10].fill(seen[5]);
        expected[10..15].fill(3);
        assert!([2, 3].contains(&seen[5]) && seen == expected);
        file.sync_data().unwrap();
        assert!(stored(&store) == expected);
    });
}

/// B3. Invariants 7 and 10.
#[test]
fn a_direct_write_a_store_through_a_mapping_and_a_pageout() {
    explore(|| {
        let (cache, file, store) = open(FileOptions::new());
        file.write_all_at(&[2; 10], 10).unwrap();
        let mapping = file.map(0..PAGE).unwrap();
        let storer = thread::spawn(move || mapping.store(100, &[3; 10]).unwrap());
        let direct = file.clone();
        let direct = thread::spawn(move || {
            direct.write_direct_at(&[4; 10], 200).unwrap();
            assert_eq!(read(&direct)[200..210], [4; 10]);
        });
        cache.shared.pool.flusher.queue(Key { file: 1, page: 0 });
        storer.join().unwrap();
        direct.join().unwrap();
        let mut expected = [1; PAGE_SIZE];
        expected[10..20].fill(2);
        expected[100..110].fill(3);
        expected[200..210].fill(4);
        assert!(read(&file) == expected);
        file.sync_data().unwrap();
        assert!(stored(&store) == expected);
    });
}

/// Invariants 6 and 7.
#[test]
fn an_eviction_a_direct_write_and_a_read() {
    explore(|| {
        let (cache, file, _store) = open(FileOptions::new());
        read(&file);
        let direct = file.clone();
        let direct = thread::spawn(move || {
            direct.write_direct_at(&[2; PAGE_SIZE], 0).unwrap();
            assert!(read(&direct) == [2; PAGE_SIZE]);
        });
        drop(cache.shared.pool.evict(Victims::Any));
        direct.join().unwrap();
        assert!(read(&file) == [2; PAGE_SIZE]);
    });
}

/// D1, D4.
#[test]
fn a_pageout_a_truncation_and_the_last_handle_on_its_way_out() {
    explore(|| {
        let (cache, file, store) = open(FileOptions::new());
        file.write_all_at(&[2; 2 * PAGE_SIZE], 0).unwrap();
        for page in 0..2 {
            cache.shared.pool.flusher.queue(Key { file: 1, page });
        }
        file.set_len(PAGE).unwrap();
        drop(file);
        assert_eq!(Arc::strong_count(&store), 1);
        assert_eq!(store.len().unwrap(), PAGE);
        assert!(stored(&store) == [2; PAGE_SIZE]);
    });
}

/// The write-ahead rule: a data file whose hook makes a log on the same cache durable.
fn logged() -> (PageCache, File, File, Arc<MemStore>, Arc<AtomicU64>) {
    let cache = PageCache::with_options(Options::new(16));
    let log = cache.open(MemStore::new()).unwrap();
    let durable = Arc::new(AtomicU64::new(0));
    let (own_log, own_durable) = (log.clone(), Arc::clone(&durable));
    let options = FileOptions::new().before_writeback(move |pages| {
        let newest = pages.iter().map(|page| page.newest_tag).max().unwrap();
        own_log.append(b"flushed")?;
        own_log.sync_data()?;
        own_durable.fetch_max(newest, Ordering::SeqCst);
        Ok(())
    });
    let store = Arc::new(MemStore::new());
    let data = cache.open_with(Arc::clone(&store), options).unwrap();
    (cache, log, data, store, durable)
}

/// Writes a page of a number by a logged write whose tag is that number.
fn write_logged(log: &File, data: &File, tag: u8) {
    log.append(&[tag; 10]).unwrap();
    data.write_at_tagged(&[tag; PAGE_SIZE], 0, tag.into()).unwrap();
}

/// Checks that the log is durable up to the record of what the store has of a page.
fn check_ahead(store: &MemStore, durable: &AtomicU64) {
    let tag = stored(store)[0];
    assert!(durable.load(Ordering::SeqCst) >= tag.into());
}

/// Write ahead: the hook against an eviction, a sync of the log and a writer.
#[test]
fn a_hook_that_syncs_a_log_a_pageout_a_sync_and_a_writer() {
    explore(|| {
        let (cache, log, data, store, durable) = logged();
        write_logged(&log, &data, 1);
        let (own_log, own_data) = (log.clone(), data.clone());
        let writer = thread::spawn(move || write_logged(&own_log, &own_data, 2));
        let syncer = data.clone();
        let syncer = thread::spawn(move || syncer.sync_data().unwrap());
        let pool = &cache.shared.pool;
        pool.flusher.queue(Key { file: data.inode().id, page: 0 });
        log.sync_data().unwrap();
        check_ahead(&store, &durable);
        writer.join().unwrap();
        syncer.join().unwrap();
        drop(pool.evict(Victims::Any));
        data.sync_up_to(2).unwrap();
        assert_eq!(stored(&store), [2; PAGE_SIZE]);
        assert_eq!(durable.load(Ordering::SeqCst), 2);
    });
}

/// Write ahead: the hook under an exclusive claim, beside an append to the log.
#[test]
fn a_hook_that_syncs_a_log_a_direct_write_and_an_append() {
    explore(|| {
        let (_cache, log, data, store, durable) = logged();
        write_logged(&log, &data, 1);
        let direct = data.clone();
        let direct =
            thread::spawn(move || direct.write_direct_at(&[3; 10], 100).map(drop).unwrap());
        let syncer = data.clone();
        let syncer = thread::spawn(move || syncer.sync_data().unwrap());
        log.append(&[9; 10]).unwrap();
        log.sync_data().unwrap();
        direct.join().unwrap();
        syncer.join().unwrap();
        check_ahead(&store, &durable);
        assert_eq!(durable.load(Ordering::SeqCst), 1);
        assert_eq!(stored(&store)[100..110], [3; 10]);
    });
}
