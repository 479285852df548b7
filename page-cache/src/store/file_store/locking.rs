//! The advisory lock that keeps other caches and processes from opening a file.

use std::fs::{File, TryLockError};
use std::io;

use crate::sync::atomic::{AtomicBool, Ordering};

/// Whether a cache that opens a file locks it against other caches and processes.
///
/// # Examples
///
/// ```
/// use std::io::ErrorKind;
///
/// use spanlock_page_cache::{FileStore, Locking, PageCache};
///
/// let path = std::env::temp_dir().join(format!("spanlock-doc-locking-{}", std::process::id()));
/// let (one, another) = (PageCache::new(16), PageCache::new(16));
/// let file = one.open(FileStore::create(&path)?)?;
/// let error = another.open(FileStore::open(&path)?).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::ResourceBusy);
/// // If all users of the file coordinate in another way:
/// another.open(FileStore::open(&path)?.locking(Locking::None))?;
/// drop(file);
/// another.open(FileStore::open(&path)?)?;
/// std::fs::remove_file(&path)?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Locking {
    /// The file is locked with [`File::try_lock`] (`flock` on Linux), or with [`File::try_lock_shared`] if the store
    /// is [read-only](crate::Store::is_read_only), while it is open in the cache. On a file system without such locks
    /// it is opened without one.
    Advisory,
    /// The file is not locked.
    None,
}

/// Which other opens may hold the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strength {
    /// Others that only read.
    Shared,
    Exclusive,
}

/// The lock of one file.
#[derive(Debug)]
pub(super) struct AdvisoryLock {
    locking: Locking,
    /// Whether a cache has the lock: the system does not refuse a second lock of the same descriptor.
    taken: AtomicBool,
}

impl AdvisoryLock {
    pub(super) fn new(locking: Locking) -> AdvisoryLock {
        AdvisoryLock { locking, taken: AtomicBool::new(false) }
    }

    pub(super) fn take(&self, file: &File, strength: Strength) -> io::Result<()> {
        if self.locking == Locking::None {
            return Ok(());
        }
        // ORDERING: relaxed, here and below: it covers nothing but itself.
        if self.taken.swap(true, Ordering::Relaxed) {
            return Err(busy());
        }
        try_lock(file, strength).inspect_err(|_| self.taken.store(false, Ordering::Relaxed))
    }

    pub(super) fn release(&self, file: &File) {
        if self.locking == Locking::Advisory {
            // A file system that has no locks cannot unlock either.
            let _ = file.unlock();
            self.taken.store(false, Ordering::Relaxed);
        }
    }
}

/// Locks the file, if its file system can.
pub(super) fn try_lock(file: &File, strength: Strength) -> io::Result<()> {
    let locked = match strength {
        Strength::Shared => file.try_lock_shared(),
        Strength::Exclusive => file.try_lock(),
    };
    match locked {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(busy()),
        Err(TryLockError::Error(error)) if has_no_locks(&error) => Ok(()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(target_os = "linux")]
fn has_no_locks(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let known = [Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOLCK, Errno::INVAL, Errno::NOTTY];
    known.into_iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

#[cfg(not(target_os = "linux"))]
fn has_no_locks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
}

fn busy() -> io::Error {
    let message = "another cache or process holds its advisory lock";
    io::Error::new(io::ErrorKind::ResourceBusy, message)
}
