//! What a file of the system does with calls that are interrupted, fail, or do a part only.

use std::io::{self, ErrorKind};
use std::ops::Range;

use super::{FileStore, Store, TempFile};
use crate::store::file_store::calls::faults::{Calls, Fault, during};

const BLOCK: usize = 4096;

/// The error of a disk that does not read or write.
const EIO: i32 = 5;

const FAULTS: [Fault; 6] = [
    Fault::Interrupted,
    Fault::Errno(EIO),
    Fault::Short(0),
    Fault::Short(100),
    Fault::Short(BLOCK),
    Fault::Short(BLOCK + 100),
];

/// Three blocks and a part of one.
const LEN: usize = 3 * BLOCK + 100;

fn old() -> Vec<u8> {
    (0..LEN).map(|at| (at % 251) as u8).collect()
}

/// Stores through the kernel's cache and, if that can be had, past it.
fn stores(file: &TempFile) -> Vec<FileStore> {
    let cached = FileStore::open(&file.0).unwrap();
    [cached].into_iter().chain(FileStore::open_direct(&file.0)).collect()
}

/// Calls `work` with each fault of each call that it makes.
fn with_each_fault<T>(mut work: impl FnMut() -> T, mut check: impl FnMut(T, Fault)) {
    for fault in FAULTS {
        for call in 0.. {
            assert!(call < 100);
            let (done, struck) = during(Calls::One(call), fault, &mut work);
            check(done, fault);
            if !struck {
                break;
            }
        }
    }
}

/// Whether a call may fail with this error after a fault.
fn is_allowed(error: &io::Error, fault: Fault) -> bool {
    match fault {
        Fault::Interrupted => error.kind() == ErrorKind::Interrupted,
        Fault::Errno(errno) => error.raw_os_error() == Some(errno),
        // A call that says it has done nothing, though there was something to do.
        Fault::Short(0) => matches!(error.kind(), ErrorKind::WriteZero | ErrorKind::UnexpectedEof),
        Fault::Short(_) => false,
    }
}

fn check_write(file: &TempFile, done: io::Result<usize>, range: Range<usize>, fault: Fault) {
    let context = format!("{fault:?} at {range:?}: {done:?}");
    let seen = std::fs::read(&file.0).unwrap();
    let written = match &done {
        Ok(written) => *written,
        Err(error) => {
            assert!(is_allowed(error, fault), "{context}");
            0
        }
    };
    assert!(written <= range.len(), "{context}");
    let least = LEN.max(if written > 0 { range.start + written } else { 0 });
    assert!((least..=LEN.max(range.end)).contains(&seen.len()), "{context}: {}", seen.len());
    let old = old();
    for (at, &byte) in seen.iter().enumerate() {
        let before = old.get(at).copied().unwrap_or(0);
        let allowed = match at {
            _ if at >= range.start && at < range.start + written => byte == 0xdb,
            _ if range.contains(&at) => byte == 0xdb || byte == before,
            _ => byte == before,
        };
        assert!(allowed, "{context}: {byte} at {at}");
    }
}

#[test]
fn a_write_reports_what_it_did_and_touches_nothing_else_whatever_becomes_of_its_calls() {
    let file = TempFile::new().unwrap();
    let ranges = [
        0..2 * BLOCK,
        100..200,
        100..2 * BLOCK + 50,
        BLOCK..LEN,
        LEN - 50..LEN - 10,
        2 * BLOCK..6 * BLOCK,
        2 * BLOCK + 7..5 * BLOCK + 9,
    ];
    for store in stores(&file) {
        for range in ranges.clone() {
            let write = || {
                std::fs::write(&file.0, old()).unwrap();
                store.write_at(&vec![0xdb; range.len()], range.start as u64)
            };
            with_each_fault(write, |done, fault| check_write(&file, done, range.clone(), fault));
        }
    }
}

#[test]
fn a_direct_write_that_fails_leaves_the_length_that_the_file_had() {
    let file = TempFile::new().unwrap();
    let Ok(store) = FileStore::open_direct(&file.0) else { return };
    let write = || {
        std::fs::write(&file.0, old()).unwrap();
        store.write_at(&[0xdb; 3 * BLOCK], LEN as u64)
    };
    with_each_fault(write, |done, _| {
        let len = std::fs::metadata(&file.0).unwrap().len();
        assert_eq!(len as usize, LEN + done.unwrap_or(0));
    });
}

#[test]
fn a_read_returns_the_bytes_or_the_error_whatever_its_calls_return() {
    let file = TempFile::new().unwrap();
    std::fs::write(&file.0, old()).unwrap();
    for store in stores(&file) {
        for range in [0..2 * BLOCK, 100..200, 100..LEN + 100, LEN - 50..LEN - 10, BLOCK..4 * BLOCK]
        {
            let read = || {
                let mut seen = vec![0; range.len()];
                store.read_at(&mut seen, range.start as u64).map(|found| seen[..found].to_vec())
            };
            with_each_fault(read, |found, fault| match found {
                Ok(found) => {
                    assert!(found == old()[range.start..range.start + found.len()]);
                    assert!(!found.is_empty() || fault == Fault::Short(0));
                }
                Err(error) => assert!(is_allowed(&error, fault), "{fault:?}: {error}"),
            });
        }
    }
}

#[test]
fn calls_that_are_always_interrupted_are_not_repeated_without_end() {
    let file = TempFile::new().unwrap();
    std::fs::write(&file.0, old()).unwrap();
    for store in stores(&file) {
        for range in [0..BLOCK, 100..200, 100..2 * BLOCK + 50, LEN..LEN + 50] {
            let (bytes, at) = (vec![0xdb; range.len()], range.start as u64);
            let (wrote, _) = during(Calls::All, Fault::Interrupted, || store.write_at(&bytes, at));
            assert_eq!(wrote.unwrap_err().kind(), ErrorKind::Interrupted);
            let read = || store.read_at(&mut vec![0; range.len()], at);
            let (read, _) = during(Calls::All, Fault::Interrupted, read);
            assert_eq!(read.unwrap_err().kind(), ErrorKind::Interrupted);
        }
    }
    assert_eq!(std::fs::read(&file.0).unwrap(), old());
}
