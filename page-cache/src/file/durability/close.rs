//! `File::close`, which reports the errors that dropping a file cannot report.

use std::error::Error;
use std::fmt;
use std::io;

use super::sync::ALL;
use crate::error::Request;
use crate::file::File;
use crate::files::durability::sync_group::Scope;
use crate::files::failure::Failure;
use crate::sync::atomic::Ordering;

/// The error of a [`File::close`] that failed. It contains the file, which is still open. Its description names the
/// file.
///
/// # Examples
///
/// ```
/// use std::io::ErrorKind;
///
/// use spanlock_page_cache::{MemStore, PageCache};
///
/// let file = PageCache::new(64).open(MemStore::with_most_blocks(1))?;
/// file.write_all_at(&[1; 8192], 0)?;
/// let error = file.close().unwrap_err();
/// assert_eq!(error.error().kind(), ErrorKind::StorageFull);
/// let file = error.into_file();
/// file.set_len(4096)?;
/// file.close()?;
/// # std::io::Result::Ok(())
/// ```
pub struct CloseError {
    file: File,
    error: io::Error,
    /// The same error with the operation and the file.
    failure: Option<Box<Failure>>,
}

impl CloseError {
    /// Returns why the file could not be closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::with_most_blocks(0))?;
    /// file.write_all_at(b"no room", 0)?;
    /// assert!(file.close().unwrap_err().error().to_string().starts_with("close"));
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn error(&self) -> &io::Error {
        &self.error
    }

    /// Returns the file, which is still open.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::with_most_blocks(0))?;
    /// file.write_all_at(b"no room", 0)?;
    /// assert_eq!(file.close().unwrap_err().into_file().len(), 7);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn into_file(self) -> File {
        self.file
    }

    /// Returns the file, and why it could not be closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::with_most_blocks(0))?;
    /// file.write_all_at(b"no room", 0)?;
    /// let (file, error) = file.close().unwrap_err().into_parts();
    /// assert_eq!((file.len(), error.kind()), (7, ErrorKind::StorageFull));
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn into_parts(self) -> (File, io::Error) {
        (self.file, self.error)
    }
}

impl From<CloseError> for io::Error {
    /// Drops the file and returns the error. If this is the last handle, the drop tries once more to write the
    /// dirty pages; bytes that cannot be written are lost.
    fn from(error: CloseError) -> io::Error {
        error.error
    }
}

impl fmt::Debug for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CloseError { file, error, failure: _ } = self;
        f.debug_struct("CloseError").field("file", file).field("error", error).finish()
    }
}

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failure {
            Some(failure) => failure.fmt(f),
            None => self.error.fmt(f),
        }
    }
}

impl Error for CloseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

impl File {
    /// Makes everything durable that was written through any handle, like [`sync_all`](File::sync_all), then drops
    /// this handle. Other handles and mappings keep the file open, and so does [work](crate::BlockingWork) that has
    /// begun, even if its future was dropped.
    ///
    /// Dropping the file also writes back dirty pages, but makes nothing durable and reports no error.
    /// [`CacheStats::lost_bytes`](crate::CacheStats::lost_bytes) counts what is lost then.
    ///
    /// # Errors
    ///
    /// As [`sync_all`](File::sync_all). The error contains the file, which is still open.
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
    /// file.write_all_at(b"kept", 0)?;
    /// file.close()?;
    /// assert_eq!(store.len()?, 4);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn close(self) -> Result<(), CloseError> {
        match self.sync(Request::of_file("close"), Scope::All, ALL) {
            Ok(()) => Ok(()),
            Err(error) => {
                let failure = self.last_failure().map(Box::new);
                Err(CloseError { file: self, error, failure })
            }
        }
    }

    /// Drops this handle, and discards the dirty pages of the file when the last of what keeps it open is dropped:
    /// handles, mappings, pins, owned guards, and [work](crate::BlockingWork) that has begun, even if its future was
    /// dropped. This is for a file that was deleted, and whose bytes will not be read.
    ///
    /// If this is the last handle, the cache writes nothing more to the store. The call waits for requests that are
    /// in flight, but returns after five seconds in which the store has not answered. Bytes that were already
    /// written back stay in the store. Discarded bytes are not counted as lost.
    ///
    /// Otherwise the other handles and mappings can use all of the file as before: the flusher writes dirty pages
    /// back, and a sync makes them durable. Pages that are dirty when the last of them is dropped are discarded,
    /// even if another handle wrote them, or one that was opened later. To keep the bytes, [`close`](File::close) a
    /// handle.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache, Store};
    ///
    /// let store = Arc::new(MemStore::new());
    /// let cache = PageCache::new(64);
    /// let file = cache.open(Arc::clone(&store))?;
    /// file.write_all_at(b"temporary", 0)?;
    /// file.discard();
    /// assert_eq!(store.len()?, 0);
    /// assert_eq!(cache.stats().lost_bytes, 0);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn discard(self) {
        self.inode().discarded.store(true, Ordering::Relaxed);
    }
}
