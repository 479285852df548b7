//! `File`: a cached file, as its users have it.

// In the order in which rustdoc lists their methods.
mod reads_and_writes;

mod size_and_extents;

mod map;

mod durability;

mod page_guards;

mod pin;

mod asynchronous;

mod hints;

mod data_ranges;

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

pub use asynchronous::BlockingWork;
pub use durability::close::CloseError;
pub use durability::durable::Durability;

use crate::files::failure::Failure;
use crate::files::handle::Handle;
use crate::files::inode::Inode;
use crate::files::write_errors::Reported;
use crate::order::leaf::lock_leaf;
use crate::stats::of_file::FileStats;

/// A handle of a cached file. Clones are handles of the same file, and all methods may be called from any thread.
///
/// The file is closed when its last `File`, [`Mapping`](crate::Mapping), [`PagePin`](crate::PagePin) and owned guard
/// ([`OwnedPageRef`](crate::OwnedPageRef), [`OwnedPageMut`](crate::OwnedPageMut)) are dropped. Dropping the last of
/// them writes dirty pages to the store, but makes nothing durable and cannot report an error. To make the bytes
/// durable, and to get an error if that fails, call [`close`](File::close).
///
/// A thread of the cache closes the file and drops the store, and the drop waits for that thread. If the store has
/// not answered for five seconds, the drop returns, and the thread continues; it keeps the cache and the store
/// until it is done.
///
/// # Errors
///
/// If the store's error has an errno, the caller gets that errno ([`io::Error::raw_os_error`]), even if the error
/// is reported later. The exceptions are syncs that fail because of [`broken_ranges`](File::broken_ranges).
/// [`last_failure`](File::last_failure) then returns a description: the operation, the store's label and the
/// numbers. Errors without an errno contain the description themselves.
///
/// Methods that would change a file over a [read-only](crate::Store::is_read_only) store fail with
/// `PermissionDenied`. Methods that may wait fail with `Deadlock` where they could wait for their own thread: on a
/// thread that has a [guard](File::page) of a page of the file, inside a method of a [`Store`](crate::Store) of the
/// cache, and inside a [hook](crate::FileOptions::before_writeback) if this file has a hook. `ResourceBusy` means
/// that no frame of the cache became free. It is returned immediately if guards hold all frames, after five seconds
/// if requests to other files, whose stores do not answer, use all frames that requests may use, and otherwise
/// after ten seconds. [`FileOptions`](crate::FileOptions) describes the errors that its options add.
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
    reported: Reported,
    durability: Durability,
}

impl Clone for File {
    fn clone(&self) -> Self {
        let reported = self.inode().write_errors.reported_to_clone_of(&self.reported);
        File { handle: Arc::clone(&self.handle), reported, durability: self.durability }
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
            let answers = handle.inode.write_retry.answers();
            registration.opened(&(Arc::clone(&handle) as _), answers);
        }
        File { handle, reported: Reported::default(), durability: Durability::AtSync }
    }

    /// One more handle of a file that is open.
    pub(crate) fn another(handle: Arc<Handle>) -> File {
        let reported = handle.inode.write_errors.reported_to_new_handle();
        File { handle, reported, durability: Durability::AtSync }
    }

    /// Returns the most recent failure of a request to this file, through any handle or mapping, or `None` if there
    /// was none. This includes a request that returned a short count because of an error.
    ///
    /// Use this to get the description of an error that is an errno. An error that only tells the caller to try
    /// again is not recorded: the `WouldBlock` of a thread that holds [guards](File::page), and the `TimedOut` of
    /// [`page_within`](File::page_within), [`page_mut_within`](File::page_mut_within),
    /// [`sync_data_for`](File::sync_data_for) and [`sync_all_for`](File::sync_all_for). If several threads fail
    /// at the same time, their failures may replace each other.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache, Store};
    ///
    /// /// A store whose disk was removed.
    /// struct Gone(MemStore);
    ///
    /// impl Store for Gone {
    ///     fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<usize> {
    ///         Err(io::Error::from_raw_os_error(5))
    ///     }
    ///     fn label(&self) -> String {
    ///         "disk 1".into()
    ///     }
    ///     // The other methods call the store inside.
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

    /// Returns statistics of the file since it was opened, for all of its handles and mappings together.
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

    pub(crate) fn inode(&self) -> &Inode {
        &self.handle.inode
    }
}

fn inverted(range: &Range<u64>) -> io::Error {
    let message = format!("the range {}..{} is inverted", range.start, range.end);
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
