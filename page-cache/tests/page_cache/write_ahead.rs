//! The hook before writeback: what it gets, what it may do, and what happens to pages that it refuses.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{
    DirtyPage, Durability, File, FileOptions, MemStore, Options, PageCache, Store,
};

use crate::stores::recording_store::{Asked, RecordingStore};

const PAGE: u64 = 4096;

/// Options of a cache whose flusher sleeps.
fn asleep(capacity: usize) -> Options {
    Options::new(capacity).flush_interval(Duration::MAX)
}

/// The calls of a hook, and what it returns.
#[derive(Default)]
struct Recorded {
    calls: Mutex<Vec<Vec<DirtyPage>>>,
    refuses: AtomicBool,
}

impl Recorded {
    fn options(self: &Arc<Recorded>) -> FileOptions {
        let own = Arc::clone(self);
        FileOptions::new().before_writeback(move |pages| {
            own.calls.lock().unwrap().push(pages.to_vec());
            match own.refuses.load(Ordering::SeqCst) {
                true => Err(io::Error::new(ErrorKind::WouldBlock, "the log is behind")),
                false => Ok(()),
            }
        })
    }

    fn calls(&self) -> Vec<Vec<DirtyPage>> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
}

fn seen(page: &DirtyPage) -> (u64, u64, u64, u64) {
    (page.range.start, page.range.end, page.oldest_tag, page.newest_tag)
}

#[test]
fn the_hook_gets_each_page_of_a_request_with_its_tags_before_the_store_gets_it() {
    let store = Arc::new(RecordingStore::default());
    let (told, before) = (Arc::new(Mutex::new(Vec::new())), Arc::clone(&store));
    let own = Arc::clone(&told);
    let options = FileOptions::new().before_writeback(move |pages| {
        let pages: Vec<_> = pages.iter().map(seen).collect();
        own.lock().unwrap().push((pages, before.asked()));
        Ok(())
    });
    let file = PageCache::with_options(asleep(64)).open_with(Arc::clone(&store), options).unwrap();
    file.write_all_at_tagged(&[1; 2 * PAGE as usize], 0, 5).unwrap();
    file.write_at_tagged(&[2; 10], PAGE, 9).unwrap();
    file.write_at_tagged(&[2; 10], PAGE + 50, 7).unwrap();
    file.write_all_at(&[3; 10], PAGE).unwrap();
    file.write_at_tagged(&[4; 10], 2 * PAGE, 8).unwrap();
    file.sync_data().unwrap();
    let expected = vec![(0, PAGE, 5, 5), (PAGE, 2 * PAGE, 5, 9), (2 * PAGE, 2 * PAGE + 10, 8, 8)];
    assert_eq!(*told.lock().unwrap(), [(expected, vec![])]);
    assert_eq!(store.asked(), [Asked::Write(0..2 * PAGE + 10), Asked::Sync]);
}

#[test]
fn a_page_that_was_cleaned_begins_with_no_tag_and_one_that_was_refused_keeps_its_own() {
    let hook = Arc::new(Recorded::default());
    let cache = PageCache::with_options(asleep(64));
    let file = cache.open_with(MemStore::new(), hook.options()).unwrap();
    file.write_at_tagged(&[1; 10], 0, 5).unwrap();
    hook.refuses.store(true, Ordering::SeqCst);
    assert_eq!(file.sync_data().unwrap_err().kind(), ErrorKind::WouldBlock);
    file.write_at_tagged(&[1; 10], 0, 6).unwrap();
    assert_eq!(file.dirty_pages().iter().map(seen).collect::<Vec<_>>(), [(0, 10, 5, 6)]);
    hook.refuses.store(false, Ordering::SeqCst);
    file.sync_data().unwrap();
    assert!(file.dirty_pages().is_empty());
    file.write_all_at(&[1; 10], 0).unwrap();
    assert_eq!(file.dirty_pages().iter().map(seen).collect::<Vec<_>>(), [(0, 10, 0, 0)]);
}

#[test]
fn what_the_hook_refuses_stays_dirty_and_only_the_caller_gets_the_error() {
    let (hook, store) = (Arc::new(Recorded::default()), Arc::new(RecordingStore::default()));
    let cache = PageCache::with_options(asleep(64));
    let file = cache.open_with(Arc::clone(&store), hook.options()).unwrap();
    let other = file.clone();
    file.write_all_at(&[1; 3 * PAGE as usize], 0).unwrap();
    hook.refuses.store(true, Ordering::SeqCst);
    assert_eq!(file.sync_data().unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(file.dirty_pages().len(), 3);
    assert!(store.asked().iter().all(|asked| *asked == Asked::Sync));
    hook.refuses.store(false, Ordering::SeqCst);
    other.sync_data().unwrap();
    assert_eq!(store.asked(), [Asked::Write(0..3 * PAGE), Asked::Sync]);
    assert_eq!(cache.stats().writebacks, 3);
}

#[test]
fn a_hook_may_refuse_one_page_and_let_the_others_go() {
    let options = FileOptions::new().before_writeback(|pages| {
        match pages.iter().any(|page| page.newest_tag > 10) {
            true => Err(ErrorKind::WouldBlock.into()),
            false => Ok(()),
        }
    });
    let file = PageCache::with_options(asleep(64)).open_with(MemStore::new(), options).unwrap();
    for page in 0..8 {
        let tag = if page == 5 { 11 } else { 10 };
        file.write_all_at_tagged(&[1; PAGE as usize], page * PAGE, tag).unwrap();
    }
    file.writeback(0..8 * PAGE).unwrap_err();
    assert_eq!(file.dirty_pages().iter().map(|page| page.newest_tag).collect::<Vec<_>>(), [11]);
}

/// A store that checks that it gets no page before the page's log record is durable.
struct Checked {
    inner: MemStore,
    durable: Arc<AtomicU64>,
}

impl Store for Checked {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        for page in bytes.chunks(PAGE as usize) {
            let tag = u64::from_le_bytes(page[..8].try_into().unwrap());
            let durable = self.durable.load(Ordering::SeqCst);
            assert!(
                tag <= durable,
                "a page with tag {tag}, and a log that is durable to {durable}"
            );
        }
        self.inner.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.inner.punch_hole(offset, len)
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
}

/// A log on a cache, for the data files beside it.
struct Log {
    file: File,
    durable: Arc<AtomicU64>,
}

impl Log {
    fn new(cache: &PageCache) -> Arc<Log> {
        let file = cache.open(MemStore::new()).unwrap();
        Arc::new(Log { file, durable: Arc::default() })
    }

    /// Appends a record; its end is its tag.
    fn append(&self) -> u64 {
        self.file.append(&[7; 100]).unwrap() + 100
    }

    /// A data file. Its hook appends a record of the call to the log, and makes the log durable.
    fn data(self: &Arc<Log>, cache: &PageCache, mode: impl Fn(FileOptions) -> FileOptions) -> File {
        let log = Arc::clone(self);
        let options = mode(FileOptions::new()).before_writeback(move |pages| {
            let newest = pages.iter().map(|page| page.newest_tag).max().unwrap();
            if log.durable.load(Ordering::SeqCst) < newest {
                log.append();
                log.file.sync_data()?;
                log.durable.fetch_max(newest, Ordering::SeqCst);
            }
            Ok(())
        });
        let store = Checked { inner: MemStore::new(), durable: Arc::clone(&self.durable) };
        cache.open_with(store, options).unwrap()
    }
}

fn page_with(tag: u64) -> [u8; PAGE as usize] {
    let mut page = [0; PAGE as usize];
    page[..8].copy_from_slice(&tag.to_le_bytes());
    page
}

/// Writes to random pages of a file, with a log record first, and sometimes performs another operation.
fn work(log: &Log, data: &File, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..600 {
        let at = random.u64(..24) * PAGE;
        match random.u32(..12) {
            0 => data.sync_data().unwrap(),
            1 => drop(data.read_direct_at(&mut [0; PAGE as usize], at).unwrap()),
            2 => data.punch_hole(at, PAGE).unwrap(),
            3 => drop(data.read_at(&mut [0; 100], at).unwrap()),
            4 => log.file.sync_data().unwrap(),
            5 => data.sync_up_to(log.durable.load(Ordering::SeqCst)).unwrap(),
            _ => {
                let tag = log.append();
                data.write_all_at_tagged(&page_with(tag), at, tag).unwrap();
            }
        }
    }
}

#[test]
fn a_log_on_the_same_cache_comes_first_however_pages_are_cleaned_and_however_small_the_cache() {
    for capacity in [16, 24, 64] {
        let options = Options::new(capacity).flush_interval(Duration::from_millis(1));
        let cache = PageCache::with_options(options);
        let log = Log::new(&cache);
        let files = [
            log.data(&cache, |options| options),
            log.data(&cache, |options| options),
            log.data(&cache, FileOptions::write_through),
        ];
        thread::scope(|scope| {
            for (seed, file) in files.iter().enumerate() {
                for thread in 0..2 {
                    let (log, seed) = (&log, 10 * seed as u64 + thread);
                    scope.spawn(move || work(log, file, seed));
                }
            }
        });
        files.into_iter().for_each(|file| file.close().unwrap());
    }
}

#[test]
fn a_hook_may_append_to_a_log_while_a_writer_that_cleans_pages_holds_its_own_file() {
    let cache = PageCache::with_options(asleep(64).dirty_limit(6));
    let log = Log::new(&cache);
    let data = log.data(&cache, |options| options);
    for page in 0..32 {
        let tag = log.append();
        data.write_all_at_tagged(&page_with(tag), page * PAGE, tag).unwrap();
    }
    assert!(cache.stats().writebacks > 0 && log.durable.load(Ordering::SeqCst) > 0);
}

#[test]
fn a_write_through_asks_the_hook_first_and_writes_nothing_if_it_refuses() {
    let (hook, store) = (Arc::new(Recorded::default()), Arc::new(RecordingStore::default()));
    let cache = PageCache::with_options(asleep(64));
    let options = hook.options().write_through();
    let file = cache.open_with(Arc::clone(&store), options).unwrap();
    file.write_at_tagged(&[1; PAGE as usize + 10], 100, 4).unwrap();
    let told: Vec<_> = hook.calls()[0].iter().map(seen).collect();
    assert_eq!(told, [(100, PAGE, 4, 4), (PAGE, PAGE + 110, 4, 4)]);
    store.asked();
    hook.refuses.store(true, Ordering::SeqCst);
    let error = file.write_at_tagged(&[2; 10], 100, 5).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert_eq!(store.asked(), []);
    let mut bytes = [0; 10];
    file.read_exact_at(&mut bytes, 100).unwrap();
    assert_eq!(bytes, [1; 10]);
}

#[test]
fn a_hook_that_uses_a_file_with_a_hook_gets_an_error_and_one_without_is_free_to_use() {
    let cache = PageCache::with_options(asleep(64));
    let (own, outcomes) =
        (Arc::new(OnceLock::<[File; 3]>::new()), Arc::new(Mutex::new(Vec::new())));
    let (files, told) = (Arc::clone(&own), Arc::clone(&outcomes));
    let options = FileOptions::new().before_writeback(move |_| {
        for file in files.get().into_iter().flatten() {
            let read = file.read_at(&mut [0], 0).map(drop);
            let wrote = file.write_at(&[1], 0).map(drop);
            let all = [
                read,
                wrote,
                file.sync_data(),
                file.set_len(PAGE),
                file.map(0..PAGE)?.store(0, &[1]),
            ];
            told.lock().unwrap().push(all.map(|outcome| outcome.map_err(|error| error.kind())));
        }
        Ok(())
    });
    let file = cache.open_with(MemStore::new(), options).unwrap();
    let other = cache.open_with(MemStore::new(), Arc::new(Recorded::default()).options()).unwrap();
    let log = cache.open(MemStore::new()).unwrap();
    file.write_all_at(&[1; 10], 0).unwrap();
    own.set([file.clone(), other, log]).unwrap();
    file.sync_data().unwrap();
    let refused = [Err(ErrorKind::Deadlock); 5];
    assert_eq!(*outcomes.lock().unwrap(), [refused, refused, [Ok(()); 5]]);
}

#[test]
fn a_hook_that_panics_is_one_that_refuses() {
    let panics = Arc::new(AtomicBool::new(true));
    let own = Arc::clone(&panics);
    let options = FileOptions::new().before_writeback(move |_| {
        assert!(!own.load(Ordering::SeqCst), "as it was told");
        Ok(())
    });
    let file = PageCache::with_options(asleep(64)).open_with(MemStore::new(), options).unwrap();
    file.write_all_at(&[1; 10], 0).unwrap();
    let error = file.sync_data().unwrap_err().to_string();
    assert!(error.contains("the hook before writeback panicked: as it was told"), "{error}");
    panics.store(false, Ordering::SeqCst);
    file.sync_data().unwrap();
}

#[test]
fn a_hook_that_hangs_stops_its_own_file_and_no_other() {
    let cache = PageCache::with_options(Options::new(64).flush_interval(Duration::from_millis(1)));
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let (own, (reached, at_hook)) = (Arc::clone(&gate), channel());
    let options = FileOptions::new().before_writeback(move |_| {
        let _ = reached.send(());
        drop(own.1.wait_while(own.0.lock().unwrap(), |open| !*open).unwrap());
        Ok(())
    });
    let stuck = cache.open_with(MemStore::new(), options).unwrap();
    stuck.write_all_at(&[1; 4 * PAGE as usize], 0).unwrap();
    at_hook.recv().unwrap();
    let store = Arc::new(MemStore::new());
    let other = cache.open(Arc::clone(&store)).unwrap();
    for page in 0..200 {
        other.write_all_at(&[2; PAGE as usize], page * PAGE).unwrap();
    }
    other.sync_data().unwrap();
    assert_eq!(store.blocks(), 200);
    // What is cached of the file can be read.
    stuck.read_exact_at(&mut [0; 10], 0).unwrap();
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
    stuck.close().unwrap();
}

#[test]
fn a_writer_at_its_limit_gets_the_error_of_the_hook() {
    let hook = Arc::new(Recorded::default());
    let cache = PageCache::with_options(asleep(64).dirty_limit(6));
    let file = cache.open_with(MemStore::new(), hook.options()).unwrap();
    hook.refuses.store(true, Ordering::SeqCst);
    let refused =
        (0..64).find_map(|page| file.write_all_at(&[1; PAGE as usize], page * PAGE).err());
    assert_eq!(refused.unwrap().kind(), ErrorKind::WouldBlock);
    cache.open(MemStore::new()).unwrap().write_all_at(&[1; 10], 0).unwrap();
}

#[test]
fn a_direct_request_sends_what_is_dirty_in_its_range_by_way_of_the_hook() {
    let hook = Arc::new(Recorded::default());
    let cache = PageCache::with_options(asleep(64));
    let file = cache.open_with(MemStore::new(), hook.options()).unwrap();
    file.write_at_tagged(&[1; 10], 0, 3).unwrap();
    hook.refuses.store(true, Ordering::SeqCst);
    let kinds = [
        file.read_direct_at(&mut [0; 10], 0).unwrap_err().kind(),
        file.write_direct_at(&[2; 20], 0).unwrap_err().kind(),
    ];
    assert_eq!(kinds, [ErrorKind::WouldBlock; 2]);
    hook.refuses.store(false, Ordering::SeqCst);
    file.write_direct_at(&[2; 20], 0).unwrap();
    assert_eq!(hook.calls().len(), 3);
}

#[test]
fn a_file_is_opened_again_with_its_own_hook_only() {
    let (hook, other) = (Arc::new(Recorded::default()), Arc::new(Recorded::default()));
    let (cache, store) = (PageCache::new(64), Arc::new(MemStore::new()));
    let options = hook.options();
    let _file = cache.open_with(Arc::clone(&store), options.clone()).unwrap();
    cache.open_with(Arc::clone(&store), options).unwrap();
    let refused = cache.open_with(Arc::clone(&store), other.options()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ResourceBusy);
}

#[test]
fn the_last_handle_dropped_by_a_hook_is_closed_by_another_thread() {
    let cache = PageCache::with_options(asleep(64));
    let (closer, closed_by) = channel();
    let other = FileOptions::new()
        .before_writeback(move |_| closer.send(thread::current().id()).map_err(io::Error::other));
    let last = cache.open_with(MemStore::new(), other).unwrap();
    last.write_all_at(&[1; 10], 0).unwrap();
    let last = Mutex::new(Some(last));
    let options = FileOptions::new().before_writeback(move |_| {
        drop(last.lock().unwrap().take());
        Ok(())
    });
    let file = cache.open_with(MemStore::new(), options).unwrap();
    file.write_all_at(&[1; 10], 0).unwrap();
    file.sync_data().unwrap();
    assert_ne!(closed_by.recv().unwrap(), thread::current().id());
}

/// A worker calls the hook, which writes to a log on the same cache and needs a frame for that. The pages that are
/// queued for the worker meanwhile have become clean, so they can be evicted.
#[test]
fn the_log_of_a_hook_finds_a_frame_whatever_is_queued_for_its_worker() {
    let cache = PageCache::with_options(asleep(16).readahead(0));
    let log = cache.open(MemStore::new()).unwrap();
    let (begun, told) = channel();
    let gate: Arc<Mutex<()>> = Arc::default();
    let passed = Arc::clone(&gate);
    let options = FileOptions::new().before_writeback(move |pages| {
        if pages[0].range.start > 0 {
            return Ok(());
        }
        begun.send(()).unwrap();
        drop(passed.lock().unwrap());
        log.write_all_at(b"durable", 0)
    });
    let file = cache.open_with(MemStore::new(), options).unwrap();
    file.set_len(200 * PAGE).unwrap();
    let closed = gate.lock().unwrap();
    let mut cold = (100..200).cycle();
    let mut read_cold = |pages| {
        for page in cold.by_ref().take(pages) {
            file.read_exact_at(&mut [0], page * PAGE).unwrap();
        }
    };
    file.write_all_at(&[1; PAGE as usize], 0).unwrap();
    // Reclaim looks at all pages, and queues page 0, which a worker begins to write.
    read_cold(32);
    told.recv().unwrap();
    for round in 0..8 {
        for page in [2, 4] {
            file.write_all_at(&[1; PAGE as usize], (4 * round + page) * PAGE).unwrap();
        }
        read_cold(32);
        file.writeback(PAGE..100 * PAGE).unwrap();
    }
    drop(closed);
    file.sync_data().unwrap();
}

#[test]
fn a_durable_write_asks_the_hook_first_and_what_it_refuses_is_in_the_cache_only() {
    let (hook, store) = (Arc::new(Recorded::default()), Arc::new(RecordingStore::default()));
    let cache = PageCache::with_options(asleep(64));
    let file = cache.open_with(Arc::clone(&store), hook.options()).unwrap();
    let synced = |to: u64| [Asked::Write(0..to), Asked::Sync];
    assert_eq!(file.write_at_durable(&[1; 10], 0).unwrap(), 10);
    assert_eq!(hook.calls().concat().iter().map(seen).collect::<Vec<_>>(), [(0, 10, 0, 0)]);
    assert_eq!(store.asked(), synced(10));

    hook.refuses.store(true, Ordering::SeqCst);
    assert_eq!(file.append_durable(&[2; 5]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let durable = file.clone().with_durability(Durability::Data);
    assert_eq!(durable.write_at(&[3; 5], 10).unwrap_err().kind(), ErrorKind::WouldBlock);
    let writes = |asked: &Asked| matches!(asked, Asked::Write(_));
    assert!(!store.asked().iter().any(writes));
    assert_eq!((file.len(), file.stats().dirty), (15, 1));

    hook.refuses.store(false, Ordering::SeqCst);
    assert_eq!(file.write_at_durable(&[4; 5], 10).unwrap(), 5);
    assert_eq!(store.asked(), synced(15));
    let mut bytes = [0; 15];
    store.inner.read_at(&mut bytes, 0).unwrap();
    assert_eq!(bytes[..], [[1; 10].as_slice(), &[4; 5]].concat());
}
