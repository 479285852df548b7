//! Files whose store gets whole pages, and files with a transform.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use spanlock_page_cache::{
    File, FileOptions, Length, MemStore, Options, PageCache, PageTransform, Store,
};

use crate::stores::recording_store::{Asked, RecordingStore};

const PAGE: u64 = 4096;

fn cache() -> PageCache {
    PageCache::with_options(Options::new(64).flush_interval(Duration::MAX).readahead(8))
}

fn whole(store: &Arc<RecordingStore>) -> File {
    cache().open_with(Arc::clone(store), FileOptions::new().whole_pages()).unwrap()
}

#[test]
fn a_part_of_a_page_is_sent_with_the_rest_of_it() {
    let store = Arc::new(RecordingStore::with(&[1; 4 * PAGE as usize]));
    let file = whole(&store);
    file.write_all_at(&[2; 10], PAGE + 100).unwrap();
    file.sync_data().unwrap();
    let page = PAGE..2 * PAGE;
    assert_eq!(store.asked(), [Asked::Read(page.clone()), Asked::Write(page.clone()), Asked::Sync]);
    let mut expected = vec![1; PAGE as usize];
    expected[100..110].fill(2);
    assert_eq!(store.bytes(page), expected);
}

#[test]
fn a_page_whose_rest_cannot_be_read_is_not_sent_and_stays_dirty_and_others_are_sent() {
    let store = Arc::new(RecordingStore::with(&[1; 4 * PAGE as usize]));
    let file = whole(&store);
    file.write_all_at(&[2; 10], 0).unwrap();
    file.write_all_at(&[2; 10], PAGE).unwrap();
    store.fail_reads_of(0..PAGE);
    file.sync_data().unwrap_err();
    assert_eq!(file.dirty_pages().len(), 1);
    let writes: Vec<_> =
        store.asked().into_iter().filter(|asked| matches!(asked, Asked::Write(_))).collect();
    assert_eq!(writes, [Asked::Write(PAGE..2 * PAGE)]);
    store.fail_reads_of(0..0);
    file.sync_data().unwrap();
    assert_eq!(store.bytes(0..11), [[2; 10].as_slice(), &[1]].concat());
}

#[test]
fn whatever_would_tear_a_page_is_refused() {
    let store = Arc::new(RecordingStore::with(&[1; 4 * PAGE as usize]));
    let file = whole(&store);
    let refused = [
        file.write_at(&[1; 10], 4 * PAGE).map(drop),
        file.write_at(&[1; PAGE as usize], 4 * PAGE - 1).map(drop),
        file.append(&[1; 10]).map(drop),
        file.set_len(100),
        file.set_len(5 * PAGE + 1),
        file.punch_hole(10, PAGE),
        file.punch_hole(0, 10),
        file.zero_range(0, 10, Length::Keep),
        file.allocate(0, 5 * PAGE + 1, Length::Extend),
        file.write_direct_at(&[1; 10], 0).map(drop),
    ];
    for (number, outcome) in refused.into_iter().enumerate() {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::InvalidInput, "{number}");
    }
    assert_eq!((file.len(), store.asked()), (4 * PAGE, vec![]));
    file.write_all_at(&[1; PAGE as usize + 10], 4 * PAGE - 10).unwrap();
    file.append(&[1; PAGE as usize]).unwrap();
    file.punch_hole(0, PAGE).unwrap();
    file.write_direct_at(&[1; PAGE as usize], 0).unwrap();
    file.set_len(PAGE).unwrap();
}

#[test]
fn a_store_that_ends_within_a_page_and_write_through_are_refused() {
    let options = FileOptions::new().whole_pages();
    let torn = cache().open_with(RecordingStore::with(&[1; 10]), options.clone()).unwrap_err();
    assert_eq!(torn.kind(), ErrorKind::InvalidData);
    let through = cache().open_with(MemStore::new(), options.write_through()).unwrap_err();
    assert_eq!(through.kind(), ErrorKind::InvalidInput);
}

/// Adds the page's number and a key to each byte. Refuses pages as a test requires, and counts calls.
#[derive(Default)]
struct Shifted {
    decoded: AtomicU64,
    refuses: AtomicU64,
}

struct Of(Arc<Shifted>);

impl PageTransform for Of {
    fn encode(&self, page: u64, bytes: &mut [u8]) -> io::Result<()> {
        match self.0.refuses.load(Ordering::SeqCst) {
            0 => {}
            1 => return Err(ErrorKind::WouldBlock.into()),
            _ => panic!("as it was told"),
        }
        bytes.iter_mut().for_each(|byte| *byte = byte.wrapping_add(page as u8 + 3));
        Ok(())
    }

    fn decode(&self, page: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.0.decoded.fetch_add(1, Ordering::SeqCst);
        if bytes.iter().all(|&byte| byte == 0xee) {
            return Err(ErrorKind::InvalidData.into());
        }
        bytes.iter_mut().for_each(|byte| *byte = byte.wrapping_sub(page as u8 + 3));
        Ok(())
    }
}

fn transformed() -> (File, Arc<RecordingStore>, Arc<Shifted>) {
    let (store, transform) = (Arc::new(RecordingStore::default()), Arc::new(Shifted::default()));
    let options = FileOptions::new().transform(Of(Arc::clone(&transform)));
    let file = cache().open_with(Arc::clone(&store), options).unwrap();
    (file, store, transform)
}

#[test]
fn pages_are_transformed_when_written_and_when_read_one_by_one_or_many_together() {
    let (file, store, transform) = transformed();
    let bytes: Vec<u8> = (0..16 * PAGE).map(|at| (at % 251) as u8).collect();
    file.write_all_at(&bytes, 0).unwrap();
    file.sync_data().unwrap();
    let stored = store.bytes(0..16 * PAGE);
    let expected = |at: usize| bytes[at].wrapping_add((at as u64 / PAGE) as u8 + 3);
    assert!((0..stored.len()).all(|at| stored[at] == expected(at)));
    let mut read = vec![0; bytes.len()];
    file.read_exact_at(&mut read, 0).unwrap();
    assert!(read == bytes && transform.decoded.load(Ordering::SeqCst) == 0);
    file.drop_cached(0..u64::MAX).unwrap();
    file.read_exact_at(&mut read, 0).unwrap();
    assert!(read == bytes && transform.decoded.load(Ordering::SeqCst) == 16);
    file.drop_cached(0..u64::MAX).unwrap();
    // The rest of the page is decoded before it is sent again.
    file.write_all_at(&[9; 10], 3 * PAGE).unwrap();
    file.sync_data().unwrap();
    assert_eq!(store.bytes(3 * PAGE..3 * PAGE + 10), [9 + 6; 10]);
    assert!((10..4096).all(|at| stored[3 * 4096 + at] == expected(3 * 4096 + at)));
    file.drop_cached(0..u64::MAX).unwrap();
    file.map(0..u64::MAX).unwrap().load(3 * PAGE + 10, &mut read[..100]).unwrap();
    assert_eq!(read[..100], bytes[3 * 4096 + 10..][..100]);
}

#[test]
fn a_page_that_cannot_be_decoded_is_an_error_for_its_reader_only() {
    let (file, store, _) = transformed();
    file.write_all_at(&[1; 4 * PAGE as usize], 0).unwrap();
    file.drop_cached(0..u64::MAX).unwrap();
    store.inner.write_at(&[0xee; PAGE as usize], PAGE).unwrap();
    let mut bytes = [0; PAGE as usize];
    for _ in 0..2 {
        assert_eq!(file.read_at(&mut bytes, PAGE).unwrap_err().kind(), ErrorKind::InvalidData);
    }
    for page in [0, 2, 3] {
        file.read_exact_at(&mut bytes, page * PAGE).unwrap();
        assert_eq!(bytes, [1; PAGE as usize]);
    }
    file.write_all_at(&[2; PAGE as usize], PAGE).unwrap();
    file.drop_cached(0..u64::MAX).unwrap();
    file.read_exact_at(&mut bytes, PAGE).unwrap();
    assert_eq!(bytes, [2; PAGE as usize]);
}

#[test]
fn a_transform_that_fails_or_panics_sends_nothing_and_the_cached_bytes_stay() {
    let (file, store, transform) = transformed();
    file.write_all_at(&[1; PAGE as usize], 0).unwrap();
    for (refuses, kind) in [(1, ErrorKind::WouldBlock), (2, ErrorKind::Other)] {
        transform.refuses.store(refuses, Ordering::SeqCst);
        assert_eq!(file.writeback(0..PAGE).unwrap_err().kind(), kind);
    }
    assert_eq!(store.asked(), []);
    transform.refuses.store(0, Ordering::SeqCst);
    file.sync_data().unwrap();
    assert_eq!(store.bytes(0..PAGE), [4; PAGE as usize]);
    let mut bytes = [0; 10];
    file.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(bytes, [1; 10]);
}

#[test]
fn what_would_pass_a_transform_by_is_refused() {
    let (file, ..) = transformed();
    file.write_all_at(&[1; 4 * PAGE as usize], 0).unwrap();
    let refused = [
        file.read_direct_at(&mut [0; PAGE as usize], 0).map(drop),
        file.write_direct_at(&[0; PAGE as usize], 0).map(drop),
        file.collapse_range(0, PAGE),
        file.insert_range(0, PAGE),
    ];
    for outcome in refused {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Unsupported);
    }
}

#[test]
fn a_file_of_whole_pages_waits_for_other_files_to_be_cleaned_and_is_not_written_through() {
    let cache = PageCache::with_options(Options::new(64).flush_interval(Duration::from_millis(1)));
    let store = Arc::new(RecordingStore::default());
    let file = cache.open_with(Arc::clone(&store), FileOptions::new().whole_pages()).unwrap();
    file.set_len(64 * PAGE).unwrap();
    let others: Vec<_> = (0..40).map(|_| cache.open(MemStore::new()).unwrap()).collect();
    std::thread::scope(|scope| {
        for part in others.chunks(20) {
            scope.spawn(move || {
                for round in 0..40 {
                    part.iter().for_each(|other| other.write_all_at(&[1; 10], round * 10).unwrap());
                }
            });
        }
        for page in 0..64 {
            file.write_all_at(&[1; 10], page * PAGE).unwrap();
        }
    });
    file.sync_data().unwrap();
    let is_whole = |asked: &Asked| match asked {
        Asked::Read(bytes) | Asked::Write(bytes) => {
            bytes.start % PAGE == 0 && bytes.end % PAGE == 0
        }
        Asked::Sync => true,
    };
    assert!(store.asked().iter().all(is_whole));
}
