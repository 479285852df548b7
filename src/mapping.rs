//! `MappingLock`: the mapping range lock that Jan Kara proposed in 2012.

mod access;

// In the order in which rustdoc lists their methods.
mod timed;

mod several;

mod owned;

mod inspect;

use std::ops::Range;
use std::sync::Arc;

use crate::sync::const_constructor;
use crate::{Guard, LockFuture, LockMappingFuture, Mode, RangeLock, Span};

pub use access::Access;

/// The guard of a [`MappingLock`] that borrows it. Its range counts pages.
///
/// # Examples
///
/// ```
/// use spanlock::{Access, MappingGuard, MappingLock};
///
/// let lock = MappingLock::new();
/// let guard: MappingGuard<'_> = lock.lock(Access::PunchHole, 4095..8193);
/// assert_eq!(guard.range(), 0..3);
/// ```
pub type MappingGuard<'a> = Guard<&'a MappingLock, Mode>;

/// The guard of a [`MappingLock`] that owns an `Arc` of it. Its range counts pages.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use spanlock::{Access, ArcMappingGuard, MappingLock};
///
/// let lock = Arc::new(MappingLock::new());
/// let guard: ArcMappingGuard = lock.lock_arc(Access::DirectWrite, 0..4096);
/// assert_eq!(guard.range(), 0..1);
/// ```
pub type ArcMappingGuard = Guard<Arc<MappingLock>, Mode>;

/// A range lock for one file's pages. Callers name a byte range and a kind of access ([`Access`]). The lock
/// rounds the range out to whole pages, and the access determines the mode.
///
/// Fairness, deadlocks, complexity and memory are those of [`RangeLock`], with pages as units. A claim
/// on an empty byte range is granted immediately and conflicts with nothing.
///
/// # Source
///
/// Jan Kara and Dave Chinner, linux-mm, June 2012: exclusive for direct IO, truncation and hole
/// punching; shared for buffered IO, page faults and writeback.
///
/// The lock order follows from this. The lock that serializes the file's IO comes first. The lock of the
/// address space (mmap_lock in Linux) comes next, since a page fault already holds it. So an operation that
/// holds a claim on this lock must not access memory that may fault.
///
/// # Examples
///
/// ```
/// use spanlock::{Access, MappingLock};
///
/// let lock = MappingLock::new();
/// let fault = lock.lock_page(Access::Fault, 7);
/// assert!(lock.try_lock(Access::BufferedWrite, 7 * 4096..8 * 4096).is_some());
/// assert!(lock.try_lock(Access::Truncate, 100..u64::MAX).is_none());
/// # drop(fault);
/// ```
pub struct MappingLock {
    pub(crate) pages: RangeLock,
    page_shift: u32,
}

impl MappingLock {
    const_constructor! {
        /// Creates an unlocked lock with pages of 4096 bytes. It does not allocate.
        ///
        /// # Examples
        ///
        /// ```
        /// use spanlock::MappingLock;
        ///
        /// static LOCK: MappingLock = MappingLock::new();
        /// assert_eq!(LOCK.page_size(), 4096);
        /// ```
        #[must_use]
        pub fn new() -> MappingLock {
            MappingLock { pages: RangeLock::new(), page_shift: 12 }
        }
    }

    const_constructor! {
        /// Creates an unlocked lock with pages of 4096 bytes that is strictly first in, first out, as
        /// [`RangeLock::fair`] is. It does not allocate.
        ///
        /// # Examples
        ///
        /// ```
        /// use spanlock::MappingLock;
        ///
        /// static LOCK: MappingLock = MappingLock::fair();
        /// assert_eq!(LOCK.page_size(), 4096);
        /// ```
        #[must_use]
        pub fn fair() -> MappingLock {
            MappingLock { pages: RangeLock::fair(), page_shift: 12 }
        }
    }

    /// Returns this lock with pages of `page_size` bytes.
    ///
    /// # Panics
    ///
    /// Panics if `page_size` is not a power of two.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::MappingLock;
    ///
    /// assert_eq!(MappingLock::fair().over_pages_of(1 << 16).page_size(), 1 << 16);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn over_pages_of(self, page_size: u64) -> MappingLock {
        assert!(page_size.is_power_of_two(), "page size {page_size} is not a power of two");
        MappingLock { page_shift: page_size.trailing_zeros(), ..self }
    }

    /// Creates an unlocked lock with pages of `page_size` bytes.
    ///
    /// # Panics
    ///
    /// Panics if `page_size` is not a power of two.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{Access, MappingLock};
    ///
    /// let lock = MappingLock::with_page_size(16 * 1024);
    /// assert_eq!(lock.lock(Access::Fault, 20_000..20_001).range(), 1..2);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn with_page_size(page_size: u64) -> MappingLock {
        MappingLock::new().over_pages_of(page_size)
    }

    /// Returns the page size in bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(spanlock::MappingLock::new().page_size(), 4096);
    /// ```
    #[inline]
    #[must_use]
    pub fn page_size(&self) -> u64 {
        1 << self.page_shift
    }

    /// Locks every page that `bytes` touches, in the mode of `access`, blocking the current thread until
    /// they are acquired. An empty range is acquired immediately. See [`RangeLock::lock_shared`] and
    /// [`RangeLock::lock_exclusive`] for when a thread deadlocks.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{Access, MappingLock};
    ///
    /// let lock = MappingLock::new();
    /// assert_eq!(lock.lock(Access::Writeback, 5000..9000).range(), 1..3);
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock(&self, access: Access, bytes: Range<u64>) -> MappingGuard<'_> {
        Guard::lock(self, self.pages_of(bytes), access.mode())
    }

    /// Locks one page by number, as a page fault does, blocking the current thread until it is acquired.
    ///
    /// # Panics
    ///
    /// Panics if `page` is `u64::MAX`, which is not a page.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{Access, MappingLock};
    ///
    /// assert_eq!(MappingLock::new().lock_page(Access::Fault, 7).range(), 7..8);
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock_page(&self, access: Access, page: u64) -> MappingGuard<'_> {
        Guard::lock(self, Span::from_range(page..=page), access.mode())
    }

    /// Tries to lock one page by number, without waiting. Fails as [`RangeLock::try_lock_shared`] does, in
    /// rare cases spuriously.
    ///
    /// # Panics
    ///
    /// Panics if `page` is `u64::MAX`, which is not a page.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{Access, MappingLock};
    ///
    /// let lock = MappingLock::new();
    /// let punch = lock.lock(Access::PunchHole, 0..8192);
    /// assert!(lock.try_lock_page(Access::Fault, 1).is_none());
    /// assert!(lock.try_lock_page(Access::Fault, 2).is_some());
    /// # drop(punch);
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[inline(always)]
    #[track_caller]
    pub fn try_lock_page(&self, access: Access, page: u64) -> Option<MappingGuard<'_>> {
        Guard::try_lock(self, Span::from_range(page..=page), access.mode())
    }

    /// Tries to lock every page that `bytes` touches, without waiting. Fails as
    /// [`RangeLock::try_lock_shared`] does, in rare cases spuriously.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{Access, MappingLock};
    ///
    /// let lock = MappingLock::new();
    /// let write = lock.lock(Access::DirectWrite, 0..8192);
    /// assert!(lock.try_lock(Access::BufferedRead, 8191..8192).is_none());
    /// assert!(lock.try_lock(Access::BufferedRead, 8192..8193).is_some());
    /// # drop(write);
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[inline]
    #[track_caller]
    pub fn try_lock(&self, access: Access, bytes: Range<u64>) -> Option<MappingGuard<'_>> {
        Guard::try_lock(self, self.pages_of(bytes), access.mode())
    }

    /// Returns a future that locks every page that `bytes` touches. See [`LockFuture`] for how it waits
    /// and what dropping it does.
    ///
    /// A pending future that is no longer polled may be granted the claim, and then blocks other claims
    /// until it is dropped.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::task::{Context, Waker};
    /// use spanlock::{Access, MappingLock};
    ///
    /// let lock = MappingLock::new();
    /// let future = pin!(lock.lock_async(Access::Readahead, 0..65536));
    /// assert!(future.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    /// ```
    #[track_caller]
    pub fn lock_async(&self, access: Access, bytes: Range<u64>) -> LockMappingFuture<'_> {
        LockFuture::new(self, self.pages_of(bytes), access.mode())
    }

    /// Locks every page that `bytes` touches, overtaking all waiting claims, for a thread that already
    /// holds some of the pages shared. See [`RangeLock::lock_shared_recursive`].
    ///
    /// # Fairness
    ///
    /// None. A steady stream of such claims starves writers.
    ///
    /// # Panics
    ///
    /// Panics if `access` is exclusive, or if the range starts after its end.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::task::{Context, Waker};
    /// use spanlock::{Access, MappingLock};
    ///
    /// let lock = MappingLock::new();
    /// let outer = lock.lock(Access::BufferedRead, 0..65536);
    /// let mut punch = pin!(lock.lock_async(Access::PunchHole, 4096..8192));
    /// assert!(punch.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    /// let inner = lock.lock_recursive(Access::Fault, 4096..8192);
    /// # drop((outer, inner));
    /// ```
    #[track_caller]
    pub fn lock_recursive(&self, access: Access, bytes: Range<u64>) -> MappingGuard<'_> {
        assert!(
            access.mode() == Mode::Shared,
            "a recursive claim must be shared, but {access:?} is exclusive"
        );
        Guard::lock_reentrant(self, self.pages_of(bytes), Mode::Shared)
    }

    /// Returns the underlying lock, whose units are page numbers.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock::{Access, MappingLock};
    ///
    /// let lock = MappingLock::new();
    /// let guard = lock.lock(Access::Fault, 0..1);
    /// assert!(lock.pages().is_locked(0..1));
    /// # drop(guard);
    /// ```
    #[inline]
    #[must_use]
    pub fn pages(&self) -> &RangeLock {
        &self.pages
    }

    #[inline]
    #[track_caller]
    fn pages_of(&self, bytes: Range<u64>) -> Span {
        let bytes = Span::from_range(bytes);
        if bytes.is_empty() {
            return Span::EMPTY;
        }
        let first = bytes.start() >> self.page_shift;
        let last = (bytes.end() - 1) >> self.page_shift;
        Span::from_range(first..last + 1)
    }
}

impl Default for MappingLock {
    fn default() -> Self {
        MappingLock::new()
    }
}
