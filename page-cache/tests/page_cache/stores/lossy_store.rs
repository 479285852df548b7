//! A store that behaves as Linux does: a sync that fails loses any part of what was not synced, and the next
//! one succeeds.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard};

use spanlock_page_cache::{MemStore, Store};

use crate::random::Random;

const SECTOR: usize = 512;

/// What a sync that fails does with what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// None of it is durable, and reads return what was written until the store is opened again.
    Lost,
    /// None of it is durable, and reads return the bytes from before.
    Undone,
    /// Any part of it is durable, and reads return either.
    Any(u64),
}

pub struct LossyStore {
    state: Mutex<State>,
    changed: Condvar,
    fate: Fate,
}

struct State {
    cached: MemStore,
    durable: MemStore,
    unsynced: Vec<Op>,
    failing: usize,
    syncs: usize,
    data_syncs: usize,
    holding: bool,
    held: usize,
    /// Where the next request of each kind waits after it was carried out.
    late_write: bool,
    late_sync: bool,
    released: bool,
    random: Random,
}

#[derive(Clone)]
enum Op {
    Write(u64, Vec<u8>),
    SetLen(u64),
    Punch(u64, u64),
}

impl Op {
    /// The parts of which each is durable or not.
    fn sectors(&self) -> Vec<Op> {
        let Op::Write(offset, bytes) = self else { return vec![self.clone()] };
        let mut parts = Vec::new();
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done as u64;
            let end = bytes.len().min(done + SECTOR - (at % SECTOR as u64) as usize);
            parts.push(Op::Write(at, bytes[done..end].to_vec()));
            done = end;
        }
        parts
    }

    fn apply(&self, store: &MemStore) -> io::Result<()> {
        match self {
            Op::Write(offset, bytes) => store.write_at(bytes, *offset).map(drop),
            Op::SetLen(len) => store.set_len(*len),
            Op::Punch(offset, len) => store.punch_hole(*offset, *len),
        }
    }
}

/// While this exists, the syncs of a store are held.
#[must_use]
pub struct HoldSyncs<'a>(&'a LossyStore);

impl Drop for HoldSyncs<'_> {
    fn drop(&mut self) {
        self.0.state().holding = false;
        self.0.changed.notify_all();
    }
}

impl LossyStore {
    pub fn new(fate: Fate) -> LossyStore {
        let state = State {
            cached: MemStore::new(),
            durable: MemStore::new(),
            unsynced: Vec::new(),
            failing: 0,
            syncs: 0,
            data_syncs: 0,
            holding: false,
            held: 0,
            late_write: false,
            late_sync: false,
            released: true,
            random: Random::new(if let Fate::Any(seed) = fate { seed } else { 0 }),
        };
        LossyStore { state: Mutex::new(state), changed: Condvar::new(), fate }
    }

    /// Fails the next so many syncs, including those that are held.
    pub fn fail_syncs(&self, syncs: usize) {
        self.state().failing = syncs;
    }

    /// Makes syncs wait, before they do anything, until the returned value is dropped.
    pub fn hold_syncs(&self) -> HoldSyncs<'_> {
        self.state().holding = true;
        HoldSyncs(self)
    }

    /// Makes the next write wait, after it was carried out, until `release`.
    pub fn hold_made_write(&self) {
        let mut state = self.state();
        (state.late_write, state.released) = (true, false);
    }

    /// Makes the next sync that fails wait, after it has lost bytes, until `release`.
    pub fn hold_failed_sync(&self) {
        let mut state = self.state();
        (state.late_sync, state.released) = (true, false);
    }

    pub fn release(&self) {
        self.state().released = true;
        self.changed.notify_all();
    }

    fn until_released<'a>(&'a self, mut state: MutexGuard<'a, State>) {
        state.held += 1;
        self.changed.notify_all();
        state = self.changed.wait_while(state, |state| !state.released).unwrap();
        state.held -= 1;
    }

    /// Waits until a request is held.
    pub fn wait_for_held(&self) {
        drop(self.changed.wait_while(self.state(), |state| state.held == 0).unwrap());
    }

    /// How often it was synced, and how many of these were syncs of data only.
    pub fn syncs(&self) -> (usize, usize) {
        let state = self.state();
        (state.syncs, state.data_syncs)
    }

    /// What is there after a crash.
    pub fn after_a_crash(&self) -> Vec<u8> {
        let state = self.state();
        let mut bytes = vec![0; state.durable.len().unwrap() as usize];
        assert_eq!(state.durable.read_at(&mut bytes, 0).unwrap(), bytes.len());
        bytes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn change(&self, op: Op) -> io::Result<()> {
        let mut state = self.state();
        op.apply(&state.cached)?;
        state.unsynced.push(op);
        Ok(())
    }

    fn sync_now(&self, mut state: MutexGuard<'_, State>) -> io::Result<()> {
        state.syncs += 1;
        state.held += 1;
        self.changed.notify_all();
        state = self.changed.wait_while(state, |state| state.holding).unwrap();
        state.held -= 1;
        let unsynced = std::mem::take(&mut state.unsynced);
        if state.failing == 0 {
            return unsynced.iter().try_for_each(|op| op.apply(&state.durable));
        }
        state.failing -= 1;
        if let Fate::Any(_) = self.fate {
            for op in unsynced.iter().flat_map(Op::sectors) {
                if state.random.below(2) == 0 {
                    op.apply(&state.durable)?;
                }
            }
        }
        let undone = match self.fate {
            Fate::Lost => false,
            Fate::Undone => true,
            Fate::Any(_) => state.random.below(2) == 0,
        };
        if undone {
            let len = state.durable.len()?;
            let mut bytes = vec![0; len as usize];
            state.durable.read_at(&mut bytes, 0)?;
            // The length does not decrease: the cache would report that as an error.
            let longest = len.max(state.cached.len()?);
            state.cached = MemStore::new();
            state.cached.set_len(longest)?;
            state.cached.write_at(&bytes, 0)?;
        }
        if std::mem::take(&mut state.late_sync) {
            self.until_released(state);
        }
        Err(io::Error::other("told to fail"))
    }
}

impl Store for LossyStore {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.state().cached.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.change(Op::Write(offset, bytes.to_vec()))?;
        let mut state = self.state();
        if std::mem::take(&mut state.late_write) {
            self.until_released(state);
        }
        Ok(bytes.len())
    }

    fn len(&self) -> io::Result<u64> {
        self.state().cached.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Op::SetLen(len))
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.change(Op::Punch(offset, len))
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_now(self.state())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        state.data_syncs += 1;
        self.sync_now(state)
    }
}
