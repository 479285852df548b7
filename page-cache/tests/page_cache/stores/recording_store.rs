//! A store that records its requests, and holds or fails writes as a test requires.

use std::io;
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard};

use spanlock_page_cache::{MemStore, Store};

/// A request, and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    Read(Range<u64>),
    Write(Range<u64>),
    Sync,
}

#[derive(Default)]
pub struct RecordingStore {
    pub inner: MemStore,
    /// The block size that it reports, if not one byte.
    pub block: Option<u64>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    log: Vec<Asked>,
    holding: bool,
    held: usize,
    failures: usize,
    tearing: bool,
    cut: Option<(usize, usize)>,
    failing_sync: bool,
    unreadable: Range<u64>,
}

/// While this exists, the writes of a store are held.
#[must_use]
pub struct Hold<'a> {
    store: &'a RecordingStore,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.store.state().holding = false;
        self.store.changed.notify_all();
    }
}

impl RecordingStore {
    /// A store that contains `bytes`.
    pub fn with(bytes: &[u8]) -> RecordingStore {
        let store = RecordingStore::default();
        store.inner.write_at(bytes, 0).unwrap();
        store
    }

    /// The requests since the last call.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state().log)
    }

    /// Makes writes wait, before they do anything, until the returned value is dropped.
    pub fn hold_writes(&self) -> Hold<'_> {
        self.state().holding = true;
        Hold { store: self }
    }

    /// Waits until so many writes are held.
    pub fn wait_for_held(&self, writes: usize) {
        let state = self.state();
        drop(self.changed.wait_while(state, |state| state.held < writes).unwrap());
    }

    /// Fails the next so many writes, including those that are held.
    pub fn fail_writes(&self, writes: usize) {
        self.state().failures = writes;
    }

    /// Makes the next so many writes write at most that many bytes, and fails the write after them.
    pub fn cut_writes(&self, bytes: usize, writes: usize) {
        self.state().cut = Some((bytes, writes));
    }

    /// Fails the next write when half of it is written.
    pub fn tear_write(&self) {
        self.state().tearing = true;
    }

    /// Fails reads that touch `bytes`, from here on.
    pub fn fail_reads_of(&self, bytes: Range<u64>) {
        self.state().unreadable = bytes;
    }

    /// Fails the next sync.
    pub fn fail_sync(&self) {
        self.state().failing_sync = true;
    }

    /// The bytes that the store has.
    pub fn bytes(&self, range: Range<u64>) -> Vec<u8> {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        let found = self.inner.read_at(&mut bytes, range.start).unwrap();
        bytes.truncate(found);
        bytes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Store for RecordingStore {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.state();
        let asked = offset..offset + bytes.len() as u64;
        state.log.push(Asked::Read(asked.clone()));
        if asked.start < state.unreadable.end && state.unreadable.start < asked.end {
            return Err(io::Error::other("told to fail"));
        }
        drop(state);
        self.inner.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut state = self.state();
        state.log.push(Asked::Write(offset..offset + bytes.len() as u64));
        state.held += 1;
        self.changed.notify_all();
        state = self.changed.wait_while(state, |state| state.holding).unwrap();
        state.held -= 1;
        if state.failures > 0 {
            state.failures -= 1;
            return Err(io::Error::new(io::ErrorKind::StorageFull, "told to fail"));
        }
        if std::mem::take(&mut state.tearing) {
            self.inner.write_at(&bytes[..bytes.len() / 2], offset)?;
            return Err(io::Error::new(io::ErrorKind::StorageFull, "told to fail"));
        }
        match state.cut.take() {
            Some((_, 0)) => return Err(io::Error::new(io::ErrorKind::StorageFull, "told to fail")),
            Some((most, writes)) => {
                state.cut = Some((most, writes - 1));
                return self.inner.write_at(&bytes[..bytes.len().min(most)], offset);
            }
            None => {}
        }
        drop(state);
        self.inner.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.inner.punch_hole(offset, len)
    }

    fn block_size(&self) -> u64 {
        self.block.unwrap_or(1)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state();
        state.log.push(Asked::Sync);
        match std::mem::take(&mut state.failing_sync) {
            true => Err(io::Error::other("told to fail")),
            false => self.inner.sync(),
        }
    }
}
