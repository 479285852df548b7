//! `File`: a cached file, as its users have it.

mod close;
mod memory;
mod shape;
mod sync;

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

pub use close::CloseError;

use super::error::Request;
use super::failure::Failure;
use super::inode::Inode;
use super::leaf::lock_leaf;
use super::mapped::Mapping;
use super::nested::is_inside;
use super::write_errors::Heard;
use super::{PAGE_SIZE, PathLock};
use crate::sync::thread;
use spanlock::MappingLock;

const PAGE: u64 = PAGE_SIZE as u64;

/// A cached file. Clones share it, and every call may be made from any thread at any time.
///
/// The file is open as long as one of these lives or a mapping: nobody has it closed under them. When
/// the last goes, what is dirty is written to the store, and nobody hears of an error in that:
/// [`close`](File::close) tells.
///
/// # Errors
///
/// Where the store's error has an errno, also one that is told later, the caller gets the errno
/// ([`io::Error::raw_os_error`]), and [`last_failure`](File::last_failure) has the operation, the
/// store's label and the numbers. Any other error says them itself.
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
pub struct File<L: PathLock = MappingLock> {
    handle: Arc<Handle<L>>,
    heard: Heard,
}

/// What keeps a file open: its `File`s and its mappings have it in common.
pub(super) struct Handle<L: PathLock> {
    pub(super) inode: Arc<Inode<L>>,
}

impl<L: PathLock> Drop for Handle<L> {
    fn drop(&mut self) {
        if !is_inside(&self.inode.cache.frames) {
            return self.inode.close();
        }
        // A store has dropped it, whose caller may hold what closing waits for.
        let inode = Arc::clone(&self.inode);
        let closer = thread::Builder::new().name("page-closer".into());
        if closer.spawn(move || inode.close()).is_err() {
            self.inode.close();
        }
    }
}

impl<L: PathLock> Clone for File<L> {
    fn clone(&self) -> Self {
        let heard = self.inode().write_errors.heard_by_clone_of(&self.heard);
        File { handle: Arc::clone(&self.handle), heard }
    }
}

impl<L: PathLock> fmt::Debug for File<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl<L: PathLock> File<L> {
    pub(super) fn new(inode: Arc<Inode<L>>) -> File<L> {
        let handle = Arc::new(Handle { inode });
        if let Some(registration) = &handle.inode.registration {
            registration.opened(&handle);
        }
        File { handle, heard: Heard::default() }
    }

    /// One more handle of a file that is open.
    pub(super) fn another(handle: Arc<Handle<L>>) -> File<L> {
        let heard = handle.inode.write_errors.heard_by_new_handle();
        File { handle, heard }
    }

    /// Reads at `offset`, through the cache; a short count, also zero, tells of the end.
    ///
    /// What is read within one page is of one moment; a read of several pages may see a part of
    /// them change between.
    ///
    /// # Errors
    ///
    /// What the store says to a read of a page that is not cached, or if pages that are to make room
    /// cannot be cleaned. After a first page the read ends short instead.
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

    /// Reads all of `bytes` at `offset`.
    ///
    /// # Errors
    ///
    /// As [`read_at`](File::read_at), wherever in the range; `UnexpectedEof` if the file ends
    /// before.
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

    /// Writes at `offset`, into the cache; the flusher or a sync carries it to the store. The file
    /// grows where need be.
    ///
    /// Against other writes, direct IO and changes of shape it happens as a whole. A write that starts
    /// past the end lets the file grow to its start first, by zeroes, and who asks for the length
    /// meanwhile may be told that; if nothing can be written the file has its old length again.
    ///
    /// # Errors
    ///
    /// `FileTooLarge` if the write would end past `i64::MAX`, or would start past what the store can
    /// hold ([`Store::max_len`](crate::Store::max_len)); one that starts before that and
    /// ends past it is short. What the store says to a read of a
    /// page that is written in part, or if pages that are to make room cannot be cleaned; after a
    /// first page the write ends short instead.
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
        self.inode().write_buffered(bytes, offset)
    }

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    ///
    /// As [`write_at`](File::write_at), wherever in the range; what comes before stays written.
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
            done += self.write_at(&bytes[done..], offset + done as u64)?;
        }
        Ok(())
    }

    /// Reads at `offset` from the store, past the cache, but coherent with it: it sees every
    /// write and every store through a mapping that came before. A short count tells of the end.
    ///
    /// # Errors
    ///
    /// `InvalidInput` unless `offset` and the length are multiples of the store's
    /// [`direct_alignment`](crate::Store::direct_alignment); what the store
    /// says, also to the writeback of what is dirty there. After a first chunk of up to a megabyte the
    /// read ends short instead.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"cached", 0)?;
    /// let mut seen = [0; 6];
    /// assert_eq!(file.read_direct_at(&mut seen, 0)?, 6);
    /// assert_eq!(&seen, b"cached");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn read_direct_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inode().read_direct(bytes, offset)
    }

    /// Writes at `offset` to the store, past the cache, but coherent with it: every read and every
    /// load through a mapping that comes after sees it. It is durable after the next sync.
    ///
    /// # Errors
    ///
    /// `FileTooLarge` as for [`write_at`](File::write_at); `InvalidInput` unless `offset` and the
    /// length are multiples of the store's
    /// [`direct_alignment`](crate::Store::direct_alignment); what the
    /// store says, also to the writeback of what is dirty there. If some was written before, the write ends short instead.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"cached", 0)?;
    /// file.write_direct_at(b"direct", 0)?;
    /// let mut seen = [0; 6];
    /// file.read_exact_at(&mut seen, 0)?;
    /// assert_eq!(&seen, b"direct");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn write_direct_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.inode().write_direct(bytes, offset)
    }

    /// How many bytes the file has.
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

    /// Whether the file has no byte.
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

    /// What last went wrong for a caller of this file, through any of its handles and mappings: a
    /// request that failed, or that ended short of a failure. `None` if nothing has.
    ///
    /// An error that has an errno has no room for a description; here it is. Failures of several
    /// threads may overtake each other.
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

    /// Maps `range`, which is to start at a page's first byte; it may reach past the end.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the range is inverted or does not start at a page.
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
    pub fn map(&self, range: Range<u64>) -> io::Result<Mapping<L>> {
        let request = Request::of_range("map", range.start, range.end);
        if range.start > range.end {
            return Err(self.inode().failed(request, inverted(&range)));
        }
        if !range.start.is_multiple_of(PAGE) {
            let message = format!("a mapping starts at a multiple of {PAGE} bytes");
            return Err(self
                .inode()
                .failed(request, io::Error::new(io::ErrorKind::InvalidInput, message)));
        }
        Ok(Mapping::new(&self.handle, range))
    }

    pub(super) fn inode(&self) -> &Inode<L> {
        &self.handle.inode
    }
}

fn inverted(range: &Range<u64>) -> io::Error {
    let message = format!("the range {}..{} is inverted", range.start, range.end);
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
