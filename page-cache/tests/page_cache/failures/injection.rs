//! A store that fails any one request loses nothing, and leaves nothing locked.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use spanlock_page_cache::{File, Options, PageCache, Store};

use crate::failures::one_failure::sync_anew;
use crate::stores::failing_store::FailingStore;

const PAGE: u64 = 4096;

fn open(store: &Arc<FailingStore>) -> (PageCache, File) {
    // The flusher never wakes up, so that the requests are made in one order.
    let options = Options::new(64).flush_interval(Duration::from_secs(3600));
    let cache = PageCache::with_options(options);
    let file = cache.open(Arc::clone(store)).unwrap();
    (cache, file)
}

/// The expected result of a workload: each byte that it wrote, if the write was reported as done.
#[derive(Default)]
struct Model {
    bytes: Vec<u8>,
}

impl Model {
    fn write(&mut self, offset: u64, bytes: &[u8]) {
        let (start, end) = (offset as usize, offset as usize + bytes.len());
        self.bytes.resize(self.bytes.len().max(end), 0);
        self.bytes[start..end].copy_from_slice(bytes);
    }
}

/// Runs one fixed workload; each operation that fails leaves the model as it was.
fn workload(file: &File) -> (Model, Vec<io::Error>) {
    let mut model = Model::default();
    let mut errors = Vec::new();
    let mut write = |model: &mut Model, offset: u64, bytes: &[u8], direct: bool| {
        let outcome = match direct {
            true => file.write_direct_at(bytes, offset),
            false => file.write_at(bytes, offset),
        };
        match outcome {
            Ok(done) => model.write(offset, &bytes[..done]),
            Err(error) => errors.push(error),
        }
    };
    write(&mut model, 0, &[1; 3 * PAGE as usize], false);
    write(&mut model, 10 * PAGE + 5, &[2; 100], false);
    write(&mut model, PAGE, &[3; 2 * PAGE as usize], true);
    write(&mut model, PAGE + 7, &[4; 9], false);
    write(&mut model, 20 * PAGE, &[5; 1000], true);
    write(&mut model, 20 * PAGE + 500, &[6; 1000], false);
    match file.set_len(15 * PAGE + 3) {
        Ok(()) => model.bytes.resize(15 * PAGE as usize + 3, 0),
        Err(error) => errors.push(error),
    }
    match file.punch_hole(100, 2 * PAGE) {
        Ok(()) => model.bytes[100..100 + 2 * PAGE as usize].fill(0),
        Err(error) => errors.push(error),
    }
    errors.extend(file.sync_all().err());
    errors.extend(file.read_direct_at(&mut [0; 100], 2 * PAGE).err());
    (model, errors)
}

fn check(file: &File, store: &FailingStore, model: &Model, case: &str) {
    assert_eq!(file.len(), model.bytes.len() as u64, "{case}");
    let mut seen = vec![0xff; model.bytes.len() + 1];
    assert_eq!(file.read_at(&mut seen, 0).unwrap(), model.bytes.len(), "{case}");
    assert!(seen[..model.bytes.len()] == model.bytes[..], "{case}: cached bytes");
    sync_anew(file);
    seen.fill(0xff);
    assert_eq!(store.inner.read_at(&mut seen, 0).unwrap(), model.bytes.len(), "{case}");
    assert!(seen[..model.bytes.len()] == model.bytes[..], "{case}: stored bytes");
}

#[test]
fn a_request_that_fails_fails_one_operation_and_loses_nothing() {
    let store = Arc::new(FailingStore::default());
    let (_cache, file) = open(&store);
    let (model, errors) = workload(&file);
    assert!(errors.is_empty(), "{errors:?}");
    check(&file, &store, &model, "no failure");
    drop(file);
    let requests = store.requests();
    for number in 0..requests {
        let store = Arc::new(FailingStore::default());
        store.fail(number..number + 1);
        let (_cache, file) = open(&store);
        let (model, errors) = workload(&file);
        store.fail(0..0);
        let _heard_again = file.sync_all();
        check(&file, &store, &model, &format!("request {number} of {requests}: {errors:?}"));
        for error in errors {
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
            assert!(error.to_string().contains("FailingStore\": "), "{error}");
        }
    }
}

#[test]
fn a_store_that_moves_a_few_bytes_a_request_is_asked_again() {
    let store = Arc::new(FailingStore::default());
    store.cut_short(777);
    let (_cache, file) = open(&store);
    let (model, errors) = workload(&file);
    assert!(errors.is_empty(), "{errors:?}");
    check(&file, &store, &model, "short requests");
}

#[test]
fn a_full_store_fails_the_sync_once_for_each_handle_and_keeps_the_pages_dirty() {
    let store = Arc::new(FailingStore::default());
    let (_cache, file) = open(&store);
    let other = file.clone();
    file.write_all_at(&[1; 100], 0).unwrap();
    store.fail(0..u64::MAX);
    assert_eq!(file.sync_data().unwrap_err().kind(), io::ErrorKind::StorageFull);
    store.fail(0..0);
    file.sync_data().unwrap();
    assert_eq!(other.sync_data().unwrap_err().kind(), io::ErrorKind::StorageFull);
    other.sync_data().unwrap();
    assert_eq!(store.inner.len().unwrap(), 100);
}

#[test]
fn a_store_that_fills_up_fails_writes_when_no_page_can_be_cleaned() {
    let store = Arc::new(FailingStore::default());
    let cache: PageCache = PageCache::new(16);
    let file = cache.open(Arc::clone(&store)).unwrap();
    store.fail(0..u64::MAX);
    let mut written = 0;
    let error = loop {
        match file.write_at(&[7; PAGE as usize], written * PAGE) {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert!(written <= 16, "{written} pages");
    assert_eq!(file.len(), written * PAGE);
    store.fail(0..0);
    let _heard = file.sync_all();
    file.sync_all().unwrap();
    assert_eq!(store.inner.len().unwrap(), written * PAGE);
}
