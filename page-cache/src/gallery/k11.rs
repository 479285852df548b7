//! K11: the whole write is claimed exclusively, and then its memory is faulted in.

use super::props::{Inode, Memory, PAGE, RIGHT_WRITE, file, mapped, segment, write_right};
use super::stage::play;
use super::{ALONE, Entry, Protocol};
use crate::order::trace::does;
use crate::pages::page_table::Rights;
use crate::{AddressSpace, File};
use spanlock::Access;

pub(super) const ENTRY: Entry = Entry {
    id: "K11",
    title: "exclusive over the whole write, before fault-in",
    seed: "002: the claim comes after the fault-in",
    mistake: "the fault on a mapping of the range waits for the write's own claim",
    broken: Protocol {
        steps: &[
            "Claim the IO lock, and the mapping lock exclusively over the whole range of the write.",
            "Fault the memory in.",
            "Write page by page, with faults disabled.",
        ],
        plans: ALONE,
        scenario: broken,
    },
    right: Protocol { steps: RIGHT_WRITE, plans: ALONE, scenario: right },
};

fn broken() {
    from_itself(|file, memory, from| claim_and_bring_in(file.inode(), memory, from));
}

fn right() {
    from_itself(|file, memory, from| write_right(file, 0, memory, &[segment(from, PAGE)]));
}

fn from_itself(write: fn(&File, &Memory, u64)) {
    let file = file(2);
    let memory = AddressSpace::new();
    let from = mapped(&memory, &file, 1);
    play(|stage| stage.thread("writer", || write(&file, &memory, from)));
}

fn claim_and_bring_in(inode: &Inode, memory: &Memory, from: u64) {
    let _io = inode.io_for_write(0..2 * PAGE);
    let _claim = inode.claim(Access::Truncate, 0..2 * PAGE);
    does("faults in its memory, a mapping of page 1");
    let _ = memory.fault_in(segment(from, PAGE), Rights::Read);
}
