//! K15: writeback takes the page lock before the mapping lock.

use super::props::{Inode, PAGE, dirty_file};
use super::stage::play;
use super::{Entry, HUNT, Protocol, SURVIVE_TWO};
use crate::order::trace::does;
use spanlock::Access;

pub(super) const ENTRY: Entry = Entry {
    id: "K15",
    title: "page lock before mapping lock in writeback",
    seed: "002: the mapping lock is above the page locks",
    mistake: "writeback locks a page and then claims it",
    broken: Protocol {
        steps: &["Find a dirty page and lock it.", "Claim it shared.", "Write it; release both."],
        plans: HUNT,
        scenario: broken,
    },
    right: Protocol {
        steps: &[
            "Find a dirty page; note only its number.",
            "Claim it shared.",
            "Lock it; check that it is still that page, and dirty.",
            "Write it; release both.",
        ],
        plans: SURVIVE_TWO,
        scenario: right,
    },
};

fn broken() {
    against_punch(|inode| {
        if let Some(page) = inode.find_locked(0) {
            let claim = inode.claim_page(Access::Writeback, 0);
            does("writes page 0 to the store");
            let _ = inode.write_locked(&page, &claim);
        }
    });
}

fn right() {
    against_punch(|inode| {
        let _ = inode.flush(0..1);
    });
}

fn against_punch(writeback: fn(&Inode)) {
    let file = dirty_file(1);
    play(|stage| {
        stage.thread("writeback", || writeback(file.inode()));
        stage.thread("punch", || {
            file.punch_hole(0, PAGE).expect("memory can be punched");
        });
    });
}
