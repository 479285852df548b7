//! The holes of a [`FileStore`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{FileStore, Store};

#[cfg(target_os = "linux")]
mod of_a_range;

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
