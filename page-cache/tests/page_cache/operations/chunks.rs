//! Requests of more bytes than one chunk.

use std::io::ErrorKind;
use std::sync::Arc;

use spanlock_page_cache::{File, PageCache, Store};

use crate::stores::recording_store::RecordingStore;

const PAGE: u64 = 4096;

/// The size of a chunk.
const CHUNK: u64 = 1 << 20;

fn bytes(len: u64) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

fn open(store: &Arc<RecordingStore>) -> (PageCache, File) {
    let cache = PageCache::new(64);
    let file = cache.open(Arc::clone(store)).unwrap();
    (cache, file)
}

#[test]
fn a_direct_read_ends_before_the_chunk_that_cannot_be_read() {
    let bytes = bytes(CHUNK + 3 * PAGE);
    let store = Arc::new(RecordingStore::with(&bytes));
    let (_cache, file) = open(&store);
    let mut seen = vec![0; (CHUNK + PAGE) as usize];
    assert_eq!(file.read_direct_at(&mut seen, 0).unwrap(), seen.len());
    assert!(seen == bytes[..seen.len()]);
    store.fail_reads_of(CHUNK..CHUNK + 1);
    assert_eq!(file.read_direct_at(&mut seen, 0).unwrap() as u64, CHUNK);
}

#[test]
fn a_direct_write_ends_where_the_store_has_cut_a_chunk_off() {
    let bytes = bytes(2 * CHUNK);
    let store = Arc::new(RecordingStore::default());
    let (_cache, file) = open(&store);
    let short = &bytes[..(CHUNK + PAGE) as usize];
    assert_eq!(file.write_direct_at(short, 0).unwrap(), short.len());
    // The first chunk takes two such writes.
    for (writes, written) in [(1, 600_000), (3, CHUNK + 600_000)] {
        file.set_len(0).unwrap();
        store.cut_writes(600_000, writes);
        assert_eq!(file.write_direct_at(&bytes, 0).unwrap() as u64, written);
        assert_eq!((file.len(), store.len().unwrap()), (written, written));
        assert!(store.bytes(0..written) == bytes[..written as usize]);
    }
}

#[test]
fn a_direct_request_of_all_bytes_goes_on_where_a_store_has_cut_it_off() {
    let bytes = bytes(2 * CHUNK + PAGE);
    let store = Arc::new(RecordingStore::default());
    let (_cache, file) = open(&store);
    store.cut_writes(600_000, 3);
    file.write_all_direct_at(&bytes, 0).unwrap();
    assert!(store.bytes(0..bytes.len() as u64) == bytes);
    let mut seen = vec![0; bytes.len()];
    file.read_exact_direct_at(&mut seen, 0).unwrap();
    assert!(seen == bytes);
    let error = file.read_exact_direct_at(&mut seen, 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    // The bytes before the chunk that fails are read, and then the error is returned.
    store.fail_reads_of(CHUNK..CHUNK + 1);
    file.read_exact_direct_at(&mut seen[..CHUNK as usize], 0).unwrap();
    assert_ne!(
        file.read_exact_direct_at(&mut seen, 0).unwrap_err().kind(),
        ErrorKind::UnexpectedEof
    );
    let error = file.write_all_direct_at(&bytes, u64::MAX - PAGE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FileTooLarge);
}

#[test]
fn a_store_and_a_load_go_from_any_byte_of_a_page_to_any_other_of_the_next() {
    let bytes = bytes(2 * PAGE);
    let store = Arc::new(RecordingStore::with(&[0; 4 * PAGE as usize]));
    let (_cache, file) = open(&store);
    let mapping = file.map(0..4 * PAGE).unwrap();
    for (offset, len) in [(0, PAGE + 1), (100, PAGE), (PAGE - 1, 2), (5, 2 * PAGE)] {
        let stored = &bytes[offset as usize..][..len.min(2 * PAGE - offset) as usize];
        mapping.store(offset, stored).unwrap();
        let mut seen = vec![0xff; stored.len()];
        mapping.load(offset, &mut seen).unwrap();
        assert!(seen == stored, "{len} bytes at {offset}");
    }
}
