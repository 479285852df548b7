//! Futures of claims, for any executor.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::guard::{Exclusive, Guard, GuardMode, LockRef, Raw, Shared};
use crate::raw::{Hold, Pending, Queued};
use crate::{Mode, RangeLock, Span};

/// A future that locks a range and resolves to its guard.
///
/// It works with any executor. It makes its claim when it is first polled. If the claim must wait, it is in
/// the same queue as those of threads. How the future waits depends on whether the claim is *patient* or
/// *due* ([Fairness](RangeLock#fairness)):
///
/// - While the claim is patient, the future is woken when no held claim, no due claim and no earlier waiting claim
///   conflicts with it. The poll that follows acquires the claim, unless another claim took the range first.
/// - Once the claim is due, the future is woken when the claim has been granted. On a
///   [fair](RangeLock::fair) lock a claim is due immediately.
///
/// If the future is dropped before it has resolved, the claim leaves the queue. If the claim had already
/// been granted, it is released. If the future had been woken because the range was free, the next waiter is
/// woken instead.
///
/// A future with a patient claim that has been woken and is not polled does not block new claims or due
/// claims. Claims of threads that wait behind it become due after half a millisecond. Patient futures that
/// conflict with it and came later are not woken before it is polled or dropped.
///
/// **A due claim is held as soon as it is granted, even if its future is never polled again.** It blocks
/// conflicting claims until the future is dropped, or until it has resolved and its guard is dropped. So drop
/// a future that is no longer needed. Do not keep one in a `select!` loop that no longer polls it. If a
/// future is forgotten ([`mem::forget`](std::mem::forget)), its claim waits or is held for as long as the
/// lock lives.
///
/// # Wakers
///
/// When a release is complete and holds no internal lock, the releasing thread wakes the owners of the
/// claims that were granted, or whose range is free: first all threads, then the tasks, one after the other.
/// A slow waker delays that thread and the tasks after it.
///
/// A waker that polls its task directly runs the task on the stack of the releasing thread. If the task
/// drops its guard there, that release wakes the next task within the first release. So the stack grows with
/// each waiting task, and a long queue overflows it. A waker should put its task into a run queue, as the
/// usual executors do.
///
/// A waker may panic when it is cloned, woken or dropped. No claim and no wake-up is lost: the operation is
/// completed and all others are woken. Then the first panic is resumed, in the thread that released the
/// guard, or that polled or dropped the future. On a thread that is already unwinding the panic is discarded,
/// because it would abort the process.
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

// Nothing in it is pinned: the registry identifies a claim by its number.
impl<L: LockRef + Clone, M: GuardMode> Unpin for LockFuture<L, M> {}

impl<L: LockRef + Clone, M: GuardMode> Future for LockFuture<L, M> {
    type Output = Guard<L, M>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let raw = this.lock.raw();
        let hold = match this.state {
            State::Unpolled => {
                match raw.lock_or_queue(this.span, this.mode.mode(), context.waker()) {
                    Queued::Held(hold) => hold,
                    Queued::Waiting(pending) => {
                        this.state = State::Queued(pending);
                        return Poll::Pending;
                    }
                }
            }
            State::Queued(ref mut pending) => match raw.poll(pending, context.waker()) {
                Some(hold) => hold,
                None => return Poll::Pending,
            },
            State::Resolved => panic!("`LockFuture` polled after completion"),
        };
        this.state = State::Resolved;
        Poll::Ready(Guard::of_task(this.lock.clone(), this.span, this.mode, hold))
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
