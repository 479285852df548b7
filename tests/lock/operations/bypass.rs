//! What can be said of a lock whose waiting claims may be passed: which must be granted, which must not, and that a
//! waiter is woken whenever one can be.
//!
//! A waiting claim may have been granted, unseen until its future is polled. So claims that wait
//! here are known to be held or to wait; all else is held.

use std::ops::Range;
use std::sync::atomic::Ordering;

use spanlock::{ClaimState, Mode};

use super::reference::{Claim, Refused};
use super::{Fairness, Run, Waiting};
use crate::operations::face::Face;
use crate::operations::place::{self, CELLS, Place};

pub(super) type Wanted = (Range<usize>, Mode);

/// Which claims.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Held,
    Waiting,
}

impl<'a, F: Face> Run<'a, F> {
    /// What the reference says of a claim that comes now. In FIFO order that is all there is to say.
    pub(super) fn expect(&mut self, parts: &[Wanted]) -> Result<Claim, Refused> {
        if self.fairness == Fairness::Strict {
            return self.reference.try_arrive(parts);
        }
        if self.is_sure_of(parts) { Ok(self.reference.arrive(parts)) } else { Err(Refused) }
    }

    /// Whether a claim must be granted at once.
    pub(super) fn is_sure_of(&mut self, parts: &[Wanted]) -> bool {
        match self.fairness {
            Fairness::Strict => {
                self.reference.try_arrive(parts).map(|claim| self.reference.leave(claim)).is_ok()
            }
            Fairness::Bounded => {
                !self.meets(None, parts, Which::Held) && !self.meets(None, parts, Which::Waiting)
            }
        }
    }

    /// Compares the outcome of a claim with the expected one. Returns the claim if it was granted.
    pub(super) fn compare(
        &mut self,
        expected: Result<Claim, Refused>,
        is_granted: bool,
        parts: &[Wanted],
    ) -> Option<Claim> {
        match (expected, self.fairness) {
            (Ok(claim), _) => {
                assert!(is_granted, "a claim on {parts:?} was not granted");
                Some(claim)
            }
            (Err(Refused), Fairness::Strict) => {
                assert!(!is_granted, "a claim on {parts:?} was granted");
                None
            }
            (Err(Refused), Fairness::Bounded) => is_granted.then(|| {
                assert!(!self.meets(None, parts, Which::Held), "granted beside another: {parts:?}");
                let waiting = self.waiting.iter().filter(|waiting| waiting.is_due);
                let due: Vec<Claim> = waiting.map(|waiting| waiting.claim).collect();
                let found = self.conflicting(None, parts);
                assert!(found.iter().all(|claim| !due.contains(claim)), "a due claim was passed");
                self.reference.arrive(parts)
            }),
        }
    }

    /// Whether a claim that begins to wait is not overtaken.
    pub(super) fn is_due_at_once(&self, claim: Claim, parts: &[Wanted]) -> bool {
        let waits_for_readers = parts.iter().all(|(cells, mode)| {
            let mut others = cells.clone().flat_map(|cell| self.reference.queue(cell));
            *mode == Mode::Exclusive
                && others.all(|&(other, mode)| other == claim || mode == Mode::Shared)
        });
        self.fairness == Fairness::Bounded && waits_for_readers
    }

    pub(super) fn compare_poll(&self, which: usize, is_granted: bool) {
        let waiting = &self.waiting[which];
        let (parts, own) = (&waiting.parts, Some(waiting.claim));
        let meets_held = self.meets(own, parts, Which::Held);
        if is_granted {
            assert!(!meets_held, "granted beside another: {parts:?}");
        } else {
            let meets_waiting = self.meets(own, parts, Which::Waiting);
            assert!(meets_held || meets_waiting, "no claim blocks {parts:?}");
        }
    }

    /// What the reference says of an upgrade that is tried now.
    pub(super) fn expect_upgrade(
        &mut self,
        claim: Claim,
        cells: &Range<usize>,
    ) -> Result<(), Refused> {
        if self.fairness == Fairness::Strict {
            return self.reference.try_upgrade(claim);
        }
        let parts = [(cells.clone(), Mode::Exclusive)];
        let others = |which| self.meets(Some(claim), &parts, which);
        if others(Which::Held) || others(Which::Waiting) { Err(Refused) } else { Ok(()) }
    }

    pub(super) fn compare_upgrade(
        &mut self,
        claim: Claim,
        cells: &Range<usize>,
        expected: Result<(), Refused>,
        is_upgraded: bool,
    ) {
        if self.fairness == Fairness::Strict || expected.is_ok() {
            assert_eq!(is_upgraded, expected.is_ok(), "an upgrade on {cells:?} succeeded");
        } else if is_upgraded {
            let parts = [(cells.clone(), Mode::Exclusive)];
            assert!(!self.meets(Some(claim), &parts, Which::Held), "upgraded beside another");
        }
        if self.fairness == Fairness::Bounded && is_upgraded {
            self.reference.strengthen(claim);
        }
    }

    /// Of waiting claims that conflict with each other but with no held one, one has been woken.
    pub(super) fn compare_succession(&self) {
        let is_free =
            |waiting: &Waiting<'_>| !self.meets(Some(waiting.claim), &waiting.parts, Which::Held);
        let is_woken = |waiting: &Waiting<'_>| waiting.task.wakes.load(Ordering::Relaxed) != 0;
        let mut seen = vec![false; self.waiting.len()];
        for first in 0..self.waiting.len() {
            let (mut group, mut todo) = (Vec::new(), vec![first]);
            while let Some(next) = todo.pop() {
                if std::mem::replace(&mut seen[next], true) {
                    continue;
                }
                group.push(next);
                let one = &self.waiting[next];
                let others = self.conflicting(Some(one.claim), &one.parts);
                let is_other = |at: &usize| others.contains(&self.waiting[*at].claim);
                todo.extend((0..self.waiting.len()).filter(is_other));
            }
            let all_are_free = group.iter().all(|&at| is_free(&self.waiting[at]));
            let one_is_woken = group.iter().any(|&at| is_woken(&self.waiting[at]));
            assert!(
                group.is_empty() || !all_are_free || one_is_woken,
                "no owner was woken of the claims that wait for {:?}",
                self.waiting[first].cells,
            );
        }
    }

    /// The lock's snapshot, without which of the waiting claims have been granted.
    pub(super) fn look_past(&mut self, at: Place) {
        let any_claim = [(at.cells(), Mode::Exclusive)];
        let is_held = self.meets(None, &any_claim, Which::Held);
        let may_be_held = is_held || self.meets(None, &any_claim, Which::Waiting);
        let is_locked = self.lock.is_locked(at.bounds());
        assert!(is_locked || !is_held, "{:?} is locked", at.units());
        assert!(may_be_held || !is_locked, "{:?} is not locked", at.units());
        for mode in [Mode::Shared, Mode::Exclusive] {
            let wanted = [(at.cells(), mode)];
            let conflicts = self.lock.conflicts(at.bounds(), mode);
            assert!(conflicts || !self.meets(None, &wanted, Which::Held));
            let may_conflict =
                self.meets(None, &wanted, Which::Held) || self.meets(None, &wanted, Which::Waiting);
            assert!(may_conflict || !conflicts);
        }
        let snapshot = self.lock.claims();
        for cell in 0..CELLS {
            let units = place::units(cell..cell + 1);
            let overlaps = |range: &Range<u64>| range.start < units.end && units.start < range.end;
            let shown = || snapshot.iter().filter(|claim| overlaps(&claim.range));
            let there = self.reference.queue(cell);
            let writers = there.iter().filter(|(_, mode)| *mode == Mode::Exclusive).count();
            assert_eq!(shown().filter(|claim| claim.mode == Mode::Exclusive).count(), writers);
            let has_readers = shown().any(|claim| claim.mode == Mode::Shared);
            assert_eq!(has_readers, writers != there.len());
            let held = shown().filter(|claim| claim.state == ClaimState::Held);
            let held: Vec<Mode> = held.map(|claim| claim.mode).collect();
            assert!(held.len() < 2 || !held.contains(&Mode::Exclusive), "two are in {units:?}");
        }
    }

    /// The claims, but for `own`, that conflict with `parts`.
    fn conflicting(&self, own: Option<Claim>, parts: &[Wanted]) -> Vec<Claim> {
        let mut found = Vec::new();
        for (cells, wanted) in parts {
            for &(claim, mode) in cells.clone().flat_map(|cell| self.reference.queue(cell)) {
                let conflicts = (mode, *wanted) != (Mode::Shared, Mode::Shared);
                if conflicts && Some(claim) != own {
                    found.push(claim);
                }
            }
        }
        found
    }

    fn meets(&self, own: Option<Claim>, parts: &[Wanted], which: Which) -> bool {
        self.conflicting(own, parts).iter().any(|claim| {
            let waits = self.waiting.iter().any(|waiting| waiting.claim == *claim);
            waits == (which == Which::Waiting)
        })
    }
}
