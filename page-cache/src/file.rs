//! `File`: a cached file, as its users have it.

mod append;
mod checkpoints;
mod close;
mod copy;
mod data_ranges;
mod direct;
mod durable;
mod hints;
mod modified;
mod pages;
mod size_and_extents;
mod sync;
mod tagged;
mod uninit;
mod vectored;

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

pub use close::CloseError;
pub use durable::Durability;

use crate::error::Request;
use crate::files::failure::Failure;
use crate::files::handle::Handle;
use crate::files::inode::Inode;
use crate::files::write_errors::Heard;
use crate::mapping::Mapping;
use crate::order::leaf::lock_leaf;
use crate::stats::of_file::FileStats;

/// A handle of a cached file. Clones share the file, and all methods may be called from any thread.
///
/// The file is closed when its last `File` and its last [`Mapping`] are dropped. Dropping the last one writes dirty
/// pages to the store, but cannot report an error and makes nothing durable; [`close`](File::close) does both. A
/// thread of the cache closes the file and drops the store. The drop of the handle waits for it as long as the store
/// answers: if it has not for five seconds, the drop returns, and the thread continues and keeps the cache and the
/// store until it is done.
///
/// # Errors
///
/// If the store's error has an errno, the caller gets that errno ([`io::Error::raw_os_error`]), also when the error
/// is reported later. The exceptions are syncs that fail because of [`broken_ranges`](File::broken_ranges).
/// [`last_failure`](File::last_failure) then has the operation, the store's label and the numbers. Errors without
/// an errno contain this description themselves.
///
/// Methods that would change a file over a [read-only](crate::Store::is_read_only) store fail with
/// `PermissionDenied`. Methods that may wait fail with `Deadlock` where they could wait for their own thread: on a
/// thread that has a [guard](File::page) of a page of the file, inside a method of a [`Store`](crate::Store), and
/// inside a [hook](crate::FileOptions::before_writeback). `ResourceBusy` means that no frame of the cache became
/// free: after ten seconds, or immediately if guards hold all frames. [`FileOptions`](crate::FileOptions) describes
/// the errors that its options add.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{MemStore, PageCache};
///
/// let file = PageCache::new(64).open(MemStore::new())?;
/// file.write_all_at(b"left", 0)?;
/// let other = file.clone();
/// std::thread::spawn(move || other.write_all_at(b"right", 4)).join().unwrap()?;
/// assert_eq!(file.len(), 9);
/// # std::io::Result::Ok(())
/// ```
pub struct File {
    handle: Arc<Handle>,
    heard: Heard,
    durability: Durability,
}

impl Clone for File {
    fn clone(&self) -> Self {
        let heard = self.inode().write_errors.heard_by_clone_of(&self.heard);
        File { handle: Arc::clone(&self.handle), heard, durability: self.durability }
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl File {
    pub(crate) fn new(inode: Arc<Inode>) -> File {
        let handle = Arc::new(Handle::new(inode));
        if let Some(registration) = &handle.inode.registration {
            let answers = handle.inode.health.answers();
            registration.opened(&(Arc::clone(&handle) as _), answers);
        }
        File { handle, heard: Heard::default(), durability: Durability::AtSync }
    }

    /// One more handle of a file that is open.
    pub(crate) fn another(handle: Arc<Handle>) -> File {
        let heard = handle.inode.write_errors.heard_by_new_handle();
        File { handle, heard, durability: Durability::AtSync }
    }

    /// Reads at `offset` through the cache, and returns how many bytes were read. A short count, also zero, means
    /// the end of the file.
    ///
    /// The read is atomic within each page. A read of several pages may see changes that happen between them.
    ///
    /// # Errors
    ///
    /// The store's error, if it cannot read a page that is not cached, or if no frame is free and dirty pages
    /// cannot be written back. If at least one page was read before the error, the read returns a short count
    /// instead.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"bytes", 0)?;
    /// let mut seen = [0; 8];
    /// assert_eq!(file.read_at(&mut seen, 2)?, 3);
    /// assert_eq!(&seen[..3], b"tes");
    /// assert_eq!(file.read_at(&mut seen, u64::MAX)?, 0);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inode().read_buffered(bytes, offset)
    }

    /// Reads exactly `bytes.len()` bytes at `offset`.
    ///
    /// # Errors
    ///
    /// As [`read_at`](File::read_at), anywhere in the range. `UnexpectedEof` if the file ends before the
    /// range does. The contents of `bytes` are unspecified after an error.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// assert!(file.read_exact_at(&mut [0; 1], 0).is_err());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            match self.read_at(&mut bytes[done..], offset.saturating_add(done as u64))? {
                0 => {
                    let request = Request::new("read", offset, bytes.len() as u64);
                    let message = format!("the file ends at {} bytes", self.len());
                    let error = io::Error::new(io::ErrorKind::UnexpectedEof, message);
                    return Err(self.inode().failed(request, error));
                }
                found => done += found,
            }
        }
        Ok(())
    }

    /// Writes at `offset` into the cache, and returns how many bytes were written. The file grows if necessary. The
    /// flusher or a sync writes the bytes to the store later.
    ///
    /// The write is atomic with respect to other writes, direct IO, and size and extent changes. A write that
    /// starts past the end fills the gap with zeroes. Other threads see the old length until its first bytes are
    /// written. If nothing is written, the length does not change. A write of no bytes has no effect.
    ///
    /// # Errors
    ///
    /// `FileTooLarge` if the write would end past `i64::MAX`, or would start at or past the store's maximum length
    /// ([`Store::max_len`](crate::Store::max_len)); a write that starts before it and ends past it is short. The
    /// store's error, if it cannot read a page that is written in part, or if no frame is free and dirty pages
    /// cannot be written back. If at least one page was written before the error, the write returns a short count
    /// instead.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// assert_eq!(file.write_at(b"bytes", 100)?, 5);
    /// assert_eq!(file.len(), 105);
    /// assert_eq!(file.write_at(b"x", u64::MAX).unwrap_err().kind(), ErrorKind::FileTooLarge);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.wrote(offset, self.inode().write_buffered(bytes, offset)?)
    }

    /// Writes all of `bytes` at `offset`.
    ///
    /// Pages that are overwritten as a whole are not read. So this replaces a page that the store cannot read, or
    /// that a [`PageTransform`](crate::PageTransform) cannot decode.
    ///
    /// # Errors
    ///
    /// As [`write_at`](File::write_at), anywhere in the range. What was written before the error stays written.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(&[7; 10_000], 0)?;
    /// assert_eq!(file.len(), 10_000);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.inode().end_of(Request::new("write", offset, bytes.len() as u64))?;
        let mut done = 0;
        while done < bytes.len() {
            done += self.inode().write_buffered(&bytes[done..], offset + done as u64)?;
        }
        self.wrote(offset, done).map(drop)
    }

    /// Returns the length of the file in bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(1 << 40)?;
    /// assert_eq!(file.len(), 1 << 40);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn len(&self) -> u64 {
        self.inode().size()
    }

    /// Returns whether the length of the file is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// assert!(PageCache::new(64).open(MemStore::new())?.is_empty());
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the most recent failure of a request to this file, through any handle or mapping, or `None` if there
    /// was none. This includes a request that returned a short count because of an error.
    ///
    /// An error with an errno cannot carry a description; this is where to find it. An error that only tells the
    /// caller to try again is no failure: the `WouldBlock` of a thread that holds [guards](File::page), and the
    /// `TimedOut` of [`page_within`](File::page_within) and [`page_mut_within`](File::page_mut_within). If several threads fail at the
    /// same time, their failures may replace each other.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache, Store};
    ///
    /// /// A store whose disk is gone.
    /// struct Gone(MemStore);
    ///
    /// impl Store for Gone {
    ///     fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<usize> {
    ///         Err(io::Error::from_raw_os_error(5))
    ///     }
    ///     fn label(&self) -> String {
    ///         "disk 1".into()
    ///     }
    ///     // The rest as the one inside.
    /// #   fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> { self.0.write_at(bytes, offset) }
    /// #   fn len(&self) -> io::Result<u64> { self.0.len() }
    /// #   fn set_len(&self, len: u64) -> io::Result<()> { self.0.set_len(len) }
    /// #   fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> { self.0.punch_hole(offset, len) }
    /// #   fn sync(&self) -> io::Result<()> { self.0.sync() }
    /// }
    ///
    /// let file = PageCache::new(64).open(Gone(MemStore::new()))?;
    /// file.set_len(8192)?;
    /// assert!(file.last_failure().is_none());
    /// let error = file.read_at(&mut [0; 100], 4096).unwrap_err();
    /// assert_eq!(error.raw_os_error(), Some(5));
    /// let failure = file.last_failure().unwrap();
    /// let message = failure.to_string();
    /// assert!(message.starts_with(r#"read of 100 bytes at 4096 from "disk 1": "#), "{message}");
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn last_failure(&self) -> Option<Failure> {
        lock_leaf(&self.inode().last_failure).clone()
    }

    /// Returns statistics of the file since it was opened, by all of its handles and mappings.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"bytes", 0)?;
    /// assert_eq!(file.stats().dirty, 1);
    /// file.sync_data()?;
    /// assert_eq!((file.stats().dirty, file.stats().store_writes.requests), (0, 1));
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> FileStats {
        self.inode().stats()
    }

    /// Maps `range` of the file. The range must start at a page boundary, and may extend past the end of
    /// the file.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the range is inverted or does not start at a page boundary.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// let mapping = file.map(0..u64::MAX)?;
    /// assert!(mapping.load(0, &mut [0]).is_err());
    /// file.set_len(1)?;
    /// mapping.load(0, &mut [0])?;
    /// assert!(file.map(1..2).is_err());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn map(&self, range: Range<u64>) -> io::Result<Mapping> {
        let request = Request::of_range("map", range.start, range.end);
        if range.start > range.end {
            return Err(self.inode().failed(request, inverted(&range)));
        }
        let page_size = self.inode().page_size;
        if !page_size.is_start(range.start) {
            let message = format!("a mapping must start at a multiple of {page_size}");
            return Err(self
                .inode()
                .failed(request, io::Error::new(io::ErrorKind::InvalidInput, message)));
        }
        Ok(Mapping::new(&self.handle, range))
    }

    pub(crate) fn inode(&self) -> &Inode {
        &self.handle.inode
    }
}

fn inverted(range: &Range<u64>) -> io::Error {
    let message = format!("the range {}..{} is inverted", range.start, range.end);
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
