//! Reads into memory that was never written.

use std::io;
use std::mem::MaybeUninit;
use std::sync::Arc;

use spanlock_page_cache::{File, MemStore, PageCache, Store};

use crate::random::Random;
use crate::stores::recording_store::RecordingStore;

const LEN: u64 = 10_000;
/// The byte in memory that no read has written.
const STALE: u8 = 0xee;

type Read = for<'b> fn(&File, &'b mut [MaybeUninit<u8>], u64) -> io::Result<&'b mut [u8]>;
const READS: [Read; 2] = [File::read_uninit_at, File::read_direct_uninit_at];

fn content() -> Vec<u8> {
    (0..LEN).map(|at| (at % 199) as u8).collect()
}

/// Few frames, so that most reads bring pages in.
fn open(frames: usize) -> (PageCache, File) {
    let store = MemStore::new();
    store.write_at(&content(), 0).unwrap();
    let cache = PageCache::new(frames);
    let file = cache.open(store).unwrap();
    (cache, file)
}

#[test]
fn a_read_to_uninitialised_memory_returns_what_the_file_has_there_and_nothing_stale() {
    let content = content();
    for (frames, read) in [16, 64].into_iter().flat_map(|frames| READS.map(|read| (frames, read))) {
        let (_cache, file) = open(frames);
        let mut random = Random::new(frames as u64);
        for _ in 0..300 {
            let start = random.below(LEN + 100);
            let wanted = random.below(LEN + 100) as usize;
            let mut memory = vec![MaybeUninit::new(STALE); wanted];
            let seen = read(&file, &mut memory, start).unwrap();
            let end = (start + wanted as u64).min(LEN);
            assert!(*seen == content[(start.min(end) as usize)..end as usize], "{start} {wanted}");
        }
    }
}

#[test]
fn the_part_that_is_returned_ends_where_an_error_cut_the_read_off() {
    let store = Arc::new(RecordingStore::with(&content()));
    let file = PageCache::new(64).open(Arc::clone(&store)).unwrap();
    file.read_exact_at(&mut [0; 4096], 0).unwrap();
    file.drop_cached(4096..LEN).unwrap();
    store.fail_reads_of(4096..LEN);
    let mut memory = [MaybeUninit::new(STALE); 6000];
    let seen = file.read_uninit_at(&mut memory, 96).unwrap();
    assert!(*seen == content()[96..4096]);
    assert!(file.read_uninit_at(&mut memory, 5000).is_err());
    assert!(file.read_direct_uninit_at(&mut memory, 4096).is_err());
}

#[test]
fn a_vector_is_filled_in_its_spare_capacity() {
    let (_cache, file) = open(64);
    let mut bytes = Vec::<u8>::with_capacity(3 * 4096);
    let found = file.read_uninit_at(&mut bytes.spare_capacity_mut()[..8192], 0).unwrap().len();
    assert_eq!(found, 8192);
    let again = file.read_uninit_at(&mut bytes.spare_capacity_mut()[..8192], 8192).unwrap();
    assert_eq!(again, &content()[8192..]);
    assert!(file.read_uninit_at(&mut [], 0).unwrap().is_empty());
}
