//! What is claimed while the store is asked.

use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::observed::{Asking, Log, ObservedFile, observed};
use crate::{File, MemStore, PAGE_SIZE, PageCache};
use spanlock::{Access, Claim, Mode};

const PAGE: u64 = PAGE_SIZE as u64;

/// Several chunks of direct IO, and a part of a page.
const PAGES: u64 = 600;
const LEN: u64 = PAGES * PAGE - 100;

/// A request to the store, and what was claimed meanwhile.
struct Request {
    bytes: Range<u64>,
    io: Vec<Claim>,
    mapping: Vec<Claim>,
}

/// What an operation on a file of `LEN` bytes requests of the store.
fn requests(operation: impl Fn(&File)) -> Vec<Request> {
    let locks: Arc<OnceLock<[Arc<Log>; 2]>> = Arc::default();
    let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
    let (known, noted) = (Arc::clone(&locks), Arc::clone(&requests));
    let store = Asking::new(move |_, bytes| {
        if let Some([io, mapping]) = known.get() {
            let (io, mapping) = (io.claims(), mapping.claims());
            noted.lock().unwrap().push(Request { bytes, io, mapping });
        }
        Ok(())
    });
    let ObservedFile { file, io, mapping } = observed(store);
    file.set_len(LEN).unwrap();
    assert!(locks.set([io, mapping]).is_ok());
    operation(&file);
    std::mem::take(&mut requests.lock().unwrap())
}

fn pages_of(bytes: &Range<u64>) -> Range<u64> {
    bytes.start / PAGE..bytes.end.div_ceil(PAGE)
}

#[test]
fn each_operation_claims_the_pages_that_it_asks_the_store_for_and_no_others() {
    use Mode::{Exclusive, Shared};
    type Case = (&'static str, Mode, fn(&File));
    let cases: [Case; 9] = [
        ("sync", Shared, |file| {
            file.write_all_at(&[1; 3 * PAGE_SIZE], 2 * PAGE).unwrap();
            file.write_all_at(&[1; PAGE_SIZE], 30 * PAGE).unwrap();
            file.sync_data().unwrap();
        }),
        ("direct write", Exclusive, |file| {
            let bytes = vec![1; 2 << 20];
            assert_eq!(file.write_direct_at(&bytes, 10 * PAGE + 100).unwrap(), bytes.len());
        }),
        ("direct read", Exclusive, |file| {
            let mut bytes = vec![0; 2 << 20];
            assert_eq!(file.read_direct_at(&mut bytes, 10 * PAGE + 100).unwrap(), bytes.len());
        }),
        ("write-through", Shared, |file| {
            let bytes = [1; 2 * PAGE_SIZE + 300];
            assert_eq!(file.inode().send_through(&bytes, 3 * PAGE, 0).unwrap(), bytes.len());
        }),
        ("store that is written through", Shared, |file| {
            file.inode().store_through(&[1; 10], 7 * PAGE + 4000).unwrap();
        }),
        ("reads", Shared, |file| {
            for page in 0..40 {
                file.read_exact_at(&mut [0; PAGE_SIZE], page * PAGE).unwrap();
            }
        }),
        ("reads at the end", Shared, |file| {
            for page in PAGES - 20..PAGES {
                file.read_at(&mut [0; PAGE_SIZE], page * PAGE).unwrap();
            }
        }),
        ("load", Shared, |file| file.map(0..LEN).unwrap().load(9 * PAGE + 1, &mut [0]).unwrap()),
        ("guard", Shared, |file| drop(file.page(20).unwrap())),
    ];
    for (name, mode, operation) in cases {
        let requests = requests(operation);
        assert!(!requests.is_empty(), "{name}");
        for Request { bytes, mapping, .. } in requests {
            let claimed: Vec<_> =
                mapping.into_iter().map(|claim| (claim.range, claim.mode)).collect();
            assert_eq!(claimed, [(pages_of(&bytes), mode)], "{name}, {bytes:?}");
            assert!(bytes.end <= LEN, "{name}, {bytes:?}");
        }
    }
}

#[test]
fn a_write_claims_the_pages_that_it_writes_and_from_the_old_end_on_where_it_extends_the_file() {
    let all = u64::MAX / PAGE;
    let cases = [
        (5 * PAGE..6 * PAGE, 5..6),
        (5 * PAGE + 1..5 * PAGE + 9, 5..6),
        (5 * PAGE..7 * PAGE, 5..7),
        (5 * PAGE + 4000..6 * PAGE + 10, 5..7),
        (LEN - 10..LEN, PAGES - 1..PAGES),
        (LEN - 10..LEN + 10, PAGES - 1..all),
        (LEN + 5 * PAGE..LEN + 6 * PAGE, PAGES - 1..all),
        (2 * PAGE..LEN + 1, 2..all),
    ];
    for (bytes, expected) in cases {
        let len = (bytes.end - bytes.start) as usize;
        let requests = requests(|file| {
            assert_eq!(file.write_direct_at(&vec![1; len], bytes.start).unwrap(), len);
        });
        assert!(!requests.is_empty());
        for Request { io, .. } in requests {
            let [Claim { range, mode, .. }] = &io[..] else { panic!("{bytes:?}: {io:?}") };
            assert_eq!((range.start, *mode), (expected.start, Mode::Exclusive), "{bytes:?}");
            assert!(range.end == expected.end || range.end >= all.min(expected.end), "{bytes:?}");
        }
    }
}

#[test]
fn a_claim_that_is_free_is_had_before_a_time_and_one_that_is_not_is_given_up() {
    let file: File = PageCache::new(16).open(MemStore::new()).unwrap();
    let inode = file.inode();
    let later = || Instant::now() + Duration::from_secs(60);
    let claim = inode.claim_until(Access::BufferedRead, 0..PAGE, later()).unwrap();
    thread::scope(|scope| {
        let refused = || inode.claim_until(Access::Truncate, 0..PAGE, Instant::now()).is_none();
        assert!(scope.spawn(refused).join().unwrap());
    });
    drop(claim);
    assert!(inode.claim_until(Access::Truncate, 0..PAGE, later()).is_some());
}
