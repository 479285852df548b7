//! `Backing`: a store, and how many bytes it is known to hold.
//!
//! The file may be longer than its store, by what is dirty and by what nobody has written. So a
//! store that has no more tells nothing, unless it held more before: then somebody has cut it off
//! behind the cache's back, and to read zeroes there would be to invent data.
//!
//! The number is a lower bound. It changes with the store's length, for which a path has claimed
//! everything behind; who reads has claimed what it reads. So a reader finds it as it was or greater.

use std::io;

use super::Store;
use super::store::shrunk;
use crate::sync::atomic::{AtomicU64, Ordering};

pub(super) struct Backing<S> {
    store: S,
    /// ORDERING: relaxed throughout: claims order what matters.
    held: AtomicU64,
}

impl<S: Store> Backing<S> {
    pub(super) fn new(store: S) -> io::Result<Backing<S>> {
        let held = AtomicU64::new(store.len()?);
        Ok(Backing { store, held })
    }

    fn holds(&self, len: u64) {
        self.held.store(len, Ordering::Relaxed);
    }

    fn holds_to(&self, end: u64) {
        self.held.fetch_max(end, Ordering::Relaxed);
    }

    /// After a shift that went wrong in the middle, as after one that did not.
    fn holds_what_it_says(&self) {
        self.holds(self.store.len().unwrap_or(0));
    }
}

impl<S: Store> Store for Backing<S> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let found = self.store.read_at(bytes, offset)?;
        let held = self.held.load(Ordering::Relaxed);
        if found == 0 && !bytes.is_empty() && offset < held {
            return Err(shrunk(offset, held));
        }
        Ok(found)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let written = self.store.write_at(bytes, offset)?;
        self.holds_to(offset + written.min(bytes.len()) as u64);
        Ok(written)
    }

    fn len(&self) -> io::Result<u64> {
        self.store.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.store.set_len(len)?;
        self.holds(len);
        Ok(())
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.store.punch_hole(offset, len)
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        self.store.allocate(offset, len)?;
        self.holds_to(offset + len);
        Ok(())
    }

    fn zero_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.store.zero_range(offset, len)?;
        self.holds_to(offset + len);
        Ok(())
    }

    fn collapse_range(&self, offset: u64, len: u64) -> io::Result<()> {
        let done = self.store.collapse_range(offset, len);
        self.holds_what_it_says();
        done
    }

    fn insert_range(&self, offset: u64, len: u64) -> io::Result<()> {
        let done = self.store.insert_range(offset, len);
        self.holds_what_it_says();
        done
    }

    fn direct_alignment(&self) -> u64 {
        self.store.direct_alignment()
    }

    fn sync(&self) -> io::Result<()> {
        self.store.sync()
    }
}
