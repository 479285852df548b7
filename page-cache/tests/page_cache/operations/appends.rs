//! Appends from several slices, and past the cache.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::sync::Arc;
use std::thread;

use spanlock_page_cache::{File, FileOptions, MemStore, PageCache, Store};

use crate::stores::failing_store::FailingStore;

type Append = fn(&File, &[u8]) -> io::Result<u64>;

fn vectored(bytes: &[u8]) -> [IoSlice<'_>; 4] {
    let (first, second) = bytes.split_at(bytes.len() / 3);
    [&[], first, &[], second].map(IoSlice::new)
}

/// All ways to append.
const APPENDS: [Append; 4] = [
    File::append,
    |file, bytes| file.append_vectored(&vectored(bytes)),
    File::append_direct,
    |file, bytes| file.append_direct_vectored(&vectored(bytes)),
];

/// Invariant 8.
#[test]
fn appends_of_all_kinds_lie_one_behind_the_other_and_none_is_torn() {
    for options in [FileOptions::new(), FileOptions::new().write_through()] {
        let file = PageCache::new(256).open_with(MemStore::new(), options).unwrap();
        let append = |(kind, append): (usize, Append)| {
            let file = file.clone();
            thread::spawn(move || -> Vec<_> {
                let lens = (0..60).map(|round| 1 + (round * 9973 + kind * 11) % 30_000);
                let stamp = kind as u8 + 1;
                lens.map(|len| (append(&file, &vec![stamp; len]).unwrap(), stamp, len)).collect()
            })
        };
        let appending: Vec<_> = APPENDS.into_iter().enumerate().map(append).collect();
        let places: Vec<_> =
            appending.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        let mut bytes = vec![0; file.len() as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(bytes.len(), places.iter().map(|(_, _, len)| len).sum::<usize>());
        for (offset, stamp, len) in places {
            let here = &bytes[offset as usize..offset as usize + len];
            assert!(here.iter().all(|&byte| byte == stamp), "{len} bytes of {stamp} at {offset}");
        }
    }
}

/// A5. Invariant 5.
#[test]
fn an_append_past_the_cache_that_fails_half_way_leaves_the_file_as_it_was() {
    let mut failed = 0;
    for kind in [2, 3] {
        for request in 0..6 {
            let store = Arc::new(FailingStore::default());
            let file = PageCache::new(64).open(Arc::clone(&store)).unwrap();
            file.write_all_at(&[1; 5000], 0).unwrap();
            file.sync_all().unwrap();
            let bytes = vec![2; 3 << 20];
            store.fail(store.requests() + request..store.requests() + request + 2);
            let appended = APPENDS[kind](&file, &bytes);
            store.fail(0..0);
            let Err(error) = appended else { continue };
            failed += 1;
            assert_eq!(error.kind(), ErrorKind::StorageFull);
            assert!(error.to_string().starts_with("direct append of "), "{error}");
            assert_eq!(file.len(), 5000);
            let _heard = file.sync_all();
            assert_eq!(store.len().unwrap(), 5000);
            file.set_len(3 * 4096).unwrap();
            let mut seen = [0xff; 3 * 4096];
            file.read_exact_at(&mut seen, 0).unwrap();
            assert!(seen[..5000] == [1; 5000] && seen[5000..].iter().all(|&byte| byte == 0));
        }
    }
    assert!(failed >= 4, "{failed}");
}

/// A store whose direct requests go by blocks.
struct Blocks(MemStore);

impl Store for Blocks {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(bytes, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.0.punch_hole(offset, len)
    }
    fn sync(&self) -> io::Result<()> {
        self.0.sync()
    }
    fn direct_alignment(&self) -> u64 {
        512
    }
}

#[test]
fn an_append_past_the_cache_needs_a_file_that_ends_at_a_block_and_slices_only_together() {
    let file = PageCache::new(64).open(Blocks(MemStore::new())).unwrap();
    let bytes = [7; 1024];
    assert_eq!(file.append_direct_vectored(&vectored(&bytes)).unwrap(), 0);
    assert_eq!(file.append_direct(&bytes[..511]).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(file.len(), 1024);
    assert_eq!(file.append(&[8; 100]).unwrap(), 1024);
    assert_eq!(file.append_direct(&bytes).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(file.len(), 1124);
    assert_eq!(file.append(&[8; 412]).unwrap(), 1124);
    assert_eq!(file.append_direct(&bytes).unwrap(), 1536);
    assert_eq!(file.append_direct(&[]).unwrap(), 2560);
}

#[test]
fn direct_requests_of_several_slices_move_the_same_bytes_as_those_of_one() {
    let file = PageCache::new(64).open(MemStore::new()).unwrap();
    let bytes: Vec<u8> = (0..(1 << 20) + 5000).map(|at| (at % 251) as u8).collect();
    assert_eq!(file.write_direct_vectored_at(&vectored(&bytes), 10).unwrap(), bytes.len());
    let mut seen = vec![0; bytes.len() + 20];
    let (first, second) = seen.split_at_mut(7);
    let mut slices = [&mut [], first, second].map(IoSliceMut::new);
    assert_eq!(file.read_direct_vectored_at(&mut slices, 10).unwrap(), bytes.len());
    assert!(seen[..bytes.len()] == bytes);
}
