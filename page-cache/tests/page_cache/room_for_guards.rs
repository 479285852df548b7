//! How many pages can be dirty by guards, and the errors of a thread that holds guards if no more can be.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{File, FileOptions, MemStore, Options, PageCache, Store, StoreLayer};

const PAGE: u64 = 4096;

/// Errors that the hook or the store of a test returns have this errno, so they can be told from the cache's own.
const GONE: i32 = 5;

/// A cache whose flusher sleeps until it is woken.
fn asleep(frames: usize) -> PageCache {
    PageCache::with_options(Options::new(frames).flush_interval(Duration::MAX).readahead(0))
}

fn open(cache: &PageCache, options: FileOptions) -> File {
    let file = cache.open_with(MemStore::new(), options).unwrap();
    file.set_len(1000 * PAGE).unwrap();
    file
}

/// A file whose pages cannot be written back while the flag is set.
fn refusing(cache: &PageCache) -> (File, Arc<AtomicBool>) {
    let refuses = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&refuses);
    let hook = move |_: &[_]| match asked.load(Ordering::Relaxed) {
        true => Err(io::Error::from_raw_os_error(GONE)),
        false => Ok(()),
    };
    (open(cache, FileOptions::new().before_writeback(hook)), refuses)
}

/// Changes pages from number 1 on while page 0 is held, until there is an error. Returns the error and the number of
/// pages.
fn fill_by_guards(file: &File) -> (io::Error, u64) {
    let _root = file.page(0).unwrap();
    let change = |number| file.page_mut(number).map(|mut page| page[0] = 1);
    (1..).find_map(|number| Some((change(number).err()?, number - 1))).unwrap()
}

/// The result of a call, which must end.
fn in_time<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || done.send(call()));
    is_done.recv_timeout(Duration::from_secs(60)).expect("the call ends")
}

fn take<const N: usize>(frames: usize, limit: usize) -> Result<usize, ErrorKind> {
    in_time(move || {
        let options = Options::new(frames).dirty_limit(limit).flush_interval(Duration::MAX);
        let file = open(&PageCache::with_options(options), FileOptions::new());
        // Other files may have used up the limit.
        file.write_all_at(&[1; 200 * PAGE as usize], 500 * PAGE).unwrap();
        let taken = file.pages_mut::<N>(std::array::from_fn(|at| 2 * at as u64));
        taken.map(|pages| pages.len()).map_err(|error| error.kind())
    })
}

#[test]
fn as_many_pages_as_can_be_dirty_at_once_are_granted_together_and_more_are_refused() {
    // Three quarters of the limits of these caches, which are 30, 16 and 6.
    assert_eq!(take::<23>(64, 32), Ok(23));
    assert_eq!(take::<24>(64, 32), Err(ErrorKind::InvalidInput));
    assert_eq!(take::<12>(64, 16), Ok(12));
    assert_eq!(take::<13>(64, 16), Err(ErrorKind::InvalidInput));
    assert_eq!(take::<5>(16, 8), Ok(5));
    assert_eq!(take::<12>(16, 8), Err(ErrorKind::InvalidInput));
    // Four in any case.
    assert_eq!(take::<4>(16, 1), Ok(4));
    assert_eq!(take::<5>(16, 1), Err(ErrorKind::InvalidInput));
}

#[test]
fn several_pages_for_which_no_room_can_be_made_end_with_the_error_of_the_hook() {
    let error = in_time(|| {
        let (file, _refuses) = refusing(&asleep(64));
        fill_by_guards(&file);
        file.pages_mut::<20>(std::array::from_fn(|at| 500 + at as u64)).unwrap_err()
    });
    assert_eq!(error.raw_os_error(), Some(GONE));
}

#[test]
fn a_file_whose_threads_hold_guards_leaves_room_to_others_while_its_store_hangs() {
    let cache = asleep(64);
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock().unwrap();
    let waiting = Arc::clone(&gate);
    // A hook that hangs has the effect of a store that hangs.
    let hook = move |_: &[_]| {
        drop(waiting.lock());
        Ok(())
    };
    let hanging = open(&cache, FileOptions::new().before_writeback(hook));
    let (error, pages) = fill_by_guards(&hanging);
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
    assert!((20..=23).contains(&pages), "{pages} of a limit of 30");
    change_many(open(&cache, FileOptions::new()));
    drop(closed);
}

#[test]
fn a_file_that_is_full_by_guards_leaves_room_to_others() {
    let cache = asleep(64);
    let (full, _refuses) = refusing(&cache);
    let (_error, pages) = fill_by_guards(&full);
    assert!((20..=23).contains(&pages), "{pages} of a limit of 30");
    change_many(open(&cache, FileOptions::new()));
}

/// Changes many pages of a file whose store works, also with guards.
fn change_many(file: File) {
    let changed = in_time(move || {
        let change = |number| file.page_mut(number).map(|mut page| page[0] = 1);
        (1..500).try_for_each(change)?;
        file.pages_mut([1, 2, 3]).map(drop)?;
        let _root = file.page(0)?;
        change(501)
    });
    changed.unwrap();
}

#[test]
fn a_thread_with_guards_gets_the_error_that_keeps_pages_dirty_and_a_loop_that_retries_ends() {
    let cache = asleep(64);
    let (file, refuses) = refusing(&cache);
    let again = file.clone();
    let retry = move || {
        loop {
            let (error, _) = fill_by_guards(&again);
            if error.kind() != ErrorKind::WouldBlock {
                return error;
            }
        }
    };
    assert_eq!(in_time(retry).raw_os_error(), Some(GONE));
    // Without guards it is the same error.
    let error =
        (1..1000).find_map(|number| file.page_mut(number).map(|mut page| page[0] = 1).err());
    assert_eq!(error.unwrap().raw_os_error(), Some(GONE));
    // When pages can be written back again, the thread succeeds if it retries as the error says.
    refuses.store(false, Ordering::Relaxed);
    in_time(move || {
        for number in 100..200 {
            loop {
                let root = file.page(0).unwrap();
                match file.page_mut(number) {
                    Ok(mut page) => break page[0] = 1,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => assert_eq!(error.raw_os_error(), Some(GONE)),
                }
                drop(root);
                let _ = file.page_mut(number);
            }
        }
    });
}

#[test]
fn a_thread_with_guards_is_not_told_to_retry_where_only_a_sync_makes_room() {
    let file = open(&asleep(64), FileOptions::new().no_steal());
    let (error, _) = fill_by_guards(&file);
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{error}");
    file.sync_data().unwrap();
    drop(file.page_mut(500).unwrap());
}

#[test]
fn an_error_that_tells_a_thread_to_try_again_is_not_the_last_failure() {
    let file = open(&asleep(64), FileOptions::new());
    assert_eq!(file.set_len(u64::MAX).unwrap_err().kind(), ErrorKind::FileTooLarge);
    let is_that = || file.last_failure().unwrap().operation() == "set_len";
    let (error, _) = fill_by_guards(&file);
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
    assert!(is_that(), "{:?}", file.last_failure());
    let page = file.page_mut(1).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let error = file.page_within(1, Duration::ZERO).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!(error.to_string().ends_with("another thread holds the page"), "{error}");
        });
    });
    assert!(is_that(), "{:?}", file.last_failure());
    drop(page);
}

#[test]
fn a_timeout_because_no_more_pages_may_be_dirty_says_so() {
    let cache =
        PageCache::with_options(Options::new(64).dirty_limit(1).flush_interval(Duration::MAX));
    // Use up the limit with files that have one dirty page each.
    let files: Vec<File> = (0..100).map(|_| refusing(&cache).0).collect();
    for file in &files {
        drop(file.page(0).unwrap());
        if let Some(mut page) = file.try_page_mut(0).unwrap() {
            page[0] = 1;
        }
    }
    let other = open(&cache, FileOptions::new());
    let error = other.page_mut_within(0, Duration::from_millis(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.to_string().ends_with("no more pages of the file may be dirty"), "{error}");
}

#[test]
fn a_try_ends_at_once_where_no_more_pages_may_be_dirty_with_guards_and_without() {
    let cache = asleep(64);
    let (file, refuses) = refusing(&cache);
    let change = |number| file.page_mut(number).map(|mut page| page[0] = 1);
    let error = (1..1000).find_map(|number| change(number).err()).unwrap();
    assert_eq!(error.raw_os_error(), Some(GONE));
    // Cached and clean.
    drop(file.page(900).unwrap());
    let failure = file.last_failure().unwrap().operation();
    assert!(file.try_page_mut(900).unwrap().is_none());
    let root = file.page(0).unwrap();
    assert!(file.try_page_mut(900).unwrap().is_none());
    drop(root);
    assert_eq!(file.last_failure().unwrap().operation(), failure);
    refuses.store(false, Ordering::Relaxed);
    file.sync_data().unwrap();
    assert!(file.try_page_mut(900).unwrap().is_some());
}

/// Records which threads write to it.
#[derive(Default)]
struct Writers {
    inner: MemStore,
    threads: Mutex<Vec<thread::ThreadId>>,
}

impl StoreLayer for Writers {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.inner
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.threads.lock().unwrap().push(thread::current().id());
        self.inner.write_at(bytes, offset)
    }
}

#[test]
fn a_thread_with_guards_writes_nothing_back_to_have_room() {
    let store = Arc::new(Writers::default());
    let file = asleep(64).open(Arc::clone(&store)).unwrap();
    file.set_len(1000 * PAGE).unwrap();
    let (error, _) = fill_by_guards(&file);
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
    let has_written = || store.threads.lock().unwrap().contains(&thread::current().id());
    assert!(!has_written());
    // Without guards it does, unless the flusher is faster.
    let rounds = (0..1000).take_while(|_| !has_written());
    rounds.for_each(|_| (1..100).for_each(|number| file.page_mut(number).unwrap()[0] = 1));
    assert!(has_written());
}

#[test]
fn files_whose_stores_fail_and_that_were_changed_by_guards_leave_a_page_for_another() {
    let cache = asleep(64);
    let healthy = open(&cache, FileOptions::new());
    let failing: Vec<_> = (0..8).map(|_| refusing(&cache)).collect();
    for (file, _) in &failing {
        let changed: Vec<_> = (0..8).map_while(|number| file.page_mut(number).ok()).collect();
        changed.into_iter().for_each(|mut page| page[0] = 1);
    }
    in_time(move || healthy.page_mut(0).map(|mut page| page[0] = 1)).unwrap();
    failing.into_iter().for_each(|(file, _)| file.discard());
}
