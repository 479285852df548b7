//! A store in memory that can tell what a crash would leave of it.
//!
//! A crash may lose any part of what was not synced: each sector of a write, and each change of
//! shape, for itself. What was synced is there, and what is there of the rest happened in the order
//! in which it was asked for.

use std::io;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fastrand::Rng;
use spanlock::page_cache::Store;

use crate::stamp::{SECTOR, sectors};

/// What becomes of a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Honesty {
    Honest,
    /// It reports success, and makes nothing durable.
    #[cfg(test)]
    Lying,
}

/// A store that keeps apart what is durable.
pub struct Volatile {
    state: Mutex<State>,
    honesty: Honesty,
}

struct State {
    durable: Vec<u8>,
    current: Vec<u8>,
    unsynced: Vec<Change>,
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
        let state = State { current: durable.clone(), durable, unsynced: Vec::new() };
        Volatile { state: Mutex::new(state), honesty }
    }

    /// What a crash would leave now. Which parts it loses is drawn from `rng`.
    pub fn crash(&self, rng: &mut Rng) -> Vec<u8> {
        let state = self.state();
        let mut left = state.durable.clone();
        // All or nothing of it is kept as often as some.
        let kept_of_8 = [0, 1, 4, 7, 8][rng.usize(..5)];
        for change in &state.unsynced {
            if rng.u32(..8) < kept_of_8 {
                change.apply(&mut left);
            }
        }
        left
    }

    /// All that it holds, durable or not.
    pub fn contents(&self) -> Vec<u8> {
        self.state().current.clone()
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
        let state = self.state();
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

    /// Moves no byte, as a file system does.
    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        let end = offset.saturating_add(len);
        if end > self.len()? { self.set_len(end) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        let state = &mut *self.state();
        if self.honesty == Honesty::Honest {
            state.durable.clone_from(&state.current);
            state.unsynced.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
