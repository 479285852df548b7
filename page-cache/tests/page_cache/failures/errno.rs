//! The errno of a store reaches the caller, and the description, which does not fit beside it, is kept.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use spanlock_page_cache::{
    AddressSpace, Failure, File, FileOptions, Length, Mapping, MemStore, Options, PAGE_SIZE,
    PageCache, Store,
};

use crate::stores::failing_store::FailingStore;

const PAGE: u64 = PAGE_SIZE as u64;

/// An errno that the library itself does not produce.
const ERRNO: i32 = 42;

/// A file of four pages, none of which is cached, with a mapping, in a cache whose flusher never wakes up.
fn open(options: FileOptions) -> (File, Mapping, Arc<FailingStore>) {
    let store = Arc::new(FailingStore::default());
    store.inner.write_at(&[1; 4 * PAGE_SIZE], 0).unwrap();
    store.fail_with(ERRNO);
    let quiet = Options::new(64).flush_interval(Duration::MAX);
    let file = PageCache::with_options(quiet).open_with(Arc::clone(&store), options).unwrap();
    let mapping = file.map(0..u64::MAX).unwrap();
    (file, mapping, store)
}

type Run = fn(&File, &Mapping) -> io::Result<()>;

/// The start of the description of a request, and the request, which uses the store.
fn requests() -> Vec<(&'static str, Run)> {
    vec![
        ("read of 8 bytes at 1 from", |file, _| file.read_at(&mut [0; 8], 1).map(drop)),
        ("read of 8 bytes at 4096 from", |file, _| file.read_exact_at(&mut [0; 8], PAGE)),
        ("direct read of 8 bytes at 2 from", |file, _| {
            file.read_direct_at(&mut [0; 8], 2).map(drop)
        }),
        ("direct write of 8 bytes at 2 to", |file, _| file.write_direct_at(&[0; 8], 2).map(drop)),
        ("load of 8 bytes at 3 from", |_, mapping| mapping.load(3, &mut [0; 8])),
        ("store of 8 bytes at 3 to", |_, mapping| mapping.store(3, &[0; 8])),
        ("set_len to 5 bytes of", |file, _| file.set_len(5)),
        ("set_len to 50000 bytes of", |file, _| file.set_len(50_000)),
        ("punch_hole of 5 bytes at 6 in", |file, _| file.punch_hole(6, 5)),
        ("zero_range of 5 bytes at 6 in", |file, _| file.zero_range(6, 5, Length::Keep)),
        ("allocate of 5 bytes at 6 in", |file, _| file.allocate(6, 5, Length::Extend)),
        ("collapse_range of 4096 bytes at 0 in", |file, _| file.collapse_range(0, PAGE)),
        ("insert_range of 4096 bytes at 4096 in", |file, _| file.insert_range(PAGE, PAGE)),
        ("writeback from 0 to the end in", |file, _| {
            file.write_all_at(&[2; PAGE_SIZE], 0)?;
            file.writeback(0..u64::MAX)
        }),
        ("writeback of 10 bytes at 1 in", |file, _| {
            file.write_all_at(&[2; PAGE_SIZE], 0)?;
            file.writeback(1..11)
        }),
        ("sync_range of 4 bytes at 0 in", |file, _| file.sync_range(0..4)),
        ("sync_data of", |file, _| file.sync_data()),
        ("sync_all of", |file, _| file.sync_all()),
        ("read of 8 bytes at 7 from", |file, _| {
            let memory = AddressSpace::new();
            let to = memory.map_anonymous(8)?;
            let to = to.start..to.start + 8;
            file.read_into(&memory, &[to], 7).map(drop)
        }),
    ]
}

#[test]
fn whatever_is_requested_of_a_store_that_fails_the_caller_gets_its_errno() {
    for (message, run) in requests() {
        let (file, mapping, store) = open(FileOptions::new());
        assert!(file.last_failure().is_none());
        store.fail(0..u64::MAX);
        let error = run(&file, &mapping).expect_err(message);
        assert_eq!(error.raw_os_error(), Some(ERRNO), "{message}: {error}");
        let failure = file.last_failure().expect(message);
        assert_eq!(failure.raw_os_error(), Some(ERRNO), "{message}");
        assert_eq!(failure.kind(), error.kind(), "{message}");
        let expected = format!("{message} \"{}\": {error}", failure.label());
        assert_eq!(failure.to_string(), expected);
        assert!(failure.label().ends_with("FailingStore"), "{}", failure.label());
        store.fail(0..0);
    }
}

#[test]
fn a_write_that_is_sent_to_the_store_returns_its_errno() {
    let requests: [(&str, Run); 3] = [
        ("write of 8 bytes at 1 to", |file, _| file.write_at(&[2; 8], 1).map(drop)),
        ("write of 8 bytes at 4 to", |file, _| file.write_all_at(&[2; 8], 4)),
        ("append of 8 bytes at 16384 to", |file, _| file.append(&[2; 8]).map(drop)),
    ];
    for (message, run) in requests {
        let (file, mapping, store) = open(FileOptions::new().write_through());
        store.fail(0..u64::MAX);
        assert_eq!(run(&file, &mapping).unwrap_err().raw_os_error(), Some(ERRNO), "{message}");
        let failure = file.last_failure().unwrap().to_string();
        assert!(failure.starts_with(message), "{failure}, not {message}");
        store.fail(0..0);
    }
}

/// Memory that is mapped from a file with a failing store fails a request to another file.
#[test]
fn memory_that_cannot_be_faulted_in_returns_the_errno_of_its_store() {
    let (failing, _mapping, store) = open(FileOptions::new());
    let memory = AddressSpace::new();
    let source = memory.map_file(&failing, 0..PAGE).unwrap();
    let file: File = PageCache::new(16).open(MemStore::new()).unwrap();
    store.fail(0..u64::MAX);
    let errors = [
        memory.load(source.start, &mut [0]).unwrap_err(),
        memory.store(source.start, &[0]).unwrap_err(),
        memory.populate(source.clone()).unwrap_err(),
        file.write_from(&memory, &[source], 0).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.raw_os_error(), Some(ERRNO), "{error}");
    }
    store.fail(0..0);
}

/// Invariant 15: each handle gets the error later, with its errno.
#[test]
fn an_error_that_is_reported_later_has_its_errno_for_every_handle() {
    let (file, _mapping, store) = open(FileOptions::new());
    let other = file.clone();
    file.write_all_at(&[2; PAGE_SIZE], 0).unwrap();
    store.fail(0..u64::MAX);
    file.writeback(0..PAGE).unwrap_err();
    store.fail(0..0);
    let error = other.sync_data().unwrap_err();
    assert_eq!(error.raw_os_error(), Some(ERRNO), "{error}");
    assert_eq!(file.last_failure().unwrap().operation(), "sync_data");
}

#[test]
fn a_writer_at_the_dirty_limit_gets_the_errno_of_its_store() {
    let store = Arc::new(FailingStore::default());
    store.fail_with(ERRNO);
    let cache: PageCache = PageCache::with_options(Options::new(16).dirty_limit(16));
    let dirty = cache.open(Arc::clone(&store)).unwrap();
    store.fail(0..u64::MAX);
    let full = (0..100).find_map(|page| dirty.write_all_at(&[1; PAGE_SIZE], page * PAGE).err());
    assert_eq!(full.expect("16 frames hold 100 pages").raw_os_error(), Some(ERRNO));
    store.fail(0..0);
}

/// The description of a failed shift says what could not be moved back.
#[test]
fn a_shift_that_cannot_be_undone_reports_its_errno_and_what_is_left() {
    let (file, _mapping, store) = open(FileOptions::new());
    let first = store.requests();
    // The length was set and the last part moved; the next part fails, and so do all later requests.
    store.fail(first + 3..u64::MAX);
    let error = file.insert_range(0, PAGE).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(ERRNO), "{error}");
    let failure = file.last_failure().unwrap().to_string();
    assert!(failure.contains("; moving the bytes back failed: "), "{failure}");
    assert!(failure.contains("; 4096 bytes from 12288 on are at 16384 instead; "), "{failure}");
    store.fail(0..0);
}

#[test]
fn a_short_request_records_its_failure_for_last_failure() {
    let (file, _mapping, store) = open(FileOptions::new());
    file.read_exact_at(&mut [0; 8], 0).unwrap();
    store.fail(0..u64::MAX);
    assert_eq!(file.read_at(&mut [0; 2 * PAGE_SIZE], 0).unwrap(), PAGE_SIZE);
    let failure = file.last_failure().unwrap();
    assert_eq!((failure.operation(), failure.raw_os_error()), ("read", Some(ERRNO)));
    assert_eq!((failure.offset(), failure.len()), (0, Some(2 * PAGE)));
    store.fail(0..0);
}

#[test]
fn an_error_without_an_errno_is_described_and_has_its_cause_for_its_source() {
    let (file, _mapping, store) = open(FileOptions::new());
    store.fail_with(0);
    store.fail(0..u64::MAX);
    let error = file.read_at(&mut [0; 8], 1).unwrap_err();
    assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::StorageFull, None));
    assert!(error.to_string().starts_with("read of 8 bytes at 1 from \""), "{error}");
    let failure = error.get_ref().unwrap().downcast_ref::<Failure>().unwrap();
    assert!(failure.source().unwrap().to_string().starts_with("request "));
    store.fail(0..0);
}

/// Fails to be opened.
struct Unopened(io::ErrorKind);

impl Store for Unopened {
    fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<usize> {
        unreachable!()
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        unreachable!()
    }

    fn len(&self) -> io::Result<u64> {
        match self.0 {
            ErrorKind::Other => Err(io::Error::from_raw_os_error(ERRNO)),
            kind => Err(kind.into()),
        }
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        unreachable!()
    }

    fn punch_hole(&self, _: u64, _: u64) -> io::Result<()> {
        unreachable!()
    }

    fn label(&self) -> String {
        "the \"first\" disk".into()
    }

    fn sync(&self) -> io::Result<()> {
        unreachable!()
    }
}

#[test]
fn a_store_that_cannot_be_opened_is_named_or_returns_its_errno() {
    let cache = PageCache::new(16);
    let error = cache.open(Unopened(ErrorKind::Other)).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(ERRNO));
    let error = cache.open(Unopened(ErrorKind::NotConnected)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConnected);
    assert_eq!(error.to_string(), r#"open of "the \"first\" disk": not connected"#);
}

#[test]
fn errors_of_a_close_and_of_a_sync_of_the_cache_have_the_failure_as_their_source() {
    let cache = PageCache::new(64);
    let store = Arc::new(FailingStore::default());
    let file = cache.open(Arc::clone(&store)).unwrap();
    file.write_all_at(b"dirty", 0).unwrap();
    store.fail(0..u64::MAX);
    let error = cache.sync_all().unwrap_err();
    let source = error.source().unwrap().to_string();
    assert!(source.starts_with("sync_all"), "{source}");
    let error = file.close().unwrap_err();
    let source = error.source().unwrap().to_string();
    assert!(source.starts_with("close"), "{source}");

    // An error with an errno has no other description.
    let (file, _mapping, store) = open(FileOptions::new());
    file.write_all_at(b"dirty", 0).unwrap();
    store.fail(0..u64::MAX);
    let error = file.close().unwrap_err();
    assert_eq!(error.error().raw_os_error(), Some(ERRNO));
    let description = error.to_string();
    assert!(description.starts_with(r#"close of ""#), "{description}");
}
