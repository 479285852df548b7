//! Bytes that a mapping stores past the end, in the last page, are zeroes after the file has grown. Invariant 9.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{File, FileOptions, Length, MemStore, Options, PageCache, Store};

use crate::stop::Stop;
use crate::stores::stopping_store::{StoppingStore, stop_at_next_request};

const PAGE: u64 = 4096;
const OLD_END: u64 = 100;

type Grow = fn(&File);

/// Every operation by which a file grows over the bytes past its end.
const GROW: [(&str, Grow); 6] = [
    ("truncation", |file| file.set_len(2 * PAGE).unwrap()),
    ("write", |file| file.write_all_at(&[9; 10], 2 * PAGE).unwrap()),
    ("write into the last page", |file| file.write_all_at(&[9; 10], 1000).unwrap()),
    ("direct write", |file| assert_eq!(file.write_direct_at(&[9; 10], 2 * PAGE).unwrap(), 10)),
    ("zero range", |file| file.zero_range(PAGE, PAGE, Length::Extend).unwrap()),
    ("allocation", |file| file.allocate(0, 2 * PAGE, Length::Extend).unwrap()),
];

#[test]
fn what_was_stored_past_the_end_just_before_the_file_grew_is_gone() {
    for (name, grow) in GROW {
        let options = Options::new(16).flush_interval(Duration::from_secs(3600));
        let store = Arc::new(StoppingStore::default());
        let file = PageCache::with_options(options).open(Arc::clone(&store)).unwrap();
        file.write_all_at(&[1; OLD_END as usize], 0).unwrap();
        let mapping = file.map(0..PAGE).unwrap();
        mapping.store(OLD_END, &[7; 500]).unwrap();
        let gate = Arc::new(Mutex::new(()));
        let (stopped, is_stopped) = mpsc::channel();
        thread::scope(|scope| {
            let closed = gate.lock().unwrap();
            scope.spawn(|| {
                stop_at_next_request(stopped, Arc::clone(&gate));
                grow(&file);
            });
            is_stopped.recv().unwrap();
            mapping.store(OLD_END + 200, &[8; 500]).unwrap();
            assert_eq!(file.len(), OLD_END, "{name}");
            drop(closed);
        });
        let mut seen = [0xff; 900];
        file.read_exact_at(&mut seen, OLD_END).unwrap();
        assert_eq!(seen, [0; 900], "{name}");
        file.sync_all().unwrap();
        store.inner.read_at(&mut seen, OLD_END).unwrap();
        assert_eq!(seen, [0; 900], "{name}, in the store");
        // From here on a store is in the file.
        mapping.store(OLD_END, &[6]).unwrap();
        file.read_exact_at(&mut seen[..1], OLD_END).unwrap();
        assert_eq!(seen[0], 6, "{name}");
    }
}

#[test]
fn a_store_after_the_file_grew_faults_even_where_the_page_was_writable() {
    for (name, grow) in GROW {
        let options = Options::new(16).flush_interval(Duration::from_secs(3600));
        let cache = PageCache::with_options(options);
        let file = cache.open(MemStore::new()).unwrap();
        file.write_all_at(&[1; OLD_END as usize], 0).unwrap();
        let mapping = file.map(0..PAGE).unwrap();
        mapping.store(0, &[7]).unwrap();
        grow(&file);
        let before = cache.stats().hits;
        mapping.store(OLD_END, &[8]).unwrap();
        assert_eq!(cache.stats().hits - before, 1, "{name}");
    }
}

#[test]
fn what_was_stored_past_the_end_is_gone_after_a_write_through_that_leaves_a_gap() {
    for offset in [1000, PAGE, 2 * PAGE + 10] {
        let store = Arc::new(MemStore::new());
        let options = FileOptions::new().write_through();
        let file = PageCache::new(16).open_with(Arc::clone(&store), options).unwrap();
        file.write_all_at(&[1; OLD_END as usize], 0).unwrap();
        let mapping = file.map(0..PAGE).unwrap();
        mapping.store(OLD_END, &[7; 3000]).unwrap();
        file.write_all_at(&[9; 10], offset).unwrap();
        let mut expected = vec![0; offset as usize + 10];
        expected[..OLD_END as usize].fill(1);
        expected[offset as usize..].fill(9);
        let mut seen = vec![0xff; expected.len()];
        file.read_exact_at(&mut seen, 0).unwrap();
        assert_eq!(seen, expected, "at {offset}");
        file.sync_all().unwrap();
        assert_eq!(store.read_at(&mut seen, 0).unwrap(), seen.len());
        assert_eq!(seen, expected, "in the store, at {offset}");
    }
}

/// Stores ever greater numbers at `offset`, past the end or not, and keeps in `lost` the greatest
/// that was stored before the file was seen to end at the old end still.
fn scribble(file: &File, offset: u64, lost: &AtomicU32, stop: &Stop) {
    let mapping = file.map(0..PAGE).unwrap();
    for number in 1.. {
        mapping.store(offset, &u32::to_le_bytes(number)).unwrap();
        if file.len() == OLD_END {
            lost.store(number, Ordering::SeqCst);
        }
        if stop.is_asked_for() {
            break;
        }
    }
}

#[test]
fn whatever_was_stored_past_the_end_while_the_file_grew_is_gone_or_came_after() {
    const SCRIBBLERS: [u64; 2] = [200, 3000];
    let cache = PageCache::with_options(Options::new(16));
    let file = cache.open(MemStore::new()).unwrap();
    let other = cache.open(MemStore::new()).unwrap();
    other.set_len(100 * PAGE).unwrap();
    file.write_all_at(&[1; OLD_END as usize], 0).unwrap();
    let lost = [AtomicU32::new(0), AtomicU32::new(0)];
    let stop = Stop::default();
    thread::scope(|scope| {
        let _at_the_end = stop.when_dropped();
        for (offset, lost) in SCRIBBLERS.into_iter().zip(&lost) {
            let (file, stop) = (&file, &stop);
            scope.spawn(move || scribble(file, offset, lost, stop));
        }
        let rounds = 3000;
        for round in 0..rounds {
            if round % 3 == 0 {
                // Evicts the last page.
                other.read_exact_at(&mut vec![0; 20 * PAGE as usize], round % 80 * PAGE).unwrap();
            }
            let (name, grow) = GROW[round as usize % GROW.len()];
            grow(&file);
            for (offset, lost) in SCRIBBLERS.into_iter().zip(&lost) {
                let mut number = [0; 4];
                if file.read_at(&mut number, offset).unwrap() < 4 {
                    continue;
                }
                let (number, lost) = (u32::from_le_bytes(number), lost.load(Ordering::SeqCst));
                assert!(number == 0 || number > lost, "{number} of {lost} shows after a {name}");
            }
            file.set_len(OLD_END).unwrap();
        }
    });
}

/// A5: also if the store could not be truncated after a failed write.
#[test]
fn what_a_failed_write_left_in_the_store_is_gone_when_the_file_has_grown() {
    for (name, grow) in GROW {
        let store = Arc::new(crate::stores::failing_store::FailingStore::default());
        let options = Options::new(16).flush_interval(Duration::from_secs(3600));
        let file = PageCache::with_options(options).open(Arc::clone(&store)).unwrap();
        file.write_all_at(&[1; OLD_END as usize], 0).unwrap();
        file.sync_all().unwrap();
        // The state after a write that failed half way through, over a store that then could not be truncated.
        store.inner.write_at(&[0xee; 3 * PAGE as usize], OLD_END).unwrap();
        grow(&file);
        let mut seen = vec![0xff; file.len() as usize];
        file.read_exact_at(&mut seen, 0).unwrap();
        assert!(!seen.contains(&0xee), "{name}");
        file.sync_all().unwrap();
        file.read_direct_at(&mut seen, 0).unwrap();
        assert!(!seen.contains(&0xee), "{name}, in the store");
    }
}
