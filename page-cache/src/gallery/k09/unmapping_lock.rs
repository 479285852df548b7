//! K9c: a lock keeps the mm's pages from being unmapped while a write copies from them.

use std::io;

use crate::address_space::Transfer;
use crate::gallery::props::{Memory, PAGE, file, segment};
use crate::gallery::stage::play;
use crate::gallery::{ALONE, Entry, Protocol};
use crate::order::trace::{Resource, Ticket, does};
use crate::{AddressSpace, File};
use spanlock::{Mode, RangeLock};

pub(in crate::gallery) const ENTRY: Entry = Entry {
    id: "K9c",
    title: "a lock against unmapping",
    seed: "001 patch 9, replies: keeping the mm from being unmapped",
    mistake: "faulting memory in under the lock needs a frame that only unmapping frees",
    broken: Protocol {
        steps: &[
            "Take the mm's lock against unmapping, shared.",
            "Fault the memory in. That needs a frame: reclaim takes the lock exclusively, unmaps a \
             page and evicts it.",
            "Copy and release the lock.",
        ],
        plans: ALONE,
        scenario: broken,
    },
    right: Protocol {
        steps: &[
            "Fault the memory in, holding nothing that reclaim waits for.",
            "Reclaim tries the page lock of a page that is mapped, unmaps it under that, and evicts \
             it.",
            "If the memory is not present at the copy, release everything and start again.",
        ],
        plans: ALONE,
        scenario: right,
    },
};

/// More pages than the cache has frames.
const PAGES: usize = 17;

fn broken() {
    in_a_full_cache(|file, memory, from| {
        let against_unmapping = RangeLock::new();
        let resource =
            |mode| Resource { lock: "lock against unmapping", owner: 0, part: None, mode };
        let held = Ticket::asks(resource(Mode::Shared));
        let _held = against_unmapping.lock_shared(0..1);
        held.gets();
        does("faults in its memory, which needs a frame");
        if file.inode().cache.frames.take_free().is_none() {
            let reclaim = Ticket::asks(resource(Mode::Exclusive));
            let _reclaim = against_unmapping.lock_exclusive(0..1);
            reclaim.gets();
            drop(file.inode().cache.free_frame()?);
        }
        let mut bytes = [0; 1];
        memory.copy(from, Transfer::Load(&mut bytes)).map(drop)
    });
}

fn right() {
    in_a_full_cache(|file, memory, from| {
        let target = (PAGES as u64 - 2) * PAGE;
        file.write_from(memory, &[segment(from, PAGE)], target).map(drop)
    });
}

/// All frames are taken by pages that are mapped, and the memory to be written from is one more.
fn in_a_full_cache(write: fn(&File, &Memory, u64) -> io::Result<()>) {
    let file = file(PAGES);
    let memory = AddressSpace::new();
    let mapped = memory.map_file(&file, 0..PAGES as u64 * PAGE).expect("it can be mapped").start;
    for page in 0..PAGES as u64 - 1 {
        memory.load(mapped + page * PAGE, &mut [0]).expect("the store does not fail");
    }
    let last = mapped + (PAGES as u64 - 1) * PAGE;
    play(|stage| {
        stage.thread("writer", || write(&file, &memory, last).expect("it can be written"));
    });
}
