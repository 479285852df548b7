//! The holes of a [`FileStore`].

#[cfg(target_os = "linux")]
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{FileStore, Store};

const PAGE: usize = 4096;

/// Another thread may truncate the file past the range at any moment.
#[test]
fn a_file_store_reports_holes_while_its_end_moves() {
    let store = FileStore::new(tempfile::tempfile().unwrap());
    store.write_at(&[1; PAGE], 0).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                store.write_at(&[2; PAGE], 100 * PAGE as u64).unwrap();
                store.set_len(PAGE as u64).unwrap();
            }
        });
        for _ in 0..20_000 {
            let holes = store.holes(0..PAGE as u64);
            if !matches!(&holes, Ok(holes) if holes.as_ref().is_none_or(Vec::is_empty)) {
                done.store(true, Ordering::Relaxed);
                panic!("the holes of a page of data: {holes:?}");
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// What was allocated and not written since is no data to the file system.
#[cfg(target_os = "linux")]
#[test]
fn a_file_store_reports_its_holes_unless_some_may_be_allocated() {
    let folders = [std::env::temp_dir(), "/dev/shm".into()];
    for file in folders.iter().filter_map(|folder| tempfile::tempfile_in(folder).ok()) {
        let store = FileStore::new(file);
        store.set_len(100 * PAGE as u64).unwrap();
        store.write_at(&[1; PAGE], 50 * PAGE as u64).unwrap();
        store.sync().unwrap();
        // Not every file system tells, and this one may be any.
        if let Some(holes) = store.holes(10 * PAGE as u64..90 * PAGE as u64).unwrap() {
            let pages = holes.iter().map(|hole| hole.start / PAGE as u64..hole.end / PAGE as u64);
            assert_eq!(pages.collect::<Vec<_>>(), [10..50, 51..90]);
        }
        store.allocate(70 * PAGE as u64, 10 * PAGE as u64).unwrap();
        if let Some(holes) = store.holes(0..100 * PAGE as u64).unwrap() {
            let allocated = 70 * PAGE as u64..80 * PAGE as u64;
            let overlaps =
                |hole: &Range<u64>| hole.start < allocated.end && allocated.start < hole.end;
            assert!(!holes.iter().any(overlaps), "{holes:?}");
        }
    }
}
