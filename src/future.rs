//! Futures of claims: the async ways to wait, without an executor of their own.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::guard::{Exclusive, Guard, GuardMode, LockRef, Raw, Shared};
use crate::raw::{Hold, Pending, Queued};
use crate::{Mode, RangeLock, Span};

/// A claim in the making: resolves to its guard.
///
/// It takes its place in the queue, among threads and tasks alike, when it is first polled, and is
/// woken once, when it is granted. Dropped before that, it leaves no trace; a grant that it had been
/// given already is handed on. It works with any executor.
///
/// # Panics
///
/// If it is polled again after it has resolved.
///
/// # Examples
///
/// ```
/// use std::pin::pin;
/// use std::task::{Context, Poll, Waker};
/// use spanlock::RangeLock;
///
/// let lock = RangeLock::new();
/// let held = lock.lock_shared(5..6);
/// let mut future = pin!(lock.lock_exclusive_async(0..10));
/// let mut context = Context::from_waker(Waker::noop());
/// assert!(future.as_mut().poll(&mut context).is_pending());
/// drop(held);
/// let Poll::Ready(guard) = future.as_mut().poll(&mut context) else { panic!("not granted") };
/// assert_eq!(guard.range(), 0..10);
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct LockFuture<L: LockRef + Clone, M: GuardMode> {
    lock: L,
    span: Span,
    mode: M,
    state: State,
}

/// The future of [`RangeLock::lock_shared_async`].
///
/// # Examples
///
/// ```
/// use spanlock::{LockSharedFuture, RangeLock};
///
/// let lock = RangeLock::new();
/// let future: LockSharedFuture<'_> = lock.lock_shared_async(7..8);
/// # drop(future);
/// ```
pub type LockSharedFuture<'a> = LockFuture<&'a RangeLock, Shared>;

/// The future of [`RangeLock::lock_exclusive_async`].
///
/// # Examples
///
/// ```
/// use spanlock::{LockExclusiveFuture, RangeLock};
///
/// let lock = RangeLock::new();
/// let future: LockExclusiveFuture<'_> = lock.lock_exclusive_async(7..8);
/// # drop(future);
/// ```
pub type LockExclusiveFuture<'a> = LockFuture<&'a RangeLock, Exclusive>;

/// The future of [`RangeLock::lock_shared_async_arc`].
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use spanlock::{ArcLockSharedFuture, RangeLock};
///
/// let future: ArcLockSharedFuture = Arc::new(RangeLock::new()).lock_shared_async_arc(7..8);
/// # drop(future);
/// ```
pub type ArcLockSharedFuture = LockFuture<Arc<RangeLock>, Shared>;

/// The future of [`RangeLock::lock_exclusive_async_arc`].
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use spanlock::{ArcLockExclusiveFuture, RangeLock};
///
/// let future: ArcLockExclusiveFuture = Arc::new(RangeLock::new()).lock_exclusive_async_arc(7..8);
/// # drop(future);
/// ```
pub type ArcLockExclusiveFuture = LockFuture<Arc<RangeLock>, Exclusive>;

/// The future of [`MappingLock::lock_async`](crate::MappingLock::lock_async).
///
/// # Examples
///
/// ```
/// use spanlock::{Access, LockMappingFuture, MappingLock};
///
/// let lock = MappingLock::new();
/// let future: LockMappingFuture<'_> = lock.lock_async(Access::Fault, 0..4096);
/// # drop(future);
/// ```
pub type LockMappingFuture<'a> = LockFuture<&'a crate::MappingLock, Mode>;

#[derive(Debug)]
enum State {
    Unpolled,
    Queued(Pending),
    Resolved,
}

impl<L: LockRef + Clone, M: GuardMode> LockFuture<L, M> {
    pub(crate) fn new(lock: L, span: Span, mode: M) -> Self {
        LockFuture { lock, span, mode, state: State::Unpolled }
    }
}

// Nothing in it is pinned: the queue knows a claim by its number.
impl<L: LockRef + Clone, M: GuardMode> Unpin for LockFuture<L, M> {}

impl<L: LockRef + Clone, M: GuardMode> Future for LockFuture<L, M> {
    type Output = Guard<L, M>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let raw = self.lock.raw();
        let hold = match self.state {
            State::Unpolled => {
                match raw.lock_or_queue(self.span, self.mode.mode(), context.waker()) {
                    Queued::Held(hold) => hold,
                    Queued::Waiting(pending) => {
                        self.state = State::Queued(pending);
                        return Poll::Pending;
                    }
                }
            }
            State::Queued(pending) => match raw.poll(pending, context.waker()) {
                Some(hold) => hold,
                None => return Poll::Pending,
            },
            State::Resolved => panic!("`LockFuture` polled after completion"),
        };
        self.state = State::Resolved;
        Poll::Ready(Guard::of_task(self.lock.clone(), self.span, self.mode, hold))
    }
}

impl<L: LockRef + Clone, M: GuardMode> Drop for LockFuture<L, M> {
    fn drop(&mut self) {
        if let State::Queued(pending) = self.state {
            let raw = self.lock.raw();
            let granted: Option<Hold> = raw.withdraw(pending);
            if let Some(hold) = granted {
                raw.unlock(self.span, self.mode.mode(), hold);
            }
        }
    }
}

impl<L: LockRef + Clone, M: GuardMode> fmt::Debug for LockFuture<L, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockFuture")
            .field("range", &self.span)
            .field("mode", &self.mode.mode())
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
