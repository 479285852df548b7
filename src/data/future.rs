//! Futures of a `RangeRwLock`.

use std::cell::UnsafeCell;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::guard::RangeRwGuard;
use crate::guard::{Exclusive, GuardMode, Shared};
use crate::{LockFuture, RangeLock};

/// A future that locks a range of a [`RangeRwLock`](crate::RangeRwLock) and resolves to its guard. See
/// [`LockFuture`] for how it waits and what dropping it does.
///
/// # Panics
///
/// Polling it again after it has resolved panics.
///
/// # Examples
///
/// ```
/// use std::pin::pin;
/// use std::task::{Context, Poll, Waker};
/// use spanlock::RangeRwLock;
///
/// let lock = RangeRwLock::new([1, 2, 3]);
/// let reader = lock.read(1..2);
/// let mut future = pin!(lock.write_async(..));
/// let mut context = Context::from_waker(Waker::noop());
/// assert!(future.as_mut().poll(&mut context).is_pending());
/// drop(reader);
/// let Poll::Ready(mut guard) = future.as_mut().poll(&mut context) else { panic!("not granted") };
/// guard[1] = 20;
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct RangeRwFuture<'a, T, M: GuardMode> {
    cells: &'a [UnsafeCell<T>],
    claim: LockFuture<&'a RangeLock, M>,
}

/// The future of [`RangeRwLock::read_async`](crate::RangeRwLock::read_async).
///
/// # Examples
///
/// ```
/// use spanlock::{RangeReadFuture, RangeRwLock};
///
/// let lock = RangeRwLock::new([1, 2, 3]);
/// let future: RangeReadFuture<'_, i32> = lock.read_async(..2);
/// # drop(future);
/// ```
pub type RangeReadFuture<'a, T> = RangeRwFuture<'a, T, Shared>;

/// The future of [`RangeRwLock::write_async`](crate::RangeRwLock::write_async).
///
/// # Examples
///
/// ```
/// use spanlock::{RangeRwLock, RangeWriteFuture};
///
/// let lock = RangeRwLock::new([1, 2, 3]);
/// let future: RangeWriteFuture<'_, i32> = lock.write_async(..2);
/// # drop(future);
/// ```
pub type RangeWriteFuture<'a, T> = RangeRwFuture<'a, T, Exclusive>;

// SAFETY: the receiving thread can get the guard, as if the guard had been sent.
unsafe impl<T: Send + Sync, M: GuardMode> Send for RangeRwFuture<'_, T, M> {}

// SAFETY: a shared reference to a future gives access to no element.
unsafe impl<T, M: GuardMode> Sync for RangeRwFuture<'_, T, M> {}

impl<'a, T, M: GuardMode> RangeRwFuture<'a, T, M> {
    /// The future of a claim on exactly the indices of these cells.
    pub(super) fn new(cells: &'a [UnsafeCell<T>], claim: LockFuture<&'a RangeLock, M>) -> Self {
        RangeRwFuture { cells, claim }
    }
}

impl<'a, T, M: GuardMode> Future for RangeRwFuture<'a, T, M> {
    type Output = RangeRwGuard<'a, T, M>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let cells = self.cells;
        Pin::new(&mut self.claim).poll(context).map(|claim| RangeRwGuard::of_claim(cells, claim))
    }
}

impl<T, M: GuardMode> fmt::Debug for RangeRwFuture<'_, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RangeRwFuture").field(&self.claim).finish()
    }
}
