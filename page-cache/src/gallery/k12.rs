//! K12: writeback takes a claim of its own when the caller has the range.

use super::props::{PAGE, dirty_file};
use super::stage::play;
use super::{ALONE, Entry, Protocol};
use crate::order::trace::does;
use spanlock::Access;

pub(super) const ENTRY: Entry = Entry {
    id: "K12",
    title: "writeback under an exclusive holder",
    seed: "002: shared to writeback, exclusive to direct IO",
    mistake: "a direct write flushes its range through an operation that claims it",
    broken: Protocol {
        steps: &[
            "Claim the mapping lock exclusively over the range of a direct write.",
            "Flush the range as fsync does: claim each run shared, write it.",
            "Write the store.",
        ],
        plans: ALONE,
        scenario: broken,
    },
    right: Protocol {
        steps: &[
            "Claim the mapping lock exclusively over the range.",
            "Flush the range under that claim, which is an argument of the inner flush.",
            "Remove the pages; write the store.",
        ],
        plans: ALONE,
        scenario: right,
    },
};

fn broken() {
    let file = dirty_file(1);
    play(|stage| {
        stage.thread("direct writer", || {
            let inode = file.inode();
            let _io = inode.io_for_write(0..PAGE);
            let _claim = inode.claim(Access::DirectWrite, 0..PAGE);
            does("flushes what is dirty there");
            let _ = inode.flush(0..1);
        });
    });
}

fn right() {
    let file = dirty_file(1);
    play(|stage| {
        stage.thread("direct writer", || {
            let written = file.write_direct_at(&[b'c'; PAGE as usize], 0);
            assert_eq!(written.ok(), Some(PAGE as usize));
        });
    });
}
