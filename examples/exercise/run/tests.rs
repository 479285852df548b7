use std::sync::Arc;
use std::time::Duration;

use super::{Crew, Shift, work};
use crate::finding::What;
use crate::plain::{Flaw, Plain};
use crate::progress::Progress;
use crate::worker::Knowledge;

const LEN: u64 = 300_000;

fn work_on(flaw: Flaw, duration: Duration) -> Shift {
    let known = Arc::new(Knowledge::new(LEN, 2));
    let crew = Crew { threads: 2, duration, seed: 7 };
    work(
        &Arc::new(Plain::new(LEN, flaw)),
        &known,
        &crew,
        Progress::Lines { duration, next: duration },
    )
}

#[test]
fn threads_come_home_when_the_time_is_up() {
    let shift = work_on(Flaw::None, Duration::from_millis(50));
    assert_eq!(shift.findings.count, 0, "{:?}", shift.findings.first);
    assert!(!shift.stuck);
}

#[test]
fn a_finding_ends_the_run() {
    let shift = work_on(Flaw::LostWrite, Duration::from_secs(3600));
    assert!(shift.findings.count > 0);
    assert!(matches!(shift.findings.first[0].what, What::Bytes { .. }));
}

#[test]
fn a_panic_is_a_finding_that_names_the_operation() {
    let shift = work_on(Flaw::Panic, Duration::from_secs(3600));
    let finding = &shift.findings.first[0];
    assert!(finding.seen_by.starts_with("read #"), "{finding}");
    assert!(matches!(&finding.what, What::Panicked(said) if said == "this file panics"));
}
