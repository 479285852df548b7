use std::sync::Arc;
use std::time::Duration;

use super::{Crew, Shift, work};
use crate::options::Extent;
use crate::oracle::knowledge::{Knowledge, Reliability, WriteMode};
use crate::report::finding::{Finding, What};
use crate::report::journal::Journal;
use crate::report::progress::Progress;
use crate::subject::model_file::{Flaw, Plain};
use crate::workload::op::Path;

const LEN: u64 = 300_000;

fn work_on(flaw: Flaw, extent: Extent) -> Shift {
    let known = Arc::new(Knowledge::new(LEN, 2, Reliability::Sound, WriteMode::Back));
    let crew = Crew { threads: 2, extent, seed: 7 };
    let files = [(Arc::new(Plain::new(LEN, flaw)), known)];
    let silent = Progress::Lines { extent, next: Duration::MAX };
    work(&files, &Arc::new(Journal::new(2)), &crew, silent)
}

#[test]
fn threads_end_when_the_time_is_over() {
    let shift = work_on(Flaw::None, Extent::Time(Duration::from_millis(50)));
    assert_eq!(shift.findings.count, 0, "{:?}", shift.findings.first);
    assert!(!shift.stuck);
}

#[test]
fn threads_share_a_number_of_operations() {
    let shift = work_on(Flaw::None, Extent::Operations(501));
    assert_eq!(shift.findings.count, 0, "{:?}", shift.findings.first);
    let operations: u64 =
        Path::ALL.into_iter().map(|path| shift.record.latencies.of(path).len()).sum();
    // For some there is no room in a file of this size. Were they not shared, there would be more than these.
    assert!((200..=501).contains(&operations), "{operations}");
}

#[test]
fn a_finding_ends_the_run() {
    let shift = work_on(Flaw::LostWrite, Extent::Time(Duration::from_secs(3600)));
    // What the threads see of it first depends on their order: this file inserts bytes by writing them, so even its
    // length may be wrong. The tests of a worker check what one thread sees.
    assert!(shift.findings.count > 0);
    assert!(!shift.stuck);
}

#[test]
fn a_panic_is_a_finding_that_names_the_operation() {
    let shift = work_on(Flaw::Panic, Extent::Time(Duration::from_secs(3600)));
    // The other thread may find first what the operation that panicked has left half done.
    let is_panic = |finding: &&Finding| matches!(finding.what, What::Panicked(_));
    let finding = shift.findings.first.iter().find(is_panic).unwrap();
    // Reads of all kinds come to the one that panics, and a write from a mapping does.
    assert!(finding.seen_by.contains(" #"), "{finding}");
    assert!(matches!(&finding.what, What::Panicked(said) if said == "this file panics"));
}
