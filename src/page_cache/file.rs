//! `File`: a cached file.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::mapped::Mapping;
use super::stats::Counters;
use super::{PathLock, Store};
use crate::{Access, MappingLock};

/// A cached file. Clones share it, and every call may be made from any thread at any time.
///
/// # Examples
///
/// ```
/// use spanlock::page_cache::{MemStore, PageCache};
///
/// let file = PageCache::new(64).open(MemStore::new())?;
/// file.write_all_at(b"left", 0)?;
/// let other = file.clone();
/// std::thread::spawn(move || other.write_all_at(b"right", 4)).join().unwrap()?;
/// assert_eq!(file.len(), 9);
/// # std::io::Result::Ok(())
/// ```
pub struct File<L: PathLock = MappingLock> {
    inner: Arc<Inner<L>>,
}

pub(super) struct Inner<L> {
    pub(super) store: Arc<dyn Store>,
    pub(super) mapping: L,
    pub(super) counters: Arc<Counters>,
}

impl<L: PathLock> Clone for File<L> {
    fn clone(&self) -> Self {
        File { inner: Arc::clone(&self.inner) }
    }
}

impl<L: PathLock> File<L> {
    pub(super) fn open(store: Arc<dyn Store>, counters: Arc<Counters>) -> io::Result<File<L>> {
        store.len()?;
        Ok(File { inner: Arc::new(Inner { store, mapping: L::default(), counters }) })
    }

    /// Reads at `offset`, through the cache; a short count, also zero, tells of the end.
    ///
    /// # Errors
    ///
    /// What the store says to a read of a page that is not cached.
    pub fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let _claim = self.inner.claim(Access::BufferedRead, offset, bytes.len() as u64)?;
        self.inner.store.read_at(bytes, offset)
    }

    /// Reads all of `bytes` at `offset`.
    ///
    /// # Errors
    ///
    /// As [`read_at`](File::read_at); `UnexpectedEof` if the file ends before.
    pub fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        match self.read_at(bytes, offset)? {
            found if found == bytes.len() => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Writes at `offset`, into the cache; the flusher or a sync carries it to the store.
    ///
    /// # Errors
    ///
    /// What the store says to a read of a page that is written in part.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let _claim = self.inner.claim(Access::BufferedWrite, offset, bytes.len() as u64)?;
        self.inner.store.write_at(bytes, offset)
    }

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    ///
    /// As [`write_at`](File::write_at).
    pub fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_at(bytes, offset).map(drop)
    }

    /// Reads at `offset` from the store, past the cache.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub fn read_direct_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let _claim = self.inner.claim(Access::DirectRead, offset, bytes.len() as u64)?;
        self.inner.store.read_at(bytes, offset)
    }

    /// Writes at `offset` to the store, past the cache.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub fn write_direct_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let _claim = self.inner.claim(Access::DirectWrite, offset, bytes.len() as u64)?;
        self.inner.store.write_at(bytes, offset)
    }

    /// Cuts the file off at `len`, or extends it to there with zeroes.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub fn set_len(&self, len: u64) -> io::Result<()> {
        let _claim = self.inner.claim(Access::Truncate, 0, u64::MAX)?;
        self.inner.store.set_len(len)
    }

    /// How many bytes the file has.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.inner.store.len().unwrap_or_default()
    }

    /// Whether the file has no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes `offset..offset + len` read as zeroes and frees its blocks; the length stays.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        let _claim = self.inner.claim(Access::PunchHole, offset, len)?;
        self.inner.store.punch_hole(offset, len)
    }

    /// Writes the dirty pages of `range` to the store and waits for it; makes nothing durable.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub fn writeback(&self, range: Range<u64>) -> io::Result<()> {
        let len = range.end.saturating_sub(range.start);
        let _claim = self.inner.claim(Access::Writeback, range.start, len)?;
        Ok(())
    }

    /// Writes all that is dirty to the store and has the store make it durable.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub fn sync_data(&self) -> io::Result<()> {
        self.inner.store.sync()
    }

    /// As [`sync_data`](File::sync_data), and the length with it.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub fn sync_all(&self) -> io::Result<()> {
        self.inner.store.sync()
    }

    /// Maps `range`, which is to start at a page's first byte.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the range is inverted or does not start at a page.
    pub fn map(&self, range: Range<u64>) -> io::Result<Mapping<L>> {
        if range.start > range.end || !range.start.is_multiple_of(super::PAGE_SIZE as u64) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(Mapping::new(self.clone(), range))
    }
}

impl<L: PathLock> Inner<L> {
    fn claim(&self, access: Access, offset: u64, len: u64) -> io::Result<L::Guard<'_>> {
        let end = offset.checked_add(len).ok_or(io::ErrorKind::InvalidInput)?;
        self.counters.mapping_claim(access);
        Ok(self.mapping.lock(access, offset..end))
    }
}
