//! K17: writing around a page from the middle.

use super::props::{Inode, dirty_file};
use super::stage::play;
use super::{Entry, HUNT, Protocol, SURVIVE_MORE};
use crate::order::trace::does;
use spanlock::Access;

pub(super) const ENTRY: Entry = Entry {
    id: "K17",
    title: "writing around from the middle",
    seed: "003: writing what lies before the locked page",
    mistake: "pageout holds a page lock and locks earlier pages",
    broken: Protocol {
        steps: &[
            "Lock the page to be written: 1.",
            "Lock the dirty pages before it: 0.",
            "Write them in one request.",
        ],
        plans: HUNT,
        scenario: broken,
    },
    right: Protocol {
        steps: &[
            "Lock the page to be written: 1.",
            "Lock the dirty pages after it in ascending order: 2.",
            "Write them in one request.",
        ],
        plans: SURVIVE_MORE,
        scenario: right,
    },
};

fn broken() {
    against_flush(|inode| lock_in_turn(inode, [1, 0]));
}

fn right() {
    against_flush(|inode| {
        does("queues page 1 for the flusher");
        inode.cache.flusher.queue(inode.key(1));
    });
}

/// The other one locks a run of pages for one request, as btrfs does.
fn against_flush(pageout: fn(&Inode)) {
    let file = dirty_file(3);
    play(|stage| {
        stage.thread("pageout", || pageout(file.inode()));
        stage.thread("flush", || lock_in_turn(file.inode(), [0, 1]));
    });
}

fn lock_in_turn(inode: &Inode, pages: [u64; 2]) {
    let run =
        pages.iter().min().copied().unwrap_or(0)..pages.iter().max().map_or(0, |last| last + 1);
    let claim = inode.claim(Access::Writeback, run.start * 4096..run.end * 4096);
    let locked: Vec<_> = pages.iter().filter_map(|&page| inode.find_locked(page)).collect();
    does("writes what it has locked");
    for page in &locked {
        let _ = inode.write_locked(page, &claim);
    }
}
