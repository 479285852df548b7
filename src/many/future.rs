//! The future of a claim on several spans.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::disjoint_spans::disjoint;
use super::{GuardSet, unlock};
use crate::guard::{LockRef, Raw};
use crate::raw::{Part, Pending, Queued};

/// A future that locks several ranges of one lock and resolves to a [`GuardSet`].
///
/// Its claim is queued for all ranges when the future is first polled, and holds none of them until all are
/// granted together. The claim is due immediately ([Fairness](crate::RangeLock#fairness)), so a pending
/// future that is no longer polled blocks other claims. If the future is dropped before it has resolved, the
/// claim leaves the queue, or all ranges are released if they had been granted. See
/// [`LockFuture`](crate::LockFuture) for wakers.
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
/// use spanlock::{Mode, RangeLock};
///
/// let lock = RangeLock::new();
/// let held = lock.lock_shared(5..6);
/// let mut future = pin!(lock.lock_many_async([(0..1, Mode::Exclusive), (5..9, Mode::Exclusive)]));
/// let mut context = Context::from_waker(Waker::noop());
/// assert!(future.as_mut().poll(&mut context).is_pending());
/// assert!(!lock.is_locked(0..1), "all or nothing");
/// drop(held);
/// let Poll::Ready(guard) = future.as_mut().poll(&mut context) else { panic!("not granted") };
/// assert_eq!(guard.claims().len(), 2);
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct LockManyFuture<L: LockRef + Clone> {
    lock: L,
    parts: Vec<Part>,
    state: State,
}

#[derive(Debug)]
enum State {
    Unpolled,
    Queued(Pending),
    Resolved,
}

impl<L: LockRef + Clone> LockManyFuture<L> {
    pub(crate) fn new(lock: L, parts: Vec<Part>) -> Self {
        LockManyFuture { lock, parts: disjoint(parts), state: State::Unpolled }
    }
}

// Nothing in it is pinned: the registry identifies a claim by its number.
impl<L: LockRef + Clone> Unpin for LockManyFuture<L> {}

impl<L: LockRef + Clone> Future for LockManyFuture<L> {
    type Output = GuardSet<L>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let raw = this.lock.raw();
        let hold = match this.state {
            State::Unpolled => match raw.lock_many_or_queue(&this.parts, context.waker()) {
                Queued::Held(hold) => hold,
                Queued::Waiting(pending) => {
                    this.state = State::Queued(pending);
                    return Poll::Pending;
                }
            },
            State::Queued(ref mut pending) => match raw.poll(pending, context.waker()) {
                Some(hold) => hold,
                None => return Poll::Pending,
            },
            State::Resolved => panic!("`LockManyFuture` polled after completion"),
        };
        this.state = State::Resolved;
        Poll::Ready(GuardSet::of_task(this.lock.clone(), mem::take(&mut this.parts), hold))
    }
}

impl<L: LockRef + Clone> Drop for LockManyFuture<L> {
    fn drop(&mut self) {
        if let State::Queued(pending) = self.state
            && let Some(hold) = self.lock.raw().withdraw(pending)
        {
            unlock(&self.lock, &self.parts, hold);
        }
    }
}

impl<L: LockRef + Clone> fmt::Debug for LockManyFuture<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockManyFuture")
            .field("claims", &self.parts)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
