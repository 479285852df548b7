//! A store that fails any one request: the operation that made it returns an error with its name, and changes nothing
//! else than the bytes of its own range. Nothing stays locked, and the store has nothing past the end.

use std::io::{self, ErrorKind};
use std::ops::Range;

use spanlock_page_cache::{File, Length, Mapping, Store};

use crate::mixed_file::{MixedFile, SIZE};
use crate::stores::failing_store::FailingStore;

const PAGE: u64 = 4096;

type Outcome = io::Result<Option<usize>>;

/// What a request does to the bytes if it succeeds, and which bytes it may change if it fails.
struct Change {
    name: &'static str,
    run: fn(&File, &Mapping) -> Outcome,
    /// The bytes after it. `done` of them are reported, if it reports a number.
    apply: fn(&mut Vec<u8>, usize),
    /// The bytes that it may change if it fails.
    touches: Range<u64>,
}

fn changes() -> Vec<Change> {
    fn nothing(_: &mut Vec<u8>, _: usize) {}
    fn wrote(bytes: &mut Vec<u8>, offset: u64, done: usize) {
        let end = offset as usize + done;
        bytes.resize(bytes.len().max(end), 0);
        bytes[offset as usize..end].fill(7);
    }
    const MIDDLE: Range<u64> = PAGE + 5..4 * PAGE + 9;
    const MIDDLE_BYTES: Range<usize> = MIDDLE.start as usize..MIDDLE.end as usize;
    const LEN: u64 = MIDDLE.end - MIDDLE.start;
    let change = |name, run, apply, touches| Change { name, run, apply, touches };
    vec![
        change(
            "set_len",
            |file, _| file.set_len(3 * PAGE + 55).map(|()| None),
            |bytes, _| bytes.truncate(3 * PAGE as usize + 55),
            0..0,
        ),
        change(
            "set_len",
            |file, _| file.set_len(9 * PAGE).map(|()| None),
            |bytes, _| bytes.resize(9 * PAGE as usize, 0),
            0..0,
        ),
        change(
            "punch_hole",
            |file, _| file.punch_hole(MIDDLE.start, LEN).map(|()| None),
            |bytes, _| bytes[MIDDLE_BYTES].fill(0),
            MIDDLE,
        ),
        change(
            "zero_range",
            |file, _| file.zero_range(MIDDLE.start, LEN, Length::Keep).map(|()| None),
            |bytes, _| bytes[MIDDLE_BYTES].fill(0),
            MIDDLE,
        ),
        change(
            "zero_range",
            |file, _| file.zero_range(5 * PAGE, 4 * PAGE, Length::Extend).map(|()| None),
            |bytes, _| {
                bytes.truncate(5 * PAGE as usize);
                bytes.resize(9 * PAGE as usize, 0);
            },
            5 * PAGE..9 * PAGE,
        ),
        change(
            "allocate",
            |file, _| file.allocate(0, SIZE, Length::Keep).map(|()| None),
            nothing,
            0..0,
        ),
        change(
            "allocate",
            |file, _| file.allocate(2 * PAGE, 8 * PAGE, Length::Extend).map(|()| None),
            |bytes, _| bytes.resize(10 * PAGE as usize, 0),
            0..0,
        ),
        change(
            "collapse_range",
            |file, _| file.collapse_range(PAGE, 2 * PAGE).map(|()| None),
            |bytes, _| drop(bytes.drain(PAGE as usize..3 * PAGE as usize)),
            PAGE..3 * PAGE,
        ),
        change(
            "insert_range",
            |file, _| file.insert_range(PAGE, PAGE).map(|()| None),
            |bytes, _| drop(bytes.splice(PAGE as usize..PAGE as usize, [0; PAGE as usize])),
            0..0,
        ),
        change(
            "write",
            |file, _| file.write_at(&[7; 9000], 5 * PAGE + 1).map(Some),
            |bytes, done| wrote(bytes, 5 * PAGE + 1, done),
            0..0,
        ),
        change(
            "write",
            |file, _| file.write_at(&[7; 9000], 9 * PAGE + 1).map(Some),
            |bytes, done| wrote(bytes, 9 * PAGE + 1, done),
            0..0,
        ),
        change(
            "direct write",
            |file, _| file.write_direct_at(&[7; 9000], 2 * PAGE + 1).map(Some),
            |bytes, done| wrote(bytes, 2 * PAGE + 1, done),
            2 * PAGE + 1..2 * PAGE + 9001,
        ),
        change(
            "direct write",
            |file, _| file.write_direct_at(&[7; 9000], 9 * PAGE + 1).map(Some),
            |bytes, done| wrote(bytes, 9 * PAGE + 1, done),
            0..0,
        ),
        change(
            "append",
            |file, _| file.append(&[7; 9000]).map(|_| Some(9000)),
            |bytes, done| wrote(bytes, SIZE, done),
            0..0,
        ),
        change(
            "read",
            |file, _| file.read_at(&mut [0; 3 * PAGE as usize], 3 * PAGE).map(|_| None),
            nothing,
            0..0,
        ),
        change(
            "direct read",
            |file, _| file.read_direct_at(&mut [0; 9000], 2 * PAGE).map(|_| None),
            nothing,
            0..0,
        ),
        change(
            "load",
            |_, mapping| mapping.load(3 * PAGE, &mut [0; 9000]).map(|()| None),
            nothing,
            0..0,
        ),
        change(
            "store",
            |_, mapping| mapping.store(5 * PAGE + 5, &[7; 10]).map(|()| None),
            |bytes, _| wrote(bytes, 5 * PAGE + 5, 10),
            0..0,
        ),
        change("writeback", |file, _| file.writeback(0..u64::MAX).map(|()| None), nothing, 0..0),
        change("sync_data", |file, _| file.sync_data().map(|()| None), nothing, 0..0),
        change("sync_range", |file, _| file.sync_range(0..SIZE).map(|()| None), nothing, 0..0),
    ]
}

/// Each request of each operation, one after the other. Invariant 5 and A5: also the size, and the
/// store behind it.
#[test]
fn a_store_that_fails_any_one_request_changes_nothing_else() {
    for change in changes() {
        let mut number = 0;
        while fails_at(&change, number, Moves::AllAtOnce) {
            number += 1;
        }
    }
}

/// A5. A request of many bytes fails half way through.
#[test]
fn a_store_that_does_a_small_part_and_then_fails_changes_nothing_else() {
    for change in changes() {
        let mut number = 0;
        while fails_at(&change, number, Moves::AtMost(3000)) {
            number += 1;
        }
    }
}

#[derive(Clone, Copy)]
enum Moves {
    AllAtOnce,
    AtMost(usize),
}

/// Makes a change of which one request fails. Returns whether the change needs that many requests.
fn fails_at(change: &Change, number: u64, moves: Moves) -> bool {
    let Change { name, run, apply, touches } = change;
    let mut mixed = MixedFile::new(FailingStore::default());
    if let Moves::AtMost(bytes) = moves {
        mixed.store.cut_short(bytes);
    }
    let first = mixed.store.requests();
    mixed.store.fail(first + number..first + number + 1);
    let outcome = run(&mixed.file, &mixed.mapping);
    let failed = mixed.store.requests() > first + number;
    let case = format!("{name} whose request {number} fails: {outcome:?}");
    match &outcome {
        Ok(done) => apply(&mut mixed.bytes, done.unwrap_or(0)),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::StorageFull, "{case}");
            assert!(error.to_string().starts_with(&format!("{name} ")), "{case}");
        }
    }
    let _heard = mixed.file.sync_data();
    mixed.check_except(&case, |at, byte| {
        outcome.is_err() && touches.contains(&(at as u64)) && may_be(name, byte)
    });
    sync_anew(&mixed.file);
    assert_eq!(mixed.store.len().unwrap(), mixed.file.len(), "{case}");
    if !failed {
        outcome.unwrap();
    }
    failed
}

/// Syncs a file of which a failed sync may have lost what is not cached: then writes it again.
pub fn sync_anew(file: &File) {
    if let Err(error) = file.sync_data() {
        assert!(error.to_string().contains(" may be lost since a sync failed: "), "{error}");
        let mut bytes = vec![0; file.len() as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        file.write_all_at(&bytes, 0).unwrap();
        file.sync_data().unwrap();
    }
}

/// What a byte in the range of a request that failed may be, beside what it was.
fn may_be(name: &str, byte: u8) -> bool {
    match name {
        "punch_hole" | "zero_range" => byte == 0,
        "direct write" => byte == 7,
        _ => name == "collapse_range",
    }
}
