//! Locking one range of a `RangeRwLock`.

use std::cell::UnsafeCell;
use std::ops::RangeBounds;
use std::time::{Duration, Instant};

use super::guard::{RangeReadGuard, RangeRwGuard, RangeWriteGuard};
use super::{
    Elements, RangeReadFuture, RangeRwFuture, RangeRwLock, RangeWriteFuture, bounds, span_of,
};
use crate::guard::{Exclusive, Guard, GuardMode, Shared};
use crate::lock::after;
use crate::{LockFuture, Span};

impl<S: Elements> RangeRwLock<S> {
    /// Locks a range for reading, blocking the current thread until it is acquired. A thread that already
    /// holds a part of it may deadlock ([Deadlocks](crate::RangeLock#deadlocks)).
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or ends after the last element.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeRwLock::new([1, 2, 3, 4]);
    /// assert_eq!(*lock.read(1..3), [2, 3]);
    /// ```
    #[inline]
    #[track_caller]
    pub fn read(&self, range: impl RangeBounds<usize>) -> RangeReadGuard<'_, S::Element> {
        let (cells, span) = self.part(range);
        RangeRwGuard::of_claim(cells, Guard::lock(&self.indices, span, Shared))
    }

    /// Tries to lock a range for reading, without waiting. Fails as
    /// [`RangeLock::try_lock_shared`](crate::RangeLock::try_lock_shared) does, in rare cases spuriously.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or ends after the last element.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeRwLock::new([1, 2, 3, 4]);
    /// let writer = lock.write(2..);
    /// assert!(lock.try_read(..3).is_none());
    /// assert!(lock.try_read(..2).is_some());
    /// # drop(writer);
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[inline]
    #[track_caller]
    pub fn try_read(
        &self,
        range: impl RangeBounds<usize>,
    ) -> Option<RangeReadGuard<'_, S::Element>> {
        let (cells, span) = self.part(range);
        let claim = Guard::try_lock(&self.indices, span, Shared)?;
        Some(RangeRwGuard::of_claim(cells, claim))
    }

    /// Tries to lock a range for reading, waiting at most `timeout`. Returns `None` if it times out. See
    /// [`RangeLock::try_lock_shared_for`](crate::RangeLock::try_lock_shared_for).
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or ends after the last element.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let lock = spanlock::RangeRwLock::new([1, 2, 3, 4]);
    /// let writer = lock.write(2..);
    /// assert!(lock.try_read_for(..3, Duration::from_millis(1)).is_none());
    /// # drop(writer);
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[track_caller]
    pub fn try_read_for(
        &self,
        range: impl RangeBounds<usize>,
        timeout: Duration,
    ) -> Option<RangeReadGuard<'_, S::Element>> {
        self.lock_until(range, Shared, after(timeout))
    }

    /// Tries to lock a range for reading, waiting at most until `deadline`. Returns `None` if it times
    /// out. See [`RangeLock::try_lock_shared_until`](crate::RangeLock::try_lock_shared_until).
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or ends after the last element.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Instant;
    ///
    /// let lock = spanlock::RangeRwLock::new([1, 2, 3, 4]);
    /// let writer = lock.write(2..);
    /// assert!(lock.try_read_until(..3, Instant::now()).is_none());
    /// # drop(writer);
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[track_caller]
    pub fn try_read_until(
        &self,
        range: impl RangeBounds<usize>,
        deadline: Instant,
    ) -> Option<RangeReadGuard<'_, S::Element>> {
        self.lock_until(range, Shared, Some(deadline))
    }

    /// Returns a future that locks a range for reading. See [`LockFuture`] for how it waits and what
    /// dropping it does.
    ///
    /// A pending future that is no longer polled may be granted the claim, and then blocks other claims
    /// until it is dropped.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or ends after the last element.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::task::{Context, Waker};
    ///
    /// let lock = spanlock::RangeRwLock::new([1, 2, 3, 4]);
    /// let future = pin!(lock.read_async(..3));
    /// assert!(future.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    /// ```
    #[track_caller]
    pub fn read_async(&self, range: impl RangeBounds<usize>) -> RangeReadFuture<'_, S::Element> {
        let (cells, span) = self.part(range);
        RangeRwFuture::new(cells, LockFuture::new(&self.indices, span, Shared))
    }

    /// Locks a range for writing, blocking the current thread until it is acquired. A thread that already
    /// holds a part of it may deadlock ([Deadlocks](crate::RangeLock#deadlocks)).
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or ends after the last element.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeRwLock::new([1, 2, 3, 4]);
    /// lock.write(1..3).reverse();
    /// assert_eq!(lock.into_inner(), [1, 3, 2, 4]);
    /// ```
    #[inline]
    #[track_caller]
    pub fn write(&self, range: impl RangeBounds<usize>) -> RangeWriteGuard<'_, S::Element> {
        let (cells, span) = self.part(range);
        RangeRwGuard::of_claim(cells, Guard::lock(&self.indices, span, Exclusive))
    }

    /// Tries to lock a range for writing, without waiting. Fails as
    /// [`RangeLock::try_lock_shared`](crate::RangeLock::try_lock_shared) does, in rare cases spuriously.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or ends after the last element.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = spanlock::RangeRwLock::new([1, 2, 3, 4]);
    /// let reader = lock.read(2..);
    /// assert!(lock.try_write(..3).is_none());
    /// assert!(lock.try_write(..2).is_some());
    /// # drop(reader);
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[inline]
    #[track_caller]
    pub fn try_write(
        &self,
        range: impl RangeBounds<usize>,
    ) -> Option<RangeWriteGuard<'_, S::Element>> {
        let (cells, span) = self.part(range);
        let claim = Guard::try_lock(&self.indices, span, Exclusive)?;
        Some(RangeRwGuard::of_claim(cells, claim))
    }

    /// Tries to lock a range for writing, waiting at most `timeout`. Returns `None` if it times out. See
    /// [`RangeLock::try_lock_exclusive_for`](crate::RangeLock::try_lock_exclusive_for).
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or ends after the last element.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let lock = spanlock::RangeRwLock::new([1, 2, 3, 4]);
    /// let reader = lock.read(2..);
    /// assert!(lock.try_write_for(..3, Duration::from_millis(1)).is_none());
    /// # drop(reader);
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[track_caller]
    pub fn try_write_for(
        &self,
        range: impl RangeBounds<usize>,
        timeout: Duration,
    ) -> Option<RangeWriteGuard<'_, S::Element>> {
        self.lock_until(range, Exclusive, after(timeout))
    }

    /// Tries to lock a range for writing, waiting at most until `deadline`. Returns `None` if it times
    /// out. See [`RangeLock::try_lock_exclusive_until`](crate::RangeLock::try_lock_exclusive_until).
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or ends after the last element.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Instant;
    ///
    /// let lock = spanlock::RangeRwLock::new([1, 2, 3, 4]);
    /// let reader = lock.read(2..);
    /// assert!(lock.try_write_until(..3, Instant::now()).is_none());
    /// # drop(reader);
    /// ```
    #[must_use = "if `None` is returned nothing is locked"]
    #[track_caller]
    pub fn try_write_until(
        &self,
        range: impl RangeBounds<usize>,
        deadline: Instant,
    ) -> Option<RangeWriteGuard<'_, S::Element>> {
        self.lock_until(range, Exclusive, Some(deadline))
    }

    /// Returns a future that locks a range for writing. See [`LockFuture`] for how it waits and what
    /// dropping it does.
    ///
    /// A pending future that is no longer polled may be granted the claim, and then blocks other claims
    /// until it is dropped.
    ///
    /// # Panics
    ///
    /// Panics if the range starts after its end or ends after the last element.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::task::{Context, Waker};
    ///
    /// let lock = spanlock::RangeRwLock::new([1, 2, 3, 4]);
    /// let future = pin!(lock.write_async(..3));
    /// assert!(future.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    /// ```
    #[track_caller]
    pub fn write_async(&self, range: impl RangeBounds<usize>) -> RangeWriteFuture<'_, S::Element> {
        let (cells, span) = self.part(range);
        RangeRwFuture::new(cells, LockFuture::new(&self.indices, span, Exclusive))
    }

    #[track_caller]
    fn lock_until<M: GuardMode>(
        &self,
        range: impl RangeBounds<usize>,
        mode: M,
        deadline: Option<Instant>,
    ) -> Option<RangeRwGuard<'_, S::Element, M>> {
        let (cells, span) = self.part(range);
        let claim = Guard::lock_until(&self.indices, span, mode, deadline)?;
        Some(RangeRwGuard::of_claim(cells, claim))
    }

    /// The cells of a range, and its span.
    #[inline]
    #[track_caller]
    fn part(&self, range: impl RangeBounds<usize>) -> (&[UnsafeCell<S::Element>], Span) {
        let range = bounds::expect(range, self.len());
        let span = span_of(&range);
        (&self.cells()[range], span)
    }
}
