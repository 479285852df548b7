//! Admitting a claim to the registry, with the mutex held: the claim is shown on the board first,
//! and then compared with the claims in slots and in cells.

use std::mem;

use crate::raw::enter::unit_of;
use crate::raw::place::{Hold, Obstacle, Part, Place};
use crate::raw::registry::Queueing;
use crate::raw::waiting::Waiter;
use crate::raw::words::cell::Met;
use crate::raw::words::slot::Word;
use crate::raw::words::summary::Summary;
use crate::raw::{Locked, Path, Pending, Queued};
use crate::sync::{self, LOOKS};
use crate::{Mode, Span};

impl Locked<'_> {
    /// Admits a claim on one span. It is held if no claim blocks it; otherwise it waits. If it has
    /// met a conflicting claim before, conflicting claims are looked for before it is shown on the
    /// board.
    pub(super) fn admit(
        &mut self,
        part: Part,
        queueing: Queueing,
        met: Obstacle,
        waiter: impl FnOnce() -> Waiter,
    ) -> Queued {
        let entered = match unit_of(part.span) {
            Some(_) => self.enter_slot(part),
            None if met == Obstacle::Registry => self.enter_cell(part),
            None => None,
        };
        if let Some(hold) = entered {
            return Queued::Held(hold);
        }
        let is_in_doubt = met != Obstacle::NoCell;
        if queueing == Queueing::Patient && is_in_doubt && self.may_be_patient(part) {
            return self.wait_patiently(part, waiter);
        }
        self.admit_all(&[part], queueing, waiter)
    }

    /// Admits a claim on several spans as a whole. No span is empty, and no two overlap.
    pub(super) fn admit_all(
        &mut self,
        parts: &[Part],
        queueing: Queueing,
        waiter: impl FnOnce() -> Waiter,
    ) -> Queued {
        let ahead = if queueing == Queueing::Reentrant { queueing } else { Queueing::Due };
        self.announce_all(parts);
        let (mut blockers, mut may_be_passed) = (0, queueing == Queueing::Patient);
        for (at, part) in parts.iter().enumerate() {
            let found = self.registry().in_the_way(part.span, part.mode, ahead);
            self.protected.shown[at].1 = found.claims;
            blockers += u64::from(found.claims);
            may_be_passed &= !found.starve(part.mode);
        }
        match (blockers, may_be_passed) {
            (0, _) => Queued::Held(self.settle_all(parts, ahead)),
            (_, true) => {
                self.retract_all(parts);
                self.wait_patiently(parts[0], waiter)
            }
            (_, false) => {
                let mut waiter = waiter();
                waiter.record.is_due();
                let mut leader = None;
                let mut shown = mem::take(&mut self.protected.shown);
                for (part, (place, blockers)) in parts.iter().zip(shown.drain(..)) {
                    let (registry, affected) =
                        (&mut self.protected.registry, &mut self.wakes.affected);
                    let id = registry.wait(part.span, part.mode, ahead, blockers, affected);
                    leader = Some(registry.join(id, leader));
                    self.settle(id, place);
                }
                self.protected.shown = shown;
                let leader = leader.expect("a claim has a part");
                self.keep(leader, waiter);
                Queued::Waiting(Pending::due(leader))
            }
        }
    }

    /// Admits a claim if no claim blocks it. Otherwise returns `None`, and the claim does not wait.
    pub(super) fn admit_now(&mut self, parts: &[Part]) -> Option<Hold> {
        if self.is_blocked(parts) {
            return None;
        }
        if let &[part] = parts {
            if self.meets_a_held_unit(part) {
                return None;
            }
            if let Some(hold) = self.enter_slot(part) {
                return Some(hold);
            }
        }
        self.announce_all(parts);
        parts.iter().for_each(|part| self.watch_those_in_the_way(part.span));
        let hold = (!self.is_blocked(parts)).then(|| self.settle_all(parts, Queueing::Due));
        if hold.is_none() {
            self.retract_all(parts);
        }
        parts.iter().for_each(|part| self.unwatch_idle(part.span));
        hold
    }

    fn announce_all(&mut self, parts: &[Part]) {
        for part in parts {
            let place = self.announce(part.span, part.mode);
            self.protected.shown.push((place, 0));
        }
    }

    fn retract_all(&mut self, parts: &[Part]) {
        for part in parts.iter().rev() {
            let (place, _) = self.protected.shown.pop().expect("each part was announced");
            self.retract(place, part.span, part.mode);
        }
    }

    /// Makes all announced parts of a claim held.
    fn settle_all(&mut self, parts: &[Part], queueing: Queueing) -> Hold {
        let mut leader = None;
        let mut shown = mem::take(&mut self.protected.shown);
        for (part, (place, _)) in parts.iter().zip(shown.drain(..)) {
            let id = self.registry().hold(part.span, part.mode, queueing);
            leader = Some(self.registry().join(id, leader));
            self.settle(id, place);
        }
        self.protected.shown = shown;
        if let Some(mode) = parts.iter().map(|part| part.mode).max() {
            self.lock.counters.granted(Path::Registry, mode);
        }
        leader.map_or(Hold::NOTHING, Hold::claim)
    }

    /// Whether the registry has a claim, held or waiting, that blocks one of `parts`.
    ///
    /// A claim in a slot or a cell that will be taken back does not count. It is certain to be
    /// taken back, because it is watched: the cells of watched claims and of the registry's claims
    /// are not used again while the mutex is held, so it sees the claim that it must give way to;
    /// or, if it reads the cells later, it finds that it is watched (I6).
    pub(super) fn is_blocked(&self, parts: &[Part]) -> bool {
        let (registry, is_undecided) = (&self.protected.registry, self.undecided());
        let mut parts = parts.iter().map(|part| (part.span, part.mode, Queueing::Due));
        parts.any(|part| registry.blocks_for_good(None, part, &is_undecided))
    }

    /// Returns a function that says of a cell whether its claim is tentative, or is released but
    /// still has its proxy.
    pub(super) fn undecided(&self) -> impl Fn(u32) -> bool {
        let (now, cells) = (self.core.summary_now(), &self.core.cells);
        move |cell| !now.uses(cell) || !cells.is_settled(cell)
    }

    /// Whether a claim in a slot blocks `part`, and is not blocked itself. Checked first because it
    /// does not set a watch.
    fn meets_a_held_unit(&mut self, part: Part) -> bool {
        let found =
            self.lock.conflicting_slot(part.span, part.mode).filter(|word| !word.has_waiters());
        let Some((unit, holder)) = found.and_then(Word::holder) else { return false };
        let unit = Span::from_range(unit..unit + 1);
        let there = self.core.summary_hint().unwatched();
        !self.registry().blocks(unit, holder) && self.core.cells.meet(there, unit, holder).is_none()
    }

    /// Enters a claim on a unit in the unit's slot, if no claim blocks it and the slot has room for
    /// it.
    fn enter_slot(&mut self, Part { span, mode }: Part) -> Option<Hold> {
        let unit = unit_of(span)?;
        if self.registry().blocks(span, mode) {
            return None;
        }
        let (hold, _) = self.lock.enter_slot(unit, mode).ok()?;
        let summary = self.lock.summary_after_entering();
        if self.cells_conflict(summary, span, mode)
            || self.core.cells.meet_readers_of(summary, span, mode)
        {
            self.leave_word(Place::Slot, unit);
            return None;
        }
        self.lock.counters.granted(Path::Slot, mode);
        Some(hold)
    }

    /// Takes a cell for a claim, if no claim blocks it and a cell is free.
    fn enter_cell(&mut self, Part { span, mode }: Part) -> Option<Hold> {
        let (lock, core) = (self.lock, self.core);
        if self.registry().blocks(span, mode) {
            return None;
        }
        let taken = core.cells.take(|| core.summary_hint().unused())?;
        let before = lock.show_in_cell(core, taken.cell(), span, mode);
        if self.cells_conflict(before, span, mode)
            || core.cells.meet_readers_of(before, span, mode)
            || lock.conflicting_slot(span, mode).is_some()
        {
            lock.vacate(core, taken, mode);
            return None;
        }
        core.cells.settle(taken);
        lock.counters.granted(Path::Cell, mode);
        Some(Hold::cell(taken))
    }

    /// Whether a claim conflicts that `before` shows in a cell, and that is not in the registry. A
    /// tentative claim is checked several times, because it may be taken back.
    fn cells_conflict(&self, before: Summary, span: Span, mode: Mode) -> bool {
        let mut there = before.unwatched();
        for _ in 0..LOOKS {
            match self.core.cells.meet(there, span, mode) {
                None => return false,
                Some(Met::Settled) => return true,
                Some(Met::Undecided) => sync::pause(),
            }
            there = there.and(self.core.summary_now());
        }
        true
    }
}
