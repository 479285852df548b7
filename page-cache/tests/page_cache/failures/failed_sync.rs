//! After a failed sync: every later sync fails too, until everything is durable.

mod cases;
mod guards;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use spanlock_page_cache::{File, Length, MemStore, PageCache, Store, StoreLayer};

use self::cases::{Case, FATES, LEN, Written, fail, kept, lost, pairs, syncs};
use crate::random::Random;
use crate::stores::lossy_store::{Fate, LossyStore};

const PAGE: u64 = 4096;
const NEVER: Duration = Duration::from_secs(3600);

#[test]
fn what_is_cached_is_durable_after_the_next_sync_that_succeeds() {
    let cases = kept().into_iter().flat_map(|change| FATES.map(|fate| (change, fate)));
    for (number, ((change, options, make), fate)) in cases.enumerate() {
        for (sync, again) in pairs(number) {
            for failures in 1..3 {
                let name = format!("{change}, {} and {}, {fate:?}, {failures}", sync.0, again.0);
                let mut case = Case::new(fate, options);
                make(&mut case);
                fail(&case, failures, sync);
                assert_eq!(case.file.broken_ranges(), [], "{name}");
                if sync.0 == "close" {
                    // The error was reported to the handle that was closed, not to this one.
                    assert!(again.1(&case.file).is_err() || again.0 == "close", "{name}");
                }
                again.1(&case.file).unwrap_or_else(|error| panic!("{name}: {error}"));
                case.check_durable(&name);
            }
        }
    }
}

#[test]
fn a_sync_of_one_range_sends_again_what_a_failed_one_may_have_lost_of_another() {
    for fate in FATES {
        let mut case = Case::new(fate, Written::Back);
        case.write(5 * PAGE..6 * PAGE);
        fail(&case, 1, syncs()[0]);
        case.file.sync_range(0..PAGE).unwrap();
        case.check_durable(&format!("{fate:?}"));
    }
}

#[test]
fn what_is_not_cached_any_more_fails_every_sync_until_it_is_written_anew() {
    let cases = lost().into_iter().flat_map(|change| FATES.map(|fate| (change, fate)));
    for (number, ((change, options, make), fate)) in cases.enumerate() {
        for (sync, again) in pairs(number) {
            let name = format!("{change}, {} and {}, {fate:?}", sync.0, again.0);
            let mut case = Case::new(fate, options);
            let before = case.file.clone();
            make(&mut case);
            fail(&case, 1, sync);
            let broken = case.file.broken_ranges();
            let named = format!("bytes {}..{}", broken[0].start, broken[0].end);
            case.evict();
            let after = case.file.clone();
            for file in [&case.file, &before, &after, &case.file] {
                let error = again.1(file).expect_err(&name);
                assert!(error.to_string().contains(&named), "{name}: {error}");
            }
            case.file.write_all_at(&case.bytes, 0).unwrap();
            again.1(&case.file).unwrap_or_else(|error| panic!("{name}: {error}"));
            case.check_durable(&name);
            assert_eq!(case.file.broken_ranges(), [], "{name}");
        }
    }
}

#[test]
fn what_is_named_is_what_was_given_to_the_store_and_has_left_the_cache() {
    let mut case = Case::new(Fate::Lost, Written::Back);
    case.evict();
    case.write(PAGE + 10..PAGE + 20);
    case.write(3 * PAGE..5 * PAGE);
    case.file.writeback(0..LEN).unwrap();
    case.evict();
    case.file.write_direct_at(&[2; 10], 6 * PAGE).unwrap();
    case.write(7 * PAGE..8 * PAGE);
    fail(&case, 1, syncs()[0]);
    let lost = [PAGE + 10..PAGE + 20, 3 * PAGE..5 * PAGE, 6 * PAGE..6 * PAGE + 10];
    assert_eq!(case.file.broken_ranges(), lost);
    let error = case.file.sync_data().unwrap_err().to_string();
    assert!(error.ends_with(
        "bytes 4106..4116, 12288..20480, 24576..24586 may be lost since a sync failed: told to fail"
    ), "{error}");
    for page in 0..8 {
        case.file.write_direct_at(&[3; 10], page * PAGE + 100).unwrap();
    }
    fail(&case, 1, syncs()[0]);
    let error = case.file.sync_data().unwrap_err().to_string();
    assert!(error.contains(" and 5 more ranges may be lost"), "{error}");
}

#[test]
fn a_broken_range_is_repaired_by_each_way_to_write_it_and_by_nothing_else() {
    type Mend = fn(&File);
    let mends: [(&str, Mend); 7] = [
        ("write", |file| file.write_all_at(&[3; PAGE as usize], PAGE).unwrap()),
        ("parts", |file| {
            for part in 0..64 {
                file.write_all_at(&[3; 64], PAGE + (part * 37 % 64) * 64).unwrap();
            }
        }),
        ("mapping", |file| file.map(0..LEN).unwrap().store(PAGE, &[3; PAGE as usize]).unwrap()),
        ("parts of a mapping", |file| {
            let mapping = file.map(PAGE..LEN).unwrap();
            for part in 0..64 {
                mapping.store((part * 37 % 64) * 64, &[3; 64]).unwrap();
            }
        }),
        ("direct", |file| {
            assert_eq!(file.write_direct_at(&[3; PAGE as usize], PAGE).unwrap(), PAGE as usize);
        }),
        ("hole", |file| file.punch_hole(PAGE, PAGE).unwrap()),
        ("truncation", |file| file.set_len(PAGE).unwrap()),
    ];
    for ((name, mend), fate) in mends.into_iter().flat_map(|m| FATES.map(|f| (m, f))) {
        let mut case = Case::new(fate, Written::Back);
        case.file.write_direct_at(&[2; PAGE as usize], PAGE).unwrap();
        fail(&case, 1, syncs()[0]);
        // The rest of the page is sent too. That repairs nothing.
        case.file.read_exact_at(&mut [0], PAGE).unwrap();
        case.file.write_all_at(&[3; 100], PAGE + 100).unwrap();
        case.file.sync_data().unwrap_err();
        case.file.sync_data().unwrap_err();
        assert_eq!(case.file.broken_ranges(), [PAGE..PAGE + 100, PAGE + 200..2 * PAGE], "{name}");
        mend(&case.file);
        // The range is repaired when it is durable, not before.
        assert!(!case.file.broken_ranges().is_empty() || name == "truncation", "{name}");
        fail(&case, 1, syncs()[0]);
        if case.file.sync_data().is_err() {
            assert!(["direct", "hole"].contains(&name), "{name}");
            mend(&case.file);
            case.file.sync_data().unwrap();
        }
        let byte = if name == "hole" { 0 } else { 3 };
        match name {
            "truncation" => case.bytes.truncate(PAGE as usize),
            _ => case.wrote(PAGE..2 * PAGE, byte),
        }
        case.check_durable(name);
    }
}

#[test]
fn a_file_that_is_opened_anew_is_not_broken() {
    let case = Case::new(Fate::Lost, Written::Back);
    case.file.write_direct_at(&[2; 10], 0).unwrap();
    fail(&case, 1, syncs()[0]);
    let Case { cache, file, store, .. } = case;
    drop(file);
    let file = cache.open(store).unwrap();
    file.sync_all().unwrap();
}

#[test]
fn a_close_returns_errors_not_yet_reported_to_the_handle_and_the_file() {
    let mut case = Case::new(Fate::Lost, Written::Back);
    let other = case.file.clone();
    case.write(0..10);
    fail(&case, 1, syncs()[0]);
    let (other, error) = other.close().unwrap_err().into_parts();
    assert!(error.to_string().contains("told to fail"), "{error}");
    other.close().unwrap();
    case.check_durable("an error that was repaired");
    assert_eq!(case.cache.stats().lost_bytes, 0);
}

#[test]
fn what_a_file_loses_when_it_is_dropped_is_counted() {
    let cache: PageCache = PageCache::new(64);
    let full = |blocks| cache.open(MemStore::with_most_blocks(blocks)).unwrap();
    let lost = || (cache.stats().lost_pages, cache.stats().lost_bytes);
    let file = full(1);
    file.write_all_at(&[1; 8192], 0).unwrap();
    let error = file.close().unwrap_err();
    assert_eq!(lost(), (0, 0));
    drop(error);
    assert_eq!(lost(), (1, 4096));
    // Of a part of a page that part.
    let file = full(0);
    file.set_len(3 * PAGE).unwrap();
    file.write_all_at(&[1; 10], PAGE + 5).unwrap();
    file.write_all_at(&[1; 20], PAGE + 50).unwrap();
    drop(file);
    assert_eq!(lost(), (2, 4096 + 30));
    // Through a mapping, which was the last to go.
    let file = full(0);
    file.set_len(100).unwrap();
    let mapping = file.map(0..PAGE).unwrap();
    mapping.store(0, &[1]).unwrap();
    drop(file);
    assert_eq!(lost(), (2, 4096 + 30));
    drop(mapping);
    assert_eq!(lost(), (3, 4096 + 130));
    // What a sync may have lost.
    let store = Arc::new(LossyStore::new(Fate::Lost));
    let file = cache.open(Arc::clone(&store)).unwrap();
    file.write_direct_at(&[1; 50], 0).unwrap();
    store.fail_syncs(1);
    file.sync_data().unwrap_err();
    drop(file);
    assert_eq!(lost(), (4, 4096 + 180));
    // What is written before the sync is not lost.
    let file = full(10);
    file.write_all_at(&[1; 8192], 0).unwrap();
    drop(file);
    assert_eq!(lost(), (4, 4096 + 180));
}

#[test]
fn sync_data_is_the_stores_own_and_sync_all_is_not() {
    let mut case = Case::new(Fate::Lost, Written::Back);
    let counted = case.store.syncs();
    let since = |case: &Case| {
        let now = case.store.syncs();
        (now.0 - counted.0, now.1 - counted.1)
    };
    case.write(0..10);
    case.file.sync_data().unwrap();
    assert_eq!(since(&case), (1, 1));
    case.file.sync_range(0..10).unwrap();
    assert_eq!(since(&case), (2, 2));
    case.file.sync_all().unwrap();
    assert_eq!(since(&case), (3, 2));
    case.file.clone().close().unwrap();
    assert_eq!(since(&case), (4, 2));
}

/// Random operations, compared with what must be durable.
#[test]
fn whenever_a_sync_succeeds_all_is_durable() {
    for seed in 0..25 {
        let mut random = Random::new(seed + 1);
        let fate =
            FATES[..2].iter().copied().nth(random.below(4) as usize).unwrap_or(Fate::Any(seed));
        let options = match random.below(3) {
            0 => Written::Through,
            _ => Written::Back,
        };
        let mut case = Case::new(fate, options);
        let mapping = case.file.map(0..100 * PAGE).unwrap();
        for step in 0..120_u64 {
            let name = format!("seed {seed} step {step}");
            let byte = step as u8 | 1;
            let len = case.bytes.len() as u64;
            let start = random.below(len + 5000);
            let bytes = vec![byte; [10, PAGE, 3 * PAGE][random.below(3) as usize] as usize];
            let range = start..start + bytes.len() as u64;
            match random.below(16) {
                0..3 => {
                    case.file.write_all_at(&bytes, start).unwrap();
                    case.wrote(range, byte);
                }
                3 => {
                    let at = case.file.append(&bytes).unwrap();
                    case.wrote(at..at + bytes.len() as u64, byte);
                }
                4 if range.end <= len => {
                    mapping.store(start, &bytes).unwrap();
                    case.wrote(range, byte);
                }
                5 => {
                    assert_eq!(case.file.write_direct_at(&bytes, start).unwrap(), bytes.len());
                    case.wrote(range, byte);
                }
                6 if range.end <= len => {
                    case.file.punch_hole(start, bytes.len() as u64).unwrap();
                    case.wrote(range, 0);
                }
                7 => {
                    case.file.zero_range(start, bytes.len() as u64, Length::Extend).unwrap();
                    case.wrote(range, 0);
                }
                8 => {
                    let len = random.below(12 * PAGE);
                    case.file.set_len(len).unwrap();
                    case.bytes.resize(len as usize, 0);
                }
                9 if len > 3 * PAGE => {
                    let at = random.below(2) * PAGE;
                    case.file.collapse_range(at, PAGE).unwrap();
                    case.bytes.drain(at as usize..(at + PAGE) as usize);
                }
                10 if len > PAGE => {
                    case.file.insert_range(PAGE * (len > PAGE) as u64, PAGE).unwrap();
                    case.bytes.splice(PAGE as usize..PAGE as usize, [0; PAGE as usize]);
                }
                11 => case.file.writeback(start..range.end).unwrap(),
                12 => case.evict(),
                13 => {
                    let mut seen = vec![0; len as usize];
                    case.file.read_exact_at(&mut seen, 0).unwrap();
                    // After a sync that failed the store may have gone back to what was there before.
                    let broken = case.file.broken_ranges();
                    let is_broken = |at| broken.iter().any(|range| range.contains(&(at as u64)));
                    let wrong =
                        (0..seen.len()).find(|&at| seen[at] != case.bytes[at] && !is_broken(at));
                    assert_eq!(wrong, None, "{name}");
                }
                _ => {
                    let (_, sync) = syncs()[[0, 1, 4][random.below(3) as usize]];
                    case.store.fail_syncs(random.below(3) as usize / 2);
                    let outcome = sync(&case.file);
                    case.store.fail_syncs(0);
                    match outcome {
                        Ok(()) => case.check_durable(&name),
                        Err(_) if random.below(2) == 0 => {}
                        Err(_) => {
                            case.file.write_all_at(&case.bytes, 0).unwrap();
                            // The error was reported, and the ranges are written again.
                            let _ = case.file.sync_data();
                            case.file.sync_data().unwrap_or_else(|error| panic!("{name}: {error}"));
                            case.check_durable(&name);
                        }
                    }
                }
            }
        }
    }
}

/// A store that records the lengths that it is given, and fails its first sync.
#[derive(Default)]
struct Lengths {
    inner: MemStore,
    lens: Mutex<Vec<u64>>,
    has_synced: AtomicBool,
}

impl StoreLayer for Lengths {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.inner
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.lens.lock().unwrap().push(len);
        self.inner.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        match self.has_synced.swap(true, Ordering::Relaxed) {
            true => Ok(()),
            false => Err(io::Error::other("told to fail")),
        }
    }
}

#[test]
fn the_length_that_zeroes_gave_a_file_is_set_again_after_a_failed_sync() {
    let store = Arc::new(Lengths::default());
    let file = PageCache::new(64).open(Arc::clone(&store)).unwrap();
    file.zero_range(0, 2 * PAGE, Length::Extend).unwrap();
    file.sync_data().unwrap_err();
    store.lens.lock().unwrap().clear();
    // The zeroes are broken until they are written again.
    file.sync_data().unwrap_err();
    assert_eq!(*store.lens.lock().unwrap(), [2 * PAGE]);
}

/// The bytes that made the store longer are not sent again, because they are zeroes by then.
#[test]
fn a_length_that_a_write_gave_is_set_again_after_a_failed_sync_and_a_hole_over_the_write() {
    type Write = fn(&File, &[u8]) -> io::Result<()>;
    let writes: [Write; 3] = [
        |file, bytes| file.write_all_at(bytes, 2 * PAGE),
        |file, bytes| file.write_all_direct_at(bytes, 2 * PAGE),
        |file, bytes| file.append_direct(bytes).map(drop),
    ];
    for fate in FATES {
        for write in writes {
            let store = Arc::new(LossyStore::new(fate));
            let file = PageCache::new(64).open(Arc::clone(&store)).unwrap();
            file.write_all_at(&[1; 2 * PAGE as usize], 0).unwrap();
            file.sync_all().unwrap();
            write(&file, &[2; 3 * PAGE as usize]).unwrap();
            store.fail_syncs(1);
            file.sync_all().unwrap_err();
            file.punch_hole(2 * PAGE, 3 * PAGE).unwrap();
            file.sync_all().unwrap();
            let durable = store.after_a_crash();
            assert_eq!((durable.len() as u64, file.len()), (5 * PAGE, 5 * PAGE), "{fate:?}");
            assert!(durable[2 * PAGE as usize..].iter().all(|&byte| byte == 0), "{fate:?}");
        }
    }
}

/// A store whose writes fail once so many have been made.
struct Failing {
    below: Arc<LossyStore>,
    writes: AtomicUsize,
}

impl Store for Failing {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.below.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let one_less = |writes: usize| writes.checked_sub(1);
        let writes = self.writes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
        writes.map_err(|_| io::Error::other("told to fail"))?;
        self.below.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.below.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.below.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.below.punch_hole(offset, len)
    }

    fn sync(&self) -> io::Result<()> {
        self.below.sync()
    }
}

/// The insertion copies in parts. It fails, and so does moving back what was moved: the file stays longer.
#[test]
fn what_an_insertion_that_failed_has_moved_past_the_old_end_is_broken_after_a_failed_sync() {
    let mut longer = 0;
    for writes in 1..4 {
        let below = Arc::new(LossyStore::new(Fate::Lost));
        let store = Failing { below: Arc::clone(&below), writes: AtomicUsize::new(usize::MAX) };
        let store = Arc::new(store);
        let file = PageCache::new(256).open(Arc::clone(&store)).unwrap();
        let content: Vec<u8> = (0..4_u64 << 20).map(|byte| (byte / PAGE % 250) as u8 + 1).collect();
        file.write_all_at(&content, 0).unwrap();
        file.sync_all().unwrap();
        store.writes.store(writes, Ordering::SeqCst);
        file.insert_range(PAGE, 2 * PAGE).unwrap_err();
        store.writes.store(usize::MAX, Ordering::SeqCst);
        longer += usize::from(file.len() > content.len() as u64);

        below.fail_syncs(1);
        file.sync_all().unwrap_err();
        for range in file.broken_ranges() {
            let mut bytes = vec![0; (range.end - range.start) as usize];
            file.read_exact_at(&mut bytes, range.start).unwrap();
            file.write_all_at(&bytes, range.start).unwrap();
        }
        file.sync_all().unwrap();
        let mut seen = vec![0; file.len() as usize];
        file.read_exact_at(&mut seen, 0).unwrap();
        assert!(below.after_a_crash() == seen, "{writes} writes");
    }
    assert!(longer > 0, "moving back never failed");
}
