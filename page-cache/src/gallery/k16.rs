//! K16: the page is locked when its pageout is queued.

use super::props::dirty_file;
use super::stage::play;
use super::{Entry, HUNT, Protocol, SURVIVE_MORE};
use crate::order::trace::{does, hands_over};
use crate::sync::blocking::Mutex;
use spanlock::Access;

pub(super) const ENTRY: Entry = Entry {
    id: "K16",
    title: "pageout locks its page at enqueue",
    seed: "003: a page locked while its pageout is queued",
    mistake: "the flusher, in another task, waits for a page that its own queue has locked",
    broken: Protocol {
        steps: &[
            "Reclaim locks a dirty page and queues it for the flusher, locked.",
            "The flusher finishes its current sync: it locks each dirty page and writes it.",
            "Then it takes the page from its queue, writes it and unlocks it.",
        ],
        plans: HUNT,
        scenario: broken,
    },
    right: Protocol {
        steps: &[
            "Reclaim queues the number of a dirty page.",
            "A sync locks each dirty page in turn and writes it.",
            "The flusher takes the number from its queue with no lock held, locks the page, and writes it \
             if it is still cached and dirty.",
        ],
        plans: SURVIVE_MORE,
        scenario: right,
    },
};

fn broken() {
    let file = dirty_file(1);
    let inode = file.inode();
    let queue = Mutex::new(Vec::new());
    play(|stage| {
        stage.thread("reclaim", || {
            if let Some(page) = inode.find_locked(0) {
                hands_over("flusher");
                does("queues page 0, locked");
                queue.lock().expect("no thread panics").push(page);
            }
        });
        stage.thread("flusher", || {
            let _ = inode.flush_all();
            let queued = std::mem::take(&mut *queue.lock().expect("no thread panics"));
            for page in queued {
                let claim = inode.claim_page(Access::Writeback, 0);
                let _ = inode.write_locked(&page, &claim);
            }
        });
    });
}

fn right() {
    let file = dirty_file(1);
    let inode = file.inode();
    play(|stage| {
        stage.thread("reclaim", || {
            does("queues the number of page 0");
            inode.cache.flusher.queue(inode.key(0));
        });
        stage.thread("sync", || inode.flush_all().expect("the store does not fail"));
    });
}
