//! A store that reports bytes which it has not read: nobody gets the bytes that were in that memory before.

use std::io;
use std::sync::Arc;

use spanlock_page_cache::{File, FileStore, MemStore, PageCache, Store, StoreLayer};

const PAGE: usize = 4096;
const FRAMES: u64 = 64;
const SECRET: u8 = 0x5e;

/// Reports the first page as read, and reads nothing of it.
struct Boasting<S>(S);

impl<S: Store> StoreLayer for Boasting<S> {
    type Below = S;

    fn below(&self) -> &S {
        &self.0
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        if offset < PAGE as u64 { Ok(bytes.len()) } else { self.0.read_at(bytes, offset) }
    }
}

/// A cache each of whose frames has had a page of another file.
fn cache_with_secrets() -> (PageCache, File) {
    let cache = PageCache::new(FRAMES as usize);
    let secrets = cache.open(MemStore::new()).unwrap();
    for page in 0..4 * FRAMES {
        secrets.write_all_at(&[SECRET; PAGE], page * PAGE as u64).unwrap();
        secrets.sync_data().unwrap();
    }
    (cache, secrets)
}

fn finds_no_secret(boasting: impl Store + 'static) {
    let (cache, _secrets) = cache_with_secrets();
    boasting.set_len(16 * PAGE as u64).unwrap();
    let file = cache.open(boasting).unwrap();
    let is_free = |bytes: &[u8]| !bytes.contains(&SECRET);
    let mut bytes = [0; PAGE];
    let mut read = |at: usize, len: usize| {
        file.drop_cached(0..u64::MAX).unwrap();
        file.read_exact_at(&mut bytes[..len], at as u64).unwrap();
        is_free(&bytes)
    };
    assert!(read(0, PAGE) && read(100, 10));
    file.drop_cached(0..u64::MAX).unwrap();
    assert!(is_free(&file.page(0).unwrap()));
    file.drop_cached(0..u64::MAX).unwrap();
    let mut two = [0; 2 * PAGE];
    file.read_exact_at(&mut two, 0).unwrap();
    assert!(is_free(&two), "pages that are read together");
    file.drop_cached(0..u64::MAX).unwrap();
    let mapping = file.map(0..PAGE as u64).unwrap();
    mapping.load(0, &mut bytes).unwrap();
    assert!(is_free(&bytes), "a fault");
}

#[test]
fn what_a_store_reports_but_has_not_read_is_of_no_other_file() {
    finds_no_secret(Boasting(MemStore::new()));
    finds_no_secret(Arc::new(Boasting(MemStore::new())));
    let boxed: Box<dyn Store> = Box::new(Boasting(MemStore::new()));
    finds_no_secret(boxed);
    let file = FileStore::from_open_file(tempfile::tempfile().unwrap()).unwrap();
    finds_no_secret(Boasting(file));
}
