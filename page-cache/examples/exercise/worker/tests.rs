use std::sync::Arc;
use std::thread;

use super::{Post, Worker};
use crate::oracle::knowledge::{Knowledge, Reliability, WriteMode};
use crate::oracle::stamp::{Found, Piece};
use crate::report::finding::{Findings, What};
use crate::report::journal::Journal;
use crate::run::compare_bytes;
use crate::subject::Subject;
use crate::subject::model_file::{Flaw, Plain};
use crate::workload::op::{Op, Path};
use crate::workload::{Mix, Workload};

/// Small, so that threads meet each other all the time, and not a whole number of sectors.
const LEN: u64 = (160 << 10) + 333;

const ALONE: Post = Post { thread: 0, file: 0, files: 1 };

fn workload(seed: u64, thread: u16) -> Workload {
    Workload::new(seed, thread, LEN, Mix::Usual)
}

/// Compares all of the file when everything is done.
fn end_of(file: &Plain, known: &Knowledge) -> Findings {
    let len = file.len();
    assert!(known.length.now().contains(&len));
    let mut bytes = vec![0; len as usize];
    assert_eq!(file.read_at(&mut bytes, 0).unwrap() as u64, len);
    let mut findings = Findings::default();
    compare_bytes(&bytes, 0, known, &mut findings);
    findings
}

#[test]
fn a_right_file_is_never_accused() {
    for seed in 0..4 {
        let file = Plain::new(LEN, Flaw::None);
        let known = Arc::new(Knowledge::new(LEN, 4, Reliability::Sound, WriteMode::Back));
        thread::scope(|scope| {
            for thread in 0..4 {
                let (file, known) = (&file, &known);
                scope.spawn(move || {
                    let journal = Journal::new(4);
                    let mut worker = Worker::new(
                        file,
                        known,
                        &journal,
                        Post { thread, file: 0, files: 1 },
                        workload(seed, thread),
                    );
                    for _ in 0..5_000 {
                        if let Err(finding) = worker.step() {
                            panic!("seed {seed}: {finding}");
                        }
                    }
                });
            }
        });
        let findings = end_of(&file, &known);
        assert_eq!(findings.count, 0, "seed {seed}: {:?}", findings.first);
    }
}

/// With every path as often as any other: a flaw shows only after its path was gone a hundred times.
#[test]
fn every_flaw_is_found() {
    for flaw in Flaw::SEEN {
        for seed in 0..4 {
            let file = Plain::new(LEN, flaw);
            let known = Knowledge::new(LEN, 1, Reliability::Sound, WriteMode::Back);
            let journal = Journal::new(4);
            let workload = Workload::new(seed, 0, LEN, Mix::Even);
            let mut worker = Worker::new(&file, &known, &journal, ALONE, workload);
            let found = (0..100_000).any(|_| worker.step().is_err());
            assert!(found || end_of(&file, &known).count > 0, "{flaw:?} with seed {seed}");
        }
    }
}

#[test]
fn uninitialised_memory_is_called_by_its_name() {
    let file = Plain::new(LEN, Flaw::Uninitialised);
    let known = Knowledge::new(LEN, 1, Reliability::Sound, WriteMode::Back);
    let journal = Journal::new(4);
    let mut worker = Worker::new(&file, &known, &journal, ALONE, workload(1, 0));
    let finding = (0..20_000).find_map(|_| worker.step().err()).unwrap();
    let What::Bytes { found, .. } = &finding.what else { panic!("{finding}") };
    let is_poisoned = match found {
        Found::All(piece) => *piece == Piece::Poison,
        Found::Torn(pieces) => pieces.iter().any(|(_, piece)| *piece == Piece::Poison),
        Found::Intact { .. } => false,
    };
    assert!(is_poisoned, "{finding}");
    assert!(!finding.history.is_empty(), "{finding}");
    assert!(finding.to_string().contains("poison 0xdb"), "{finding}");
}

#[test]
fn bytes_that_never_got_to_the_file_are_found_in_the_end() {
    let known = Knowledge::new(LEN, 1, Reliability::Sound, WriteMode::Back);
    let op =
        Op { path: Path::Write, thread: 0, sequence: 1, file: 0, bytes: 5000..9000, len: None };
    known.oracle.begin_write(
        &op,
        &op.bytes,
        crate::oracle::allowed_versions::Content::Of(super::stamp_of(&op)),
    );
    known.oracle.end_write(&op, &op.bytes, &op.bytes, crate::oracle::Outcome::Done);
    let mut findings = Findings::default();
    compare_bytes(&vec![0; LEN as usize], 0, &known, &mut findings);
    // From the sector at 4608 to the one at 8704.
    assert_eq!(findings.count, 9);
}
