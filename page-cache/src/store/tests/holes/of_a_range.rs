//! What is reported depends on the range only: on the disk's file system and on tmpfs. Not every file system tells its
//! holes, and the temporary folder may be on any. Those that do also tell them of a file without blocks.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::ops::Range;

use super::*;

const BYTES: u64 = PAGE as u64;

/// The bytes of some pages.
fn bytes(pages: Range<u64>) -> Range<u64> {
    pages.start * BYTES..pages.end * BYTES
}

/// A file without blocks on each of the file systems that tell.
fn files(pages: u64) -> Vec<File> {
    let folders = [std::env::temp_dir(), "/dev/shm".into()];
    let files = folders.iter().filter_map(|folder| tempfile::tempfile_in(folder).ok());
    let files = files.inspect(|file| file.set_len(pages * BYTES).unwrap());
    let tells = |file: &File| {
        let holes = FileStore::new(file.try_clone().unwrap()).holes(bytes(0..pages)).unwrap();
        holes.inspect(|holes| assert_eq!(*holes, [bytes(0..pages)])).is_some()
    };
    files.filter(tells).collect()
}

/// The holes of a file that tells them.
fn holes(store: &FileStore, range: Range<u64>) -> Vec<Range<u64>> {
    store.holes(range).unwrap().expect("this file system tells")
}

#[test]
fn space_that_was_allocated_is_no_hole_and_hides_no_other() {
    for file in files(1000) {
        let store = FileStore::new(file);
        store.write_at(&[1; PAGE], 50 * BYTES).unwrap();
        store.allocate(70 * BYTES, 10 * BYTES).unwrap();
        store.reserve(1000 * BYTES, BYTES).unwrap();
        for sync in [false, true] {
            if sync {
                store.sync().unwrap();
            }
            let expected = [bytes(10..50), bytes(51..70), bytes(80..90)];
            assert_eq!(holes(&store, bytes(10..90)), expected);
            assert_eq!(holes(&store, bytes(71..79)), []);
            assert_eq!(holes(&store, bytes(80..1000)), [bytes(80..1000)]);
            let within = 7..9;
            assert_eq!(holes(&store, within.clone()), [within]);
            let ends = 50 * BYTES - 1..51 * BYTES + 1;
            let around = [ends.start..ends.start + 1, ends.end - 1..ends.end];
            assert_eq!(holes(&store, ends), around);
        }
    }
}

/// The file system needs blocks of its own for the list of extents, which are counted as blocks of the file.
#[test]
fn a_file_of_many_extents_reports_its_holes() {
    const EXTENTS: u64 = 200;
    for file in files(2 * EXTENTS) {
        let store = FileStore::new(file);
        for extent in 0..EXTENTS {
            store.write_at(&[1; PAGE], 2 * extent * BYTES).unwrap();
        }
        store.sync().unwrap();
        let expected = (0..EXTENTS).map(|extent| bytes(2 * extent + 1..2 * extent + 2));
        assert!(holes(&store, bytes(0..2 * EXTENTS)).into_iter().eq(expected));
    }
}

#[test]
fn the_holes_of_a_random_file_are_the_pages_that_were_never_given_blocks() {
    const PAGES: u64 = 300;
    let mut random = fastrand::Rng::with_seed(5);
    for file in files(PAGES) {
        let store = FileStore::new(file);
        let mut has_blocks = vec![false; PAGES as usize];
        for _ in 0..300 {
            let start = random.u64(0..PAGES);
            let pages = start..random.u64(start + 1..=(start + 20).min(PAGES));
            let (offset, len) = (pages.start * BYTES, (pages.end - pages.start) * BYTES);
            let part = &mut has_blocks[pages.start as usize..pages.end as usize];
            match random.u8(0..4) {
                0 => {
                    store.write_at(&vec![7; len as usize], offset).unwrap();
                    part.fill(true);
                }
                1 => {
                    store.allocate(offset, len).unwrap();
                    part.fill(true);
                }
                2 => {
                    store.punch_hole(offset, len).unwrap();
                    part.fill(false);
                }
                _ if random.u8(0..8) == 0 => store.sync().unwrap(),
                _ => {
                    let range = offset + random.u64(0..BYTES)..offset + len;
                    let holes = holes(&store, range.clone());
                    assert!(holes.windows(2).all(|two| two[0].end < two[1].start), "{holes:?}");
                    for (page, has_blocks) in pages.zip(part) {
                        let page = bytes(page..page + 1);
                        let page = page.start.max(range.start)..page.end;
                        let is_hole =
                            |hole: &Range<u64>| hole.start <= page.start && page.end <= hole.end;
                        let found = holes.iter().any(is_hole);
                        assert_eq!(found, !*has_blocks, "{page:?} of {range:?}: {holes:?}");
                    }
                }
            }
        }
    }
}

/// How many blocks the whole file has changes at the same time.
#[test]
fn allocated_space_is_no_hole_while_another_thread_writes_elsewhere() {
    for file in files(2000) {
        let store = FileStore::new(file);
        store.allocate(0, BYTES).unwrap();
        let done = AtomicBool::new(false);
        let wrong = thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    for page in 1000..1100 {
                        store.write_at(&[2; PAGE], page * BYTES).unwrap();
                    }
                    store.punch_hole(1000 * BYTES, 100 * BYTES).unwrap();
                }
            });
            let mut found = (0..20_000).map(|_| holes(&store, 0..BYTES));
            let wrong = found.find(|holes| !holes.is_empty());
            done.store(true, Ordering::Relaxed);
            wrong
        });
        assert_eq!(wrong, None);
    }
}

/// A clone of a descriptor has the same position.
#[test]
fn the_position_of_a_file_stays_where_its_user_has_it() {
    for file in files(100) {
        let mut user = file.try_clone().unwrap();
        user.seek(SeekFrom::Start(77)).unwrap();
        let store = FileStore::new(file);
        store.write_at(&[1; PAGE], 50 * BYTES).unwrap();
        let moved = thread::scope(|scope| {
            let find = || (0..5000).for_each(|_| drop(holes(&store, bytes(0..100))));
            let threads = [scope.spawn(find), scope.spawn(find)];
            let mut position = 77;
            while threads.iter().any(|thread| !thread.is_finished()) && position == 77 {
                position = user.stream_position().unwrap();
            }
            position
        });
        assert_eq!((moved, user.stream_position().unwrap()), (77, 77));
    }
}
