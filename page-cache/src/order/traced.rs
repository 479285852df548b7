//! Under shuttle: nothing is checked, and acquisitions down to the page locks are traced. The locks
//! below are held for one copy at most, and no thread waits while it holds one.

use super::{InCache, Lock, Rank};
use crate::order::trace::{PAGE_LOCK, Resource, Ticket};

pub(crate) struct Held {
    ticket: Option<Ticket>,
}

impl Held {
    pub(crate) fn acquire(lock: Lock) -> Held {
        Held { ticket: lock.resource().map(Ticket::asks) }
    }

    pub(crate) fn tried(lock: Lock) -> Held {
        let held = Held::acquire(lock);
        held.taken();
        held
    }

    pub(crate) fn taken(&self) {
        if let Some(ticket) = &self.ticket {
            ticket.gets();
        }
    }

    pub(crate) fn release(&mut self) {
        self.ticket = None;
    }
}

pub(crate) struct InHook(());

impl InHook {
    pub(crate) fn enter() -> InHook {
        InHook(())
    }
}

pub(crate) fn may_wait_for_clean(_: &impl InCache) {}

pub(crate) fn may_fault() {}

impl Lock {
    fn resource(self) -> Option<Resource> {
        let Lock { rank, owner, units, mode, .. } = self;
        let (lock, part) = match rank {
            Rank::Io => ("IO lock", Some(("byte", units))),
            Rank::Mm => ("mm lock", None),
            Rank::Mapping => ("mapping lock", Some(("page", units))),
            Rank::Page => (PAGE_LOCK, Some(("page", units.start..units.start + 1))),
            Rank::Walk | Rank::Latch | Rank::Stripe | Rank::Leaf => return None,
        };
        Some(Resource { lock, owner, part, mode })
    }
}
