//! K5: all memory is faulted in first, and evicted again before the copy.

use super::props::{
    Memory, PAGE, RIGHT_WRITE, evict, file, mapped, segment, write_page_with_faults_on, write_right,
};
use super::stage::play;
use super::{Entry, HUNT, Protocol, SURVIVE_TWO};
use crate::pages::page_table::Rights;
use crate::{AddressSpace, File};

pub(super) const ENTRY: Entry = Entry {
    id: "K5",
    title: "all faulted in, then evicted",
    seed: "001 patches 5 and 9: prefault promises nothing",
    mistake: "a write relies on faulted-in memory staying present",
    broken: Protocol {
        steps: &[
            "Fault in all of the memory, with no lock held.",
            "Claim the IO lock, and the page in shared mode; lock the page.",
            "Copy. Pages that were evicted since then fault.",
            "Commit and unlock.",
        ],
        plans: HUNT,
        scenario: broken,
    },
    right: Protocol { steps: RIGHT_WRITE, plans: SURVIVE_TWO, scenario: right },
};

fn broken() {
    against_reclaim(|file, memory, from| {
        let _ = memory.fault_in(segment(from, PAGE), Rights::Read);
        let _ = write_page_with_faults_on(file.inode(), 0, memory, &[segment(from, PAGE)]);
    });
}

fn right() {
    against_reclaim(|file, memory, from| write_right(file, 0, memory, &[segment(from, PAGE)]));
}

fn against_reclaim(write: fn(&File, &Memory, u64)) {
    let file = file(1);
    let memory = AddressSpace::new();
    let from = mapped(&memory, &file, 0);
    play(|stage| {
        stage.thread("writer", || write(&file, &memory, from));
        stage.thread("reclaim", || evict(&memory, from));
    });
}
