//! The requests to a store that change or read it, each with what is recorded about it.

use std::io;
use std::ops::Range;
use std::time::SystemTime;

use super::{CheckedStore, ask};
use crate::stats::latency::Asks;
use crate::store::{Shift, shrunk};
use crate::sync::atomic::Ordering;
use crate::unwind;
use crate::{Store, Version};

impl<S: Store + ?Sized> CheckedStore<S> {
    /// Moves the bytes after `offset`, in a store of `held` bytes. The request cannot be repeated.
    pub(crate) fn shift(&self, shift: Shift, offset: u64, len: u64, held: u64) -> io::Result<()> {
        let failures = self.unstable().failures();
        let done = self.change(Asks::Other, || match shift {
            Shift::Collapse => {
                self.held.fetch_min(offset, Ordering::Relaxed);
                self.store.collapse_range(offset, len)
            }
            Shift::Insert => self.store.insert_range(offset, len),
        });
        self.note(|unstable| {
            match (&done, shift) {
                (Ok(()), Shift::Collapse) => unstable.collapsed(offset, len, held),
                (Ok(()), Shift::Insert) => unstable.inserted(offset, len, held),
                (Err(_), Shift::Collapse) => unstable.shift_failed(offset, held, held),
                (Err(_), Shift::Insert) => {
                    unstable.shift_failed(offset, held, held.saturating_add(len));
                }
            }
            if unstable.failures() != failures {
                unstable.doubtful(offset..u64::MAX);
            }
        });
        self.hold_reported_len();
        done
    }
}

impl<S: Store + ?Sized> Store for CheckedStore<S> {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        // Read before the request: the store may grow meanwhile.
        let held = self.held.load(Ordering::Relaxed);
        let found = self.timed(Asks::Read, || self.store.read_at(bytes, offset))?;
        if found == 0 && !bytes.is_empty() && offset < held {
            let end = held.min(offset + bytes.len() as u64);
            if !self.unstable().may_lack(offset..end) {
                return Err(shrunk(offset, held));
            }
        }
        Ok(found)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let written = self.change(Asks::Write, || self.store.write_at(bytes, offset))?;
        let end = offset + written.min(bytes.len()) as u64;
        if self.holds_to(end) < end {
            self.unstable().grown();
        }
        Ok(written)
    }

    /// The caller keeps the file from becoming shorter meanwhile.
    fn len(&self) -> io::Result<u64> {
        let held = self.held.load(Ordering::Relaxed);
        match ask(self.cache, || self.store.len())? {
            len if len < held => Err(shrunk(len, held)),
            len => Ok(len),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        // Decreased before the store is truncated, increased after it was extended.
        let before = self.held.fetch_min(len, Ordering::Relaxed);
        let set = || match self.change(Asks::Other, || self.store.set_len(len)) {
            Err(error) if len != before && self.reported_len() == Some(len) => {
                // Only the answer was an error.
                unwind::discard(error);
                Ok(())
            }
            done => done,
        };
        self.attempt(Some(len..before), set, |unstable, done| match done {
            Ok(()) => unstable.resized(len, before),
            Err(_) => unstable.note_length(len, before),
        })
        .inspect(|()| _ = self.holds_to(len))
        .inspect_err(|_| _ = self.holds_to(before))
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        let bytes = offset..offset.saturating_add(len);
        let punch = || self.change(Asks::Other, || self.store.punch_hole(offset, len));
        self.attempt(Some(bytes.clone()), punch, |unstable, done| match done {
            Ok(()) => unstable.zeroed(bytes.clone()),
            Err(_) => unstable.uncertain(bytes.clone()),
        })
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        let held = self.held();
        // No byte changes, so no byte can be lost; but the length may be.
        let allocate = || self.change(Asks::Other, || self.store.allocate(offset, len));
        self.attempt(None, allocate, |unstable, _| {
            unstable.changed_otherwise();
            if offset + len > held {
                unstable.note_length(offset + len, held);
            }
        })?;
        self.holds_to(offset + len);
        Ok(())
    }

    fn reserve(&self, offset: u64, len: u64) -> io::Result<()> {
        // Neither a byte nor the length changes, so nothing can be lost.
        let reserve = || self.change(Asks::Other, || self.store.reserve(offset, len));
        self.attempt(None, reserve, |unstable, _| unstable.changed_otherwise())
    }

    fn modified(&self) -> io::Result<Option<SystemTime>> {
        ask(self.cache, || self.store.modified())
    }

    fn version(&self) -> io::Result<Option<Version>> {
        ask(self.cache, || self.store.version())
    }

    fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        let set = || self.timed(Asks::Other, || self.store.set_modified(time));
        self.attempt(None, set, |unstable, _| unstable.changed_otherwise())
    }

    fn zero_range(&self, offset: u64, len: u64) -> io::Result<()> {
        let held = self.held();
        let bytes = offset..offset + len;
        let zero = || self.change(Asks::Other, || self.store.zero_range(offset, len));
        self.attempt(Some(bytes.clone()), zero, |unstable, done| {
            match done {
                Ok(()) => unstable.zeroed(bytes.clone()),
                Err(_) => unstable.uncertain(bytes.clone()),
            }
            if bytes.end > held {
                unstable.note_length(bytes.end, held);
            }
        })?;
        self.holds_to(offset + len);
        Ok(())
    }

    fn allocated_size(&self) -> io::Result<Option<u64>> {
        ask(self.cache, || self.store.allocated_size())
    }

    fn holes(&self, range: Range<u64>) -> io::Result<Option<Vec<Range<u64>>>> {
        ask(self.cache, || self.store.holes(range))
    }

    // A failed sync may lose what a shift has moved, so it must be known how much that is: the
    // store's length is read first.

    fn collapse_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.shift(Shift::Collapse, offset, len, self.len()?)
    }

    fn insert_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.shift(Shift::Insert, offset, len, self.len()?)
    }

    /// A store that panics here accepts no writes.
    fn max_len(&self) -> u64 {
        self.try_max_len().unwrap_or(0)
    }

    fn direct_alignment(&self) -> u64 {
        self.direct_alignment
    }

    fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    fn block_size(&self) -> u64 {
        self.block_size
    }

    fn label(&self) -> String {
        self.label.to_string()
    }

    fn sync(&self) -> io::Result<()> {
        self.timed(Asks::Sync, || self.store.sync())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.timed(Asks::Sync, || self.store.sync_data())
    }
}
