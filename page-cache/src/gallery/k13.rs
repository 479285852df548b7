//! K13: a thread whose write failed upgrades its shared claim to an exclusive one, to truncate.

use std::io;
use std::sync::Arc;

use super::props::{PAGE, TRIMMED, open};
use super::stage::{play, violation};
use super::{Entry, HUNT, Protocol, SURVIVE_TWO};
use crate::order::trace::{Resource, Ticket, does};
use crate::sync::thread::yield_now;
use crate::{MemStore, Store};
use spanlock::{Mode, RangeLock};

pub(super) const ENTRY: Entry = Entry {
    id: "K13",
    title: "upgrade, to trim after a failed write",
    seed: "001 patch 6: trim after a failed prepare; 002: that is exclusive",
    mistake: "two shared holders wait for each other's release",
    broken: Protocol {
        steps: &[
            "Claim the pages to be written, and those past the end, shared.",
            "The write fails. Upgrade the claim once no other thread holds it.",
            "Free what was allocated past the end; release.",
        ],
        plans: HUNT,
        scenario: broken,
    },
    right: Protocol {
        steps: &[
            "Claim the IO lock from the end of the file on, so that no other thread writes there.",
            "The write fails. Release the mapping lock, unless it was claimed exclusively.",
            "Claim it exclusively past the end; free what is there; release.",
        ],
        plans: SURVIVE_TWO,
        scenario: right,
    },
};

/// What a write claims: it does not know yet how far it will get.
const PAGES: std::ops::RangeFrom<u64> = 0..;

fn broken() {
    let lock = RangeLock::new();
    let write = || {
        let ticket = Ticket::asks(mapping_lock());
        let mut claim = lock.lock_shared(PAGES);
        ticket.gets();
        does("fails to write");
        ticket.upgrades();
        let _exclusive = loop {
            match claim.try_upgrade() {
                Ok(exclusive) => break exclusive,
                Err(still_shared) => claim = still_shared,
            }
            yield_now();
        };
        ticket.gets();
    };
    play(|stage| {
        stage.thread("writer 1", write);
        stage.thread("writer 2", write);
    });
}

fn right() {
    let store = Arc::new(FullStore(MemStore::new()));
    let file = open(Arc::clone(&store));
    let write = |offset| {
        let failed = file.write_direct_at(&[b'c'; PAGE as usize], offset);
        assert!(failed.is_err(), "the store is full");
    };
    play(|stage| {
        stage.thread("writer 1", || write(0));
        stage.thread("writer 2", || write(PAGE));
    });
    play(|stage| {
        stage.thread("fsck", || match store.len() {
            Ok(0) => {}
            len => violation(format!("a store of {len:?} bytes under an empty file"), TRIMMED),
        });
    });
}

/// A store that allocates what is written, and then finds that it is full.
struct FullStore(MemStore);

impl Store for FullStore {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let end = offset + bytes.len() as u64;
        self.0.set_len(self.0.len()?.max(end))?;
        Err(io::ErrorKind::StorageFull.into())
    }

    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.0.punch_hole(offset, len)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

fn mapping_lock() -> Resource {
    let part = Some(("page", 0..u64::MAX));
    Resource { lock: "mapping lock", owner: 1, part, mode: Mode::Shared }
}
