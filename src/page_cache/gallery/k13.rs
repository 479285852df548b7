//! K13: who has failed to write turns its shared claim into an exclusive one, to trim.

use super::stage::play;
use super::{Entry, HUNT, Protocol, SURVIVE_TWO};
use crate::page_cache::trace::{Resource, Ticket, does};
use crate::sync::thread::yield_now;
use crate::{Mode, RangeLock, SharedGuard};

pub(super) const ENTRY: Entry = Entry {
    id: "K13",
    title: "upgrade, to trim after a failed write",
    seed: "001 patch 6: trim after a failed prepare; 002: that is exclusive",
    mistake: "two who share wait for each other to let go",
    broken: Protocol {
        steps: &[
            "Claim the pages to be written, and those past the end, shared.",
            "The write fails. Upgrade the claim, as soon as nobody shares it.",
            "Free what was allocated past the end; let go.",
        ],
        plans: HUNT,
        scenario: broken,
    },
    right: Protocol {
        steps: &[
            "Claim the pages to be written, and those past the end, shared.",
            "The write fails. Let go, claim anew, exclusively, and see what the end is now.",
            "Free what is past it; let go.",
        ],
        plans: SURVIVE_TWO,
        scenario: right,
    },
};

/// What a write claims: it does not know yet how far it will get.
const PAGES: std::ops::RangeFrom<u64> = 0..;

fn broken() {
    two_failing(|_, shared, ticket| {
        ticket.upgrades();
        let mut claim = shared;
        loop {
            match claim.try_upgrade() {
                Ok(_exclusive) => return ticket.gets(),
                Err(still_shared) => claim = still_shared,
            }
            yield_now();
        }
    });
}

fn right() {
    two_failing(|lock, shared, ticket| {
        drop((ticket, shared));
        let ticket = Ticket::asks(mapping_lock(Mode::Exclusive));
        let _exclusive = lock.lock_exclusive(PAGES);
        ticket.gets();
        does("looks at the end again, and trims");
    });
}

fn two_failing(trim: for<'a> fn(&'a RangeLock, SharedGuard<'a>, Ticket)) {
    let lock = RangeLock::new();
    let write = || {
        let ticket = Ticket::asks(mapping_lock(Mode::Shared));
        let shared = lock.lock_shared(PAGES);
        ticket.gets();
        does("fails to write");
        trim(&lock, shared, ticket);
    };
    play(|stage| {
        stage.thread("writer 1", write);
        stage.thread("writer 2", write);
    });
}

fn mapping_lock(mode: Mode) -> Resource {
    Resource { lock: "mapping lock", owner: 1, part: Some(("page", 0..u64::MAX)), mode }
}
