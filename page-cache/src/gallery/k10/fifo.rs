//! K10a: two shared claims and two waiting exclusive ones, in a cycle.

use crate::gallery::props::{Memory, PAGE, buffer, file, mapped, segment};
use crate::gallery::stage::play;
use crate::gallery::{Entry, Plan, Protocol, SURVIVE_MORE, Strategy};
use crate::order::trace::does;
use crate::{AddressSpace, File};
use spanlock::Access;

pub(in crate::gallery) const ENTRY: Entry = Entry {
    id: "K10a",
    title: "a shared claim above and below the mm lock, first in, first out",
    seed: "002: not both above and below mmap_sem",
    mistake: "a read copies to memory that faults while its page is claimed",
    broken: Protocol {
        steps: &[
            "Claim the page shared.",
            "Copy it to memory. A page that is not present faults: mm lock shared.",
            "Release the claim. (A fault takes the two in the opposite order, also shared.)",
        ],
        plans: &[Plan { strategy: Strategy::Priorities { seed: 1, depth: 4 }, most: 20_000 }],
        scenario: broken,
    },
    right: Protocol {
        steps: &[
            "Claim the page shared, read it in, keep a reference; release the claim.",
            "Copy it with faults disabled. Memory that is not present is faulted in with no lock held.",
            "A fault takes the mm lock and then claims; no thread takes them in the opposite order.",
        ],
        plans: SURVIVE_MORE,
        scenario: right,
    },
};

fn broken() {
    ring(|file, memory, to| {
        let _claim = file.inode().claim_page(Access::BufferedRead, 0);
        does("copies the page to its memory, faults enabled");
        let _ = memory.store(to, b"what the page has");
    });
}

fn right() {
    ring(|file, memory, to| {
        let read = file.read_into(memory, &[segment(to, 100)], 0);
        // The punch may have come first; the file is as long as it was.
        assert_eq!(read.ok(), Some(100));
    });
}

fn ring(read: fn(&File, &Memory, u64)) {
    let file = file(1);
    let memory = AddressSpace::new();
    let (to, page) = (buffer(&memory, 1), mapped(&memory, &file, 0));
    memory.evict(segment(to, PAGE)).expect("it is a page");
    play(|stage| {
        stage.thread("reader", || read(&file, &memory, to));
        stage.thread("fault", || {
            let _ = memory.load(page, &mut [0]);
        });
        stage.thread("mmap", || {
            let _ = memory.map_anonymous(PAGE);
        });
        stage.thread("punch", || file.punch_hole(0, PAGE).expect("memory can be punched"));
    });
}
