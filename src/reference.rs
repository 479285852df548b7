//! A lock that is simple enough to be checked by reading: each cell has a queue of the claims on it.
//!
//! Tests and fuzz targets compare the real lock with it. It has no spans, slots or threads. A cell is
//! any set of units that claims cover as a whole. There is one rule: a claim is held if, in each of its
//! cells, every claim before it is compatible with it. A claim that was released or cancelled is in no
//! queue.
//!
//! It is not part of the library. Tests and fuzz targets include this file, in a module that provides
//! [`Mode`].

#![allow(dead_code, reason = "each test that includes this file uses some of it")]

use std::ops::Range;

use super::Mode;

/// A claim, by the order of its arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim(u32);

/// The operation is not possible now. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// The queues of all cells.
#[derive(Clone, Debug)]
pub struct Reference {
    cells: Vec<Vec<(Claim, Mode)>>,
    arrived: u32,
    /// The upgrades that wait, each with the claim that it upgrades.
    upgrades: Vec<(Claim, Claim)>,
    /// The claims that arrived ahead of all waiting claims.
    ahead: Vec<Claim>,
}

impl Reference {
    pub fn new(cells: usize) -> Reference {
        Reference {
            cells: vec![Vec::new(); cells],
            arrived: 0,
            upgrades: Vec::new(),
            ahead: Vec::new(),
        }
    }

    /// Adds a claim on all of `parts` behind every other. A cell in several parts is claimed once, in
    /// the stronger mode.
    pub fn arrive(&mut self, parts: &[(Range<usize>, Mode)]) -> Claim {
        let claim = self.name();
        for (part, mode) in parts {
            for queue in &mut self.cells[part.clone()] {
                match queue.last_mut() {
                    Some((last, strongest)) if *last == claim => {
                        *strongest = (*strongest).max(*mode);
                    }
                    _ => queue.push((claim, *mode)),
                }
            }
        }
        claim
    }

    /// Adds a shared claim before all waiting claims and behind all held ones.
    pub fn arrive_ahead(&mut self, part: Range<usize>) -> Claim {
        let held: Vec<Claim> = (0..self.arrived).map(Claim).filter(|&c| self.holds(c)).collect();
        let claim = self.name();
        self.ahead.push(claim);
        for queue in &mut self.cells[part] {
            let place = queue.iter().position(|(other, _)| !held.contains(other));
            queue.insert(place.unwrap_or(queue.len()), (claim, Mode::Shared));
        }
        claim
    }

    /// As [`arrive`](Self::arrive), unless the claim would have to wait.
    pub fn try_arrive(&mut self, parts: &[(Range<usize>, Mode)]) -> Result<Claim, Refused> {
        let claim = self.arrive(parts);
        if self.holds(claim) {
            return Ok(claim);
        }
        self.leave(claim);
        Err(Refused)
    }

    /// Adds the upgrade of a held shared claim: behind all held claims and the waiting ones that
    /// [arrived ahead](Self::arrive_ahead), and before all other waiting claims. The claim itself
    /// does not block its upgrade, and leaves when the upgrade is held. Refused if another upgrade
    /// waits on one of the cells.
    pub fn arrive_upgrade(&mut self, own: Claim) -> Result<Claim, Refused> {
        let waits = |claim: &Claim| self.upgrades.iter().any(|(upgrade, _)| upgrade == claim);
        let mut cells = self.cells.iter().filter(|queue| place_of(own, queue).is_some());
        if cells.any(|queue| queue.iter().any(|(claim, _)| waits(claim))) {
            return Err(Refused);
        }
        let held: Vec<Claim> = (0..self.arrived).map(Claim).filter(|&c| self.holds(c)).collect();
        let claim = self.name();
        for queue in &mut self.cells {
            if place_of(own, queue).is_some() {
                // A held claim may be behind a waiting one that does not conflict with it. To
                // overtake that one changes nothing.
                queue.sort_by_key(|(other, _)| !held.contains(other));
                let is_before = |other: &Claim| held.contains(other) || self.ahead.contains(other);
                let place = queue.iter().take_while(|(other, _)| is_before(other)).count();
                queue.insert(place, (claim, Mode::Exclusive));
            }
        }
        self.upgrades.push((claim, own));
        self.end_upgrades();
        Ok(claim)
    }

    /// Whether the claim is held; if not, it waits.
    pub fn holds(&self, claim: Claim) -> bool {
        let is_upgraded = |other: Claim| self.upgrades.contains(&(claim, other));
        self.cells.iter().all(|queue| match place_of(claim, queue) {
            Some(place) => queue[..place]
                .iter()
                .all(|other| is_upgraded(other.0) || compatible(other.1, queue[place].1)),
            None => true,
        })
    }

    /// Releases or cancels the claim.
    pub fn leave(&mut self, claim: Claim) {
        self.upgrades.retain(|(upgrade, _)| *upgrade != claim);
        for queue in &mut self.cells {
            queue.retain(|(other, _)| *other != claim);
        }
        self.end_upgrades();
    }

    /// Removes claims whose upgrades are held.
    fn end_upgrades(&mut self) {
        while let Some(granted) = self.upgrades.iter().position(|(upgrade, _)| self.holds(*upgrade))
        {
            let (_, own) = self.upgrades.remove(granted);
            self.leave(own);
        }
    }

    /// Makes a held claim shared.
    pub fn downgrade(&mut self, claim: Claim) {
        for entry in self.cells.iter_mut().flatten().filter(|entry| entry.0 == claim) {
            entry.1 = Mode::Shared;
        }
    }

    /// Makes a held claim exclusive, if no other claim holds any of its cells. It overtakes all waiting
    /// claims.
    pub fn try_upgrade(&mut self, claim: Claim) -> Result<(), Refused> {
        let mine = |queue: &&Vec<(Claim, Mode)>| place_of(claim, queue).is_some();
        let mut others = self.cells.iter().filter(mine).flatten().filter(|(c, _)| *c != claim);
        if others.any(|(other, _)| self.holds(*other)) {
            return Err(Refused);
        }
        self.strengthen(claim);
        Ok(())
    }

    /// Makes a held claim exclusive, before all others.
    pub fn strengthen(&mut self, claim: Claim) {
        for queue in &mut self.cells {
            if let Some(place) = place_of(claim, queue) {
                queue.remove(place);
                queue.insert(0, (claim, Mode::Exclusive));
            }
        }
    }

    /// Moves the cells from `at` on to a new claim, which takes the place of the whole one.
    pub fn split_at(&mut self, claim: Claim, at: usize) -> Claim {
        let upper = self.name();
        for (other, _) in self.cells[at..].iter_mut().flatten() {
            if *other == claim {
                *other = upper;
            }
        }
        upper
    }

    /// Releases all cells of the claim except `kept`.
    pub fn shrink_to(&mut self, claim: Claim, kept: Range<usize>) {
        for (cell, queue) in self.cells.iter_mut().enumerate() {
            if !kept.contains(&cell) {
                queue.retain(|(other, _)| *other != claim);
            }
        }
        self.end_upgrades();
    }

    /// The claims on a cell, in queue order.
    pub fn queue(&self, cell: usize) -> &[(Claim, Mode)] {
        &self.cells[cell]
    }

    fn name(&mut self) -> Claim {
        self.arrived += 1;
        Claim(self.arrived - 1)
    }
}

fn place_of(claim: Claim, queue: &[(Claim, Mode)]) -> Option<usize> {
    queue.iter().position(|(other, _)| *other == claim)
}

/// Written here once more, so that an error in [`Mode`]'s method is found.
fn compatible(one: Mode, other: Mode) -> bool {
    one == Mode::Shared && other == Mode::Shared
}
