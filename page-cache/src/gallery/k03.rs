//! K3: a write faults under its page lock, while a thread with the mm lock wants that page.

use super::props::{
    Memory, PAGE, RIGHT_WRITE, buffer, evict, file, mapped, segment, write_page_with_faults_on,
    write_right,
};
use super::stage::play;
use super::{Entry, HUNT, Protocol, SURVIVE_TWO};
use crate::{AddressSpace, File};

pub(super) const ENTRY: Entry = Entry {
    id: "K3",
    title: "same page, and a thread that faults with the mm lock held",
    seed: "001 patch 9, its table: lines 2 and 6 against b and f",
    mistake: "page lock before mm lock, while mlock takes them in the opposite order",
    broken: Protocol {
        steps: &[
            "Claim the IO lock, and the page in shared mode; lock the page.",
            "Copy from memory. A page that is not present faults and takes the mm lock shared.",
            "Commit and unlock.",
        ],
        plans: HUNT,
        scenario: broken,
    },
    right: Protocol { steps: RIGHT_WRITE, plans: SURVIVE_TWO, scenario: right },
};

fn broken() {
    against_mlock(|file, memory, from| {
        let _ = write_page_with_faults_on(file.inode(), 0, memory, &[segment(from, PAGE)]);
    });
}

fn right() {
    against_mlock(|file, memory, from| write_right(file, 0, memory, &[segment(from, PAGE)]));
}

/// The other one brings in a mapping of the page with the mm lock held exclusively.
fn against_mlock(write: fn(&File, &Memory, u64)) {
    let file = file(1);
    let memory = AddressSpace::new();
    let (from, page) = (buffer(&memory, 1), mapped(&memory, &file, 0));
    evict(&memory, from);
    play(|stage| {
        stage.thread("writer", || write(&file, &memory, from));
        stage.thread("mlock", || {
            let _ = memory.populate(segment(page, PAGE));
        });
    });
}
