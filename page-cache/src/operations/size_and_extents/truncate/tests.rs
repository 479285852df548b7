use std::io;
use std::sync::mpsc::channel;
use std::thread;

use crate::observed::{ObservedFile, observed};
use crate::{File, Length, MemStore, PAGE_SIZE};
use spanlock::Access;

const PAGE: u64 = PAGE_SIZE as u64;

type Change = fn(&File) -> io::Result<()>;

/// What changes the size of a file of ten pages, and the size that it leaves.
const CHANGES: [(&str, Change, u64); 8] = [
    ("set_len to zero", |file| file.set_len(0), 0),
    ("set_len to less", |file| file.set_len(PAGE + 5), PAGE + 5),
    ("set_len to more", |file| file.set_len(90 * PAGE), 90 * PAGE),
    ("write past the end", |file| file.write_all_at(&[3; 9], 90 * PAGE), 90 * PAGE + 9),
    ("write across the end", |file| file.write_all_at(&[3; 90 * PAGE_SIZE], PAGE), 91 * PAGE),
    ("direct write", |file| file.write_direct_at(&[3; 9], 90 * PAGE).map(drop), 90 * PAGE + 9),
    ("allocate", |file| file.allocate(PAGE, 90 * PAGE, Length::Extend), 91 * PAGE),
    ("zero_range", |file| file.zero_range(9, 90 * PAGE, Length::Extend), 90 * PAGE + 9),
];

/// A file of ten pages whose flusher sleeps.
fn ten_pages() -> ObservedFile {
    let observed = observed(MemStore::new());
    observed.file.set_len(10 * PAGE).unwrap();
    observed
}

/// Lets the file grow to 20 pages, as an append does that has claimed from the end on.
fn grow(file: &File) {
    let claim = file.inode().claim(Access::Truncate, 10 * PAGE..u64::MAX);
    file.inode().extend(20 * PAGE, &claim);
}

/// Section 7. Rule i.
#[test]
fn a_size_change_keeps_its_place_in_the_queue_when_the_file_grows_before_it() {
    for (name, change, size) in CHANGES {
        let ObservedFile { file, io, .. } = ten_pages();
        let (_, first_append) = file.inode().io_at_end();
        let at = thread::scope(|scope| {
            let changing = scope.spawn(|| change(&file).unwrap());
            io.until_queued(1);
            let second_append = scope.spawn(|| file.append(&[2; 10]).unwrap());
            io.until_queued(2);
            grow(&file);
            drop(first_append);
            changing.join().unwrap();
            second_append.join().unwrap()
        });
        assert_eq!(at, size, "{name} came after the append that came after it");
    }
}

/// Section 7.
#[test]
fn two_truncations_among_appends_are_granted_in_order() {
    let ObservedFile { file, io, .. } = ten_pages();
    let (_, first_append) = file.inode().io_at_end();
    thread::scope(|scope| {
        let longer = scope.spawn(|| file.set_len(30 * PAGE).unwrap());
        io.until_queued(1);
        let after_longer = scope.spawn(|| file.append(&[2; 10]).unwrap());
        io.until_queued(2);
        let shorter = scope.spawn(|| file.set_len(5 * PAGE).unwrap());
        io.until_queued(3);
        grow(&file);
        drop(first_append);
        assert_eq!(after_longer.join().unwrap(), 30 * PAGE);
        longer.join().unwrap();
        shorter.join().unwrap();
    });
    assert_eq!(file.len(), 5 * PAGE);
}

/// Invariant 8.
#[test]
fn a_claim_that_a_truncation_has_made_too_small_is_exchanged_for_one_of_the_whole_file() {
    // Those that claim the first page anyway wait for its holder in any case.
    for (name, change, size) in CHANGES.into_iter().filter(|(name, ..)| !name.contains("zero")) {
        let ObservedFile { file, io, .. } = ten_pages();
        let all = file.inode().io_exclusive(0..u64::MAX);
        let (held, first_page_is_held) = channel();
        let (release, released) = channel::<()>();
        thread::scope(|scope| {
            let changing = scope.spawn(|| change(&file).unwrap());
            io.until_queued(1);
            let inode = file.inode();
            scope.spawn(move || {
                let first_page = inode.io_exclusive(0..PAGE);
                held.send(()).unwrap();
                released.recv().unwrap();
                drop(first_page);
            });
            io.until_queued(2);
            let pages = inode.claim(Access::Truncate, 3..u64::MAX);
            inode.cut_cache(3, &pages);
            drop((pages, all));
            first_page_is_held.recv().unwrap();
            // The file ends in the first page now, so no thread changes the size before its holder is gone.
            io.until_queued(1);
            release.send(()).unwrap();
            changing.join().unwrap();
        });
        assert_eq!(file.len(), size, "{name}");
    }
}
