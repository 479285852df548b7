use std::ops::Range;

use super::{Oracle, Outcome};
use crate::oracle::allowed_versions::Content;
use crate::oracle::knowledge::Reliability;
use crate::oracle::stamp::Stamp;
use crate::report::finding::What;
use crate::workload::op::{Op, Path};

const LIMIT: u64 = 1 << 20;

fn op(path: Path, thread: u16, sequence: u64, bytes: Range<u64>) -> Op {
    Op { path, thread, sequence, file: 0, bytes, len: None }
}

fn content(op: &Op) -> Content {
    Content::Of(Stamp::new(op.path, op.thread, op.sequence))
}

fn bytes_of(op: &Op) -> Vec<u8> {
    let mut bytes = vec![0; (op.bytes.end - op.bytes.start) as usize];
    Stamp::new(op.path, op.thread, op.sequence).fill(&mut bytes, op.bytes.start);
    bytes
}

fn begin(oracle: &Oracle, op: &Op) {
    oracle.begin_write(op, &op.bytes, content(op));
}

fn end(oracle: &Oracle, op: &Op) {
    oracle.end_write(op, &op.bytes, &op.bytes, Outcome::Done);
}

fn write(oracle: &Oracle, op: &Op) {
    begin(oracle, op);
    end(oracle, op);
}

/// Whether a read of `found` at `start`, that nothing overlaps, is as it should be.
fn allows(oracle: &Oracle, start: u64, found: &[u8]) -> bool {
    let reader = op(Path::Read, 9, 0, start..start + found.len() as u64);
    oracle.begin_read(&reader);
    oracle.end_read(&reader, found, Outcome::Done).is_ok()
}

#[test]
fn a_file_is_zeroes_until_it_is_written() {
    let oracle = Oracle::new(LIMIT, Reliability::Sound);
    let one = op(Path::Write, 0, 1, 60_001..140_003);
    assert!(allows(&oracle, 60_001, &vec![0; 80_002]));
    write(&oracle, &one);
    assert!(allows(&oracle, 60_001, &bytes_of(&one)));
    assert!(!allows(&oracle, 60_001, &vec![0; 80_002]));
    assert!(allows(&oracle, 59_000, &[0; 1001]));
    assert!(allows(&oracle, 140_003, &[0; 1001]));
}

#[test]
fn what_overlaps_a_read_may_be_seen_or_not() {
    let oracle = Oracle::new(LIMIT, Reliability::Sound);
    let (one, two) = (op(Path::Write, 0, 1, 4096..8192), op(Path::Write, 0, 2, 4096..8192));
    write(&oracle, &one);
    for seen in [&one, &two] {
        let reader = op(Path::Read, 1, 1, 4096..8192);
        oracle.begin_read(&reader);
        write(&oracle, &two);
        assert!(oracle.end_read(&reader, &bytes_of(seen), Outcome::Done).is_ok());
    }
    assert!(!allows(&oracle, 4096, &bytes_of(&one)), "the read is over, and the write is done");
    assert!(allows(&oracle, 4096, &bytes_of(&two)));
}

#[test]
fn writes_that_overlapped_stay_undecided_until_a_later_one() {
    let oracle = Oracle::new(LIMIT, Reliability::Sound);
    let write_at = |sequence| op(Path::Write, 0, sequence, 4096..8192);
    let (one, two, three) = (write_at(1), write_at(2), write_at(3));
    begin(&oracle, &one);
    begin(&oracle, &two);
    end(&oracle, &one);
    assert!(!allows(&oracle, 4096, &[0; 4096]), "one of them is there");
    end(&oracle, &two);
    assert!(allows(&oracle, 4096, &bytes_of(&one)));
    assert!(allows(&oracle, 4096, &bytes_of(&two)));
    write(&oracle, &three);
    assert!(!allows(&oracle, 4096, &bytes_of(&one)));
    assert!(!allows(&oracle, 4096, &bytes_of(&two)));
    assert!(allows(&oracle, 4096, &bytes_of(&three)));
}

#[test]
fn a_write_that_failed_may_be_cut_off_in_a_sector_and_nothing_else_may() {
    let oracle = Oracle::new(LIMIT, Reliability::Sound);
    let failed = op(Path::Write, 0, 1, 4096..8192);
    let mut cut_off = bytes_of(&failed);
    cut_off[1234..].fill(0);
    begin(&oracle, &failed);
    oracle.end_write(&failed, &failed.bytes, &(4096..4096), Outcome::Failed);
    assert!(allows(&oracle, 4096, &cut_off), "the file ended at 5330, and grew");
    assert!(allows(&oracle, 4096, &[0; 4096]));
    cut_off[2000] = 1;
    assert!(!allows(&oracle, 4096, &cut_off));
    let whole = op(Path::Write, 0, 2, 4096..8192);
    write(&oracle, &whole);
    let mut cut_off = bytes_of(&whole);
    cut_off[1234..].fill(0);
    assert!(!allows(&oracle, 4096, &cut_off));
}

#[test]
fn a_hole_that_overlaps_a_write_to_zeroes_may_come_after_it() {
    let oracle = Oracle::new(LIMIT, Reliability::Sound);
    let (hole, one) = (op(Path::Punch, 0, 1, 0..65_536), op(Path::Write, 1, 1, 4096..8192));
    oracle.begin_write(&hole, &hole.bytes, Content::Zero);
    begin(&oracle, &one);
    end(&oracle, &hole);
    end(&oracle, &one);
    assert!(allows(&oracle, 4096, &[0; 4096]));
    assert!(allows(&oracle, 4096, &bytes_of(&one)));
}

#[test]
fn a_truncation_is_zeroes_to_the_end() {
    let oracle = Oracle::new(LIMIT, Reliability::Sound);
    let one = op(Path::Write, 0, 1, 0..LIMIT);
    write(&oracle, &one);
    let cut = Op { len: Some(70_000), ..op(Path::Truncate, 1, 1, 70_000..LIMIT) };
    oracle.begin_write(&cut, &cut.bytes, Content::Zero);
    end(&oracle, &cut);
    assert!(allows(&oracle, 0, &bytes_of(&one)[..70_000]));
    assert!(allows(&oracle, 70_000, &vec![0; LIMIT as usize - 70_000]));
    assert!(!allows(&oracle, 70_000, &bytes_of(&one)[70_000..70_100]));
}

#[test]
fn a_finding_names_the_sector_the_stamps_and_the_last_operations() {
    let oracle = Oracle::new(LIMIT, Reliability::Sound);
    let (one, two) = (op(Path::Write, 0, 1, 4096..8192), op(Path::DirectWrite, 1, 5, 4096..8192));
    write(&oracle, &one);
    write(&oracle, &two);
    let reader = op(Path::Read, 2, 3, 5000..6000);
    oracle.begin_read(&reader);
    let stale = &bytes_of(&one)[904..1904];
    let finding = oracle.end_read(&reader, stale, Outcome::Done).unwrap_err();
    assert_eq!(
        finding.to_string(),
        "sector 9 (offset 4608)\n  \
           seen by   read #2.3 of 5000..6000\n  \
           bytes     392 to 512\n  \
           expected  direct write #1.5 (settled)\n  \
           found     write #0.1\n  \
           last operations that touched it:\n    \
             tick      1 to 2       write #0.1 of 4096..8192\n    \
             tick      3 to 4       direct write #1.5 of 4096..8192\n    \
             tick      5 to 6       read #2.3 of 5000..6000\n"
    );
}

#[test]
fn one_read_that_shows_a_write_and_what_it_replaced_is_a_torn_page() {
    let oracle = Oracle::new(LIMIT, Reliability::Sound);
    let (one, two) = (op(Path::Write, 0, 1, 4096..8192), op(Path::Write, 1, 1, 4096..8192));
    write(&oracle, &one);
    let reader = op(Path::Read, 2, 1, 4096..8192);
    oracle.begin_read(&reader);
    begin(&oracle, &two);
    let mut found = bytes_of(&one);
    found[..2048].copy_from_slice(&bytes_of(&two)[..2048]);
    let finding = oracle.end_read(&reader, &found, Outcome::Done).unwrap_err();
    assert!(matches!(finding.what, What::TornPage(_)), "{finding}");
}

#[test]
fn a_write_under_way_to_a_store_that_fails_may_end_within_a_page() {
    let one = op(Path::Write, 0, 1, 4096..8192);
    let two = op(Path::DirectWrite, 0, 2, 4096..8192);
    let mut cut_off = bytes_of(&two);
    cut_off[2048..].copy_from_slice(&bytes_of(&one)[2048..]);
    for (store, allowed) in [(Reliability::Sound, false), (Reliability::Failing, true)] {
        let oracle = Oracle::new(LIMIT, store);
        write(&oracle, &one);
        begin(&oracle, &two);
        assert_eq!(allows(&oracle, 4096, &cut_off), allowed);
    }
}
