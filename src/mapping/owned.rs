//! The methods whose guards and futures own an `Arc` of the lock instead of borrowing it: see `guard`.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Access, ArcMappingGuard, MappingLock};
use crate::lock::after;
use crate::{Guard, LockFuture, Mode};

impl MappingLock {
    /// Like [`lock`](MappingLock::lock), with a guard that owns an `Arc` of the lock, so that an IO
    /// completion can drop it.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use spanlock::{Access, MappingLock};
    ///
    /// let guard = Arc::new(MappingLock::new()).lock_arc(Access::DirectRead, 0..4096);
    /// std::thread::spawn(move || drop(guard)).join().unwrap();
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock_arc(self: &Arc<Self>, access: Access, bytes: Range<u64>) -> ArcMappingGuard {
        Guard::lock(Arc::clone(self), self.pages_of(bytes), access.mode())
    }

    /// Like [`try_lock`](MappingLock::try_lock), with a guard that owns an `Arc` of the lock.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use spanlock::{Access, MappingLock};
    ///
    /// let lock = Arc::new(MappingLock::new());
    /// assert!(lock.try_lock_arc(Access::DirectRead, 0..4096).is_some());
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[inline]
    #[track_caller]
    pub fn try_lock_arc(
        self: &Arc<Self>,
        access: Access,
        bytes: Range<u64>,
    ) -> Option<ArcMappingGuard> {
        Guard::try_lock(Arc::clone(self), self.pages_of(bytes), access.mode())
    }

    /// Like [`try_lock_for`](MappingLock::try_lock_for), with a guard that owns an `Arc` of the lock.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Duration;
    /// use spanlock::{Access, MappingLock};
    ///
    /// let lock = Arc::new(MappingLock::new());
    /// let timeout = Duration::from_millis(1);
    /// assert!(lock.try_lock_for_arc(Access::DirectRead, 0..4096, timeout).is_some());
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[track_caller]
    pub fn try_lock_for_arc(
        self: &Arc<Self>,
        access: Access,
        bytes: Range<u64>,
        timeout: Duration,
    ) -> Option<ArcMappingGuard> {
        Guard::lock_until(Arc::clone(self), self.pages_of(bytes), access.mode(), after(timeout))
    }

    /// Like [`try_lock_until`](MappingLock::try_lock_until), with a guard that owns an `Arc` of the
    /// lock.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Instant;
    /// use spanlock::{Access, MappingLock};
    ///
    /// let lock = Arc::new(MappingLock::new());
    /// assert!(lock.try_lock_until_arc(Access::DirectRead, 0..4096, Instant::now()).is_some());
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[track_caller]
    pub fn try_lock_until_arc(
        self: &Arc<Self>,
        access: Access,
        bytes: Range<u64>,
        deadline: Instant,
    ) -> Option<ArcMappingGuard> {
        Guard::lock_until(Arc::clone(self), self.pages_of(bytes), access.mode(), Some(deadline))
    }

    /// Like [`lock_async`](MappingLock::lock_async), with a future and a guard that own an `Arc` of the
    /// lock. Both are `'static`.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::sync::Arc;
    /// use std::task::{Context, Waker};
    /// use spanlock::{Access, MappingLock};
    ///
    /// let lock = Arc::new(MappingLock::new());
    /// let future = pin!(lock.lock_async_arc(Access::DirectRead, 0..4096));
    /// assert!(future.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    /// ```
    #[track_caller]
    pub fn lock_async_arc(
        self: &Arc<Self>,
        access: Access,
        bytes: Range<u64>,
    ) -> LockFuture<Arc<MappingLock>, Mode> {
        LockFuture::new(Arc::clone(self), self.pages_of(bytes), access.mode())
    }
}
