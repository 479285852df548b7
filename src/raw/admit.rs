//! Admitting a claim to the registry, with the mutex held: shown on the board first, and then compared with
//! those who are in slots.

use crate::raw::board::Place;
use crate::raw::registry::{ClaimId, Queueing};
use crate::raw::slot::Word;
use crate::raw::table::Table;
use crate::raw::waiter::Waiter;
use crate::raw::{Hold, Ledger, Path, Pending, Queued};
use crate::sync::{self, AtomicU64, Ordering};
use crate::{Mode, Span};

impl Ledger<'_> {
    /// Admits a claim, held if nothing blocks it, else waiting.
    pub(super) fn admit(
        &mut self,
        span: Span,
        mode: Mode,
        queueing: Queueing,
        waiter: impl FnOnce() -> Waiter,
    ) -> Queued {
        let place = self.announce(span, mode);
        let blockers = self.registry().blockers(span, mode, queueing);
        if blockers == 0 {
            let id = self.registry().hold(span, mode, queueing);
            self.settle(id, place);
            self.lock.counters.granted(Path::Registry, mode);
            Queued::Held(Hold::Claim(id))
        } else {
            let id = self.registry().wait(span, mode, queueing, blockers, waiter());
            self.settle(id, place);
            Queued::Waiting(Pending(id))
        }
    }

    /// Admits a claim that nothing blocks, or nobody.
    pub(super) fn admit_now(&mut self, span: Span, mode: Mode) -> Option<Hold> {
        if self.registry().blocks(span, mode, Queueing::InLine) {
            return None;
        }
        let place = self.notices().publish(span, mode);
        if self.slots_conflict(span, mode) {
            self.retract(place);
            return None;
        }
        let id = self.registry().hold(span, mode, Queueing::InLine);
        self.settle(id, place);
        self.lock.counters.granted(Path::Registry, mode);
        Some(Hold::Claim(id))
    }

    /// Shows a claim to those who enter slots from now on, and puts proxies for those who are there
    /// and in its way into the registry.
    pub(super) fn announce(&mut self, span: Span, mode: Mode) -> Place {
        let place = self.notices().publish(span, mode);
        let lock = self.lock;
        lock.visit_slots(span, |slot| self.watch(slot, span, mode));
        place
    }

    /// Lets the registry and the board know where a claim that is now admitted is shown.
    pub(super) fn settle(&mut self, id: ClaimId, place: Place) {
        self.registry().set_place(id, place);
        self.notices().name(place, id);
    }

    /// Makes the holders of a slot wait-for-able, if they conflict: WAITERS in the word, a proxy in
    /// the registry (I2).
    pub(super) fn watch(&mut self, slot: &AtomicU64, span: Span, mode: Mode) {
        loop {
            // ORDERING: SeqCst, the range's side of the two-sided argument (I4); as an Acquire it is
            // paired with the Release of whoever left the slot.
            let word = Word::from_bits(slot.load(Ordering::SeqCst));
            let Some((unit, holder)) = word.holder() else { return };
            let in_the_way = span.contains_unit(unit) && holder.conflicts_with(mode);
            if !in_the_way || word.has_waiters() {
                return;
            }
            let watched = word.watched().bits();
            // ORDERING: Acquire: readers may have joined and left since the load, and brought the word back
            // to what it was; whoever upgrades this slot, or frees it, follows them by way of the mutex.
            // No Release: who finds WAITERS takes the mutex. Relaxed on failure: it is loaded again.
            let marked =
                slot.compare_exchange(word.bits(), watched, Ordering::Acquire, Ordering::Relaxed);
            if marked.is_ok() {
                let unit = Span::from_range(unit..unit + 1);
                let proxy = self.registry().hold(unit, holder, Queueing::InLine);
                self.registry().set_place(proxy, Place::Slot);
                return;
            }
        }
    }

    /// Whether a claim in slots conflicts.
    pub(super) fn slots_conflict(&self, span: Span, mode: Mode) -> bool {
        let mut conflict = false;
        self.lock.visit_slots(span, |slot| {
            // ORDERING: SeqCst, as in `watch`.
            let word = Word::from_bits(slot.load(Ordering::SeqCst));
            conflict |= word.holder().is_some_and(|(unit, holder)| {
                span.contains_unit(unit) && holder.conflicts_with(mode)
            });
        });
        conflict
    }

    /// Counts a claim that found the embedded slot taken by another unit, and in the end makes a table.
    pub(super) fn note_collision(&mut self, span: Span) {
        if self.lock.table().is_some() {
            return;
        }
        self.books.collisions += 1;
        // A small range needs several slots, and collides with itself until there is a table.
        if span.len() > 1 || self.books.collisions >= sync::COLLISIONS_BEFORE_TABLE {
            self.grow();
        }
    }

    /// Makes the table. The embedded slot is closed first, so that its word is in one place at a
    /// time (I1).
    fn grow(&mut self) {
        let table = Table::new();
        // ORDERING: AcqRel. Acquire: who enters the table follows whoever left the slot. Release: a
        // holder that finds its slot closed must find the core.
        let closed = self.lock.slot.swap(Word::MOVED.bits(), Ordering::AcqRel);
        if let Some((unit, _)) = Word::from_bits(closed).holder() {
            // ORDERING: Relaxed: nobody sees the table before it is stored below.
            table.slot(unit).store(closed, Ordering::Relaxed);
        }
        // ORDERING: Release, paired with the Acquire in `RawLock::table`.
        self.lock.table.store(Box::into_raw(table), Ordering::Release);
    }
}
