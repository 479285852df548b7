//! K14: reclaim, called for a frame that is needed under the mapping lock, waits for that lock.

use std::io;

use super::props::{Inode, PAGE, file};
use super::stage::play;
use super::{ALONE, Entry, Protocol};
use crate::File;
use crate::order::trace::does;
use spanlock::Access;

pub(super) const ENTRY: Entry = Entry {
    id: "K14",
    title: "reclaim blocks on the lock that is held",
    seed: "001 patch 9, replies: reclaim of the thread's own memory; 002",
    mistake: "a frame is allocated under a claim, and reclaim claims the page that it evicts",
    broken: Protocol {
        steps: &[
            "Claim the pages to be read, a run of them, shared.",
            "Take a frame for each. If none is free, reclaim claims a clean page exclusively, as \
             invalidation does, and evicts it.",
            "Fill the frame and release.",
        ],
        plans: ALONE,
        scenario: broken,
    },
    right: Protocol {
        steps: &[
            "Take a frame with no lock held.",
            "Claim the page shared; insert it with that frame, unless it is there by then; fill it.",
            "Reclaim tries the page lock of a clean page and takes no claim: its caller \
             might hold it.",
        ],
        plans: ALONE,
        scenario: right,
    },
};

/// More pages than the cache has frames.
const PAGES: u64 = 17;

fn broken() {
    in_a_full_cache(|file| read_run(file.inode()));
}

fn right() {
    in_a_full_cache(|file| file.read_at(&mut [0], (PAGES - 1) * PAGE).map(drop));
}

fn in_a_full_cache(read: fn(&File) -> io::Result<()>) {
    let file = file(PAGES as usize);
    let mut seen = [0];
    for page in 0..PAGES - 1 {
        file.read_exact_at(&mut seen, page * PAGE).expect("the store does not fail");
    }
    play(|stage| stage.thread("reader", || read(&file).expect("the store does not fail")));
}

fn read_run(inode: &Inode) -> io::Result<()> {
    let claim = inode.claim(Access::BufferedRead, 0..PAGES * PAGE);
    if inode.cache.frames.take_free().is_none() {
        does("finds no free frame, and reclaims page 0");
        let reclaim = inode.claim(Access::Invalidate, 0..PAGE);
        inode.invalidate(0..1, &reclaim)?;
    }
    let mut free = Some(inode.cache.free_frame()?);
    if let Some(page) = inode.find_or_make(PAGES - 1, &mut free) {
        inode.fill(page, &claim)?;
    }
    Ok(())
}
