//! A store in memory that computes what a crash would leave of it, and loses what Linux would lose.
//!
//! A crash may lose any part of what was not synced: each sector of a write, and each size or extent
//! change, independently. What was synced is there. The requests that are not lost take effect in the
//! order in which they were made.
//!
//! A sync that fails [loses](Volatile::lose) any part of that too, without a crash: what is lost does not
//! become durable any more, although the next sync succeeds. As long as the store has a lost part
//! cached, the part reads as it was written; later it reads as it was before. Only the length does not
//! change before a crash.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fastrand::Rng;
use spanlock_page_cache::Store;

use crate::oracle::stamp::{SECTOR, sectors};

/// One in so many reads first drops what was lost and is still cached.
const READS_PER_DROP: u32 = 4;

/// How a sync ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Honesty {
    Honest,
    /// It reports success, and makes nothing durable.
    #[cfg(test)]
    Lying,
}

/// A store that records which bytes are durable.
pub struct Volatile {
    state: Mutex<State>,
    honesty: Honesty,
}

struct State {
    durable: Vec<u8>,
    /// What reads return.
    current: Vec<u8>,
    unsynced: Vec<Change>,
    /// The sectors of which something was lost that is still cached.
    ghosts: BTreeSet<u64>,
    losses: u64,
    rng: Rng,
}

#[derive(Clone)]
enum Change {
    Sector(u64, Vec<u8>),
    SetLen(u64),
    Zero(Range<u64>),
}

impl Volatile {
    /// A store of `len` zeroes, all of them durable.
    pub fn new(len: u64, honesty: Honesty) -> Volatile {
        let durable = vec![0; len as usize];
        let state = State {
            current: durable.clone(),
            durable,
            unsynced: Vec::new(),
            ghosts: BTreeSet::new(),
            losses: 0,
            rng: Rng::with_seed(0),
        };
        Volatile { state: Mutex::new(state), honesty }
    }

    /// What a crash now would leave. `rng` decides which parts are lost.
    pub fn crash(&self, rng: &mut Rng) -> Vec<u8> {
        let state = self.state();
        let mut left = state.durable.clone();
        keep_some(&state.unsynced, rng, &mut left);
        left
    }

    /// What a reader would find that opens it again, without a crash.
    pub fn contents(&self) -> Vec<u8> {
        let state = self.state();
        let mut contents = state.uncached();
        contents.resize(state.current.len(), 0);
        contents
    }

    /// A sync fails, and any part of what was not synced is lost. `seed` decides which.
    pub fn lose(&self, seed: u64) {
        let state = &mut *self.state();
        state.losses += 1;
        state.rng = Rng::with_seed(seed);
        let unsynced = std::mem::take(&mut state.unsynced);
        keep_some(&unsynced, &mut state.rng, &mut state.durable);
        let len = state.current.len().max(state.durable.len()) as u64;
        let is_ghost =
            |sector: &u64| part(&state.durable, *sector) != part(&state.current, *sector);
        state.ghosts = (0..len).step_by(SECTOR).filter(is_ghost).collect();
        // Some of it was not cached.
        let uncached = [0, 4, 8][state.rng.usize(..3)];
        let ghosts = state.ghosts.clone();
        for sector in ghosts {
            if state.rng.u32(..8) < uncached {
                state.drop_cached(sector);
            }
        }
    }

    /// How often it has lost something.
    pub fn losses(&self) -> u64 {
        self.state().losses
    }

    fn change(&self, change: Change) {
        let state = &mut *self.state();
        change.apply(&mut state.current);
        state.unsynced.push(change);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What it would contain if nothing that was lost were cached any more.
    fn uncached(&self) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        self.unsynced.iter().for_each(|change| change.apply(&mut bytes));
        bytes
    }

    /// Makes reads of a sector return only what was not lost.
    fn drop_cached(&mut self, sector: u64) {
        self.ghosts.remove(&sector);
        let bytes = self.uncached();
        let end = self.current.len().min(sector as usize + SECTOR);
        for at in sector as usize..end {
            self.current[at] = bytes.get(at).copied().unwrap_or(0);
        }
    }
}

/// The part of a sector that `bytes` contain.
fn part(bytes: &[u8], sector: u64) -> &[u8] {
    let start = bytes.len().min(sector as usize);
    &bytes[start..bytes.len().min(start + SECTOR)]
}

/// Applies some of the changes; all of them are as likely as none.
fn keep_some(changes: &[Change], rng: &mut Rng, bytes: &mut Vec<u8>) {
    let kept_of_8 = [0, 1, 4, 7, 8][rng.usize(..5)];
    for change in changes {
        if rng.u32(..8) < kept_of_8 {
            change.apply(bytes);
        }
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Change::Sector(offset, sector) => {
                let start = *offset as usize;
                let end = start + sector.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[start..end].copy_from_slice(sector);
            }
            Change::SetLen(len) => bytes.resize(*len as usize, 0),
            Change::Zero(range) => {
                let end = bytes.len().min(range.end as usize);
                let start = end.min(range.start as usize);
                bytes[start..end].fill(0);
            }
        }
    }
}

impl Store for Volatile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = &mut *self.state();
        let end = offset.saturating_add(bytes.len() as u64);
        let ghosts: Vec<_> =
            state.ghosts.range((offset - offset % SECTOR as u64)..end).copied().collect();
        for sector in ghosts {
            if state.rng.u32(..READS_PER_DROP) == 0 {
                state.drop_cached(sector);
            }
        }
        let from = state.current.get(offset as usize..).unwrap_or_default();
        let found = from.len().min(bytes.len());
        bytes[..found].copy_from_slice(&from[..found]);
        Ok(found)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        for (_, part) in sectors(offset, bytes.len()) {
            let start = offset + part.start as u64;
            self.change(Change::Sector(start, bytes[part].to_vec()));
        }
        Ok(bytes.len())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.state().current.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Change::SetLen(len));
        Ok(())
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        let end = offset.saturating_add(len);
        let first = offset - offset % SECTOR as u64;
        for sector in (first..end.min(self.len()?)).step_by(SECTOR) {
            let range = sector.max(offset)..(sector + SECTOR as u64).min(end);
            self.change(Change::Zero(range));
        }
        Ok(())
    }

    /// Copies no bytes, like a file system.
    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        let end = offset.saturating_add(len);
        if end > self.len()? { self.set_len(end) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        let state = &mut *self.state();
        if self.honesty == Honesty::Honest {
            let unsynced = std::mem::take(&mut state.unsynced);
            unsynced.iter().for_each(|change| change.apply(&mut state.durable));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
