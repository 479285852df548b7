use std::io;
use std::ops::Range;

use super::{Journal, KEPT};
use crate::workload::op::{Op, Path};

fn op(thread: u16, sequence: u64, bytes: Range<u64>) -> Op {
    Op { path: Path::Write, thread, sequence, file: 0, bytes, len: None }
}

fn lines(journal: &Journal) -> Vec<String> {
    journal.last().iter().map(ToString::to_string).collect()
}

#[test]
fn the_last_operations_of_all_threads_are_listed_in_the_order_in_which_they_began() {
    let journal = Journal::new(2);
    journal.begin(&op(1, 1, 0..10));
    journal.begin(&op(0, 1, 5..9));
    journal.end(1, Ok(10));
    journal.end(0, Err(io::ErrorKind::StorageFull));
    journal.begin(&op(0, 2, 0..1));
    let expected = [
        "1 to 3  write #1.1 of 0..10: 10",
        "2 to 4  write #0.1 of 5..9: no storage space",
        "5 to ...  write #0.2 of 0..1",
    ];
    assert_eq!(lines(&journal), expected);
    assert_eq!(journal.done().collect::<Vec<_>>(), [1, 1]);
    assert_eq!(journal.current(0), Some(op(0, 2, 0..1)));
    assert_eq!(journal.current(1), None);
    journal.rest(0);
    assert_eq!(journal.current(0), None);
}

#[test]
fn the_file_has_every_operation_and_the_mind_the_last_ones() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let journal = Journal::in_file(1, &path).unwrap();
    for sequence in 0..100 {
        journal.begin(&op(0, sequence, 0..1));
        journal.end(0, Ok(1));
    }
    journal.flush().unwrap();
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written.lines().count(), 100);
    let last: Vec<_> = written.lines().skip(100 - KEPT).collect();
    assert_eq!(lines(&journal), last);
}
