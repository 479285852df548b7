//! Writes that are durable when they return: single ones, or all of a handle.

use std::io;
use std::ops::Range;

use crate::error::Request;
use crate::file::File;
use crate::files::durability::sync_group::Scope;

/// When the changes that a handle makes are durable.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{Durability, MemStore, PageCache};
///
/// let file = PageCache::new(64).open(MemStore::new())?;
/// assert_eq!(file.durability(), Durability::AtSync);
/// let file = file.with_durability(Durability::Data);
/// file.write_all_at(b"durable", 0)?;
/// assert_eq!((file.stats().dirty, file.stats().unstable), (0, 0));
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// After a later sync.
    #[default]
    AtSync,
    /// When the call returns, as after [`File::sync_data`]. This is what `O_DSYNC` does.
    Data,
    /// When the call returns, as after [`File::sync_all`]. This is what `O_SYNC` does.
    All,
}

impl File {
    /// Sets whether each change by this handle is durable before the call returns. Later clones of the handle
    /// inherit this; earlier ones and other handles do not.
    ///
    /// It applies to all writes (buffered, vectored, tagged, direct, appends, copies to the file), to size and
    /// extent changes, and to [`set_modified`](File::set_modified). Each of them makes durable what it changed, and
    /// everything that was written to the store before. Other dirty pages stay dirty, also those before an append: after
    /// a crash, there may be zeroes in their place. Concurrent calls share syncs of the store.
    ///
    /// It does not apply to stores through a [`Mapping`](crate::Mapping) or to changes through a
    /// [`PageMut`](crate::PageMut): use [`sync_range`](File::sync_range) for these.
    ///
    /// If the change succeeds and the sync fails, the call returns the error of the sync, as
    /// [`sync_range`](File::sync_range) does. The change is then in the cache and visible to all readers, and the
    /// next sync writes it again. A short write makes only the bytes durable that it reports as written.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{Durability, MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// let log = file.clone().with_durability(Durability::Data);
    /// file.write_all_at(&[1; 4096], 4096)?;
    /// log.write_all_at(b"record", 0)?;
    /// // The log's page is durable. The other handle's page is dirty.
    /// assert_eq!(file.dirty_pages()[0].range, 4096..8192);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn with_durability(mut self, durability: Durability) -> File {
        self.durability = durability;
        self
    }

    /// Returns when the changes that this handle makes are durable.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{Durability, MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?.with_durability(Durability::All);
    /// assert_eq!(file.clone().durability(), Durability::All);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// Writes like [`write_at`](File::write_at), and makes the written bytes durable before it returns, like a
    /// write with `RWF_DSYNC`. Files with a [hook](crate::FileOptions::before_writeback), a
    /// [transform](crate::FileOptions::transform) or [whole pages](crate::FileOptions::whole_pages) may be written in
    /// this way too: the bytes go to the store as a writeback sends them.
    ///
    /// # Errors
    ///
    /// As [`write_at`](File::write_at), and as [`sync_range`](File::sync_range). If the sync fails, or the hook refuses,
    /// the bytes are in the cache, and the next sync writes them.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache, Store};
    ///
    /// let store = Arc::new(MemStore::new());
    /// let file = PageCache::new(64).open(Arc::clone(&store))?;
    /// assert_eq!(file.write_at_durable(b"record", 0)?, 6);
    /// assert_eq!((store.len()?, file.stats().unstable), (6, 0));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn write_at_durable(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let written = self.inode().write_buffered(bytes, offset)?;
        self.make_durable(self.scope().unwrap_or_default(), offset..offset + written as u64)?;
        Ok(written)
    }

    /// Appends like [`append`](File::append), and makes the bytes durable before it returns. Concurrent calls share
    /// syncs of the store.
    ///
    /// Bytes that [`append`](File::append) appended earlier are not covered: after a crash, there may be zeroes in their
    /// place before these bytes. [`sync_data`](File::sync_data) covers them.
    ///
    /// # Errors
    ///
    /// As [`append`](File::append), and as [`sync_range`](File::sync_range). If the sync fails, the bytes are
    /// appended nevertheless, and the next sync writes them again. Their offset is not returned.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let log = PageCache::new(64).open(MemStore::new())?;
    /// assert_eq!(log.append_durable(b"first")?, 0);
    /// assert_eq!(log.append_durable(b"second")?, 5);
    /// assert_eq!(log.stats().dirty, 0);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn append_durable(&self, bytes: &[u8]) -> io::Result<u64> {
        let start = self.inode().append(bytes)?;
        self.make_durable(self.scope().unwrap_or_default(), start..start + bytes.len() as u64)?;
        Ok(start)
    }

    /// Called after this handle has changed some bytes: makes them durable, if the handle's durability says so.
    #[inline]
    pub(crate) fn changed(&self, bytes: Range<u64>) -> io::Result<()> {
        match self.scope() {
            None => Ok(()),
            Some(scope) => self.make_durable(scope, bytes),
        }
    }

    /// As `changed`, after a write of `written` bytes.
    #[inline]
    pub(crate) fn wrote(&self, offset: u64, written: usize) -> io::Result<usize> {
        self.changed(offset..offset + written as u64)?;
        Ok(written)
    }

    #[inline]
    fn scope(&self) -> Option<Scope> {
        match self.durability {
            Durability::AtSync => None,
            Durability::Data => Some(Scope::Data),
            Durability::All => Some(Scope::All),
        }
    }

    #[cold]
    fn make_durable(&self, scope: Scope, bytes: Range<u64>) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let request = Request::of_range("sync_range", bytes.start, bytes.end);
        self.sync(request, scope, self.inode().page_size.touched(&bytes))
    }
}
