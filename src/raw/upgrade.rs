//! Upgrades that wait: a shared claim that becomes exclusive once all others on its span have left.
//!
//! The upgrade is a claim of its own, exclusive, which waits for those that are held, save for the one that it
//! upgrades; whoever comes from then on waits for it. When it is granted the shared claim is released. So nothing
//! changes its place or its mode while others look at it. Of two that overlap, each would wait for the
//! other's shared claim: the second is refused.

use std::mem;
use std::sync::Arc;
use std::task::Waker;

use crate::deadlock::{Held, Waiting};
use crate::raw::acquire::Unowned;
use crate::raw::place::Hold;
use crate::raw::registry::{ClaimId, Queueing};
use crate::raw::slot::Word;
use crate::raw::waiter::{Sleeper, Waiter};
use crate::raw::{Ledger, Pending, Queued, RawLock};
use crate::sync::{Ordering, Parker};
use crate::{Mode, Span};

/// Another upgrade waits that overlaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

impl RawLock {
    /// Turns a shared hold into an exclusive one, waiting until no other claim is held on its span. `held` is the
    /// record of the shared hold: it ends when the wait begins.
    pub(crate) fn upgrade(&self, span: Span, hold: Hold, held: Held) -> Result<Hold, Refused> {
        if self.try_upgrade(span, hold) {
            return Ok(hold);
        }
        let mut parker = None;
        let queued = self.queue_upgrade(span, hold, || {
            held.end();
            let parker = parker.insert(Parker::for_this_thread());
            let record = Waiting::passing_those_that_wait(self.address(), span, Mode::Exclusive);
            Waiter::new(Sleeper::Thread(Arc::clone(parker)), Mode::Exclusive, record)
        })?;
        let upgraded = match (queued, parker) {
            (Queued::Held(upgraded), _) => upgraded,
            (Queued::Waiting(pending), Some(parker)) => {
                parker.wait();
                parker.keep();
                Hold::Claim(pending.id)
            }
            (Queued::Waiting(_), None) => unreachable!("an upgrade is queued with its parker"),
        };
        self.unlock(span, Mode::Shared, hold);
        Ok(upgraded)
    }

    /// The same, as far as it goes without waiting: `waker` is woken once it is granted, and what it upgrades is to
    /// be released then.
    pub(crate) fn upgrade_or_queue(
        &self,
        span: Span,
        hold: Hold,
        waker: &Waker,
    ) -> Result<Queued, Refused> {
        if self.try_upgrade(span, hold) {
            return Ok(Queued::Held(hold));
        }
        // Cloned before the mutex is taken, and if it is not needed dropped after: both are user code.
        let mut sleeper = Some(Sleeper::of_task(waker));
        let queued = self.queue_upgrade(span, hold, || {
            let sleeper = sleeper.take().expect("a claim is queued once");
            Waiter::new(sleeper, Mode::Exclusive, Waiting::unfollowed())
        })?;
        if let Queued::Held(upgraded) = queued {
            let unowned = Unowned { lock: self, span, mode: Mode::Exclusive, hold: upgraded };
            drop(sleeper);
            mem::forget(unowned);
            self.unlock(span, Mode::Shared, hold);
        }
        Ok(queued)
    }

    /// Admits an upgrade, held if nobody else holds a claim on its span.
    fn queue_upgrade(
        &self,
        span: Span,
        hold: Hold,
        waiter: impl FnOnce() -> Waiter,
    ) -> Result<Queued, Refused> {
        let mut ledger = self.core().enter(self);
        let upgrade = ledger.queue_upgrade(span, hold, waiter);
        ledger.close();
        let (id, is_held) = upgrade.ok_or(Refused)?;
        Ok(if is_held { Queued::Held(Hold::Claim(id)) } else { Queued::Waiting(Pending::due(id)) })
    }
}

impl Ledger<'_> {
    fn queue_upgrade(
        &mut self,
        span: Span,
        hold: Hold,
        waiter: impl FnOnce() -> Waiter,
    ) -> Option<(ClaimId, bool)> {
        if self.registry().has_upgrade(span) {
            return None;
        }
        // As for any exclusive claim: show it, then look at cells and slots, the hold's own among them.
        let place = self.announce(span, Mode::Exclusive);
        let own = match hold {
            Hold::Nothing => unreachable!("a claim on nothing need not wait"),
            Hold::Slot | Hold::Reader(_) => {
                self.registry().proxy(span).expect("a watched slot has a proxy (I2)")
            }
            Hold::Cell(cell) => self.known(cell),
            Hold::Claim(id) => id,
        };
        let held = self.registry().in_the_way(span, Mode::Exclusive, Queueing::Upgrade).claims;
        // The proxy of a slot stands for the other readers too, until they have left.
        let has_slot = matches!(hold, Hold::Slot | Hold::Reader(_));
        let blockers = held - u32::from(!has_slot || self.has_one_holder(span.start()));
        let (registry, heirs) = (&mut self.books.registry, &mut self.wakes.heirs);
        let id = registry.upgrade_behind(own, blockers, waiter, heirs);
        self.settle(id, place);
        Some((id, blockers == 0))
    }

    /// Whether the slot of a unit, which is watched, has one holder.
    fn has_one_holder(&self, unit: u64) -> bool {
        // ORDERING: Relaxed: a watched word changes under the mutex only, and those who left before it was watched
        // were acquired by `watch`.
        Word::from_bits(self.lock.slot_of(unit).load(Ordering::Relaxed)).has_one_holder()
    }
}
