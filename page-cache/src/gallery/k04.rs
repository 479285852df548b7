//! K4: only the first segment of a vectored write is faulted in.

use super::props::{
    Memory, PAGE, RIGHT_WRITE, buffer, file, mapped, segment, write_page_with_faults_on,
    write_right,
};
use super::stage::play;
use super::{ALONE, Entry, Protocol};
use crate::pages::page_table::Rights;
use crate::{AddressSpace, File};

pub(super) const ENTRY: Entry = Entry {
    id: "K4",
    title: "only the first segment is faulted in",
    seed: "001 patch 3: prefault ends with the first segment",
    mistake: "the second segment, a mapping of the page, faults under the page lock",
    broken: Protocol {
        steps: &[
            "Fault in the first segment, with no lock held.",
            "Claim the IO lock, and the page in shared mode; lock the page.",
            "Copy all segments. The second one faults.",
            "Commit and unlock.",
        ],
        plans: ALONE,
        scenario: broken,
    },
    right: Protocol { steps: RIGHT_WRITE, plans: ALONE, scenario: right },
};

fn broken() {
    vectored(|file, memory, [first, second]| {
        let segments = [segment(first, 100), segment(second, PAGE - 100)];
        let _ = memory.fault_in(segments[0].clone(), Rights::Read);
        let _ = write_page_with_faults_on(file.inode(), 0, memory, &segments);
    });
}

fn right() {
    vectored(|file, memory, [first, second]| {
        write_right(file, 0, memory, &[segment(first, 100), segment(second, PAGE - 100)]);
    });
}

fn vectored(write: fn(&File, &Memory, [u64; 2])) {
    let file = file(1);
    let memory = AddressSpace::new();
    let segments = [buffer(&memory, 1), mapped(&memory, &file, 0)];
    play(|stage| stage.thread("writer", || write(&file, &memory, segments)));
}
