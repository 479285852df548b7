//! Errors of a store that panic when they are dropped or described: nothing stays in flight or waited for.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use spanlock_page_cache::{
    File, FileOptions, Identity, MemStore, Options, PAGE_SIZE, PageCache, Store, StoreLayer,
    Version,
};

const PAGE: u64 = PAGE_SIZE as u64;

/// A sync that waits for a page for so long waits for ever.
const TOO_LONG: Duration = Duration::from_secs(20);

/// An error that panics when it is dropped, but not while another panic unwinds, which would abort the process.
#[derive(Debug)]
struct Bomb;

impl fmt::Display for Bomb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bomb")
    }
}

impl Error for Bomb {}

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(thread::panicking(), "the error was dropped");
    }
}

/// An error that cannot be described.
#[derive(Debug)]
struct Nameless;

impl fmt::Display for Nameless {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("the description panics");
    }
}

impl Error for Nameless {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum In {
    Read,
    Write,
    /// It writes a half, and returns that.
    Half,
    /// It sets half of the length.
    SetLen,
    /// It has set the length.
    AfterSetLen,
    SetModified,
    Sync,
    Len,
    Version,
}

/// A store that fails the next requests of a kind with these errors.
#[derive(Default)]
struct Failing {
    inner: MemStore,
    errors: Mutex<VecDeque<(In, io::Error)>>,
}

impl Failing {
    fn fail_next(&self, place: In, errors: impl IntoIterator<Item = io::Error>) {
        self.errors.lock().unwrap().extend(errors.into_iter().map(|error| (place, error)));
    }

    fn pass(&self, place: In) -> io::Result<()> {
        let mut errors = self.errors.lock().unwrap();
        match errors.iter().position(|(next, _)| *next == place) {
            Some(next) => Err(errors.remove(next).unwrap().1),
            None => Ok(()),
        }
    }
}

impl StoreLayer for Failing {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.inner
    }

    fn block_size(&self) -> u64 {
        PAGE
    }

    fn len(&self) -> io::Result<u64> {
        self.pass(In::Len)?;
        self.inner.len()
    }

    fn identity(&self) -> Option<Identity> {
        Some(Identity::new("failing", [std::ptr::from_ref(self).addr() as u64, 0]))
    }

    fn version(&self) -> io::Result<Option<Version>> {
        self.pass(In::Version)?;
        Ok(Some(Version::new([1])))
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.pass(In::Read)?;
        self.inner.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        if self.pass(In::Half).is_err() {
            return self.inner.write_at(&bytes[..bytes.len() / 2], offset);
        }
        self.pass(In::Write)?;
        self.inner.write_at(bytes, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let outcome = self.pass(In::SetLen);
        let len = if outcome.is_ok() { len } else { len.midpoint(self.inner.len()?) };
        self.inner.set_len(len)?;
        outcome.and_then(|()| self.pass(In::AfterSetLen))
    }

    fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        self.pass(In::SetModified)?;
        Store::set_modified(&self.inner, time)
    }

    fn sync(&self) -> io::Result<()> {
        self.pass(In::Sync)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.pass(In::Sync)
    }
}

fn bomb() -> io::Error {
    io::Error::other(Bomb)
}

/// A file whose pages are written only by syncs, in a cache of its own.
fn open() -> (PageCache, File, Arc<Failing>) {
    open_with(FileOptions::new().keep_modified_time())
}

fn open_with(options: FileOptions) -> (PageCache, File, Arc<Failing>) {
    let cache = Options::new(64).flush_interval(Duration::MAX).readahead(0);
    let (cache, store) = (PageCache::with_options(cache), Arc::new(Failing::default()));
    let file = cache.open_with(Arc::clone(&store), options).unwrap();
    (cache, file, store)
}

/// The file can be written, synced and closed, and its store has the bytes.
fn works(cache: &PageCache, file: File, store: &Arc<Failing>) {
    file.sync_all_for(TOO_LONG).unwrap();
    file.write_all_at(&[9; 4 * PAGE_SIZE], 0).unwrap();
    file.sync_all_for(TOO_LONG).unwrap();
    let mut seen = [0; 4 * PAGE_SIZE];
    store.inner.read_at(&mut seen, 0).unwrap();
    assert!(seen == [9; 4 * PAGE_SIZE]);
    drop(file);
    assert_eq!((cache.files().len(), cache.stats().resident), (0, 0));
}

#[test]
fn the_error_of_an_interrupted_request_may_panic_when_it_is_dropped() {
    let (cache, file, store) = open();
    let interrupted = || io::Error::new(ErrorKind::Interrupted, Bomb);
    file.write_all_at(&[1; 2 * PAGE_SIZE], 0).unwrap();
    store.fail_next(In::Write, [interrupted(), interrupted()]);
    file.sync_all_for(TOO_LONG).unwrap();
    file.drop_cached(0..u64::MAX).unwrap();
    store.fail_next(In::Read, [interrupted()]);
    file.read_exact_at(&mut [0; 10], 0).unwrap();
    works(&cache, file, &store);
}

/// Page 0 is in flight when the next one cannot be filled. The error is dropped, and the page is sent by the byte.
#[test]
fn an_error_that_panics_while_pages_are_put_in_flight_does_not_keep_them_there() {
    let (cache, file, store) = open();
    file.write_all_at(&[1; 3 * PAGE_SIZE], 0).unwrap();
    file.sync_all().unwrap();
    file.drop_cached(0..u64::MAX).unwrap();
    file.write_all_at(&[2; PAGE_SIZE], 0).unwrap();
    for page in [1, 2] {
        file.write_all_at(&[2; 10], page * PAGE + 5).unwrap();
    }
    store.fail_next(In::Read, [bomb()]);
    file.writeback(0..u64::MAX).unwrap();
    assert!(file.dirty_pages().is_empty());
    works(&cache, file, &store);
}

#[test]
fn a_sync_with_a_timeout_ends_after_an_error_that_panics_when_it_is_dropped() {
    let (cache, file, store) = open();
    file.write_all_at(&[1; PAGE_SIZE], 0).unwrap();
    store.fail_next(In::Write, [bomb()]);
    let error = file.sync_all_for(TOO_LONG).unwrap_err();
    assert!(error.to_string().contains("a bomb"), "{error}");
    works(&cache, file, &store);
}

#[test]
fn of_two_errors_of_a_sync_the_second_is_dropped_without_a_panic() {
    let (cache, file, store) = open();
    let well = cache.open(MemStore::new()).unwrap();
    well.write_all_at(b"well", 0).unwrap();
    file.write_all_at(&[1; PAGE_SIZE], 0).unwrap();
    store.fail_next(In::Write, [io::Error::other("the first")]);
    store.fail_next(In::SetModified, [bomb()]);
    let error = cache.sync_all_for(TOO_LONG).unwrap_err();
    let [failure] = error.failures() else { panic!("{error}") };
    assert!(failure.to_string().ends_with("the first"), "{failure}");
    assert_eq!(well.stats().dirty, 0);
    drop(well);
    let _heard = file.sync_all_for(TOO_LONG);
    file.write_all_at(&[2; PAGE_SIZE], 0).unwrap();
    store.fail_next(In::Write, [io::Error::other("the first")]);
    store.fail_next(In::Sync, [bomb()]);
    let error = file.sync_all().unwrap_err();
    assert!(error.to_string().ends_with("the first"), "{error}");
    let _heard = file.sync_all();
    file.write_all_at(&[3; 10], 0).unwrap();
    file.write_all_at(&[3; 10], 4 * PAGE).unwrap();
    store.fail_next(In::Write, [io::Error::other("the first"), bomb()]);
    let error = file.sync_all().unwrap_err();
    assert!(error.to_string().ends_with("the first"), "{error}");
    let _heard = file.sync_all_for(TOO_LONG);
    works(&cache, file, &store);
}

#[test]
fn a_sync_of_a_broken_file_ends_after_an_error_that_cannot_be_described() {
    let (cache, file, store) = open();
    file.write_all_at(&[1; 4 * PAGE_SIZE], 0).unwrap();
    file.writeback(0..u64::MAX).unwrap();
    file.dont_need(0..u64::MAX).unwrap();
    store.fail_next(In::Sync, [io::Error::other("it lost all of it")]);
    file.sync_all().unwrap_err();
    assert!(!file.broken_ranges().is_empty());
    file.write_all_at(&[1; 10], 10 * PAGE).unwrap();
    store.fail_next(In::Write, [io::Error::other(Nameless)]);
    let error = cache.sync_all_for(TOO_LONG).unwrap_err().to_string();
    assert!(error.contains("whose description panicked; bytes 0..16384 may be lost"), "{error}");
    file.write_all_at(&[1; 4 * PAGE_SIZE], 0).unwrap();
    let _heard = file.sync_all_for(TOO_LONG);
    works(&cache, file, &store);
}

#[test]
fn a_truncation_of_which_a_part_was_carried_out_says_so_although_the_error_cannot_be_described() {
    let (cache, file, store) = open();
    file.write_all_at(&[1; 4 * PAGE_SIZE], 0).unwrap();
    file.sync_all().unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    store.fail_next(In::SetLen, [io::Error::other(Nameless)]);
    let error = file.set_len(0).unwrap_err().to_string();
    assert!(error.contains("panicked; the store has only 8192 bytes now"), "{error}");
    assert_eq!((file.len(), store.inner.len().unwrap()), (2 * PAGE, 2 * PAGE));
    assert_ne!(file.modified().unwrap(), SystemTime::UNIX_EPOCH);
    works(&cache, file, &store);
}

#[test]
fn a_truncation_that_was_carried_out_has_succeeded_although_its_error_panics_when_it_is_dropped() {
    let (cache, file, store) = open();
    file.write_all_at(&[1; 4 * PAGE_SIZE], 0).unwrap();
    file.sync_all().unwrap();
    store.fail_next(In::AfterSetLen, [bomb()]);
    file.set_len(PAGE).unwrap();
    assert_eq!((file.len(), store.inner.len().unwrap()), (PAGE, PAGE));
    works(&cache, file, &store);
}

#[test]
fn a_file_closes_although_an_error_of_its_last_writeback_panics_when_it_is_dropped() {
    for place in [In::Write, In::SetModified] {
        let (cache, file, store) = open();
        file.write_all_at(&[1; 2 * PAGE_SIZE], 0).unwrap();
        // The whole run, and each page of it.
        store.fail_next(place, [bomb(), bomb(), bomb()]);
        drop(file);
        assert_eq!((cache.files().len(), cache.stats().resident), (0, 0), "{place:?}");
        // It keeps those that were not returned.
        assert_eq!(Arc::strong_count(&store), 1, "{place:?}");
        store.errors.lock().unwrap().drain(..).for_each(std::mem::forget);
    }
}

#[test]
fn a_file_that_keeps_its_pages_closes_and_opens_although_an_error_panics_when_it_is_dropped() {
    let (cache, store) = (PageCache::new(64), Arc::new(Failing::default()));
    store.inner.write_at(&[1; PAGE_SIZE], 0).unwrap();
    let open = || cache.open_with(Arc::clone(&store), FileOptions::new().keep_pages()).unwrap();
    let open_and_read = || {
        let file = open();
        file.read_exact_at(&mut [0; 10], 0).unwrap();
        file
    };
    for place in [In::Len, In::Version] {
        let file = open_and_read();
        store.fail_next(place, [bomb()]);
        drop(file);
        let pages = (cache.stats().resident, cache.stats().kept);
        assert_eq!((cache.files().len(), pages), (0, (0, 0)), "{place:?}");
        assert_eq!(Arc::strong_count(&store), 1, "{place:?}");
    }
    drop(open_and_read());
    assert_eq!(cache.stats().kept, 1);
    store.fail_next(In::Version, [bomb()]);
    assert_eq!(open().stats().resident, 0);
}

/// Of two errors, one of a page that cannot be read in full and one of the request, the first is dropped.
#[test]
fn pages_are_not_in_flight_after_two_errors_one_of_which_panics_when_it_is_dropped() {
    let (cache, file, store) = open_with(FileOptions::new().whole_pages());
    file.write_all_at(&[1; 2 * PAGE_SIZE], 0).unwrap();
    file.sync_all().unwrap();
    file.drop_cached(0..u64::MAX).unwrap();
    file.write_all_at(&[2; PAGE_SIZE], 0).unwrap();
    file.write_all_at(&[2; 10], PAGE + 5).unwrap();
    store.fail_next(In::Read, [bomb()]);
    store.fail_next(In::Write, [io::Error::other("the request's")]);
    let error = file.writeback(0..u64::MAX).unwrap_err();
    assert!(error.to_string().contains("the request's"), "{error}");
    let _heard = file.sync_all_for(TOO_LONG);
    works(&cache, file, &store);
}

/// The page is read again when the reader comes to it.
#[test]
fn the_error_of_a_read_ahead_may_panic_when_it_is_dropped() {
    const PAGES: u64 = 64;
    let cache = PageCache::with_options(Options::new(128).flush_interval(Duration::MAX));
    let store = Arc::new(Failing::default());
    store.inner.write_at(&[1; PAGES as usize * PAGE_SIZE], 0).unwrap();
    let file = cache.open_with(Arc::clone(&store), FileOptions::new()).unwrap();
    let mut read_again = 0;
    for page in 0..PAGES {
        store.fail_next(In::Read, [bomb()]);
        match file.read_exact_at(&mut [0; 10], page * PAGE) {
            Ok(()) => {
                let left = store.errors.lock().unwrap().pop_front();
                read_again += u32::from(left.is_none());
                std::mem::forget(left);
            }
            // It is that of the page itself.
            Err(error) => std::mem::forget(error),
        }
    }
    assert!(read_again > 0, "a run was read ahead, and failed");
    works(&cache, file, &store);
}

/// A file that may have no dirty page, because others have all, is written through.
#[test]
fn the_error_of_a_write_that_was_sent_in_part_may_panic_when_it_is_dropped() {
    let options = Options::new(64).dirty_limit(1).flush_interval(Duration::MAX).readahead(0);
    let cache = PageCache::with_options(options);
    let refuse = || FileOptions::new().before_writeback(|_| Err(io::Error::other("not now")));
    let others: Vec<File> = (0..100)
        .map(|_| {
            let file = cache.open_with(MemStore::new(), refuse()).unwrap();
            file.set_len(PAGE).unwrap();
            file
        })
        .collect();
    let stored = |file: &&File| file.map(0..PAGE).unwrap().store(0, &[1]).is_ok();
    assert!(others.iter().take_while(stored).count() < 100, "there is a limit");
    let store = Arc::new(Failing::default());
    let file = cache.open(Arc::clone(&store)).unwrap();
    store.fail_next(In::Half, [io::Error::other("half")]);
    store.fail_next(In::Write, [bomb()]);
    // A second request sends the rest.
    assert_eq!(file.write_at(&[2; 100], 0).unwrap(), 100);
    assert!(store.errors.lock().unwrap().is_empty());
}
