//! K20: the edges of a punch are read by an operation that claims them.

use super::props::{PAGE, file};
use super::stage::play;
use super::{ALONE, Entry, Protocol};
use crate::order::trace::does;
use spanlock::Access;

pub(super) const ENTRY: Entry = Entry {
    id: "K20",
    title: "edge zeroing through a fill that claims",
    seed: "002: exclusive to punch, shared to the thread that fills a page",
    mistake: "a punch fills its edge page as a read does",
    broken: Protocol {
        steps: &[
            "Claim the IO lock and the mapping lock exclusively over the range.",
            "Read the edge page as a read does: claim it shared and fill it.",
            "Zero its punched part.",
        ],
        plans: ALONE,
        scenario: broken,
    },
    right: Protocol {
        steps: &[
            "Claim the IO lock and the mapping lock exclusively over the range.",
            "Punch the store.",
            "Zero the part of the edge page, if it is cached. Code under the claim receives it as \
             its witness and takes none.",
        ],
        plans: ALONE,
        scenario: right,
    },
};

const PUNCHED: std::ops::Range<u64> = 100..PAGE;

fn broken() {
    let file = file(1);
    play(|stage| {
        stage.thread("punch", || {
            let inode = file.inode();
            let _io = inode.io_exclusive(PUNCHED);
            let _claim = inode.claim(Access::PunchHole, PUNCHED);
            does("fills the edge page");
            let _ = inode.read_buffered(&mut [0][..], 0);
        });
    });
}

fn right() {
    let file = file(1);
    play(|stage| {
        stage.thread("punch", || {
            let len = PUNCHED.end - PUNCHED.start;
            file.punch_hole(PUNCHED.start, len).expect("memory can be punched");
        });
    });
}
