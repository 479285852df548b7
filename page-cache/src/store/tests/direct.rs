//! What a direct file never shows: a length, or bytes, that were not requested.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{FileStore, Store, TempFile};

/// A direct store over a new file, where the file system has direct IO.
fn open(file: &TempFile) -> Option<FileStore> {
    FileStore::open_direct(&file.0).ok()
}

/// The lengths that the file has while `work` continues.
fn lengths_during(path: &Path, work: impl FnOnce()) -> BTreeSet<u64> {
    let over = AtomicBool::new(false);
    let mut lengths = BTreeSet::new();
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            while !over.load(Ordering::Relaxed) {
                seen.insert(std::fs::metadata(path).unwrap().len());
            }
            seen
        });
        work();
        over.store(true, Ordering::Relaxed);
        lengths = watcher.join().unwrap();
    });
    lengths
}

#[test]
fn a_direct_file_is_never_longer_than_what_was_written() {
    let file = TempFile::new().unwrap();
    let Some(store) = open(&file) else { return };
    let lengths = lengths_during(&file.0, || {
        for number in 0..400 {
            assert_eq!(store.write_at(&[1; 100], number * 100).unwrap(), 100);
        }
    });
    assert_eq!(lengths.iter().find(|&&len| len % 100 != 0), None);
}

/// From the middle of a block to the middle of another, past the end: the length changes once.
#[test]
fn a_direct_write_lets_the_file_grow_in_one_step() {
    let file = TempFile::new().unwrap();
    let Some(store) = open(&file) else { return };
    let mut expected = Vec::new();
    for step in [10_000, 4096, 70_001, 12_288] {
        store.set_len(0).unwrap();
        let lengths = lengths_during(&file.0, || {
            for _ in 0..100 {
                store.set_len(0).unwrap();
                expected.clear();
                while expected.len() < 4 * step {
                    let offset = expected.len() as u64;
                    assert_eq!(store.write_at(&vec![2; step], offset).unwrap(), step);
                    expected.resize(expected.len() + step, 2);
                }
            }
        });
        assert_eq!(lengths.iter().find(|&&len| len % step as u64 != 0), None, "steps of {step}");
        assert!(std::fs::read(&file.0).unwrap() == expected);
    }
}

/// The kernel's cache and the disk agree, whichever of the two the last bytes of the file went through.
#[test]
fn bytes_at_the_end_of_a_direct_file_survive_what_is_written_beside_them() {
    let file = TempFile::new().unwrap();
    let Some(store) = open(&file) else { return };
    let mut expected = vec![0; 3 * 4096];
    for round in 0..200_u8 {
        let len = 4096 + usize::from(round) * 40;
        store.set_len(len as u64).unwrap();
        expected.resize(len, 0);
        // The last block in part, its first bytes, the block before it as a whole, and across.
        let last = len - len % 4096;
        let pieces = [len - 7..len, last..last + 3, last - 4096..last, last - 5..len - 3];
        for piece in pieces.into_iter().filter(|piece| piece.start < piece.end && piece.end <= len)
        {
            expected[piece.clone()].fill(round);
            store.write_at(&expected[piece.clone()], piece.start as u64).unwrap();
            let mut seen = vec![0xff; len + 10];
            assert_eq!(store.read_at(&mut seen, 0).unwrap(), len);
            assert!(seen[..len] == expected[..len], "round {round}, {piece:?}");
        }
        // What another process reads.
        assert!(std::fs::read(&file.0).unwrap() == expected, "round {round}");
    }
}

#[cfg(unix)]
#[test]
fn a_direct_store_reads_and_writes_a_path_that_is_replaced_as_one_file() {
    let (file, other) = (TempFile::new().unwrap(), TempFile::new().unwrap());
    std::fs::write(&other.0, [9; 5000]).unwrap();
    let Some(store) = open(&file) else { return };
    std::fs::rename(&other.0, &file.0).unwrap();
    store.write_at(&[1; 5000], 0).unwrap();
    assert_eq!(store.len().unwrap(), 5000);
    assert_eq!(std::fs::read(&file.0).unwrap(), [9; 5000]);
    let mut seen = [0; 5000];
    assert_eq!(store.read_at(&mut seen, 0).unwrap(), 5000);
    assert_eq!(seen, [1; 5000]);
}

#[test]
fn a_direct_write_across_the_greatest_length_is_short() {
    let file = TempFile::new().unwrap();
    let Some(store) = open(&file) else { return };
    let most = store.max_len();
    if most == i64::MAX as u64 {
        return;
    }
    assert_eq!(store.write_at(&[1; 10_000], most - 5000).unwrap(), 5000);
    assert_eq!(store.len().unwrap(), most);
    assert_eq!(store.write_at(&[1], most).unwrap_err().kind(), ErrorKind::FileTooLarge);
}

/// Each merges its bytes into the block that the other writes too.
#[test]
fn two_direct_writes_to_one_block_both_arrive() {
    let file = TempFile::new().unwrap();
    let Some(store) = open(&file) else { return };
    store.set_len(8192).unwrap();
    for round in 1..=200_u8 {
        std::thread::scope(|scope| {
            for start in [0, 1000, 2000] {
                let store = &store;
                scope.spawn(move || store.write_at(&[round; 100], start).unwrap());
            }
        });
        let mut block = [0; 4096];
        assert_eq!(store.read_at(&mut block, 0).unwrap(), 4096);
        for start in [0, 1000, 2000] {
            assert_eq!(block[start..start + 100], [round; 100], "round {round}, at {start}");
        }
    }
}
