//! K2: two writes copy from mappings of each other's pages.

use super::props::{
    Memory, PAGE, RIGHT_WRITE, file, mapped, segment, write_page_with_faults_on, write_right,
};
use super::stage::play;
use super::{Entry, HUNT, Protocol, SURVIVE_TWO};
use crate::{AddressSpace, File};

pub(super) const ENTRY: Entry = Entry {
    id: "K2",
    title: "two writers, buffers mapped crosswise",
    seed: "001 patch 9, its table: lines 2 and 8, two pages",
    mistake: "each writer locks its page, then faults on the other's",
    broken: Protocol {
        steps: &[
            "Claim the IO lock, and the page in shared mode; lock the page.",
            "Copy from memory, which is a mapping of the other's page: fault, and lock that page.",
            "Commit and unlock.",
        ],
        plans: HUNT,
        scenario: broken,
    },
    right: Protocol { steps: RIGHT_WRITE, plans: SURVIVE_TWO, scenario: right },
};

fn broken() {
    crosswise(|file, page, memory, from| {
        let from = segment(from, PAGE);
        let _ = write_page_with_faults_on(file.inode(), page, memory, &[from]);
    });
}

fn right() {
    crosswise(|file, page, memory, from| {
        write_right(file, page, memory, &[segment(from, PAGE)]);
    });
}

fn crosswise(write: fn(&File, u64, &Memory, u64)) {
    let file = file(2);
    let memory = AddressSpace::new();
    let pages = [mapped(&memory, &file, 0), mapped(&memory, &file, 1)];
    play(|stage| {
        stage.thread("writer of 0", || write(&file, 0, &memory, pages[1]));
        stage.thread("writer of 1", || write(&file, 1, &memory, pages[0]));
    });
}
