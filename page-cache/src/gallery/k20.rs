//! K20: the edges of a punch are brought in by a path that claims them.

use super::props::{PAGE, file};
use super::stage::play;
use super::{ALONE, Entry, Protocol};
use crate::trace::does;
use spanlock::Access;

pub(super) const ENTRY: Entry = Entry {
    id: "K20",
    title: "edge zeroing through a fill that claims",
    seed: "002: exclusive to punch, shared to who fills a page",
    mistake: "a punch reads its edge page in as a read does",
    broken: Protocol {
        steps: &[
            "Claim the IO lock and the mapping lock exclusively over the range.",
            "Bring the edge page in, as a read does: claim it shared, and fill it.",
            "Zero the part of it that is punched.",
        ],
        plans: ALONE,
        scenario: broken,
    },
    right: Protocol {
        steps: &[
            "Claim the IO lock and the mapping lock exclusively over the range.",
            "Punch the store.",
            "Zero the part of the edge page where it is cached. What runs under the claim has it for \
             its witness, and takes none.",
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
            does("reads the edge page in");
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
