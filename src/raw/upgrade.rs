//! Upgrades: a shared claim becomes exclusive, at once if no other claim on its span is held, or
//! when all others have been released.
//!
//! The upgrade is a claim of its own, which is exclusive. It waits for the held claims on its span,
//! except for the one that it upgrades; conflicting claims that come later wait for it. When it is
//! granted, the shared claim is released. So no claim changes its place or its mode while others
//! check it. Only the sole reader of a slot is upgraded in place, if the board is empty.
//!
//! Two overlapping upgrades would each wait for the shared claim of the other, so the second one is
//! refused. An upgrade waits for re-entrant claims that wait, and they do not wait for it: their
//! owners may hold what the upgrade waits for.

use crate::raw::place::{Hold, Kind, Place};
use crate::raw::registry::{ClaimId, Queueing};
use crate::raw::waiting::Waiter;
use crate::raw::words::slot::Word;
use crate::raw::{Locked, Pending, Queued, RawLock};
use crate::sync::Ordering;
use crate::{Mode, Span};

impl RawLock {
    /// Turns a shared hold into an exclusive one if no other claim is held on its span.
    #[must_use]
    pub(crate) fn try_upgrade(&self, span: Span, hold: &mut Hold) -> bool {
        match hold.kind() {
            Kind::Nothing => return true,
            Kind::Slot if self.upgrade_slot(span.start()) => return true,
            Kind::Slot | Kind::Reader | Kind::Cell(_) | Kind::Claim(_) => {}
        }
        let mut locked = self.core().enter(self);
        let upgraded = locked.try_upgrade(span, *hold);
        if let Some(id) = upgraded {
            locked.release(span, Mode::Shared, *hold);
            *hold = Hold::claim(id);
        }
        locked.unwatch_idle(span);
        locked.close();
        upgraded.is_some()
    }

    /// Upgrades the only reader of a slot, if no claim is on the board.
    fn upgrade_slot(&self, unit: u64) -> bool {
        if !self.summary_hint().is_empty() {
            return false;
        }
        let from = Word::sole(unit, Mode::Shared).bits();
        let to = Word::sole(unit, Mode::Exclusive).bits();
        // ORDERING: SeqCst, the unit's side of the two-sided argument (I4); as an Acquire it is
        // paired with the Release of the readers that left.
        let slot = self.slot_of(unit);
        if slot.compare_exchange(from, to, Ordering::SeqCst, Ordering::Relaxed).is_err() {
            return false;
        }
        if self.summary_after_entering().is_empty() {
            return true;
        }
        self.downgrade_slot(unit);
        false
    }
}

impl Locked<'_> {
    fn try_upgrade(&mut self, span: Span, hold: Hold) -> Option<ClaimId> {
        self.watch_those_there(span, Mode::Exclusive);
        self.watch_those_in_the_way(span);
        let own = self.number_of(span, hold);
        if !self.holds_alone(own, span, hold) {
            return None;
        }
        // As for any exclusive claim: it is shown first, and then cells and slots are checked.
        let place = self.announce(span, Mode::Exclusive);
        self.watch_those_in_the_way(span);
        if self.holds_alone(own, span, hold) {
            let id = self.registry().hold(span, Mode::Exclusive, Queueing::Upgrade);
            self.settle(id, place);
            return Some(id);
        }
        self.retract(place, span, Mode::Exclusive);
        None
    }

    /// Whether no other claim on the span is held. Claims that will find that they must leave do
    /// not count.
    fn holds_alone(&self, own: ClaimId, span: Span, hold: Hold) -> bool {
        // Like a re-entrant claim: an upgrade that is granted at once may overtake every waiting
        // claim.
        let wanted = (span, Mode::Exclusive, Queueing::Reentrant);
        !self.has_other_readers(span, hold)
            && !self.protected.registry.blocks_for_good(Some(own), wanted, self.undecided())
    }

    /// Admits an upgrade, held if no other claim on its span is held, else waiting; `None` if
    /// another upgrade waits there.
    pub(super) fn admit_upgrade(
        &mut self,
        span: Span,
        hold: Hold,
        waiter: impl FnOnce() -> Waiter,
    ) -> Option<Queued> {
        if self.registry().has_upgrade(span) {
            return None;
        }
        let (mode, queueing) = (Mode::Exclusive, Queueing::Upgrade);
        let place: Place = self.announce(span, mode);
        let own = self.number_of(span, hold);
        let held = self.registry().in_the_way(span, mode, queueing).claims;
        // The proxy of a slot stands for its other readers too. It does not block the upgrade once
        // they have left.
        let blockers = held - u32::from(!self.has_other_readers(span, hold));
        let (registry, affected) = (&mut self.protected.registry, &mut self.wakes.affected);
        let id = match blockers {
            0 => registry.hold(span, mode, queueing),
            _ => registry.wait(span, mode, queueing, blockers, affected),
        };
        registry.set_upgrades(id, own);
        if blockers != 0 {
            self.keep(id, waiter());
        }
        self.settle(id, place);
        Some(match blockers {
            0 => Queued::Held(Hold::claim(id)),
            _ => Queued::Waiting(Pending::due(id)),
        })
    }

    /// Whether a hold is in a slot or a reader's word, which is watched, together with other
    /// readers.
    fn has_other_readers(&self, span: Span, hold: Hold) -> bool {
        // ORDERING: Relaxed: a watched word changes under the mutex only, and `watch` has acquired
        // what the readers did that left before.
        let Some(place) = self.lock.place_of(hold) else { return false };
        let word = self.lock.word(place, span.start()).load(Ordering::Relaxed);
        !Word::from_bits(word).has_one_holder()
    }
}
