//! `OperationLock`: other locks in place of the cache's own, for measurements and experiments.

use crate::sync::blocking::{
    PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError, TryLockResult,
};
use std::ops::Range;

use super::InodeLock;
use crate::page::PageSize;
use spanlock::{Access, MappingGuard, MappingLock, Mode};

/// A lock over byte ranges of a file, which the operations of the page cache take. Available with the feature
/// `model`.
///
/// [`MappingLock`] lets disjoint operations run in parallel. [`WholeFile`] does not. [`Unlocked`] locks nothing,
/// so the cache is not correct with it.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{MemStore, Options, PageCache, WholeFile};
///
/// let cache = PageCache::with_lock::<WholeFile>(Options::new(64));
/// let file = cache.open(MemStore::new())?;
/// file.write_all_at(b"one writer a file", 0)?;
/// # std::io::Result::Ok(())
/// ```
pub trait OperationLock: Default + Send + Sync + 'static {
    /// A held claim, which is released when it is dropped.
    type Guard<'a>;

    /// Claims `bytes`, which the cache has rounded out to whole pages, in the mode of `access`. Waits until the
    /// claim is granted.
    ///
    /// # Panics
    ///
    /// May panic if the range starts after its end. The cache never requests that.
    fn lock(&self, access: Access, bytes: Range<u64>) -> Self::Guard<'_>;

    /// Claims `bytes` like [`lock`](OperationLock::lock), or returns `None` if it would have to wait.
    fn try_lock(&self, access: Access, bytes: Range<u64>) -> Option<Self::Guard<'_>>;

    /// The lock as the cache keeps it.
    #[doc(hidden)]
    fn inode_lock(page_size: PageSize) -> InodeLock {
        InodeLock::Other(Box::<Self>::default(), page_size)
    }
}

/// A [`OperationLock`] of any type.
pub trait AnyLock: Send + Sync {
    fn lock_any(&self, access: Access, bytes: Range<u64>) -> Box<dyn AnyGuard + '_>;
    fn try_lock_any(&self, access: Access, bytes: Range<u64>) -> Option<Box<dyn AnyGuard + '_>>;
}

/// A guard of any type, which is kept for its drop.
pub trait AnyGuard {}

impl<T> AnyGuard for T {}

impl<L: OperationLock> AnyLock for L {
    fn lock_any(&self, access: Access, bytes: Range<u64>) -> Box<dyn AnyGuard + '_> {
        Box::new(self.lock(access, bytes))
    }

    fn try_lock_any(&self, access: Access, bytes: Range<u64>) -> Option<Box<dyn AnyGuard + '_>> {
        Some(Box::new(self.try_lock(access, bytes)?))
    }
}

impl OperationLock for MappingLock {
    type Guard<'a> = MappingGuard<'a>;

    #[inline]
    fn lock(&self, access: Access, bytes: Range<u64>) -> MappingGuard<'_> {
        MappingLock::lock(self, access, bytes)
    }

    #[inline]
    fn try_lock(&self, access: Access, bytes: Range<u64>) -> Option<MappingGuard<'_>> {
        MappingLock::try_lock(self, access, bytes)
    }

    fn inode_lock(page_size: PageSize) -> InodeLock {
        InodeLock::ranges(page_size)
    }
}

/// One read-write lock for the whole file, like the `invalidate_lock` of Linux: correct, but disjoint operations
/// wait for each other.
///
/// # Examples
///
/// ```
/// use spanlock::Access;
/// use spanlock_page_cache::{OperationLock, WholeFile};
///
/// let lock = WholeFile::default();
/// let fault = lock.lock(Access::Fault, 0..4096);
/// assert!(lock.try_lock(Access::PunchHole, 1 << 20..2 << 20).is_none()); // another part of the file
/// drop(fault);
/// assert!(lock.try_lock(Access::PunchHole, 1 << 20..2 << 20).is_some());
/// ```
#[derive(Debug, Default)]
pub struct WholeFile(RwLock<()>);

/// The guard of a [`WholeFile`], in either mode.
///
/// # Examples
///
/// ```
/// use spanlock::Access;
/// use spanlock_page_cache::{OperationLock, WholeFile, WholeFileGuard};
///
/// let lock = WholeFile::default();
/// let guard: WholeFileGuard<'_> = lock.lock(Access::Truncate, 0..u64::MAX);
/// assert!(lock.try_lock(Access::Fault, 0..4096).is_none());
/// # drop(guard);
/// ```
#[derive(Debug)]
#[must_use = "a guard that is dropped immediately locks nothing"]
pub struct WholeFileGuard<'a> {
    _hold: Hold<'a>,
}

#[derive(Debug)]
#[expect(dead_code, reason = "the guards are kept for their drop")]
enum Hold<'a> {
    Shared(RwLockReadGuard<'a, ()>),
    Exclusive(RwLockWriteGuard<'a, ()>),
}

impl OperationLock for WholeFile {
    type Guard<'a> = WholeFileGuard<'a>;

    fn lock(&self, access: Access, _: Range<u64>) -> WholeFileGuard<'_> {
        let _hold = match access.mode() {
            Mode::Shared => Hold::Shared(self.0.read().unwrap_or_else(PoisonError::into_inner)),
            Mode::Exclusive => {
                Hold::Exclusive(self.0.write().unwrap_or_else(PoisonError::into_inner))
            }
        };
        WholeFileGuard { _hold }
    }

    fn try_lock(&self, access: Access, _: Range<u64>) -> Option<WholeFileGuard<'_>> {
        let _hold = match access.mode() {
            Mode::Shared => Hold::Shared(unpoisoned(self.0.try_read())?),
            Mode::Exclusive => Hold::Exclusive(unpoisoned(self.0.try_write())?),
        };
        Some(WholeFileGuard { _hold })
    }

    fn inode_lock(_: PageSize) -> InodeLock {
        InodeLock::WholeFile(WholeFile::default())
    }
}

/// Poisoning is ignored: a panic leaves the contents consistent.
fn unpoisoned<G>(tried: TryLockResult<G>) -> Option<G> {
    match tried {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// No lock: every claim is granted immediately. Memory stays safe, but the bytes of files are corrupted. For
/// experiments that show what the lock prevents.
///
/// # Examples
///
/// ```
/// use spanlock::Access;
/// use spanlock_page_cache::{OperationLock, Unlocked};
///
/// let lock = Unlocked;
/// let _truncation = lock.lock(Access::Truncate, 0..u64::MAX);
/// assert!(lock.try_lock(Access::Fault, 0..4096).is_some()); // a correct lock would refuse this
/// ```
#[derive(Debug, Default)]
pub struct Unlocked;

impl OperationLock for Unlocked {
    type Guard<'a> = ();

    #[inline]
    fn lock(&self, _: Access, _: Range<u64>) {}

    #[inline]
    fn try_lock(&self, _: Access, _: Range<u64>) -> Option<()> {
        Some(())
    }

    fn inode_lock(_: PageSize) -> InodeLock {
        InodeLock::Unlocked
    }
}
