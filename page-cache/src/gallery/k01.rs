//! K1: a write copies from a mapping of the very page that it has locked.

use super::props::{
    Memory, PAGE, RIGHT_WRITE, file, mapped, segment, write_page_with_faults_on, write_right,
};
use super::stage::play;
use super::{ALONE, Entry, Protocol};
use crate::{AddressSpace, File};

pub(super) const ENTRY: Entry = Entry {
    id: "K1",
    title: "copy under the page lock, same page",
    seed: "001 patch 9, its table: lines 2 and 8, one page",
    mistake: "a write locks its page, then faults on a mapping of it",
    broken: Protocol {
        steps: &[
            "Claim the IO lock, and the page in shared mode; lock the page.",
            "Copy from memory. A page that is not present faults: mm lock shared, then the page lock.",
            "Commit and unlock.",
        ],
        plans: ALONE,
        scenario: broken,
    },
    right: Protocol { steps: RIGHT_WRITE, plans: ALONE, scenario: right },
};

fn broken() {
    from_itself(|file, memory, from| {
        let _ = write_page_with_faults_on(file.inode(), 0, memory, &[segment(from, PAGE)]);
    });
}

fn right() {
    from_itself(|file, memory, from| write_right(file, 0, memory, &[segment(from, PAGE)]));
}

fn from_itself(write: fn(&File, &Memory, u64)) {
    let file = file(1);
    let memory = AddressSpace::new();
    let from = mapped(&memory, &file, 0);
    play(|stage| stage.thread("writer", || write(&file, &memory, from)));
}
